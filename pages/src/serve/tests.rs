//! Clients of all kinds, on streams in memory and by a clock that goes on when nothing else does; and on true sockets.

use super::*;
use crate::connection::TIME;
use crate::listener::Accept;
use crate::request::MOST_BYTES;
use crate::row::{MOST_BYTES_OF_ALL, PLACES, REQUEST_TIME};
use crate::{Coming, Page, Request, Status};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::task::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, mpsc};

/// One page, as large as it is said, and one that is made when a test wants it; counts how often accepting failed.
#[derive(Default)]
struct Shown {
    bytes: usize,
    asked: Notify,
    made: Notify,
    failures: Mutex<u32>,
}

impl Pages for Shown {
    fn page<'a>(&'a self, request: &'a Request<'a>) -> Coming<'a> {
        Box::pin(async move {
            match request.path() {
                "/page" if request.reads() => Page::text(Status::Ok, &"x".repeat(self.bytes)),
                "/page" => Page::text(Status::WrongMethod, ""),
                "/slow" => {
                    self.asked.notify_one();
                    self.made.notified().await;
                    Page::text(Status::Ok, "made")
                }
                _ => Page::text(Status::NotFound, ""),
            }
        })
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
async fn one_client_more_than_there_is_room_for_ends_the_oldest_that_has_not_asked_and_is_served_at_once() {
    let served = Served::start(5);
    let mut silent = VecDeque::new();
    for _ in 0..PLACES {
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
async fn whoever_has_asked_already_is_answered_before_one_more_makes_anybody_go() {
    let served = Served::start(5);
    let mut clients = Vec::new();
    for _ in 0..PLACES {
        clients.push(served.connect().await);
    }
    for stream in &mut clients {
        stream.write_all(GET.as_bytes()).await.unwrap();
    }
    let _one_more = served.connect().await;
    for stream in clients {
        assert!(rest(stream).await.ends_with("xxxxx"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_being_answered_is_not_ended_for_those_who_ask_for_nothing() {
    let served = Served::start(5);
    let mut slow = served.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\n\r\n").await.unwrap();
    served.shown.asked.notified().await;
    let mut silent = Vec::new();
    for _ in 0..4 * PLACES {
        silent.push(served.connect().await);
    }
    served.shown.made.notify_one();
    assert!(rest(slow).await.ends_with("made"));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_keeps_out_nobody_who_asks() {
    let served = Served::start(10_000);
    let mut deaf = Vec::new();
    for _ in 0..2 * ANSWERED {
        let mut stream = served.connect().await;
        stream.write_all(GET.as_bytes()).await.unwrap();
        deaf.push(stream);
    }
    let (answer, took) = served.ask(GET).await;
    assert!(answer.len() > 10_000, "{answer}");
    assert_eq!(took, Duration::ZERO);
    // The oldest got what there is room for on the way, the others are still answered when they come to read.
    for (number, stream) in deaf.into_iter().enumerate() {
        let length = rest(stream).await.len();
        assert_eq!(length > 4096, number > ANSWERED, "{number}: {length}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_those_who_have_said_too_much_together_whoever_said_most_is_ended() {
    let served = Served::start(5);
    let part = |bytes: usize| format!("GET /page HTTP/1.1\r\nlarge: {}", "x".repeat(bytes));
    let mut modest = served.connect().await;
    modest.write_all(part(100).as_bytes()).await.unwrap();
    let mut large = Vec::new();
    for _ in 0..2 * MOST_BYTES_OF_ALL / MOST_BYTES {
        let mut stream = served.connect().await;
        stream.write_all(part(MOST_BYTES - 100).as_bytes()).await.unwrap();
        large.push(stream);
    }
    let mut answered = 0;
    for mut stream in large {
        let _ = stream.write_all(b"\r\n\r\n").await;
        answered += usize::from(rest(stream).await.ends_with("xxxxx"));
    }
    assert!((1..=MOST_BYTES_OF_ALL / MOST_BYTES).contains(&answered), "{answered}");
    modest.write_all(b"\r\n\r\n").await.unwrap();
    assert!(rest(modest).await.ends_with("xxxxx"));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_served_takes_no_room_any_more() {
    let served = Served::start(5);
    let mut oldest = served.connect().await;
    for _ in 0..2 * PLACES {
        assert!(served.ask(GET).await.0.ends_with("xxxxx"));
    }
    oldest.write_all(GET.as_bytes()).await.unwrap();
    assert!(rest(oldest).await.ends_with("xxxxx"));
}

#[tokio::test(start_paused = true)]
async fn half_a_request_is_told_that_its_time_is_over_and_silence_ends_without_a_word() {
    let served = Served::start(5);
    let (answer, took) = served.ask("GET /page HTTP/1.1\r\nslow: ").await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(took, REQUEST_TIME);
    assert_eq!(served.ask("").await, (String::new(), REQUEST_TIME));
}

#[tokio::test(start_paused = true)]
async fn who_asked_in_time_is_answered_also_where_the_program_comes_to_it_late() {
    let served = Served::start(5);
    let mut stream = served.connect().await;
    // Whoever comes next is taken after it.
    drop(served.connect().await);
    stream.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::advance(2 * REQUEST_TIME).await;
    assert!(rest(stream).await.ends_with("xxxxx"));
}

#[tokio::test(start_paused = true)]
async fn a_request_may_come_byte_by_byte_and_what_is_none_is_told_so_at_once() {
    let served = Served::start(5);
    let header = format!("large: {}\r\n\r\n", "x".repeat(MOST_BYTES - 100));
    for (request, status) in [
        (format!("\r\nGET /page HTTP/1.1\r\n{header}"), "200"),
        (format!("GET /page HTTP/1.1\n{header}"), "200"),
        ("\r\n\r\n".to_owned(), "400"),
        ("GET no request".to_owned(), "400"),
        ("\u{16}\u{3}\u{1}".to_owned(), "400"),
    ] {
        let (mut stream, begin) = (served.connect().await, Instant::now());
        for byte in request.bytes() {
            let _ = stream.write_all(&[byte]).await;
            yield_now().await;
        }
        let answer = rest(stream).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request}");
        assert_eq!(begin.elapsed(), Duration::ZERO, "{request}");
    }
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

#[tokio::test(start_paused = true)]
async fn who_is_there_is_served_while_accepting_rests() {
    let served = Served::start(5);
    let mut stream = served.connect().await;
    served.clients.send(None).await.unwrap();
    // There is room for one more only when that was taken.
    let _next = served.connect().await;
    let begin = Instant::now();
    stream.write_all(GET.as_bytes()).await.unwrap();
    assert!(rest(stream).await.ends_with("xxxxx"));
    assert_eq!((begin.elapsed(), *served.shown.failures.lock().unwrap()), (Duration::ZERO, 1));
}

/// Serves an empty page on a port of its own.
fn on_tcp() -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(serve(Listener::tcp(socket).unwrap(), Arc::new(Shown::default())));
    address
}

#[tokio::test]
async fn a_flood_of_clients_that_ask_for_nothing_keeps_out_nobody_who_asks_before_all_places_were_taken() {
    let address = on_tcp();
    let connect = async || TcpStream::connect(address).await.unwrap();
    let ask = async |mut stream: TcpStream| {
        stream.write_all(GET.as_bytes()).await.unwrap();
        rest(stream).await.starts_with("HTTP/1.1 200 OK\r\n")
    };
    for _ in 0..8 {
        let thoughtful = connect().await;
        let mut silent = Vec::new();
        for number in 0..PLACES - 2 {
            // Some go by themselves.
            silent.extend(Some(connect().await).filter(|_| number % 4 > 0));
        }
        // They are all there when one that came after them is answered.
        assert!(ask(connect().await).await);
        assert!(ask(thoughtful).await);
    }
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
    let answer = goes_on(TcpStream::connect(on_tcp()).await.unwrap()).await;
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
