//! The commands of a session: each is done at once, but for watches and programs, which begin.

use super::Open;
use crate::broker::{Command as Asked, Turn};
use crate::error::Error;
use crate::server::convert;
use crate::server::watch::{self, WatchStream};
use futures_util::FutureExt;
use gpiod_proto::v1::operation::Operation;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{
    BatchCommand, BatchResult, DoneResult, Program, SessionRequest, SessionResponse, WatchCommand,
};

impl Open {
    /// Does a command. `None`: its answer comes later.
    pub(super) fn command(&mut self, request: SessionRequest) -> Option<SessionResponse> {
        if let Some(watchdog) = &self.watchdog {
            watchdog.feed();
        }
        let id = request.id;
        let answer = match request.command {
            Some(Command::Watch(watch)) => self.watch(id, *watch).map(|()| None),
            Some(Command::Program(program)) => self.program(id, program).map(|()| None),
            command => self.plain(command).map(Some),
        };
        let result = match answer {
            Ok(None) => return None,
            Ok(Some(result)) => result,
            Err(error) => Answer::Error(error.into()),
        };
        Some(SessionResponse { id, result: Some(result) })
    }

    fn plain(&mut self, command: Option<Command>) -> Result<Answer, Error> {
        let done = |timestamp_ns| Answer::Done(DoneResult { timestamp_ns });
        Ok(match command {
            Some(Command::Read(read)) => Answer::Read(convert::values(self.hold.turn().read(read.mask)?)),
            Some(Command::Write(write)) => done(self.hold.turn().write(write.mask, write.bits)?.timestamp_ns),
            Some(Command::Configure(configure)) => {
                done(self.hold.configure(&convert::change(configure)?)?.timestamp_ns)
            }
            Some(Command::Feed(_)) => {
                self.hold.count(Asked::Feed);
                done(crate::clock::now_ns())
            }
            Some(Command::Unwatch(unwatch)) => {
                self.hold.count(Asked::Unwatch);
                let index = self.watches.iter().position(|(id, _)| *id == unwatch.watch_id);
                let index = index.ok_or_else(|| {
                    Error::InvalidRequest(format!("the session has no watch with id {}", unwatch.watch_id))
                })?;
                self.watches.swap_remove(index);
                done(crate::clock::now_ns())
            }
            Some(Command::Batch(batch)) => {
                self.pause = true;
                self.hold.count(Asked::Batch);
                Answer::Batch(self.batch(batch)?.into())
            }
            Some(Command::Open(_)) => {
                return Err(Error::InvalidRequest("the session is open already".to_owned()));
            }
            Some(Command::Watch(_) | Command::Program(_)) | None => {
                return Err(Error::InvalidRequest("the request has no command".to_owned()));
            }
        })
    }

    fn batch(&mut self, batch: BatchCommand) -> Result<BatchResult, Error> {
        let most = self.hold.limits().batch_operations;
        if batch.operations.is_empty() {
            return Err(Error::InvalidRequest(format!("a batch has 1 to {most} operations, not 0")));
        }
        if batch.operations.len() > most as usize {
            return Err(self.hold.broker().beyond("limits.batch_operations", most));
        }
        let mut result = BatchResult::default();
        let mut turn = self.hold.turn();
        for operation in &batch.operations {
            if turn.is_over() {
                drop(turn);
                turn = self.hold.turn();
            }
            match operate(&mut turn, operation, &mut result.bits) {
                Ok(timestamp_ns) => {
                    result.done += 1;
                    result.timestamp_ns = timestamp_ns;
                }
                Err(error) => {
                    result.error = Some(error.into());
                    break;
                }
            }
        }
        Ok(result)
    }

    fn watch(&mut self, id: u64, command: WatchCommand) -> Result<(), Error> {
        self.unused(id)?;
        let most = self.hold.limits().session_watches;
        self.hold.within("limits.session_watches", self.watches.len() + 1, most)?;
        let WatchCommand { mask, edge, resume } = command;
        let wanted = convert::watch_request(edge, resume)?;
        let place = watch::place(&self.places, self.hold.broker())?;
        let watch = self.hold.watch(mask, wanted)?;
        self.watches.push((id, WatchStream::new(watch, place)));
        Ok(())
    }

    fn program(&mut self, id: u64, program: Program) -> Result<(), Error> {
        self.hold.count(Asked::Program);
        self.unused(id)?;
        let steps = convert::steps(Some(program))?;
        let hold = self.hold.begin_program(&steps)?;
        self.running.push(id);
        self.results.push(self.programs.run(hold, steps).map(move |outcome| (id, outcome)).boxed());
        Ok(())
    }

    /// Answers that come later are told apart by their ids.
    fn unused(&self, id: u64) -> Result<(), Error> {
        if self.watches.iter().any(|(watch, _)| *watch == id) || self.running.contains(&id) {
            return Err(Error::InvalidRequest(format!("a watch or program with id {id} is running")));
        }
        Ok(())
    }
}

/// Does one operation of a batch: when that was. What it reads is added to the others'.
fn operate(
    turn: &mut Turn<'_>,
    operation: &gpiod_proto::v1::Operation,
    read_bits: &mut Vec<u64>,
) -> Result<u64, Error> {
    match &operation.operation {
        Some(Operation::Read(read)) => {
            let values = turn.read(read.mask)?;
            read_bits.push(values.bits);
            Ok(values.read.timestamp_ns)
        }
        Some(Operation::Write(write)) => Ok(turn.write(write.mask, write.bits)?.timestamp_ns),
        None => Err(Error::InvalidRequest("the operation says nothing".to_owned())),
    }
}
