//! The one task of a session: it hands out answers, and brings the session back when the daemon has gone.
//!
//! It ends when the daemon has ended the stream of a closed session, and when the session can not come back.

use crate::backoff::{Backoff, STEADY};
use crate::client::answers::Answers;
use crate::client::connection::{Connection, frozen, in_time, now};
use crate::client::requests::{Requests, requests};
use crate::error::Error;
use crate::session::core::Core;
use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use std::sync::Arc;

/// A session's two streams, and how it opened.
pub(crate) struct Opened {
    pub(crate) requests: Requests,
    pub(crate) responses: Answers<v1::SessionResponse>,
    pub(crate) values: v1::Values,
    /// What it can be resumed with.
    pub(crate) token: Vec<u8>,
    /// Whether it goes on with the session of the command's token.
    pub(crate) resumed: bool,
}

/// Opens a session.
pub(crate) async fn open(connection: &Connection, command: v1::OpenCommand) -> Result<Opened, Error> {
    let away = |why: &str| Error::Away { since: now(), why: why.to_owned() };
    let (requests, waiting) = requests();
    let first = v1::SessionRequest { id: 0, command: Some(Command::Open(command.into())) };
    requests.put(&first).map_err(|_| away("the connection broke"))?;
    let mut responses = connection.call(connection.rpc().session(waiting)).await?;
    let first = in_time(responses.message()).await?.map_err(|status| connection.failed(&status))?;
    match first.map(|response| response.result) {
        Some(Some(Answer::Open(v1::OpenResult { values, token, resumed }))) => {
            Ok(Opened { requests, responses, values: values.unwrap_or_default(), token, resumed })
        }
        Some(Some(Answer::Error(error))) => Err(crate::error::status::refusal(error)),
        Some(_) => Err(Error::protocol("the first answer of a session is not that it is open")),
        None => Err(away("the stream ended")),
    }
}

/// Runs a session to its end. `command` opens it again, with the token that it was last given.
pub(crate) async fn run(
    core: Arc<Core>,
    connection: Connection,
    mut command: v1::OpenCommand,
    mut responses: Answers<v1::SessionResponse>,
) {
    let _abandoned = Abandoned(&core);
    let mut backoff = Backoff::new();
    loop {
        let opened = now();
        let end = dispatch(&core, &connection, responses).await;
        let why = end
            .clone()
            .err()
            .unwrap_or_else(|| Error::Away { since: now(), why: "the daemon ended the session".to_owned() });
        if why.is_final() || !core.lost(&why) {
            return core.ended(end);
        }
        if now().duration_since(opened) > STEADY {
            backoff = Backoff::new();
        }
        tokio::select! {
            biased;
            () = core.closed.notified() => return core.ended(Ok(())),
            again = reopen(&core, &connection, &mut command, &mut backoff) => match again {
                Ok(again) => responses = again,
                Err(error) => return core.ended(Err(error)),
            },
        }
    }
}

/// Tells those who wait when the task is dropped.
struct Abandoned<'a>(&'a Core);

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        self.0.abandoned();
    }
}

/// Hands out answers until the stream ends, or the daemon gives none that is waited for.
async fn dispatch(
    core: &Core,
    connection: &Connection,
    mut responses: Answers<v1::SessionResponse>,
) -> Result<(), Error> {
    tokio::select! {
        biased;
        end = responses.each(|response| core.dispatch(response)) => {
            end.map_err(|status| connection.failed(&status))
        }
        () = core.frozen() => {
            connection.leave();
            Err(frozen())
        }
    }
}

/// Tries until the session is open again; fails where no further try can help.
async fn reopen(
    core: &Core,
    connection: &Connection,
    command: &mut v1::OpenCommand,
    backoff: &mut Backoff,
) -> Result<Answers<v1::SessionResponse>, Error> {
    loop {
        tokio::time::sleep(backoff.delay()).await;
        match open(connection, command.clone()).await {
            Ok(opened) => {
                command.resume_token = opened.token;
                core.resumed(opened.requests, opened.values, opened.resumed);
                return Ok(opened.responses);
            }
            Err(error) if error.is_final() => return Err(error),
            Err(error) => core.still_away(&error),
        }
    }
}
