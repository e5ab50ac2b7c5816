//! What becomes of the connection and its streams, seen from the daemon's end of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod scripted;

use gpiod_proto::v1;
use gpiod_sdk::{Client, Code, Error, LineUse, Program, WatchItem};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use prost::Message;
use scripted::{edges, first, values};
use std::future::poll_fn;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::join;
use tokio::net::UnixListener;
use tokio::sync::{Notify, mpsc};
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

/// What the daemon takes on one stream before it reads.
const WINDOW: u32 = 16 * 1024;

type Call = (Request<RecvStream>, SendResponse<Bytes>);

/// The daemon's socket.
struct Socket {
    listener: UnixListener,
    dir: TempDir,
}

/// The daemon's end of a connection.
struct Connection {
    calls: mpsc::Receiver<Call>,
    going: Arc<Notify>,
}

impl Socket {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { listener: UnixListener::bind(dir.path().join("gpiod.sock")).unwrap(), dir }
    }

    async fn client(&self) -> (Client, Connection) {
        let client = Client::at(self.dir.path().join("gpiod.sock")).connect();
        let (client, connection) = join!(client, self.accept());
        (client.unwrap(), connection)
    }

    async fn accept(&self) -> Connection {
        let (stream, _) = self.listener.accept().await.unwrap();
        let (sender, calls) = mpsc::channel(8);
        let going = Arc::new(Notify::new());
        let told = going.clone();
        tokio::spawn(async move {
            let mut http = Builder::new();
            let mut http = http.initial_window_size(WINDOW).handshake::<_, Bytes>(stream).await.unwrap();
            loop {
                tokio::select! {
                    call = http.accept() => match call {
                        Some(Ok(call)) => sender.send(call).await.unwrap(),
                        Some(Err(_)) | None => return,
                    },
                    () = told.notified() => http.graceful_shutdown(),
                }
            }
        });
        Connection { calls, going }
    }
}

impl Connection {
    async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }
}

/// All that a client sends.
async fn read_all(body: &mut RecvStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    bytes
}

fn begin(mut respond: SendResponse<Bytes>) -> SendStream<Bytes> {
    respond.send_response(Response::new(()), false).unwrap()
}

fn send(stream: &mut SendStream<Bytes>, message: &impl Message) {
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    bytes.extend(message.encode_to_vec());
    stream.send_data(bytes.into(), false).unwrap();
}

fn end(stream: &mut SendStream<Bytes>) {
    let ok = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
    stream.send_trailers(ok).unwrap();
}

fn answer(respond: SendResponse<Bytes>, message: &impl Message) {
    let mut stream = begin(respond);
    send(&mut stream, message);
    end(&mut stream);
}

/// Why the client reset the stream.
async fn reset(respond: &mut SendResponse<Bytes>) -> Reason {
    poll_fn(|context| respond.poll_reset(context)).await.unwrap()
}

#[tokio::test]
async fn a_request_that_is_larger_than_the_window_comes_as_the_daemon_reads() {
    let socket = Socket::new();
    let (client, mut daemon) = socket.client().await;
    let names: Vec<String> = (0..64).map(|line| format!("{line:02000}")).collect();
    let (read, ()) = join!(client.read(names.clone()), async {
        let (request, respond) = daemon.call().await;
        let mut body = request.into_body();
        // No more comes before some of it is read.
        let mut first = Vec::new();
        while first.len() < WINDOW as usize {
            first.extend(body.data().await.unwrap().unwrap());
        }
        assert_eq!(first.len(), WINDOW as usize);
        body.flow_control().release_capacity(first.len()).unwrap();
        first.extend(read_all(&mut body).await);
        assert_eq!(v1::ReadRequest::decode(&first[5..]).unwrap().lines, names);
        answer(respond, &v1::ReadResponse { values: Some(values(5)) });
    });
    assert_eq!(read.unwrap().bits(), 5);
}

