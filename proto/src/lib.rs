//! The gRPC API of gpiod, package `gpiod.v1`: messages, and with the features `client` and `server` the two
//! sides of the service.
//!
//! The `.proto` files in `proto/gpiod/v1` are the contract and the documentation. The code is generated from
//! them, committed, and kept true by the test `generated`, so that nobody who builds this needs a protobuf
//! compiler and everybody who reviews it sees what changes on the wire.

pub mod codec;
pub mod quick;

/// Package `gpiod.v1`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::wildcard_enum_match_arm,
    clippy::missing_errors_doc,
    reason = "generated code; its documentation is in the .proto files"
)]
pub mod v1 {
    include!("generated/gpiod.v1.rs");
}

/// The compiled `.proto` files as an encoded `FileDescriptorSet`, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/gpiod.v1.bin");

/// The domain of the `google.rpc.ErrorInfo` in every failure.
pub const ERROR_DOMAIN: &str = "gpiod.v1";
