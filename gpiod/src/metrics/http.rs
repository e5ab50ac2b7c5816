//! HTTP/1.1 for metrics: one answer for each connection, and bounds for whoever does not want one.

use super::Measured;
use super::address::{Listener, Socket};
use super::request::{self, Head, MOST_BYTES, Request};
use crate::reactor::task;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Connections at a time. One more ends the oldest: that one has had time enough, and whoever floods must not keep
/// out who measures.
const CONNECTIONS: usize = 16;
/// How long a client may take for its request.
const REQUEST_TIME: Duration = Duration::from_secs(2);
/// How long a connection may last in all, with a client that does not read.
const TIME: Duration = Duration::from_secs(5);
/// Bytes that are read at once, of a request and of what a client sends behind it.
const CHUNK: usize = 1024;
/// Bytes that are heard of a client that goes on after its request.
const LINGER: usize = 64 * 1024;
/// How long accepting rests after it failed, as it does when there are no descriptors left.
const REST: Duration = Duration::from_millis(100);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Serves for as long as the reactor turns.
///
/// # Errors
/// When the listener can not be used, which would be a defect.
pub async fn serve(listener: Listener, measured: Arc<Measured>) -> io::Result<()> {
    let incoming = Accept::new(listener)?;
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        let stream = match incoming.next().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "accepting connections for metrics rests for {} ms", REST.as_millis());
                sleep(REST).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(task(connection(stream, Arc::clone(&measured)))).abort_handle());
        // Many at once still give others their turn.
        tokio::task::yield_now().await;
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

enum Accept {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Accept {
    fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener.socket {
            Socket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            Socket::Unix(socket) => Self::Unix(UnixListener::from_std(socket)?),
        })
    }

    async fn next(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

async fn connection(mut stream: Box<dyn Stream>, measured: Arc<Measured>) {
    // What clients do wrong is their own affair.
    let _ = timeout(TIME, serve_one(&mut *stream, &measured)).await;
}

async fn serve_one(stream: &mut dyn Stream, measured: &Measured) -> io::Result<()> {
    let asked = timeout(REQUEST_TIME, hear(&mut *stream)).await;
    let Ok(head) = asked else { return Ok(()) };
    let answer = match request::read(&head?) {
        Head::Whole(request) => answer(&request, measured).await,
        Head::Malformed => written(1, "400 Bad Request", PLAIN, "", None),
        Head::TooLarge | Head::Part => written(1, "431 Request Header Fields Too Large", PLAIN, "", None),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // To close with something unread would be a reset, by which the client could lose what it was told.
    let (mut rest, mut heard) = ([0; CHUNK], 0);
    while heard < LINGER {
        match stream.read(&mut rest).await? {
            0 => break,
            count => heard += count,
        }
    }
    Ok(())
}

/// What comes of a request, until it is whole, or wrong, or too large.
async fn hear(stream: &mut dyn Stream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; CHUNK];
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend(chunk.iter().take(count));
        if bytes.len() > MOST_BYTES || request::read(&bytes) != Head::Part {
            return Ok(bytes);
        }
    }
}

async fn answer(request: &Request<'_>, measured: &Measured) -> String {
    let plain = |status, text: &str| written(request.minor, status, PLAIN, text, Some(request.method));
    match (request.path, request.method) {
        ("/metrics", "GET" | "HEAD") => {
            let text = measured.text().await;
            written(request.minor, "200 OK", OPENMETRICS, &text, Some(request.method))
        }
        ("/healthz", "GET" | "HEAD") if measured.serves() => plain("200 OK", "ok\n"),
        ("/healthz", "GET" | "HEAD") => plain("503 Service Unavailable", "stopping\n"),
        ("/metrics" | "/healthz", _) => plain("405 Method Not Allowed\r\nallow: GET, HEAD", "GET or HEAD\n"),
        _ => plain("404 Not Found", "there is /metrics and /healthz\n"),
    }
}

/// A whole answer, of which whoever asks with HEAD has the head alone.
fn written(minor: u8, status: &str, kind: &str, text: &str, method: Option<&str>) -> String {
    let date = date(SystemTime::now());
    let body = if method == Some("HEAD") { "" } else { text };
    format!(
        "HTTP/1.{minor} {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\ndate: {date}\r\n\r\n{body}",
        text.len()
    )
}

/// The last moment that has a date of four digits.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// A moment as HTTP writes it (RFC 9110, section 5.6.7).
fn date(now: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // A clock that is not set, or set wrong, is no reason to end.
    let now = now.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST);
    let days = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let of_week = DAYS.into_iter().cycle().nth((days % 7) as usize).unwrap_or_default();
    // 2026-11-30T15:04:05Z
    let text = humantime::format_rfc3339_seconds(now).to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month =
        part(5, 7).parse().ok().and_then(|month: usize| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"");
    format!("{of_week}, {} {month} {} {} GMT", part(8, 10), part(0, 4), part(11, 19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_http_has_it() {
        let at = |seconds| date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT");
        assert_eq!(at(300_000_000_000), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(date(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), at(0));
    }
}
