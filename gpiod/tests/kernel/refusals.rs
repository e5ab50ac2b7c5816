//! What does not go, and how that is said: a line that somebody has, a device that was not granted, a wish that nothing
//! can fulfil.

use crate::Scene;
use crate::chip::Chip;
use crate::fixture::PATIENCE;
use crate::rig::{CONFIG, Rig};
use gpiocdev_uapi::v2::{self, LineConfig, LineFlags, LineRequest, Offsets};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Instant;

pub(crate) const ALL: &[(&str, Scene)] = &[
    ("a line that another program holds is refused with its name", |chip| Box::pin(held(chip))),
    ("that another program takes a free line is told when it happens", |chip| Box::pin(taken(chip))),
    ("a chip that may not be opened says what to grant", |chip| Box::pin(denied(chip))),
    ("a promise that nobody can keep is refused", |chip| Box::pin(promise(chip))),
    ("a machine without the device says so and names the simulated board", |chip| Box::pin(nothing(chip))),
    ("gpiomem without its device says what to grant", |chip| Box::pin(no_registers(chip))),
];

/// Another program's request for a line.
pub(crate) fn take(chip: &Chip, bcm: u32) -> File {
    let file = File::options().read(true).write(true).open(&chip.device).unwrap();
    let request = LineRequest {
        offsets: Offsets::from_slice(&[bcm]),
        consumer: "spi0 CS0".into(),
        config: LineConfig { flags: LineFlags::INPUT, ..LineConfig::default() },
        num_lines: 1,
        ..LineRequest::default()
    };
    // The daemon of the scene before was killed, and may not be quite gone.
    let begin = Instant::now();
    loop {
        match v2::get_line(&file, request.clone()) {
            Ok(line) => return line,
            Err(error) => assert!(begin.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::yield_now();
    }
}

async fn held(chip: &'static Chip) {
    let other = take(chip, 17);
    let (code, said) = Rig::refused(Rig::prepare(CONFIG).serve()).await;
    assert!(code == 75 && said.contains("GPIO17 is held by \"spi0 CS0\""), "{code}: {said}");
    drop(other);
    Rig::start(chip).await;
}

async fn taken(chip: &'static Chip) {
    let rig = Rig::start(chip).await;
    let _other = take(chip, 5);
    let told = async {
        while !rig.log().contains("line held by another program") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told");
    let log = rig.log();
    assert!(log.contains("GPIO5") && log.contains("spi0 CS0"), "{log}");
}

async fn denied(chip: &'static Chip) {
    const NOBODY: u32 = 65_532;
    fs::set_permissions(&chip.device, Permissions::from_mode(0o600)).unwrap();
    let rig = Rig::prepare(CONFIG);
    fs::set_permissions(rig.dir.path(), Permissions::from_mode(0o755)).unwrap();
    chown(rig.dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let as_nobody = || {
        let mut command = rig.serve();
        command.uid(NOBODY).gid(NOBODY);
        command
    };
    let (code, said) = Rig::refused(as_nobody()).await;
    let device = chip.device.display();
    assert!(
        code == 69 && said.contains(&format!("{device}")) && said.contains("give the daemon"),
        "{code}: {said}"
    );
    // The device alone is enough: no capability, no other group.
    chown(&chip.device, None, Some(NOBODY)).unwrap();
    fs::set_permissions(&chip.device, Permissions::from_mode(0o660)).unwrap();
    crate::fixture::Process::start(rig.dir.path(), "daemon", &mut as_nobody()).await;
}

async fn promise(_: &'static Chip) {
    let wish =
        CONFIG.replace("direction = \"output\" }", "direction = \"output\", on_daemon_exit = \"keep\" }");
    let (code, said) = Rig::refused(Rig::prepare(&wish).serve()).await;
    assert!(code == 78 && said.contains("group.traffic-light.lines.red.on_daemon_exit"), "{code}: {said}");
    assert!(said.contains("can not be promised"), "{said}");
}

async fn nothing(chip: &'static Chip) {
    let hidden = chip.device.with_extension("hidden");
    fs::rename(&chip.device, &hidden).unwrap();
    let (code, said) = Rig::refused(Rig::prepare(CONFIG).serve()).await;
    fs::rename(&hidden, &chip.device).unwrap();
    assert!(
        code == 69 && said.contains("kind = \"sim\"") && said.contains("/dev/gpiochip"),
        "{code}: {said}"
    );
}

async fn no_registers(_: &'static Chip) {
    let config = format!("[backend]\nkind = \"gpiomem\"\n{CONFIG}");
    let (code, said) = Rig::refused(Rig::prepare(&config).serve()).await;
    assert!(code == 69 && said.contains("/dev/gpiomem"), "{code}: {said}");
}
