//! What may be done with which line: the one place that decides it, for the lines of a socket and for those of a
//! session. A socket's lines have the operations that the configuration gives its group; a watch socket has at most
//! reading and watching of these, and the admin socket all that the lines can do.

use super::{Scope, SessionId, State};
use crate::error::Error;
use crate::line::{Direction, known_mask, ones};
use crate::operations::{Operation, Operations};
use crate::program::Step;
use crate::wiring::{LineIndex, Wiring};

impl Scope {
    /// What may be done with one of its lines.
    pub fn operations(self, wiring: &Wiring, line: LineIndex) -> Operations {
        match self {
            Self::Group(group) => wiring.groups[group.0].operations_of(line),
            Self::Watch(group) => {
                let told = [Operation::Read, Operation::Watch].into_iter().collect();
                wiring.groups[group.0].operations_of(line).and(told)
            }
            Self::Admin => wiring.line(line).config.kind.operations(),
        }
    }

    /// Whether something may be done with all of these lines, which the client calls so.
    ///
    /// # Errors
    /// [`Error::NotPermitted`].
    pub fn may<T: AsRef<str>>(
        self,
        wiring: &Wiring,
        lines: &[LineIndex],
        names: &[T],
        operation: Operation,
    ) -> Result<(), Error> {
        for (line, name) in lines.iter().zip(names) {
            permit(name.as_ref(), self.operations(wiring, *line), operation)?;
        }
        Ok(())
    }
}

impl State {
    /// What a session through this socket may do with lines.
    pub(super) fn rights(&self, scope: Scope, lines: &[LineIndex]) -> Rights {
        Rights::of(lines.iter().map(|line| scope.operations(&self.wiring, *line)))
    }
}

/// Whether an operation is among those of a line.
pub(super) fn permit(name: &str, has: Operations, operation: Operation) -> Result<(), Error> {
    if has.has(operation) {
        return Ok(());
    }
    let may_not = operation.participle();
    Err(Error::NotPermitted(format!("line {name:?} may not be {may_not} here: its operations are {has}")))
}

/// What a session may do with its lines: for each operation the mask of those that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights([u64; Operation::ALL.len()]);

impl Rights {
    /// Of lines by their positions.
    pub(super) fn of(lines: impl IntoIterator<Item = Operations>) -> Self {
        let mut masks = [0; Operation::ALL.len()];
        for (position, has) in lines.into_iter().enumerate() {
            for operation in has.iter() {
                masks[operation as usize] |= 1 << position;
            }
        }
        Self(masks)
    }

    /// The lines that have an operation.
    pub(super) fn mask(&self, operation: Operation) -> u64 {
        self.0[operation as usize]
    }

    /// Whether all lines of the mask have an operation; `name` tells what a line is called.
    ///
    /// # Errors
    /// [`Error::NotPermitted`].
    pub(super) fn may<'a>(
        &self,
        mask: u64,
        operation: Operation,
        name: impl FnOnce(usize) -> &'a str,
    ) -> Result<(), Error> {
        let Some(line) = ones(mask & !self.mask(operation)).next() else { return Ok(()) };
        let has = Operation::ALL.into_iter().filter(|operation| self.mask(*operation) >> line & 1 == 1);
        permit(name(line), has.collect(), operation)
    }

    /// Whether a program does nothing that its lines may not have done to them by a command either.
    ///
    /// # Errors
    /// [`Error::NotPermitted`].
    pub(super) fn may_run<'a>(
        &self,
        steps: &[Step],
        name: impl Fn(usize) -> &'a str + Copy,
    ) -> Result<(), Error> {
        for step in steps {
            self.may(step.mask(), Operation::Program, name)?;
            self.may(step.edge_mask(), Operation::Watch, name)?;
            let (driven, configured) = match *step {
                Step::Set { mask, .. } => (mask, 0),
                Step::Direction { mask, direction: Direction::Output, .. } => (mask, mask),
                Step::Direction { mask, direction: Direction::Input, .. } => (0, mask),
                Step::Wait { .. } | Step::Edge { .. } | Step::Capture { .. } => (0, 0),
            };
            self.may(driven, Operation::Drive, name)?;
            self.may(configured, Operation::Configure, name)?;
        }
        Ok(())
    }
}

impl State {
    /// Checks that a session may do something with lines of its own. Of lines that can not do it whatever their rights
    /// are, and of positions that are no lines, others tell.
    pub(super) fn may(&self, session: SessionId, mask: u64, operation: Operation) -> Result<(), Error> {
        let Some(session) = self.sessions.get(&session) else { return Err(Error::SessionEnded) };
        let missing = mask & !session.rights.mask(operation) & known_mask(session.lines.len());
        let can =
            |line: &usize| self.wiring.line(session.indices[*line]).config.kind.operations().has(operation);
        match ones(missing).find(can) {
            Some(line) => session.rights.may(1 << line, operation, |line| session.lines[line].name.as_str()),
            None => Ok(()),
        }
    }

    /// The lines of a session that a read of this mask tells: 0 stands for all that may be read.
    pub(super) fn readable(&mut self, session: SessionId, mask: u64) -> Result<u64, Error> {
        let all = self.session(session)?.rights.mask(Operation::Read);
        // Where nothing may be read, whoever asks for all is told so by the first line.
        let wanted = if mask == 0 && all == 0 { 1 } else { mask };
        self.may(session, wanted, Operation::Read)?;
        Ok(if mask == 0 { all } else { mask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::EdgeFilter;

    fn has(operations: &[Operation]) -> Operations {
        operations.iter().copied().collect()
    }

    #[test]
    fn a_program_does_nothing_that_a_command_may_not() {
        use Operation::{Configure, Drive, Program, Watch};
        let set = Step::Set { mask: 2, bits: 0 };
        let drive = Step::Direction { mask: 2, direction: Direction::Output, bits: 0 };
        let listen = Step::Direction { mask: 2, direction: Direction::Input, bits: 0 };
        let edge = Step::Edge { mask: 2, filter: EdgeFilter::Both, timeout_ns: 1 };
        for (step, needs) in [
            (set, vec![Program, Drive]),
            (drive, vec![Program, Drive, Configure]),
            (listen, vec![Program, Configure]),
            (edge, vec![Program, Watch]),
        ] {
            let may = |has: &[Operation]| {
                let rights = Rights::of([Operations::NONE, has.iter().copied().collect()]);
                rights.may_run(&[step], |line| ["first", "second"][line]).map_err(|error| error.to_string())
            };
            may(&needs).unwrap();
            for missing in &needs {
                let rest: Vec<_> = needs.iter().copied().filter(|operation| operation != missing).collect();
                let told = format!(
                    "line \"second\" may not be {} here: its operations are {}",
                    missing.participle(),
                    has(&rest)
                );
                assert_eq!(may(&rest).unwrap_err(), told);
            }
        }
    }
}
