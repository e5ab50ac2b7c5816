//! A daemon that says what a test tells it to say, on a real socket.
//!
//! Every call is handed to the test, which answers it. The daemon runs on a runtime of its own, so that killing it
//! breaks its connections as the end of a process does.

#![allow(dead_code, reason = "each test file uses its part")]

use gpiod_proto::v1;
use gpiod_proto::v1::gpio_service_server::{GpioService, GpioServiceServer};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_sdk::{Client, Session, SessionBuilder};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

type Reply<T> = oneshot::Sender<Result<T, Status>>;

/// A call that waits for its answer.
pub(crate) enum Call {
    ListLines(Reply<v1::ListLinesResponse>),
    Read(v1::ReadRequest, Reply<v1::ReadResponse>),
    Write(v1::WriteRequest, Reply<v1::WriteResponse>),
    RunProgram(v1::RunProgramRequest, Reply<v1::RunProgramResponse>),
    Watch(v1::WatchRequest, mpsc::Sender<Result<v1::WatchResponse, Status>>),
    Sample(v1::SampleRequest, mpsc::Sender<Result<v1::SampleResponse, Status>>),
    Session(Served),
}

/// The daemon's end of a session.
pub(crate) struct Served {
    requests: Streaming<v1::SessionRequest>,
    responses: mpsc::Sender<Result<v1::SessionResponse, Status>>,
}

pub(crate) struct Daemon {
    socket: PathBuf,
    calls: mpsc::Receiver<Call>,
    runtime: Option<Runtime>,
    dir: Option<TempDir>,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = Self::start_at(&dir.path().join("gpiod.sock"));
        daemon.dir = Some(dir);
        daemon
    }

    pub(crate) fn start_at(socket: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sender, calls) = mpsc::channel(64);
        // As the real one does: bound under another name, then renamed over what was left.
        let temporary = socket.with_extension("new");
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(&temporary).unwrap()
        };
        std::fs::rename(&temporary, socket).unwrap();
        let service = GpioServiceServer::new(Scripted { calls: sender });
        let server = tonic::transport::Server::builder()
            .serve_with_incoming(service, UnixListenerStream::new(listener));
        runtime.spawn(async move { server.await.unwrap() });
        Self { socket: socket.to_path_buf(), calls, runtime: Some(runtime), dir: None }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) async fn client(&self) -> Client {
        Client::at(&self.socket).name("test").connect().await.unwrap()
    }

    pub(crate) async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// The next call, which must be a session; its first command, which must be `open`, is answered by `bits`. One that
    /// its client gave up before is none: where the clock is paused, that is soon.
    pub(crate) async fn opened(&mut self, bits: u64) -> (v1::OpenCommand, Served) {
        loop {
            let mut served = self.session().await;
            let Ok(Some(request)) = served.requests.message().await else { continue };
            let (0, Some(Command::Open(open))) = (request.id, request.command) else {
                panic!("not `open` first")
            };
            let opened = v1::OpenResult { values: Some(values(bits)), ..Default::default() };
            let answer = v1::SessionResponse { id: 0, result: Some(Answer::Open(opened)) };
            if served.responses.send(Ok(answer)).await.is_ok() {
                return (*open, served);
            }
        }
    }

    pub(crate) async fn session(&mut self) -> Served {
        let Call::Session(served) = self.call().await else { panic!("not a session") };
        served
    }

    /// Opens a session from both ends.
    pub(crate) async fn open(&mut self, builder: SessionBuilder) -> (Session, Served) {
        let (session, (_, served)) = tokio::join!(builder.open(), self.opened(0));
        (session.unwrap(), served)
    }

    /// Ends it as SIGKILL does: its connections break, its socket stays behind.
    pub(crate) fn kill(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// Starts another one at the same path.
    pub(crate) fn restart(&mut self) -> Self {
        if self.runtime.is_some() {
            self.kill();
        }
        let mut again = Self::start_at(&self.socket);
        again.dir = self.dir.take();
        again
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Served {
    /// The next command; `None` when the client has ended its side.
    pub(crate) async fn next(&mut self) -> Option<(u64, Command)> {
        let request = self.requests.message().await.unwrap()?;
        Some((request.id, request.command.unwrap()))
    }

    /// Waits for the end of the client's side, given up or ended well.
    pub(crate) async fn ended(&mut self) -> bool {
        !matches!(self.requests.message().await, Ok(Some(_)))
    }

    pub(crate) async fn open_command(&mut self) -> v1::OpenCommand {
        let (0, Command::Open(open)) = self.next().await.unwrap() else { panic!("not `open` first") };
        *open
    }

    pub(crate) async fn answer(&self, id: u64, answer: Answer) {
        let response = v1::SessionResponse { id, result: Some(answer) };
        self.responses.send(Ok(response)).await.unwrap();
    }

    pub(crate) async fn done(&self, id: u64) {
        self.answer(id, Answer::Done(v1::DoneResult { timestamp_ns: 1000 + id })).await;
    }

    pub(crate) async fn end_with(self, status: Status) {
        self.responses.send(Err(status)).await.unwrap();
    }
}

pub(crate) fn values(bits: u64) -> v1::Values {
    v1::Values { bits, timestamp_ns: 7 }
}

/// A watch's first message.
pub(crate) fn first(bits: u64) -> v1::WatchResponse {
    v1::WatchResponse { values: Some(values(bits)), first_seqno: 1, ..Default::default() }
}

/// Rising edges of line 0 with these stream sequence numbers.
pub(crate) fn edges(seqnos: std::ops::Range<u64>) -> v1::WatchResponse {
    let edge = |seqno| v1::EdgeEvent {
        line: 0,
        edge: v1::Edge::Rising.into(),
        timestamp_ns: seqno * 10,
        line_seqno: seqno,
        source: v1::EventSource::Kernel.into(),
    };
    v1::WatchResponse { first_seqno: seqnos.start, events: seqnos.map(edge).collect(), ..Default::default() }
}

pub(crate) fn refusal(code: Code, reason: &str, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, gpiod_proto::ERROR_DOMAIN, []);
    Status::with_error_details(code, message, details)
}

struct Scripted {
    calls: mpsc::Sender<Call>,
}

impl Scripted {
    async fn ask<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Result<Response<T>, Status> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(call(reply)).await?;
        answer.await.map_err(|_| Status::internal("the test did not answer"))?.map(Response::new)
    }

    async fn hand_over(&self, call: Call) -> Result<(), Status> {
        self.calls.send(call).await.map_err(|_| Status::internal("the test has ended"))
    }
}

