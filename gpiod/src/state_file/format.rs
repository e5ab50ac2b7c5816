//! The state file's bytes: one line that says what it is, and JSON. Pure.
//!
//! `gpiod-state VERSION CRC32 BYTES`, a line feed, and so many bytes of JSON. A file of one version up is read, too, so
//! that a daemon can be rolled back: what is new in it is passed over. What a version adds must therefore be of no
//! consequence to whoever does not know it.

use super::checksum;
use crate::json::{Json, Result as Read, by_key, field, field_or_default, object, words};
use crate::token::Token;
use crate::watch::PreviousLife;
use serde::{Deserialize, Serialize};

const MAGIC: &str = "gpiod-state";
/// The version that is written.
const VERSION: u32 = 1;
/// The versions that are read.
const READABLE: std::ops::RangeInclusive<u32> = 1..=VERSION + 1;

/// What a state file says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Saved {
    /// The boot in which it was written: `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
    /// How often a daemon was started since the boot, the one that wrote it included.
    pub starts: u64,
    /// Who held lines.
    pub sessions: Vec<SavedSession>,
    /// How far each part of the daemon had watched its lines when it was told to stop; none of one that ended otherwise.
    pub lives: Vec<PreviousLife>,
}

impl Json for Saved {
    fn read(mut value: serde_json::Value) -> Read<Self> {
        Ok(Self {
            boot: field(&mut value, "boot")?,
            starts: field_or_default(&mut value, "starts")?,
            sessions: field_or_default(&mut value, "sessions")?,
            lives: field_or_default(&mut value, "lives")?,
        })
    }
}
by_key!(Saved);

/// A session as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SavedSession {
    /// The line group through whose socket it came; `None` for the admin socket.
    pub group: Option<String>,
    /// What its client comes back with.
    pub token: Token,
    /// What its client calls itself.
    pub name: String,
    /// The client's user id.
    pub uid: u32,
    /// The client's group id.
    pub gid: u32,
    /// The client's process id, 0 where it was not visible.
    pub pid: u32,
    /// Since when it holds its lines: CLOCK_MONOTONIC, ns.
    pub since_ns: u64,
    /// Its lines, in its order.
    pub lines: Vec<SavedLine>,
}

object!(SavedSession { group, token, name, uid, gid, pid, since_ns, lines });

/// A line of a session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SavedLine {
    /// Its name on the session's socket.
    pub name: String,
    /// As what it was opened.
    pub held_as: HeldAs,
    /// Which of the board's lines it is, by chip and offset, such as `pinctrl-bcm2835:9`; `None` where a daemon wrote it
    /// that did not say that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

object!(SavedLine { name, held_as, place });

/// As what a session holds a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldAs {
    /// It is read and watched.
    Input,
    /// It is driven.
    Output,
    /// It is driven and listened to in turn.
    Both,
}

words!(HeldAs);

/// Why a state file can not be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The system did not give it.
    #[error("it can not be read: {0}")]
    Unreadable(String),
    /// Its first line is not a state file's.
    #[error("it is no state file")]
    Foreign,
    /// It is of a daemon that is too new or too old.
    #[error("it is of version {0}, this gpiod reads {first} to {last}", first = READABLE.start(), last = READABLE.end())]
    Version(u32),
    /// It is not as long as it says, or its bytes are not those that were written.
    #[error("it is damaged")]
    Damaged,
    /// What it says makes no sense.
    #[error("it says what can not be: {0}")]
    Senseless(String),
}

/// The sessions of one part of the daemon, as they stand in the file: one after the other, with commas between.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Vec<u8>);

impl Sessions {
    /// None, with room for those that there were.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.0.clear();
        self
    }

    /// One more.
    pub fn push(&mut self, session: &SavedSession) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        put(&mut self.0, session);
    }
}

/// Puts JSON behind what is there.
fn put(bytes: &mut Vec<u8>, value: &impl Serialize) {
    // Strings and numbers: there is nothing in them that JSON can not say, and memory takes them.
    let _ = serde_json::to_writer(bytes, value);
}

/// Writes it in the place of what is in these bytes.
pub(super) fn write<'a>(
    bytes: &mut Vec<u8>,
    (boot, starts): (&str, u64),
    sections: impl Iterator<Item = &'a Sessions>,
    lives: &[PreviousLife],
) {
    bytes.clear();
    bytes.extend_from_slice(b"{\"boot\":");
    put(bytes, &boot);
    bytes.extend_from_slice(b",\"starts\":");
    put(bytes, &starts);
    bytes.extend_from_slice(b",\"sessions\":[");
    for (index, sessions) in sections.filter(|sessions| !sessions.0.is_empty()).enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(&sessions.0);
    }
    bytes.extend_from_slice(b"],\"lives\":");
    put(bytes, &lives);
    bytes.push(b'}');
    let head = format!("{MAGIC} {VERSION} {:08x} {}\n", checksum::crc32(bytes), bytes.len());
    bytes.splice(..0, head.into_bytes());
}

/// Reads it.
///
/// # Errors
/// Why it can not be used.
pub fn parse(bytes: &[u8]) -> Result<Saved, Unusable> {
    let end = bytes.iter().take(80).position(|byte| *byte == b'\n').ok_or(Unusable::Foreign)?;
    let (head, body) = (&bytes[..end], &bytes[end + 1..]);
    let head = str::from_utf8(head).map_err(|_| Unusable::Foreign)?;
    let [magic, version, crc, length] = fields(head).ok_or(Unusable::Foreign)?;
    if magic != MAGIC {
        return Err(Unusable::Foreign);
    }
    let version = version.parse().map_err(|_| Unusable::Foreign)?;
    if !READABLE.contains(&version) {
        return Err(Unusable::Version(version));
    }
    let whole = length.parse() == Ok(body.len()) && crc == format!("{:08x}", checksum::crc32(body));
    if !whole {
        return Err(Unusable::Damaged);
    }
    let body = str::from_utf8(body).map_err(|error| Unusable::Senseless(error.to_string()))?;
    serde_json::from_str(body).map_err(|error| Unusable::Senseless(error.to_string()))
}

fn fields(head: &str) -> Option<[&str; 4]> {
    let mut fields = head.split(' ');
    let four = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    fields.next().is_none().then_some(four)
}
