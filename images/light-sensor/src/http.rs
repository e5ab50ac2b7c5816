//! The last reading over HTTP/1.1, for a NodePort, a browser or Prometheus: what is shown, shared by whoever takes the
//! readings and whoever serves them. Bounds are those of `gpiod-pages`.

use crate::page::{self, State};
use crate::say;
use gpiod_pages::{Coming, Listener, Pages, Request};
use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is shown.
#[derive(Debug, Default)]
pub(crate) struct Shown(Mutex<State>);

impl Shown {
    /// To change it, or to look at it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages for Shown {
    fn page<'a>(&'a self, request: &'a Request<'a>) -> Coming<'a> {
        let page =
            if request.reads() { page::page(request.path(), &self.state()) } else { page::wrong_method() };
        Box::pin(ready(page))
    }

    fn not_accepted(&self, error: &io::Error) {
        say(format_args!("HTTP: {error}"));
    }
}

/// Listens; who connects waits until it is served.
pub(crate) fn listen(address: SocketAddr) -> io::Result<Listener> {
    Listener::tcp(TcpListener::bind(address)?)
}

/// Serves for ever.
pub(crate) async fn serve(listener: Listener, shown: Arc<Shown>) -> Infallible {
    gpiod_pages::serve(listener, shown).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    /// Serves on a port of its own while a client asks, and gives what it got.
    async fn asked(request: &str) -> String {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::select! {
            never = serve(Listener::tcp(socket).unwrap(), Arc::default()) => match never {},
            answer = client => answer,
        }
    }

    #[tokio::test]
    async fn a_page_is_served_and_not_to_be_stored() {
        let answer = asked("GET /healthz?now HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
    }

    #[tokio::test]
    async fn methods_that_change_something_are_refused_on_every_path() {
        for request in [
            "POST /reading HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
            "DELETE /nothing HTTP/1.1\r\nhost: x\r\n\r\n",
        ] {
            let answer = asked(request).await;
            assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
            assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
        }
    }
}
