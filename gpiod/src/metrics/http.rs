//! What there is over HTTP/1.1: the numbers at `/metrics`, and at `/healthz` whether the daemon serves.

use super::Measured;
use super::address::{Listener, Socket};
use gpiod_pages::{Coming, Page, Pages, Request, Status};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves for as long as the reactor turns.
///
/// # Errors
/// When the listener can not be used, which would be a defect.
pub async fn serve(listener: Listener, measured: Arc<Measured>) -> io::Result<Infallible> {
    let listener = match listener.socket {
        Socket::Tcp(socket) => gpiod_pages::Listener::tcp(socket)?,
        Socket::Unix(socket) => gpiod_pages::Listener::unix(socket)?,
    };
    Ok(gpiod_pages::serve(listener, measured).await)
}

impl Pages for Measured {
    fn page<'a>(&'a self, request: &'a Request<'a>) -> Coming<'a> {
        Box::pin(async move {
            match request.path() {
                "/metrics" | "/healthz" if !request.reads() => {
                    Page::text(Status::WrongMethod, "GET or HEAD\n")
                }
                "/metrics" => {
                    let body = self.text().await;
                    Page { status: Status::Ok, content_type: OPENMETRICS, body }
                }
                "/healthz" if self.serves() => Page::text(Status::Ok, "ok\n"),
                "/healthz" => Page::text(Status::Unavailable, "stopping\n"),
                _ => Page::text(Status::NotFound, "there is /metrics and /healthz\n"),
            }
        })
    }

    fn not_accepted(&self, error: &io::Error) {
        tracing::debug!(%error, "accepting connections for metrics rests");
    }
}
