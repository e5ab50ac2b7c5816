//! The last reading over HTTP/1.1, for a NodePort, a browser or Prometheus.
//!
//! One request for each connection, few connections at once, and a bound on how long each may take: whoever
//! connects and says nothing keeps nobody else waiting for long. Nothing but GET and HEAD does anything.

use crate::page::{self, Page, State};
use crate::say;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How many connections are served at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 16;
/// How long a request's headers may take to arrive.
const HEADERS: Duration = Duration::from_secs(2);
/// How long a connection may last, all in all.
const CONNECTION: Duration = Duration::from_secs(5);
/// How long to wait when the system has no more descriptors to give.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves for ever. Dropping it ends all connections.
pub(crate) async fn serve(listener: TcpListener, state: watch::Receiver<State>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(timeout(CONNECTION, connection(stream, state.clone())));
                }
                Err(error) => {
                    say(format_args!("HTTP: {error}"));
                    sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, state: watch::Receiver<State>) {
    let service = service_fn(move |request| {
        let response = respond(&request, &state);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(false)
        .max_headers(64)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // A client that breaks off or sends nonsense has been answered, if it can be, and concerns nobody else.
    drop(served);
}

fn respond(request: &Request<Incoming>, state: &watch::Receiver<State>) -> Response<Full<Bytes>> {
    let page = match *request.method() {
        Method::GET | Method::HEAD => page::page(request.uri().path(), &state.borrow()),
        _ => page::wrong_method(),
    };
    let Page { status, content_type, body } = page;
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == 405 {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Serves on a port of its own while `client` asks, and gives what it got.
    async fn asked(requests: &[&str]) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_sender, state) = watch::channel(State::default());
        let client = async {
            let mut answers = Vec::new();
            for request in requests {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                // A server that closes before it has read all of a bad request resets the connection.
                let _ = stream.read_to_string(&mut answer).await;
                answers.push(answer);
            }
            answers
        };
        tokio::select! {
            never = serve(listener, state) => match never {},
            answers = client => answers,
        }
    }

    #[tokio::test]
    async fn a_page_is_served_and_the_connection_closed() {
        let answers = asked(&["GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"]).await;
        assert!(answers[0].starts_with("HTTP/1.1 200 OK\r\n"), "{answers:?}");
        assert!(answers[0].contains("connection: close\r\n"), "{answers:?}");
        assert!(answers[0].ends_with("\r\n\r\nok\n"), "{answers:?}");
    }

    #[tokio::test]
    async fn head_gets_the_headers_alone_and_other_methods_are_refused() {
        let answers = asked(&[
            "HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
            "POST /reading HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
            "DELETE / HTTP/1.1\r\nhost: x\r\n\r\n",
        ])
        .await;
        assert!(
            answers[0].starts_with("HTTP/1.1 200 OK\r\n") && answers[0].ends_with("\r\n\r\n"),
            "{answers:?}"
        );
        for answer in &answers[1..] {
            assert!(
                answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD\r\n"),
                "{answer}"
            );
        }
    }

    #[tokio::test]
    async fn nonsense_harms_nobody_else() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
        let answers =
            asked(&["\u{0}\u{1}\u{2}\r\n\r\n", &long, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"]).await;
        assert!(answers[2].ends_with("ok\n"), "{answers:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_say_nothing_are_sent_away_and_the_next_is_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_sender, state) = watch::channel(State::default());
        let client = async {
            let mut silent = Vec::new();
            for _ in 0..2 * CONNECTIONS {
                silent.push(TcpStream::connect(address).await.unwrap());
            }
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let begin = tokio::time::Instant::now();
        let answer = tokio::select! {
            never = serve(listener, state) => match never {},
            answer = client => answer,
        };
        assert!(answer.ends_with("ok\n"), "{answer}");
        // The silent ones fill all places twice.
        let waited = begin.elapsed();
        assert!(waited >= HEADERS && waited <= 2 * HEADERS + Duration::from_millis(10), "{waited:?}");
    }
}
