//! Keeps the committed generated code true to the `.proto` files.
//!
//! `UPDATE_GENERATED=1 cargo test -p gpiod-proto` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use prost::Message;
use std::path::{Path, PathBuf};
use std::{env, fs};

const FILES: [&str; 7] = [
    "gpiod/v1/admin_service.proto",
    "gpiod/v1/gpio_service.proto",
    "gpiod/v1/line.proto",
    "gpiod/v1/program.proto",
    "gpiod/v1/sample.proto",
    "gpiod/v1/session.proto",
    "gpiod/v1/watch.proto",
];

fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generate(into: &Path) {
    let set = protox::Compiler::new([crate_dir()])
        .unwrap()
        .include_source_info(true)
        .include_imports(true)
        .open_files(FILES)
        .unwrap()
        .file_descriptor_set();
    tonic_prost_build::configure()
        .client_mod_attribute(".", "#[cfg(feature = \"client\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .build_transport(false)
        .codec_path("crate::codec::Codec")
        // What is large and rare, or large anyway, is elsewhere: plain commands and their answers are moved often.
        .boxed(".gpiod.v1.SessionRequest.command.open")
        .boxed(".gpiod.v1.SessionRequest.command.watch")
        .boxed(".gpiod.v1.SessionResponse.result.watch")
        .boxed(".gpiod.v1.SessionResponse.result.batch")
        .out_dir(into)
        .compile_fds(set.clone())
        .unwrap();
    // Reflection needs names and types, not comments: those would only be weight in the daemon.
    let mut bare = set;
    for file in &mut bare.file {
        file.source_code_info = None;
    }
    fs::write(into.join("gpiod.v1.bin"), bare.encode_to_vec()).unwrap();
}

#[test]
fn every_proto_file_is_compiled() {
    let mut found: Vec<String> = fs::read_dir(crate_dir().join("gpiod/v1"))
        .unwrap()
        .map(|entry| format!("gpiod/v1/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    found.sort();
    assert_eq!(found, FILES);
}

#[test]
fn the_committed_code_is_what_the_proto_files_generate() {
    let fresh = tempfile::tempdir().unwrap();
    generate(fresh.path());
    for name in ["gpiod.v1.rs", "gpiod.v1.bin"] {
        let committed = crate_dir().join("src/generated").join(name);
        let generated = fs::read(fresh.path().join(name)).unwrap();
        if env::var_os("UPDATE_GENERATED").is_some() {
            fs::write(&committed, generated).unwrap();
        } else {
            assert!(
                fs::read(&committed).unwrap_or_default() == generated,
                "{} is stale: run UPDATE_GENERATED=1 cargo test -p gpiod-proto",
                committed.display()
            );
        }
    }
}
