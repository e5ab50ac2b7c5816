//! A few pages over HTTP/1.1: one page for each connection, and bounds for whoever does not want one.
//!
//! No library for HTTP is below it but for the head of a request ([`Request`]): what its pages need is one answer, and
//! all else that HTTP can do would be bytes in an image and a way in. GET and HEAD are all that does anything, a body is
//! not read, and a connection ends with its answer. Each page is of its moment, so nobody may store it.
//!
//! What is bounded: connections that have not asked yet, what they have said together, and the time for it; the bytes and
//! headers of a request; connections that are answered; the time of a connection in all; what is heard of a client that
//! goes on after its request. Where there is no room for one more, the oldest of its kind ends: whoever asks for nothing
//! makes nobody go who has asked.
//!
//! [`serve`] is given a [`Listener`] and [`Pages`], which says what is asked for.

mod answer;
mod connection;
mod listener;
mod request;
mod row;
mod serve;

pub use answer::{Page, Status};
pub use listener::Listener;
pub use request::Request;
pub use serve::serve;

use std::io;
use std::pin::Pin;

/// A page that is being made. One type for all, so that there is one connection's code for all.
pub type Coming<'a> = Pin<Box<dyn Future<Output = Page> + Send + 'a>>;

/// What is served.
pub trait Pages: Send + Sync {
    /// The page that is asked for, which may also be that there is none.
    ///
    /// A connection has five seconds in all: a page that takes longer is not made to its end.
    fn page<'a>(&'a self, request: &'a Request<'a>) -> Coming<'a>;

    /// Called when no connection could be accepted, as when there are no descriptors left. It is tried again.
    fn not_accepted(&self, error: &io::Error);
}
