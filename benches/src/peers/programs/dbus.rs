//! As much of D-Bus as one peer needs: calls, their answers, and signals, over one blocking connection.

mod values;

pub(super) use values::{Body, Reader};

use crate::Fallible;
use crate::process::PATIENCE;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const BUS: &str = "org.freedesktop.DBus";

/// A connection to a bus.
#[derive(Debug)]
pub(super) struct Bus {
    stream: BufReader<UnixStream>,
    patience: Duration,
    serial: u32,
}

/// What kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Answer,
    Error,
    Signal,
    Other,
}

/// A message that came.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// The object that a signal is from.
    pub(super) path: String,
    /// What an error is called.
    error: String,
    /// The call that is answered.
    reply_to: u32,
    pub(super) body: Vec<u8>,
}

impl Bus {
    /// Connects as this process's user.
    pub(super) fn connect(path: &Path) -> Fallible<Self> {
        let mut stream = BufReader::new(UnixStream::connect(path)?);
        stream.get_ref().set_read_timeout(Some(PATIENCE))?;
        let user: String =
            nix::unistd::Uid::effective().to_string().bytes().map(|b| format!("{b:02x}")).collect();
        stream.get_mut().write_all(format!("\0AUTH EXTERNAL {user}\r\n").as_bytes())?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if !line.starts_with("OK ") {
            return Err(format!("the bus says {line:?}").into());
        }
        stream.get_mut().write_all(b"BEGIN\r\n")?;
        let mut bus = Self { stream, patience: PATIENCE, serial: 0 };
        bus.call(BUS, "/org/freedesktop/DBus", BUS, "Hello", Body::of(""))?;
        Ok(bus)
    }

    /// Who has a name; an error where nobody has.
    pub(super) fn owner(&mut self, name: &str) -> Fallible<String> {
        let mut body = Body::of("s");
        body.string(name);
        let reply = self.call(BUS, "/org/freedesktop/DBus", BUS, "GetNameOwner", body)?;
        Reader::of(&reply).string()
    }

    /// Asks for signals.
    pub(super) fn listen(&mut self, rule: &str) -> Fallible<()> {
        let mut body = Body::of("s");
        body.string(rule);
        self.call(BUS, "/org/freedesktop/DBus", BUS, "AddMatch", body).map(drop)
    }

    /// Calls a method and waits for its answer. Signals that come meanwhile are dropped: nobody waits for one then.
    pub(super) fn call(
        &mut self,
        to: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: Body,
    ) -> Fallible<Vec<u8>> {
        self.serial += 1;
        let serial = self.serial;
        self.stream.get_mut().write_all(&encode(serial, [path, interface, method, to], &body)?)?;
        loop {
            let message = self.next(PATIENCE)?.ok_or("the bus does not answer")?;
            match message.kind {
                Kind::Answer if message.reply_to == serial => return Ok(message.body),
                Kind::Error if message.reply_to == serial => {
                    let text = Reader::of(&message.body).string().unwrap_or_default();
                    return Err(format!("{method}: {}: {text}", message.error).into());
                }
                Kind::Answer | Kind::Error | Kind::Signal | Kind::Other => {}
            }
        }
    }

    /// The next message; `None` when none comes for so long.
    pub(super) fn next(&mut self, patience: Duration) -> Fallible<Option<Message>> {
        if self.patience != patience {
            self.stream.get_ref().set_read_timeout(Some(patience))?;
            self.patience = patience;
        }
        let mut head = [0; 16];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let mut reader = Reader::of(&head);
        let _kinds = reader.u32()?;
        let (body_length, _serial, fields_length) = (reader.u32()?, reader.u32()?, reader.u32()?);
        if head[0] != b'l' {
            return Err("a message of the other byte order".into());
        }
        let mut fields = vec![0; usize::try_from(fields_length)?.next_multiple_of(8)];
        self.stream.read_exact(&mut fields)?;
        let mut body = vec![0; usize::try_from(body_length)?];
        self.stream.read_exact(&mut body)?;
        decode(head[1], &fields[..usize::try_from(fields_length)?], body).map(Some)
    }
}

/// A call in bytes, from path, interface, method and destination.
fn encode(serial: u32, [path, interface, method, to]: [&str; 4], body: &Body) -> Fallible<Vec<u8>> {
    let mut message = Body::of("");
    // Little-endian, a call, no flags, version 1.
    message.u32(u32::from_le_bytes([b'l', 1, 0, 1]));
    message.u32(u32::try_from(body.bytes().len())?);
    message.u32(serial);
    message.array(8, |fields| {
        for (code, kind, value) in [(1, "o", path), (2, "s", interface), (3, "s", method), (6, "s", to)] {
            fields.field(code, kind);
            fields.string(value);
        }
        if !body.signature().is_empty() {
            fields.field(8, "g");
            fields.short(body.signature());
        }
    });
    message.align(8);
    let mut bytes = message.into_bytes();
    bytes.extend(body.bytes());
    Ok(bytes)
}

fn decode(kind: u8, fields: &[u8], body: Vec<u8>) -> Fallible<Message> {
    let kind = match kind {
        2 => Kind::Answer,
        3 => Kind::Error,
        4 => Kind::Signal,
        _ => Kind::Other,
    };
    let mut message = Message { kind, path: String::new(), error: String::new(), reply_to: 0, body };
    let mut reader = Reader::of(fields);
    while !reader.is_at_end() {
        reader.align(8);
        let code = reader.byte()?;
        match (code, reader.short()?.as_str()) {
            (1, _) => message.path = reader.string()?,
            (4, _) => message.error = reader.string()?,
            (5, _) => message.reply_to = reader.u32()?,
            (_, "u") => drop(reader.u32()?),
            (_, "g") => drop(reader.short()?),
            _ => drop(reader.string()?),
        }
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_its_fields_in_a_head_of_whole_words() {
        let message = encode(9, ["/a", "b", "c", "d"], &Body::of("")).unwrap();
        assert_eq!(message.len() % 8, 0);
        let length = usize::try_from(Reader::of(&message[12..]).u32().unwrap()).unwrap();
        let decoded = decode(4, &message[16..16 + length], Vec::new()).unwrap();
        assert_eq!((decoded.kind, decoded.path.as_str(), decoded.reply_to), (Kind::Signal, "/a", 0));
    }
}
