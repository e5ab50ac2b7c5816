//! A daemon that answers as a test says, for tests of the apps as real processes. It has no lines and checks
//! nothing; what the real daemon makes of the same commands is tested with the real daemon.

use gpiod_proto::v1::gpio_service_server::{GpioService, GpioServiceServer};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{
    ListLinesRequest, ListLinesResponse, ReadRequest, ReadResponse, RunProgramRequest, RunProgramResponse,
    SessionRequest, SessionResponse, WatchRequest, WatchResponse, WriteRequest, WriteResponse,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Output};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

/// How long a test waits for what should happen at once, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to answer to a command; `None` is no answer.
pub(crate) type Script = fn(&Command) -> Option<Result<Answer, Status>>;

/// What a client did.
#[derive(Debug)]
pub(crate) enum Seen {
    /// It sent a command.
    Command(Command),
    /// It closed its half of the session, as a clean end does.
    Closed,
    /// Its session broke off.
    Broken,
}

/// A daemon in this process; dropping it is its sudden death.
pub(crate) struct Scripted {
    /// Dropped first: that ends the thread.
    _alive: oneshot::Sender<()>,
    seen: Receiver<Seen>,
}

impl Scripted {
    /// Serves on that socket, in place of whatever was there.
    pub(crate) fn start(socket: &Path, script: Script) -> Self {
        let (sender, seen) = sync_channel(4096);
        let (alive, dropped) = oneshot::channel::<()>();
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let service = GpioServiceServer::new(Service { script, seen: sender });
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let incoming = UnixListenerStream::new(tokio::net::UnixListener::from_std(listener).unwrap());
                tokio::select! {
                    served = Server::builder().serve_with_incoming(service, incoming) => served.unwrap(),
                    _ = dropped => {}
                }
            });
            // The runtime goes here, and all connections with it.
        });
        Self { _alive: alive, seen }
    }

    /// The next thing that a client did.
    pub(crate) fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).unwrap()
    }
}

/// A refusal with its reason, as the daemon gives it.
pub(crate) fn refusal(code: Code, reason: &str, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, gpiod_proto::ERROR_DOMAIN, []);
    Status::with_error_details(code, message, details)
}

/// Sends a signal and gives what the process left behind, and how long it took to end.
pub(crate) fn end(child: Child, signal: Signal) -> (Output, Duration) {
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let begin = Instant::now();
    kill(pid, signal).unwrap();
    let output = child.wait_with_output().unwrap();
    (output, begin.elapsed())
}

struct Service {
    script: Script,
    seen: SyncSender<Seen>,
}

#[tonic::async_trait]
impl GpioService for Service {
    type WatchStream = ReceiverStream<Result<WatchResponse, Status>>;
    type SampleStream = ReceiverStream<Result<gpiod_proto::v1::SampleResponse, Status>>;
    type SessionStream = ReceiverStream<Result<SessionResponse, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (script, seen) = (self.script, self.seen.clone());
        let (answers, stream) = mpsc::channel(64);
        let mut requests = request.into_inner();
        tokio::spawn(async move {
            loop {
                let Ok(request) = requests.message().await else {
                    return seen.send(Seen::Broken).unwrap_or_default();
                };
                let Some(SessionRequest { id, command: Some(command) }) = request else {
                    return seen.send(Seen::Closed).unwrap_or_default();
                };
                let answer = script(&command);
                let _ = seen.send(Seen::Command(command));
                if let Some(answer) = answer {
                    let answer = answer.map(|result| SessionResponse { id, result: Some(result) });
                    let _ = answers.send(answer).await;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn list_lines(&self, _: Request<ListLinesRequest>) -> Result<Response<ListLinesResponse>, Status> {
        Ok(Response::new(ListLinesResponse::default()))
    }

    async fn read(&self, _: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        Err(Status::unimplemented("not in this script"))
    }

    async fn write(&self, _: Request<WriteRequest>) -> Result<Response<WriteResponse>, Status> {
        Err(Status::unimplemented("not in this script"))
    }

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not in this script"))
    }

    async fn sample(
        &self,
        _: Request<gpiod_proto::v1::SampleRequest>,
    ) -> Result<Response<Self::SampleStream>, Status> {
        Err(Status::unimplemented("not in this script"))
    }

    async fn run_program(
        &self,
        _: Request<RunProgramRequest>,
    ) -> Result<Response<RunProgramResponse>, Status> {
        Err(Status::unimplemented("not in this script"))
    }
}
