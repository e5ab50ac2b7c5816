//! Health, as grpc.health.v1 tells it: of the daemon as a whole, which is the empty name, and of the API, which ceases to
//! serve when the daemon stops.

use super::answers::{Answering, Gone, Telling};
use super::messages::Messages;
use super::unary::unary;
use gpiod_proto::v1::gpio_service_server::SERVICE_NAME;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tonic::Status;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Whether each serves.
#[derive(Clone, Debug)]
pub(super) struct Health {
    daemon: watch::Sender<bool>,
    api: watch::Sender<bool>,
}

impl Health {
    /// The name of the service.
    pub(super) const NAME: &str = "grpc.health.v1.Health";

    /// All serve.
    pub(super) fn new() -> Self {
        Self { daemon: watch::Sender::new(true), api: watch::Sender::new(true) }
    }

    /// The API does not serve any more.
    pub(super) fn stop(&self) {
        self.api.send_replace(false);
    }

    /// Answers a call.
    ///
    /// # Errors
    /// When the client has gone before.
    pub(super) async fn call(
        &self,
        method: &str,
        messages: Messages<HealthCheckRequest>,
        answering: Answering,
    ) -> Result<(), Gone> {
        match method {
            "Check" => unary(messages, answering, async |asked| Ok(told(*self.of(&asked)?.borrow()))).await,
            "Watch" => match messages.only().await.and_then(|asked| self.of(&asked)) {
                Ok(serves) => {
                    let healths = HealthStream(WatchStream::new(serves));
                    answering.begin()?.send_all(healths, true).await
                }
                Err(status) => answering.fail(status),
            },
            _ => answering.fail(Status::unimplemented("health has no such method")),
        }
    }

    fn of(&self, asked: &HealthCheckRequest) -> Result<watch::Receiver<bool>, Status> {
        match asked.service.as_str() {
            "" => Ok(self.daemon.subscribe()),
            SERVICE_NAME => Ok(self.api.subscribe()),
            _ => Err(Status::not_found("service not registered")),
        }
    }
}

fn told(serves: bool) -> HealthCheckResponse {
    let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

/// The present health, and each change of it.
#[derive(Debug)]
struct HealthStream(WatchStream<bool>);

impl Telling for HealthStream {
    type Message = HealthCheckResponse;
}

impl Stream for HealthStream {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let serves = ready!(Pin::new(&mut self.0).poll_next(context));
        Poll::Ready(serves.map(|serves| Ok(told(serves))))
    }
}
