//! Who is at the other end of a connection.

use crate::holder::Caller;
use tokio::net::UnixStream;
use tonic::{Request, Status};

/// What the kernel vouches for; without it there is no service.
pub(super) fn of_stream(stream: &UnixStream) -> std::io::Result<Caller> {
    let credentials = stream.peer_cred()?;
    let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    Ok(Caller { uid: credentials.uid(), gid: credentials.gid(), pid })
}

/// The caller of a request, as its connection learned it.
pub(super) fn of_request<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().copied();
    caller.ok_or_else(|| Status::unauthenticated("the connection has no credentials"))
}
