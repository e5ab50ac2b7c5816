//! What a socket gives access to. The socket is the capability; there is nothing else to check.

use crate::config::Allowed;
use crate::error::Error;
use crate::holder::Caller;
use crate::line::MAX_LINES;
use crate::wiring::{GroupIndex, LineIndex, Wiring};
use std::time::Duration;

/// Which socket a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// A group's full socket.
    Group(GroupIndex),
    /// A group's watch socket: list, read and watch, never drive.
    Watch(GroupIndex),
    /// The admin socket: all lines of the board.
    Admin,
}

impl Scope {
    /// The name under which holders that came through it are shown.
    pub fn name(self, wiring: &Wiring) -> &str {
        match self {
            Self::Group(group) | Self::Watch(group) => &wiring.groups[group.0].name,
            Self::Admin => "admin",
        }
    }

    /// How long the lines of a holder whose connection broke are kept for it; the administrator's are not.
    pub fn grace(self, wiring: &Wiring) -> Duration {
        match self {
            Self::Group(group) | Self::Watch(group) => wiring.groups[group.0].grace,
            Self::Admin => Duration::ZERO,
        }
    }

    /// Which namespaces of a cluster it is for; none: all.
    pub(super) fn namespaces(self, wiring: &Wiring) -> &[String] {
        self.allowed(wiring).map_or(&[], |allowed| &allowed.namespaces)
    }

    /// Who may connect to it; `None` where its socket's own permissions say that.
    fn allowed(self, wiring: &Wiring) -> Option<&Allowed> {
        match self {
            Self::Group(group) | Self::Watch(group) => Some(&wiring.groups[group.0].allowed),
            Self::Admin => None,
        }
    }

    /// Whether a client is let in at it.
    ///
    /// # Errors
    /// [`Error::NotPermitted`].
    pub(super) fn admit_caller(self, wiring: &Wiring, caller: Caller) -> Result<(), Error> {
        let Caller { uid, gid, .. } = caller;
        if self.allowed(wiring).is_none_or(|allowed| allowed.lets_in(uid, gid)) {
            return Ok(());
        }
        Err(Error::NotPermitted(format!(
            "uid {uid} with gid {gid} is not let in at this socket: neither is in the group's allow_uids or allow_gids"
        )))
    }

    /// Whether lines may be held or driven through it.
    ///
    /// # Errors
    /// [`Error::NotPermitted`] for a watch socket.
    pub fn may_drive(self) -> Result<(), Error> {
        match self {
            Self::Group(_) | Self::Admin => Ok(()),
            Self::Watch(_) => {
                Err(Error::NotPermitted("this is the watch socket: it drives nothing".to_owned()))
            }
        }
    }

    /// The lines of the socket, by the names that it knows them by.
    pub fn lines(self, wiring: &Wiring) -> Vec<(String, LineIndex)> {
        match self {
            Self::Group(group) | Self::Watch(group) => wiring.groups[group.0].lines.clone(),
            Self::Admin => {
                let there = |line: &LineIndex| !wiring.line(*line).retired;
                let lines = (0..wiring.lines.len()).map(LineIndex).filter(there);
                lines.map(|line| (wiring.full_name(line), line)).collect()
            }
        }
    }

    /// The socket that knows lines by the same names and drives them, too.
    pub(super) fn full(self) -> Self {
        match self {
            Self::Group(group) | Self::Watch(group) => Self::Group(group),
            Self::Admin => Self::Admin,
        }
    }

    /// What the socket calls a line; `None` for one that it does not have.
    pub(super) fn name_of(self, wiring: &Wiring, line: LineIndex) -> Option<String> {
        self.lines(wiring).into_iter().find_map(|(name, known)| (known == line).then_some(name))
    }

    /// Finds lines by name: 1 to 64, none twice.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`].
    pub fn resolve<T: AsRef<str>>(self, wiring: &Wiring, names: &[T]) -> Result<Vec<LineIndex>, Error> {
        if names.is_empty() {
            return Err(Error::InvalidRequest("the request names no line".to_owned()));
        }
        if names.len() > MAX_LINES {
            let reason = format!("the request names {} lines, at most {MAX_LINES} go together", names.len());
            return Err(Error::InvalidRequest(reason));
        }
        let mut found: Vec<LineIndex> = Vec::with_capacity(names.len());
        for name in names.iter().map(AsRef::as_ref) {
            let line = self.find(wiring, name)?;
            if found.contains(&line) {
                return Err(Error::InvalidRequest(format!("line {name:?} is named twice")));
            }
            found.push(line);
        }
        Ok(found)
    }

    fn find(self, wiring: &Wiring, name: &str) -> Result<LineIndex, Error> {
        if name.is_empty() {
            return Err(Error::InvalidRequest("a line's name is empty".to_owned()));
        }
        let lines = self.lines(wiring);
        if let Some((_, line)) = lines.iter().find(|(known, _)| known == name) {
            return Ok(*line);
        }
        if self == Self::Admin
            && let Some(index) = wiring.lines.iter().position(|line| line.info.name == name && !line.retired)
        {
            return Ok(LineIndex(index));
        }
        // What the client sent goes back to it cut short: it may be as long as a message.
        let line = name.chars().take(64).collect();
        // The lines of another thread's groups are listed on the admin socket, which this thread serves.
        let other = wiring.groups.iter().filter(|group| self == Self::Admin && group.elsewhere);
        let elsewhere = other.map(|group| group.name.clone()).collect();
        Err(Error::LineNotFound {
            line,
            known: lines.into_iter().map(|(known, _)| known).collect(),
            elsewhere,
        })
    }
}
