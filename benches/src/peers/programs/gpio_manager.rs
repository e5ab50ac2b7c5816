//! gpio-manager, over a D-Bus that is started for it.

use super::Sequence;
use super::dbus::{Body, Bus, Kind, Reader};
use crate::Fallible;
use crate::chip::Chip;
use crate::peers::turn::{Heard, INPUT, OUTPUT, QUIET, Subject, WATCHED};
use crate::process::Process;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const NAME: &str = "io.gpiod1";
const REQUEST: &str = "io.gpiod1.Request";

#[derive(Debug)]
pub(super) struct GpioManager {
    bus: Bus,
    /// The objects of the lines that are held.
    held: String,
    watched: String,
    sequence: Sequence,
    manager: Process,
    daemon: Process,
    _dir: TempDir,
}

impl GpioManager {
    pub(super) fn start(path: &Path, chip: &Chip) -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let (socket, config) = (dir.path().join("bus"), dir.path().join("bus.conf"));
        let address = format!("unix:path={}", socket.display());
        let text = format!(
            r#"<busconfig><listen>{address}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#
        );
        std::fs::write(&config, text)?;
        let serve = &mut Command::new("dbus-daemon");
        serve.arg("--config-file").arg(&config).args(["--nofork", "--nopidfile"]);
        let mut daemon = Process::start("dbus-daemon", serve, dir.path())?;
        let mut bus = daemon.until(|| Bus::connect(&socket))?;
        let command = &mut Command::new(path);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", &address);
        let mut manager = Process::start("gpio-manager", command, dir.path())?;
        // It looks for chips before it takes its name.
        manager.until(|| bus.owner(NAME))?;

        let chip = format!("/io/gpiod1/chips/gpiochip{}", chip.number()?);
        let watched = format!("{chip}/line{WATCHED}");
        bus.listen(&format!("type='signal',interface='io.gpiod1.Line',member='EdgeEvent',path='{watched}'"))?;
        let reply = bus.call(NAME, &chip, "io.gpiod1.Chip", "RequestLines", request())?;
        let held = Reader::of(&reply).string()?;
        Ok(Self { bus, held, watched, sequence: Sequence::default(), manager, daemon, _dir: dir })
    }
}

/// Lines, what each is to be, and what the request is called.
fn request() -> Body {
    let mut body = Body::of("(a(aua{sv})ai)a{sv}");
    let lines: [(u32, &[(&str, &str)]); 3] = [
        (OUTPUT, &[("direction", "output")]),
        (INPUT, &[("direction", "input")]),
        (WATCHED, &[("direction", "input"), ("edge", "both")]),
    ];
    body.align(8);
    body.array(8, |body| {
        for (line, settings) in lines {
            body.align(8);
            body.array(4, |body| body.u32(line));
            body.array(8, |body| settings.iter().for_each(|(key, value)| body.setting(key, value)));
        }
    });
    body.array(4, |body| body.u32(0));
    body.array(8, |body| body.setting("consumer", "bench"));
    body
}

impl Subject for GpioManager {
    fn write(&mut self, high: bool) -> Fallible<()> {
        let mut body = Body::of("a{ui}");
        body.array(8, |body| {
            body.align(8);
            body.u32(OUTPUT);
            body.u32(high.into());
        });
        self.bus.call(NAME, &self.held, REQUEST, "SetValues", body)?;
        Ok(())
    }

    fn read(&mut self) -> Fallible<bool> {
        let mut body = Body::of("au");
        body.array(4, |body| body.u32(INPUT));
        let reply = self.bus.call(NAME, &self.held, REQUEST, "GetValues", body)?;
        let mut reader = Reader::of(&reply);
        let _length = reader.u32()?;
        Ok(reader.u32()? == 1)
    }

    fn heard(&mut self) -> Fallible<Option<Heard>> {
        loop {
            let Some(message) = self.bus.next(QUIET)? else { return Ok(None) };
            if message.kind != Kind::Signal || message.path != self.watched {
                continue;
            }
            let mut reader = Reader::of(&message.body);
            let _edge = reader.u32()?;
            let (edge_ns, _of_the_request, of_the_line) = (reader.u64()?, reader.u64()?, reader.u64()?);
            return Ok(Some(Heard { edge_ns: Some(edge_ns), lost: self.sequence.missing(of_the_line) }));
        }
    }

    fn processes(&self) -> Vec<&Process> {
        vec![&self.manager, &self.daemon]
    }
}