#[tonic::async_trait]
impl GpioService for Scripted {
    async fn list_lines(
        &self,
        _: Request<v1::ListLinesRequest>,
    ) -> Result<Response<v1::ListLinesResponse>, Status> {
        self.ask(Call::ListLines).await
    }

    async fn read(&self, request: Request<v1::ReadRequest>) -> Result<Response<v1::ReadResponse>, Status> {
        self.ask(|reply| Call::Read(request.into_inner(), reply)).await
    }

    async fn write(&self, request: Request<v1::WriteRequest>) -> Result<Response<v1::WriteResponse>, Status> {
        self.ask(|reply| Call::Write(request.into_inner(), reply)).await
    }

    async fn run_program(
        &self,
        request: Request<v1::RunProgramRequest>,
    ) -> Result<Response<v1::RunProgramResponse>, Status> {
        self.ask(|reply| Call::RunProgram(request.into_inner(), reply)).await
    }

    type WatchStream = ReceiverStream<Result<v1::WatchResponse, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (sender, receiver) = mpsc::channel(16);
        self.hand_over(Call::Watch(request.into_inner(), sender)).await?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    type SampleStream = ReceiverStream<Result<v1::SampleResponse, Status>>;

    async fn sample(
        &self,
        request: Request<v1::SampleRequest>,
    ) -> Result<Response<Self::SampleStream>, Status> {
        let (sender, receiver) = mpsc::channel(16);
        self.hand_over(Call::Sample(request.into_inner(), sender)).await?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    type SessionStream = ReceiverStream<Result<v1::SessionResponse, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (responses, receiver) = mpsc::channel(1024);
        self.hand_over(Call::Session(Served { requests: request.into_inner(), responses })).await?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
