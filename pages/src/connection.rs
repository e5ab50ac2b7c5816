//! A client that is answered, and the end of its connection.

use crate::Pages;
use crate::answer::{Page, Status, written};
use crate::listener::Stream;
use crate::request::{self, Head, MOST_BYTES};
use crate::row::Client;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;

/// How long a connection may last in all, with a client that does not read.
pub(crate) const TIME: Duration = Duration::from_secs(5);
/// Bytes that are heard of a client that goes on after its request.
const LINGER: usize = 64 * 1024;

/// Answers a client, for as long as its connection may last.
pub(crate) async fn connection(client: Client, pages: Arc<dyn Pages>) {
    let Client { mut stream, since, bytes, .. } = client;
    // What clients do wrong is their own affair.
    let _ = timeout_at(since + TIME, answer(&mut *stream, bytes, &*pages)).await;
}

async fn answer(stream: &mut dyn Stream, mut bytes: Vec<u8>, pages: &dyn Pages) -> io::Result<()> {
    let fault = |status| written(&Page::text(status, ""), 1, true);
    let answer = match request::read(&bytes) {
        Head::Whole(request) => written(&pages.page(&request).await, request.minor, request.wants_body()),
        Head::Malformed => fault(Status::BadRequest),
        // Nothing but empty lines.
        Head::Part if request::ends(&bytes, 0) => fault(Status::BadRequest),
        Head::Part if bytes.len() < MOST_BYTES => fault(Status::RequestTimeout),
        Head::TooLarge | Head::Part => fault(Status::HeadTooLarge),
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
