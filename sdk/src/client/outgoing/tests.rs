use super::*;
use crate::client::answers::{Answers, TURN};
use crate::client::framing::put;
use crate::client::requests::{PIECE, requests};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::{OpenCommand, SessionRequest, SessionResponse};
use h2::server::{Builder, Connection};
use prost::Message;
use prost::bytes::BytesMut;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tonic::Status;
use tonic::codegen::http::{Request, Response};

/// What the daemon takes on one stream before it reads.
const WINDOW: usize = 16 * 1024;
const DATA: u8 = 0;
const HEADERS: u8 = 1;

type Writes = Arc<Mutex<Vec<Vec<u8>>>>;

/// Keeps what is written, write by write.
struct Recorded {
    stream: DuplexStream,
    writes: Writes,
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.writes.lock().unwrap().push(bytes[..written].to_vec());
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The types of the frames in some bytes.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, ..] = *bytes {
        frames.push(kind);
        bytes = &bytes[9 + u32::from_be_bytes([0, a, b, c]) as usize..];
    }
    frames
}

/// A request of so many bytes with its head.
fn request(bytes: usize) -> SessionRequest {
    let open = OpenCommand { client_name: "x".repeat(bytes - 11), ..Default::default() };
    let request = SessionRequest { id: 0, command: Some(Command::Open(open.into())) };
    assert_eq!(request.encoded_len(), bytes - 5);
    request
}

/// A session whose requests come from a queue, the writes of its connection, and the daemon.
async fn ask(
    requests: Waiting,
) -> (impl Future<Output = Result<Answers<SessionResponse>, Status>>, Writes, Daemon) {
    let (near, far) = duplex(256 * 1024);
    let writes = Writes::default();
    let near = Recorded { stream: near, writes: writes.clone() };
    let mut http = Builder::new();
    http.initial_window_size(u32::try_from(WINDOW).unwrap());
    let (client, daemon) = tokio::join!(h2::client::handshake(near), http.handshake(far));
    let ((mut client, connection), mut daemon) = (client.unwrap(), daemon.unwrap());
    tokio::spawn(connection);
    // What the daemon says of its windows is known before the call.
    let (first, _) = client.send_request(Request::new(()), true).unwrap();
    let (_, mut respond) = daemon.accept().await.unwrap().unwrap();
    respond.send_response(Response::new(()), true).unwrap();
    tokio::select! {
        answer = first => drop(answer.unwrap()),
        _ = daemon.accept() => panic!("there is one call"),
    }
    writes.lock().unwrap().clear();
    let (answer, stream) = client.send_request(Request::new(()), false).unwrap();
    (Answers::begin(answer, Some(Outgoing::new(requests, stream))), writes, daemon)
}

type Daemon = Connection<DuplexStream, Bytes>;

#[tokio::test]
async fn what_is_there_when_a_call_begins_is_one_write_with_its_headers() {
    let (sender, requests) = requests();
    sender.put(&request(200)).unwrap();
    let (asked, writes, mut daemon) = ask(requests).await;
    tokio::select! {
        call = daemon.accept() => drop(call.unwrap().unwrap()),
        _ = asked => panic!("it was answered"),
    }
    let first = frames(&writes.lock().unwrap()[0]);
    assert_eq!(first, [HEADERS, DATA]);
}

#[tokio::test]
async fn requests_that_the_daemon_does_not_read_are_left_where_they_are() {
    const REQUESTS: usize = 200;
    let (sender, requests) = requests();
    for _ in 0..REQUESTS {
        sender.put(&request(1024)).unwrap();
    }
    let (asked, _, mut daemon) = ask(requests).await;
    let mut asked = pin!(asked);
    let (request, mut respond) = tokio::select! {
        call = daemon.accept() => call.unwrap().unwrap(),
        _ = asked.as_mut() => panic!("it was answered"),
    };
    let mut body = request.into_body();
    let mut read = 0;
    while read < WINDOW {
        tokio::select! {
            data = poll_fn(|context| body.poll_data(context)) => read += data.unwrap().unwrap().len(),
            _ = daemon.accept() => panic!("there is one call"),
            _ = asked.as_mut() => panic!("it was answered"),
        }
    }
    assert_eq!(read, WINDOW);
    // What the daemon has, a piece that h2 has begun, and the next.
    let taken = REQUESTS * 1024 - sender.waiting();
    assert!((WINDOW..=WINDOW + 2 * PIECE).contains(&taken), "{taken}");

    // Once it reads, all come.
    drop(sender);
    body.flow_control().release_capacity(read).unwrap();
    let rest = async {
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            read += data.len();
        }
        respond.send_response(Response::new(()), false).unwrap();
    };
    let ((), answers) = tokio::select! {
        both = async { tokio::join!(rest, asked) } => both,
        _ = daemon.accept() => panic!("there is one call"),
    };
    answers.unwrap();
    assert_eq!(read, REQUESTS * 1024);
}

#[tokio::test]
async fn requests_have_their_turn_while_answers_come_without_a_pause() {
    let (sender, requests) = requests();
    let (asked, _, mut daemon) = ask(requests).await;
    let (_request, mut respond) = {
        let mut asked = pin!(asked);
        let (request, mut respond) = tokio::select! {
            call = daemon.accept() => call.unwrap().unwrap(),
            _ = asked.as_mut() => panic!("it was answered"),
        };
        let mut answers = BytesMut::new();
        for id in 1..=3 * TURN as u64 {
            put(&SessionResponse { id, result: None }, &mut answers);
        }
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream.send_data(answers.freeze(), false).unwrap();
        let answers = tokio::select! {
            answers = asked.as_mut() => answers.unwrap(),
            _ = daemon.accept() => panic!("there is one call"),
        };
        (request, (answers, stream))
    };
    // All that was answered comes before any of it is taken.
    for _ in 0..100 {
        tokio::select! {
            biased;
            _ = daemon.accept() => panic!("there is one call"),
            () = tokio::task::yield_now() => {}
        }
    }
    let (answers, _stream) = &mut respond;
    let given = Cell::new(0);
    let mut each = pin!(answers.each(|_| {
        if given.get() == 0 {
            sender.put(&request(200)).unwrap();
        }
        given.set(given.get() + 1);
    }));
    for (turn, waiting) in [(1, 200), (2, 0)] {
        let polled = poll_fn(|context| Poll::Ready(each.as_mut().poll(context))).await;
        assert!(polled.is_pending());
        assert_eq!((given.get(), sender.waiting()), (turn * TURN, waiting));
    }
}
