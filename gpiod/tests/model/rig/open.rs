//! Opening a session, of the broker and of its model.

use super::{Rig, Want, pick, scope};
use crate::expected::{Place, Session};
use crate::wired::{ADMIN, Way};
use gpiod::broker::{OpenRequest, WantedDirection, WantedLine};
use gpiod::holder::Caller;
use gpiod::line::Value;
use gpiod::token::Token;

/// What is wished of a line, and as what it is held then: within what is configured, or not at all.
fn held_as(way: u8, configured: Option<Way>) -> (Option<WantedDirection>, Option<Way>) {
    let direction = match way {
        1 => Some(WantedDirection::Input),
        2 => Some(WantedDirection::Output),
        3 => Some(WantedDirection::Both),
        _ => None,
    };
    let held = match (configured, direction) {
        (Some(way), None)
        | (Some(way @ Way::Both), Some(WantedDirection::Both))
        | (Some(way @ Way::In), Some(WantedDirection::Input))
        | (Some(way @ Way::Out), Some(WantedDirection::Output)) => Some(way),
        (Some(Way::Both), Some(WantedDirection::Input)) => Some(Way::In),
        (Some(Way::Both), Some(WantedDirection::Output)) => Some(Way::Out),
        _ => None,
    };
    (direction, held)
}

impl Rig {
    /// Without lines, what a session asks for whose token it is.
    pub(super) fn open(&mut self, socket: u8, wants: &[Want], token: Option<u8>) {
        let known = |number: u8| self.tokens.get(pick(number, self.tokens.len().max(1)));
        let (socket, lines) = match known(socket) {
            Some((_, session)) if wants.is_empty() => {
                let lines = session.lines.iter().map(|(name, _, _)| (name.clone(), None, Some(0)));
                (session.socket, lines.collect::<Vec<_>>())
            }
            _ => {
                let socket = pick(socket, ADMIN + 1);
                let names = self.model.wired.of_socket(socket);
                let line = |want: &Want| {
                    (names[pick(want.line, names.len())].0.clone(), want.initial, Some(want.way))
                };
                (socket, wants.iter().map(line).collect())
            }
        };
        let token = token.and_then(known).map(|(token, _)| *token);
        self.opened += 1;
        let client = format!("client {}", self.opened);
        let known = self.model.wired.of_socket(socket);
        let mut session = Session {
            socket,
            client: client.clone(),
            lines: Vec::new(),
            token: Token::from_bytes(&[0; 16]).unwrap(),
            restarted: false,
            away: None,
        };
        let (mut good, mut wanted, mut initials) = (!lines.is_empty(), Vec::new(), Vec::new());
        for (name, initial, way) in lines {
            let found = known.iter().find(|(known, _)| *known == name).map(|(_, offset)| *offset);
            let configured = found.map(|offset| self.model.wired.line(offset).unwrap().way);
            let (direction, held) = way.map_or((None, configured), |way| held_as(way, configured));
            match (found, held) {
                (Some(offset), Some(held)) => {
                    good &= held != Way::In || initial.is_none();
                    good &= session.lines.iter().all(|(_, taken, _)| *taken != offset);
                    session.lines.push((name.clone(), offset, held));
                    initials.push(initial);
                }
                _ => good = false,
            }
            let value = initial.map(|active| if active { Value::Active } else { Value::Inactive });
            wanted.push(WantedLine { name, direction, initial: value });
        }
        let offsets: Vec<usize> = session.lines.iter().map(|(_, offset, _)| *offset).collect();
        let place = if good { self.model.place(socket, &offsets, token) } else { None };
        let request = OpenRequest {
            scope: scope(socket),
            caller: Caller { uid: 1, gid: 1, pid: self.opened, pod: None },
            client_name: client,
            lines: wanted,
            token,
        };
        let opened = self.broker.open(request);
        assert_eq!(
            opened.as_ref().err().map(ToString::to_string).is_none(),
            place.is_some(),
            "{opened:?} {place:?}"
        );
        let (Ok((hold, end)), Some(place)) = (opened, place) else { return };
        assert_eq!(hold.resumed, matches!(place, Place::Own(_)));
        session.token = hold.token.unwrap();
        assert!(!hold.resumed || Some(session.token) == token, "it keeps its token");
        let fresh = self.tokens.iter().all(|(known, _)| *known != session.token);
        assert!(hold.resumed || fresh, "what is new has a token of its own");
        self.tokens.retain(|(known, _)| *known != session.token);
        self.tokens.push((session.token, session.clone()));
        let id = self.model.open(place, session.clone());
        for ((_, offset, held), initial) in session.lines.iter().zip(initials) {
            match (held, initial) {
                (_, Some(active)) => self.model.drive(*offset, active),
                (Way::Out, None) if self.model.levels[*offset].is_none() => self.model.drive(*offset, false),
                (Way::In, None) => self.model.levels[*offset] = None,
                (Way::Out | Way::Both, None) => {}
            }
        }
        self.holds.push((id, hold, end));
    }
}
