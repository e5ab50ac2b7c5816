//! Keeps the committed code of the kubelet's messages true to `gpiod/kubelet/*.proto`: the messages for the daemon, and
//! messages and services for the kubelet that tests play.
//!
//! `UPDATE_GENERATED=1 cargo test -p gpiod --test kubelet_messages` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::{env, fs};

const FILES: [&str; 2] = ["deviceplugin.proto", "podresources.proto"];

fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generate(into: &Path, services: bool) {
    let set = protox::Compiler::new([crate_dir().join("kubelet")])
        .unwrap()
        .include_source_info(true)
        .include_imports(true)
        .open_files(FILES)
        .unwrap()
        .file_descriptor_set();
    tonic_prost_build::configure()
        .build_client(services)
        .build_server(services)
        .build_transport(false)
        // So that no dependency is added for a codec: ours does as well.
        .codec_path("gpiod_proto::codec::Codec")
        .out_dir(into)
        .compile_fds(set)
        .unwrap();
}

#[test]
fn the_committed_code_is_what_the_proto_files_generate() {
    for (dir, services) in [("src/kubelet/generated", false), ("tests/kubelet/generated", true)] {
        let fresh = tempfile::tempdir().unwrap();
        generate(fresh.path(), services);
        for name in ["v1beta1.rs", "v1.rs"] {
            let committed = crate_dir().join(dir).join(name);
            let generated = fs::read(fresh.path().join(name)).unwrap();
            if env::var_os("UPDATE_GENERATED").is_some() {
                fs::write(&committed, generated).unwrap();
            } else {
                assert!(
                    fs::read(&committed).unwrap_or_default() == generated,
                    "{} is stale: run UPDATE_GENERATED=1 cargo test -p gpiod --test kubelet_messages",
                    committed.display()
                );
            }
        }
    }
}
