//! What the API looks like, for clients that were built without it, such as grpcurl.

use super::answers::{Answering, Gone, Telling};
use super::descriptors::{file_named, file_with};
use super::health::Health;
use super::messages::Messages;
use gpiod_proto::v1::admin_service_server;
use gpiod_proto::v1::gpio_service_server::SERVICE_NAME;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_stream::Stream;
use tonic::Status;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{
    ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};
use tonic_reflection::pb::{v1, v1alpha};

/// Bytes of a client's name that it is told was not found: it waits in memory until the client reads it.
const NAME_BYTES: usize = 256;

/// The services that tell it, which have the same messages by other names; many clients still ask for the older one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reflection {
    /// grpc.reflection.v1.
    V1,
    /// grpc.reflection.v1alpha.
    V1Alpha,
}

impl Reflection {
    /// The service of a name, if it is one of these.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::V1, Self::V1Alpha].into_iter().find(|reflection| reflection.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::V1 => "grpc.reflection.v1.ServerReflection",
            Self::V1Alpha => "grpc.reflection.v1alpha.ServerReflection",
        }
    }

    /// Answers a call. `admin` says whether the administrator's service is told of: the description is of the whole API;
    /// what a socket does not serve is not listed.
    ///
    /// # Errors
    /// When the client has gone before.
    pub(super) async fn call(
        self,
        admin: bool,
        method: &str,
        asked: Messages<ServerReflectionRequest>,
        answering: Answering,
    ) -> Result<(), Gone> {
        if method != "ServerReflectionInfo" {
            return answering.fail(Status::unimplemented("reflection has no such method"));
        }
        answering.begin()?.send_all(Told { asked, by: self, admin, over: false }, false).await
    }

    fn answer(self, admin: bool, request: &MessageRequest) -> Result<MessageResponse, Status> {
        let itself = match self {
            Self::V1 => v1::FILE_DESCRIPTOR_SET,
            Self::V1Alpha => v1alpha::FILE_DESCRIPTOR_SET,
        };
        let sets = [gpiod_proto::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET, itself];
        let file = |found: Option<&[u8]>, what, name: &str| {
            let told = &name[..name.floor_char_boundary(NAME_BYTES)];
            let found = found.ok_or_else(|| Status::not_found(format!("{what} '{told}' not found")))?;
            let file_descriptor_proto = vec![found.to_vec()];
            Ok(MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto }))
        };
        match request {
            MessageRequest::FileByFilename(name) => file(file_named(&sets, name), "file", name),
            MessageRequest::FileContainingSymbol(name) => file(file_with(&sets, name), "symbol", name),
            MessageRequest::FileContainingExtension(_) => {
                Err(Status::not_found("extensions are not supported"))
            }
            // Some clients, grpcurl among them, take a refusal for the end of it all.
            MessageRequest::AllExtensionNumbersOfType(_) => {
                Ok(MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse::default()))
            }
            MessageRequest::ListServices(_) => {
                let admin = admin.then_some(admin_service_server::SERVICE_NAME);
                let names = [SERVICE_NAME, Health::NAME, self.name()].into_iter().chain(admin);
                let service = names.map(|name| ServiceResponse { name: name.to_owned() }).collect();
                Ok(MessageResponse::ListServicesResponse(ListServiceResponse { service }))
            }
        }
    }
}

/// The answers, one for each request. What can not be answered ends them.
#[derive(Debug)]
struct Told {
    asked: Messages<ServerReflectionRequest>,
    by: Reflection,
    admin: bool,
    over: bool,
}

impl Telling for Told {
    type Message = ServerReflectionResponse;
}

impl Stream for Told {
    type Item = Result<ServerReflectionResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        let asked = ready!(self.asked.poll_next(context));
        let (by, admin) = (self.by, self.admin);
        let told = asked.map(|asked| {
            let asked = asked?;
            let request = asked.message_request.as_ref();
            let request = request.ok_or_else(|| Status::invalid_argument("invalid MessageRequest"))?;
            let message_response = Some(by.answer(admin, request)?);
            let valid_host = asked.host.clone();
            Ok(ServerReflectionResponse { valid_host, original_request: Some(asked), message_response })
        });
        self.over = !matches!(told, Some(Ok(_)));
        Poll::Ready(told)
    }
}
