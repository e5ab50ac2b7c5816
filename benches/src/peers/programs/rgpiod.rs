//! rgpiod, over its own protocol on TCP: a header of 16 bytes, and arguments of 4 bytes each. As its client library
//! does, commands go over one connection and notifications come over another.

use crate::Fallible;
use crate::chip::Chip;
use crate::peers::turn::{Heard, INPUT, OUTPUT, QUIET, Subject, WATCHED};
use crate::process::{PATIENCE, Process};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The first word of each message: "lgdm".
const MAGIC: u32 = 0x6c67_646d;
const ADDRESS: &str = "127.0.0.1:8889";

/// Commands, by their numbers.
const OPEN_CHIP: u16 = 10;
const CLAIM_INPUT: u16 = 12;
const CLAIM_OUTPUT: u16 = 13;
const CLAIM_ALERT: u16 = 14;
const READ: u16 = 19;
const WRITE: u16 = 20;
const NOTIFY_HERE: u16 = 117;
const BOTH_EDGES: u32 = 3;

#[derive(Debug)]
pub(super) struct Rgpiod {
    commands: TcpStream,
    notifications: BufReader<TcpStream>,
    chip: u32,
    daemon: Process,
    _dir: TempDir,
}

impl Rgpiod {
    pub(super) fn start(path: &Path, chip: &Chip) -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let command = &mut Command::new(path);
        let mut daemon = Process::start("rgpiod", command.arg("-l").arg("-w").arg(dir.path()), dir.path())?;
        let mut commands = daemon.until(connect)?;
        let mut notifications = connect()?;
        let handle = call(&mut notifications, NOTIFY_HERE, &[])?;
        notifications.set_read_timeout(Some(QUIET))?;
        let number = chip.number()?;
        let chip = call(&mut commands, OPEN_CHIP, &[number])?;
        call(&mut commands, CLAIM_OUTPUT, &[chip, 0, OUTPUT, 0])?;
        call(&mut commands, CLAIM_INPUT, &[chip, 0, INPUT])?;
        call(&mut commands, CLAIM_ALERT, &[chip, 0, BOTH_EDGES, WATCHED, handle])?;
        Ok(Self { commands, notifications: BufReader::new(notifications), chip, daemon, _dir: dir })
    }
}

fn connect() -> Fallible<TcpStream> {
    let stream = TcpStream::connect(ADDRESS)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends a command and waits for its answer, which is negative on failure.
fn call(stream: &mut TcpStream, command: u16, arguments: &[u32]) -> Fallible<u32> {
    stream.write_all(&message(command, arguments)?)?;
    let mut answer = [0; 16];
    stream.read_exact(&mut answer)?;
    let [a, b, c, d, e, f, g, h, ..] = answer;
    let status = i32::from_ne_bytes([a, b, c, d]);
    let more = u32::from_ne_bytes([e, f, g, h]);
    if more != 0 {
        return Err(format!("command {command} is answered with {more} bytes more than expected").into());
    }
    u32::try_from(status).map_err(|_| format!("command {command} failed with {status}").into())
}

/// Numbers are in the order of the machine.
fn message(command: u16, arguments: &[u32]) -> Fallible<Vec<u8>> {
    let count = u16::try_from(arguments.len())?;
    let mut message = Vec::with_capacity(16 + 4 * arguments.len());
    message.extend(MAGIC.to_ne_bytes());
    message.extend((4 * u32::from(count)).to_ne_bytes());
    // After the command: how many arguments of 8, 4 and 2 bytes.
    [command, 0, count, 0].iter().for_each(|word| message.extend(word.to_ne_bytes()));
    arguments.iter().for_each(|word| message.extend(word.to_ne_bytes()));
    Ok(message)
}

impl Subject for Rgpiod {
    fn write(&mut self, high: bool) -> Fallible<()> {
        call(&mut self.commands, WRITE, &[self.chip, OUTPUT, high.into()])?;
        Ok(())
    }

    fn read(&mut self) -> Fallible<bool> {
        Ok(call(&mut self.commands, READ, &[self.chip, INPUT])? == 1)
    }

    /// A report has a time stamp, chip, line, level and flags, and no number by which a loss could be told.
    fn heard(&mut self) -> Fallible<Option<Heard>> {
        let mut report = [0; 16];
        match self.notifications.read_exact(&mut report) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let [a, b, c, d, e, f, g, h, ..] = report;
        Ok(Some(Heard { edge_ns: Some(u64::from_ne_bytes([a, b, c, d, e, f, g, h])), lost: 0 }))
    }

    fn processes(&self) -> Vec<&Process> {
        vec![&self.daemon]
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_header_and_its_arguments() {
        let bytes = b"mdgl\x08\0\0\0\x13\0\0\0\x02\0\0\0\x01\0\0\0\x06\0\0\0";
        assert_eq!(message(READ, &[1, 6]).unwrap(), bytes);
    }
}
