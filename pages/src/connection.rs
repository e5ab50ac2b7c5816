//! One connection: a request, its answer, and the end.

use crate::Pages;
use crate::answer::{Page, Status, written};
use crate::listener::Stream;
use crate::request::{self, Head, MOST_BYTES};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long a client may take for its request.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(2);
/// How long a connection may last in all, with a client that does not read.
pub(crate) const TIME: Duration = Duration::from_secs(5);
/// Bytes that are heard of a client that goes on after its request.
const LINGER: usize = 64 * 1024;

/// Serves a client for as long as it may take.
pub(crate) async fn connection(mut stream: Box<dyn Stream>, pages: Arc<dyn Pages>) {
    // What clients do wrong is their own affair.
    let _ = timeout(TIME, serve_one(&mut *stream, &*pages)).await;
}

async fn serve_one(stream: &mut dyn Stream, pages: &dyn Pages) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(MOST_BYTES);
    let Ok(heard) = timeout(REQUEST_TIME, hear(stream, &mut bytes)).await else { return Ok(()) };
    heard?;
    let answer = match request::read(&bytes) {
        Head::Whole(request) => written(&pages.page(&request).await, request.minor, request.wants_body()),
        Head::Malformed => written(&Page::text(Status::BadRequest, ""), 1, true),
        Head::TooLarge | Head::Part => written(&Page::text(Status::HeadTooLarge, ""), 1, true),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // To close with something unread would be a reset, by which the client could lose what it was told.
    let mut heard = 0;
    while heard < LINGER {
        bytes.clear();
        match stream.read_buf(&mut bytes).await? {
            0 => break,
            count => heard += count,
        }
    }
    Ok(())
}

/// What comes of a request, until it is whole, or wrong, or too large.
async fn hear(stream: &mut dyn Stream, bytes: &mut Vec<u8>) -> io::Result<()> {
    loop {
        if stream.read_buf(bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if bytes.len() >= MOST_BYTES || request::read(bytes) != Head::Part {
            return Ok(());
        }
    }
}
