//! Daemon and guardian as services of systemd: what they tell it, and whether it would start them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, Rig, gpiod};
use gpiod::cli::{self, Command};
use std::path::Path;
use std::process::Stdio;
use tokio::net::UnixDatagram;

/// Starts a command as a service with a watchdog, and hears what it tells, until it has said twice that it lives.
async fn told(rig: &Rig, command: &str, watchdog: bool) -> Vec<String> {
    let path = rig.path("service.notify");
    let _ = std::fs::remove_file(&path);
    let notify = UnixDatagram::bind(&path).unwrap();
    let mut service = gpiod();
    service.arg(command).arg("--config").arg(rig.path("gpiod.toml")).env("NOTIFY_SOCKET", &path);
    if watchdog {
        service.env("WATCHDOG_USEC", "20000");
    }
    let mut service = service.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut told = Vec::new();
    let hear = async {
        let mut buffer = [0; 256];
        loop {
            let length = notify.recv(&mut buffer).await.unwrap();
            told.push(String::from_utf8_lossy(&buffer[..length]).trim().to_owned());
            let alive = told.iter().filter(|text| *text == "WATCHDOG=1").count();
            if told.contains(&"READY=1".to_owned()) && (!watchdog || alive >= 2) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, hear).await.expect("it says that it is ready and alive");
    service.kill().await.unwrap();
    told
}

#[tokio::test]
async fn a_service_manager_that_asks_for_it_hears_that_the_reactor_turns() {
    let rig = Rig::board_alone(CONFIG, "").await;
    for command in ["serve", "guard"] {
        assert!(told(&rig, command, true).await.contains(&"WATCHDOG=1".to_owned()), "{command}");
        assert_eq!(told(&rig, command, false).await, ["READY=1"], "{command}");
    }
}

/// The settings of a unit, and that it has nothing else than sections, settings and comments.
fn settings(unit: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(unit);
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
    lines
        .map(|line| {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{unit}: {line}"));
            assert!(!key.is_empty() && key.chars().all(char::is_alphanumeric), "{unit}: {line}");
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

#[test]
fn the_units_start_what_there_is_and_share_a_directory_that_stays() {
    for (unit, name) in [("gpiod.service", "Serve"), ("gpiod-guard.service", "Guard")] {
        let settings = settings(unit);
        let of = |key: &str| {
            settings.iter().filter(|(k, _)| k == key).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        let [start] = of("ExecStart")[..] else { panic!("{unit}: one ExecStart") };
        let command = cli::parse(start.split_whitespace()).expect(start);
        let as_named = match name {
            "Serve" => matches!(command, Command::Serve(_)),
            _ => matches!(command, Command::Guard(_)),
        };
        assert!(as_named, "{start}");
        for (key, value) in [
            ("Type", "notify"),
            ("RuntimeDirectory", "gpiod"),
            ("RuntimeDirectoryPreserve", "yes"),
            ("NoNewPrivileges", "yes"),
            ("ProtectSystem", "strict"),
            ("DevicePolicy", "closed"),
        ] {
            assert_eq!(of(key), [value], "{unit}: {key}");
        }
    }
}
