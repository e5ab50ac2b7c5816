//! Clients of all kinds, on streams in memory and by a clock that goes on when nothing else does; and on true sockets.

use super::*;
use crate::connection::{REQUEST_TIME, TIME};
use crate::listener::{Accept, Stream};
use crate::request::MOST_BYTES;
use crate::{Coming, Page, Request, Status};
use std::future::ready;
use std::io;
use std::sync::Mutex;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// One page, as large as it is said; counts how often accepting failed.
#[derive(Default)]
struct Shown {
    bytes: usize,
    failures: Mutex<u32>,
}

impl Pages for Shown {
    fn page<'a>(&'a self, request: &'a Request<'a>) -> Coming<'a> {
        let page = match request.path() {
            "/page" if request.reads() => Page::text(Status::Ok, &"x".repeat(self.bytes)),
            "/page" => Page::text(Status::WrongMethod, ""),
            _ => Page::text(Status::NotFound, ""),
        };
        Box::pin(ready(page))
    }

    fn not_accepted(&self, _: &io::Error) {
        *self.failures.lock().unwrap() += 1;
    }
}

/// Clients that come from a test; without one there is an error.
struct Clients(Mutex<mpsc::Receiver<Option<DuplexStream>>>);

impl Accept for Clients {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>> {
        self.0.lock().unwrap().poll_recv(context).map(|client| match client.flatten() {
            Some(client) => Ok(Box::new(client) as Box<dyn Stream>),
            None => Err(io::ErrorKind::Other.into()),
        })
    }
}

/// A server that is running, and what it serves.
struct Served {
    clients: mpsc::Sender<Option<DuplexStream>>,
    shown: Arc<Shown>,
}

impl Served {
    fn start(bytes: usize) -> Self {
        let (clients, come) = mpsc::channel(1);
        let shown = Arc::new(Shown { bytes, ..Shown::default() });
        tokio::spawn(serve(Listener(Box::new(Clients(Mutex::new(come)))), shown.clone()));
        Self { clients, shown }
    }

    /// A client whose words and answers are in memory, 4 KiB each way.
    async fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(4096);
        self.clients.send(Some(theirs)).await.unwrap();
        ours
    }

    /// What a request is answered, and after how long.
    async fn ask(&self, request: &str) -> (String, Duration) {
        let mut stream = self.connect().await;
        let begin = Instant::now();
        // It may be cut off before all is sent.
        let _ = stream.write_all(request.as_bytes()).await;
        (rest(stream).await, begin.elapsed())
    }
}

/// All that comes until the end.
async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

const GET: &str = "GET /page HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_page_is_given_at_once_and_the_connection_ended() {
    let served = Served::start(5);
    for (request, status, text) in [
        (GET, "200", "xxxxx"),
        ("HEAD /page HTTP/1.0\r\n\r\n", "200", ""),
        ("POST /page HTTP/1.1\r\n\r\n", "405", ""),
        ("GET /elsewhere HTTP/1.1\r\n\r\n", "404", ""),
        ("no request\r\n\r\n", "400", ""),
    ] {
        let (answer, took) = served.ask(request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!((head.split(' ').nth(1), body, took), (Some(status), text, Duration::ZERO), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_is_told_so_and_one_that_just_is_not_is_answered() {
    let served = Served::start(5);
    let sized = |bytes: usize| {
        let fixed = "GET /page HTTP/1.1\r\nlarge: \r\n\r\n".len();
        format!("GET /page HTTP/1.1\r\nlarge: {}\r\n\r\n", "x".repeat(bytes - fixed))
    };
    assert!(served.ask(&sized(MOST_BYTES)).await.0.starts_with("HTTP/1.1 200 "));
    for request in [sized(MOST_BYTES + 1), format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(10 * MOST_BYTES))] {
        assert!(served.ask(&request).await.0.starts_with("HTTP/1.1 431 "));
    }
}

#[tokio::test(start_paused = true)]
async fn one_client_more_than_there_is_room_for_ends_the_oldest_and_is_served_at_once() {
    let served = Served::start(5);
    let mut silent = VecDeque::new();
    for _ in 0..CONNECTIONS {
        silent.push_back(served.connect().await);
    }
    let begin = Instant::now();
    assert!(served.ask(GET).await.0.ends_with("xxxxx"));
    assert_eq!(rest(silent.pop_front().unwrap()).await, "");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    // The others are still heard.
    for mut stream in silent {
        stream.write_all(GET.as_bytes()).await.unwrap();
        assert!(rest(stream).await.ends_with("xxxxx"));
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_served_takes_no_room_any_more() {
    let served = Served::start(5);
    let mut oldest = served.connect().await;
    for _ in 0..2 * CONNECTIONS {
        assert!(served.ask(GET).await.0.ends_with("xxxxx"));
    }
    oldest.write_all(GET.as_bytes()).await.unwrap();
    assert!(rest(oldest).await.ends_with("xxxxx"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_come_to_the_end_of_its_request_is_sent_away() {
    let served = Served::start(5);
    assert_eq!(served.ask("GET /page HTTP/1.1\r\nslow: ").await, (String::new(), REQUEST_TIME));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_page_is_ended_with_part_of_it() {
    let served = Served::start(10_000);
    let mut stream = served.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(TIME + Duration::from_millis(1)).await;
    assert_eq!(rest(stream).await.len(), 4096);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_accepted_is_told_and_the_next_client_is_served() {
    let served = Served::start(5);
    served.clients.send(None).await.unwrap();
    let (answer, took) = served.ask(GET).await;
    assert!(answer.ends_with("xxxxx"), "{answer}");
    assert!(took <= REST, "{took:?}");
    assert_eq!(*served.shown.failures.lock().unwrap(), 1);
}

/// Asks with more behind the request than any buffer has, all of which is sent before the answer is read.
async fn goes_on(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    stream.write_all(format!("{GET}{}", "more".repeat(10_000)).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn whoever_goes_on_after_its_request_does_not_lose_its_answer() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(serve(Listener::tcp(socket).unwrap(), Arc::new(Shown::default())));
    let answer = goes_on(TcpStream::connect(address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_unix_socket_does_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pages.sock");
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(serve(Listener::unix(socket).unwrap(), Arc::new(Shown::default())));
    let answer = goes_on(UnixStream::connect(&path).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
