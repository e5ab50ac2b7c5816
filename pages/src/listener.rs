//! Where clients come from: a socket of either kind, behind one type.

use std::fmt;
use std::io;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// A client's connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What clients come from.
pub(crate) trait Accept: Send + Sync {
    /// The next client.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>>;
}

impl Accept for TcpListener {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>> {
        self.poll_accept(context).map_ok(|(stream, _)| Box::new(stream) as Box<dyn Stream>)
    }
}

impl Accept for UnixListener {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>> {
        self.poll_accept(context).map_ok(|(stream, _)| Box::new(stream) as Box<dyn Stream>)
    }
}

/// A socket that listens, in a runtime. Who connects waits until it is served.
pub struct Listener(pub(crate) Box<dyn Accept>);

impl Listener {
    /// Takes a TCP socket into the runtime.
    ///
    /// # Errors
    /// When the system takes no more.
    pub fn tcp(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(Box::new(TcpListener::from_std(socket)?)))
    }

    /// Takes a Unix socket into the runtime.
    ///
    /// # Errors
    /// When the system takes no more.
    pub fn unix(socket: std::os::unix::net::UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(Box::new(UnixListener::from_std(socket)?)))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
