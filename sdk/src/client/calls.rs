//! Calls in gRPC, on HTTP/2 itself: one message or a stream of them each way, and a status at the end.
//!
//! This stands in for the generated clients, and for tonic's codec and hyper below them: together two fifths of what a
//! call cost, and a seventh of a small app.

use super::answers::Answers;
use super::framing::put;
use super::methods::{Method, SESSION};
use super::outgoing::Outgoing;
use super::requests::Waiting;
use super::transport::Transport;
use gpiod_proto::{quick, v1};
use prost::Message;
use prost::bytes::BytesMut;
use tonic::Status;

impl Transport {
    /// A call of one message that is answered by one.
    pub(crate) async fn unary<Q: Message, A: Message + Default>(
        &self,
        method: Method<Q, A>,
        request: &Q,
    ) -> Result<A, Status> {
        let mut answers = self.call(method, request).await?;
        let Some(answer) = answers.message().await? else {
            return Err(Status::internal("the answer has no message"));
        };
        // It holds only if it ended well.
        while answers.message().await?.is_some() {}
        Ok(answer)
    }

    /// A call of one message that is answered by a stream of them.
    pub(crate) async fn call<Q: Message, A: Message + Default>(
        &self,
        method: Method<Q, A>,
        request: &Q,
    ) -> Result<Answers<A>, Status> {
        let mut bytes = BytesMut::new();
        put(request, &mut bytes);
        let (answer, mut stream) = self.begin(method.uri).await?;
        // Waits beside the headers, and leaves with them, as far as the daemon has room for it.
        stream.send_data(bytes.freeze(), true).map_err(broken)?;
        Answers::begin(answer, None).await
    }

    /// The call whose messages are a stream both ways. It takes requests while its answers are waited for.
    pub(crate) async fn session(&self, requests: Waiting) -> Result<Answers<v1::SessionResponse>, Status> {
        let (answer, stream) = self.begin(SESSION.uri).await?;
        let answers = Answers::begin(answer, Some(Outgoing::new(requests, stream))).await?;
        Ok(answers.decoded_by(quick::response))
    }
}

/// What a broken stream says.
pub(super) fn broken(error: h2::Error) -> Status {
    Status::from_error(Box::new(error))
}
