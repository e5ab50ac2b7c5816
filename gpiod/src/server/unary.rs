//! A call of one message that is answered with one.

use super::answers::{Answering, Gone};
use super::messages::Messages;
use prost::Message;
use tonic::Status;

/// Answers a call of one message with one; a client that does not wait for it ends it.
///
/// # Errors
/// When the client has gone before.
pub(super) async fn unary<Q: Message + Default, A: Message>(
    messages: Messages<Q>,
    mut answering: Answering,
    answer: impl AsyncFnOnce(Q) -> Result<A, Status>,
) -> Result<(), Gone> {
    let asked = messages.only();
    let answered = tokio::select! {
        biased;
        answered = async { answer(asked.await?).await } => answered,
        () = answering.gone() => return Err(Gone),
    };
    match answered {
        Ok(answer) => answering.answer(&answer),
        Err(status) => answering.fail(status),
    }
}