#[tokio::test]
async fn an_answer_that_is_larger_than_the_windows_comes_whole() {
    let socket = Socket::new();
    let (client, mut daemon) = socket.client().await;
    let line = v1::Line { name: "x".repeat(100_000), ..Default::default() };
    // Over and over, on one connection: what is taken makes room.
    for _ in 0..3 {
        let (lines, ()) = join!(client.lines(), async {
            let (request, respond) = daemon.call().await;
            read_all(&mut request.into_body()).await;
            let lines = vec![line.clone(); 38];
            answer(respond, &v1::ListLinesResponse { lines, ..Default::default() });
        });
        assert_eq!(lines.unwrap().lines.len(), 38);
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_resets_its_stream() {
    let socket = Socket::new();
    let (client, mut daemon) = socket.client().await;
    let program = Program::new();
    let mut run = Box::pin(client.run_program([LineUse::output("red")], &program));
    let (_request, mut respond) = tokio::select! {
        call = daemon.call() => call,
        _ = run.as_mut() => panic!("it was answered"),
    };
    drop(run);
    assert_eq!(reset(&mut respond).await, Reason::CANCEL);
}

#[tokio::test]
async fn a_watch_that_is_dropped_resets_its_stream() {
    let socket = Socket::new();
    let (client, mut daemon) = socket.client().await;
    let (watch, mut stream) = join!(client.watch(["button"]).open(), async {
        let (request, respond) = daemon.call().await;
        read_all(&mut request.into_body()).await;
        let mut stream = begin(respond);
        send(&mut stream, &first(0));
        stream
    });
    drop(watch.unwrap());
    let reason = poll_fn(|context| stream.poll_reset(context)).await.unwrap();
    assert_eq!(reason, Reason::CANCEL);
}

#[tokio::test]
async fn what_runs_goes_on_when_the_daemon_is_about_to_end_the_connection_and_the_next_call_has_its_own() {
    let socket = Socket::new();
    let (client, mut old) = socket.client().await;
    let (watch, mut stream) = join!(client.watch(["button"]).open(), async {
        let (request, respond) = old.call().await;
        read_all(&mut request.into_body()).await;
        let mut stream = begin(respond);
        send(&mut stream, &first(0));
        stream
    });
    let mut watch = watch.unwrap();
    old.going.notify_one();
    let of_new = v1::Line { name: "new".to_owned(), ..Default::default() };
    let asked = async {
        // Until the client has heard of it, its calls go the old way; one that crosses with the end fails.
        while !client.lines().await.is_ok_and(|lines| lines.get("new").is_some()) {}
    };
    let served = async {
        let mut new = loop {
            tokio::select! {
                Some((_, respond)) = old.calls.recv() => answer(respond, &v1::ListLinesResponse::default()),
                new = socket.accept() => break new,
            }
        };
        loop {
            let lines = vec![of_new.clone()];
            answer(new.call().await.1, &v1::ListLinesResponse { lines, ..Default::default() });
        }
    };
    tokio::select! {
        () = asked => {}
        () = served => {}
    }

    send(&mut stream, &edges(1..2));
    let Some(Ok(WatchItem::Values(_))) = watch.next().await else { panic!("no values") };
    let Some(Ok(WatchItem::Edge(edge))) = watch.next().await else { panic!("no edge") };
    assert_eq!(edge.timestamp_ns, 10);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_any_more_is_closed() {
    let socket = Socket::new();
    let (client, mut daemon) = socket.client().await;
    let (lines, ()) = join!(client.lines(), async {
        answer(daemon.call().await.1, &v1::ListLinesResponse::default());
    });
    lines.unwrap();
    drop(client);
    assert!(daemon.calls.recv().await.is_none());
}

#[tokio::test]
async fn an_answer_without_a_good_end_is_none() {
    let socket = Socket::new();
    let (client, mut daemon) = socket.client().await;
    let (lines, ()) = join!(client.lines(), async {
        let (_request, respond) = daemon.call().await;
        let mut stream = begin(respond);
        send(&mut stream, &v1::ListLinesResponse::default());
        stream.send_data(Bytes::new(), true).unwrap();
    });
    assert!(matches!(&lines, Err(Error::Refused { code: Code::Unknown, .. })), "{lines:?}");

    let (lines, ()) = join!(client.lines(), async {
        end(&mut begin(daemon.call().await.1));
    });
    assert!(matches!(&lines, Err(Error::Refused { code: Code::Internal, .. })), "{lines:?}");

    let (lines, ()) = join!(client.lines(), async {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::NOT_FOUND;
        daemon.call().await.1.send_response(response, true).unwrap();
    });
    assert!(matches!(&lines, Err(Error::Refused { code: Code::Unknown, .. })), "{lines:?}");

    let (lines, ()) = join!(client.lines(), async {
        let mut stream = begin(daemon.call().await.1);
        // More than 4 MiB, of which nothing need come.
        stream.send_data(Bytes::from_static(&[0, 0, 0x40, 0, 1]), false).unwrap();
        assert_eq!(poll_fn(|context| stream.poll_reset(context)).await.unwrap(), Reason::CANCEL);
    });
    assert!(matches!(&lines, Err(Error::Refused { code: Code::OutOfRange, .. })), "{lines:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let socket = Socket::new();
    let (client, mut daemon) = socket.client().await;
    let (lines, ()) = join!(client.lines(), async {
        let (_request, respond) = daemon.call().await;
        let mut stream = begin(respond);
        stream.send_data(Bytes::from_static(&[0, 0, 0, 0, 9, 1]), false).unwrap();
        stream.send_reset(Reason::INTERNAL_ERROR);
    });
    assert!(matches!(lines, Err(Error::Away { .. })), "{lines:?}");
}
