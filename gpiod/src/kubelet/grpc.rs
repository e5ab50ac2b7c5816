//! As much of gRPC as a kubelet and a device plugin need, on h2 itself: small messages one at a time, either way.
//!
//! The kubelet is trusted to mean well, and still bounded: in what it sends, and in how long it takes.

use super::authority::AnyAuthority;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream, client, server};
use prost::Message;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::codegen::Bytes;
use tonic::codegen::http::header::CONTENT_TYPE;
use tonic::codegen::http::{HeaderMap, HeaderValue, Method, Request, Response, Version};

/// Bytes of one message that is read as a whole; ours have some hundred.
const MOST_BYTES: usize = 64 * 1024;
/// How long a question may take in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of headers that a request or an answer may have.
const HEADER_BYTES: u32 = 8 * 1024;
/// Streams that are open at a time on one connection: a list that is watched, and what is asked meanwhile.
const STREAMS: u32 = 32;
/// Before each message: whether it is compressed, and its length in 4 bytes.
pub(super) const PREFIX: usize = 5;

/// Why something is not done, as gRPC says it.
#[derive(Debug)]
pub(super) struct Refusal(u8, String);

impl Refusal {
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self(3, why.into())
    }

    pub(super) fn not_allowed(why: impl Into<String>) -> Self {
        Self(7, why.into())
    }

    pub(super) fn no_such_method() -> Self {
        Self(12, "there is no such method here".to_owned())
    }

    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self(13, why.into())
    }

    pub(super) fn not_now(why: impl Into<String>) -> Self {
        Self(14, why.into())
    }

    /// What it says.
    pub(super) fn text(&self) -> &str {
        &self.1
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-status", HeaderValue::from(u16::from(self.0)));
        // What is no plain text is written by its bytes (gRPC over HTTP/2, "Percent-Encoded").
        let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
        let escaped = self
            .1
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
        if let Ok(text) = HeaderValue::try_from(escaped.collect::<String>()) {
            headers.insert("grpc-message", text);
        }
        headers
    }
}

/// A message in its frame.
pub(super) fn framed(message: &impl Message) -> Bytes {
    let mut bytes = vec![0; PREFIX];
    // A vector has room for whatever is put into it.
    let _ = message.encode(&mut bytes);
    let length = u32::try_from(bytes.len() - PREFIX).unwrap_or(u32::MAX);
    bytes[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    bytes.into()
}

/// The one message of a request or an answer, when all of it has come.
async fn only<M: Message + Default>(body: &mut RecvStream) -> Result<M, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.data().await {
        let frame = frame.map_err(|gone| Refusal::not_now(gone.to_string()))?;
        if bytes.len() + frame.len() > MOST_BYTES {
            return Err(Refusal::invalid(format!("the message has more than {MOST_BYTES} bytes")));
        }
        bytes.extend_from_slice(&frame);
        // One that is looked at makes room for another; whose stream has gone needs none.
        let _ = body.flow_control().release_capacity(frame.len());
    }
    let [0, a, b, c, d, message @ ..] = bytes.as_slice() else {
        return Err(Refusal::invalid("the message is compressed, or there is none"));
    };
    if u32::from_be_bytes([*a, *b, *c, *d]) as usize != message.len() {
        return Err(Refusal::invalid("the message is not as long as it says"));
    }
    M::decode(message).map_err(|error| Refusal::invalid(error.to_string()))
}

/// A request that is being served.
#[derive(Debug)]
pub(super) struct Call {
    path: String,
    body: RecvStream,
    respond: SendResponse<Bytes>,
}

/// A connection that is served.
pub(super) struct Connection(server::Connection<AnyAuthority<UnixStream>, Bytes>);

impl Connection {
    pub(super) async fn begin(stream: UnixStream) -> Result<Self, h2::Error> {
        let mut http = server::Builder::new();
        http.max_concurrent_streams(STREAMS).max_header_list_size(HEADER_BYTES);
        Ok(Self(http.handshake(AnyAuthority::new(stream)).await?))
    }

    /// The next call; `None` when the connection is over.
    pub(super) async fn next(&mut self) -> Option<Call> {
        let (request, respond) = self.0.accept().await?.ok()?;
        let path = request.uri().path().to_owned();
        Some(Call { path, body: request.into_body(), respond })
    }
}

impl Call {
    /// `/package.Service/Method`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What is asked.
    pub(super) async fn message<M: Message + Default>(&mut self) -> Result<M, Refusal> {
        only(&mut self.body).await
    }

    /// Answers with one message, or why there is none.
    pub(super) fn answer<M: Message>(self, answer: Result<M, Refusal>) -> Result<(), h2::Error> {
        match answer {
            Ok(message) => {
                let mut answers = self.begin()?;
                answers.0.send_data(framed(&message), false)?;
                let mut end = HeaderMap::new();
                end.insert("grpc-status", HeaderValue::from(0_u16));
                answers.0.send_trailers(end)
            }
            Err(refusal) => {
                let mut respond = self.respond;
                let mut head = head();
                head.headers_mut().extend(refusal.headers());
                respond.send_response(head, true).map(drop)
            }
        }
    }

    /// Begins an answer of several messages.
    pub(super) fn begin(self) -> Result<Answers, h2::Error> {
        let mut respond = self.respond;
        respond.send_response(head(), false).map(Answers)
    }
}

fn head() -> Response<()> {
    let mut head = Response::new(());
    head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    head
}

/// An answer of several messages.
#[derive(Debug)]
pub(super) struct Answers(SendStream<Bytes>);

impl Answers {
    /// One more. Whoever does not read is sent no second before it has room for the first.
    pub(super) async fn send(&mut self, message: &impl Message) -> Result<(), h2::Error> {
        let bytes = framed(message);
        self.0.reserve_capacity(bytes.len());
        while self.0.capacity() < bytes.len() {
            match std::future::poll_fn(|context| self.0.poll_capacity(context)).await {
                Some(room) => room?,
                None => return Err(h2::Reason::CANCEL.into()),
            };
        }
        self.0.send_data(bytes, false)
    }

    /// Waits until nobody reads it any more.
    pub(super) async fn gone(&mut self) {
        // Whether by a reset or with the connection does not matter.
        let _ = std::future::poll_fn(|context| self.0.poll_reset(context)).await;
    }
}

/// Asks a server on a socket: all that `work` asks, within a time.
pub(super) async fn ask<T>(
    socket: &Path,
    work: impl AsyncFnOnce(SendRequest<Bytes>) -> io::Result<T>,
) -> io::Result<T> {
    let asked = async {
        let (send, connection) = connect(socket).await?;
        tokio::select! {
            outcome = work(send) => outcome,
            end = connection => {
                let why = end.err().map_or_else(|| "it hung up".to_owned(), |error| error.to_string());
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, why))
            }
        }
    };
    let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer came in time"));
    timeout(PATIENCE, asked).await.unwrap_or_else(late)
}

async fn connect(socket: &Path) -> io::Result<(SendRequest<Bytes>, client::Connection<UnixStream>)> {
    let stream = UnixStream::connect(socket).await?;
    let mut http = client::Builder::new();
    http.max_header_list_size(HEADER_BYTES).enable_push(false);
    http.handshake(stream).await.map_err(io::Error::other)
}

/// One question, framed; `read` takes what comes of the answer's bytes, its prefix first. All questions are one piece of
/// code, which is large.
pub(super) async fn question(
    send: SendRequest<Bytes>,
    path: &'static str,
    message: Bytes,
    read: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
) -> io::Result<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = format!("http://localhost{path}").parse().map_err(io::Error::other)?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("te", HeaderValue::from_static("trailers"));
    let mut send = send.ready().await.map_err(io::Error::other)?;
    let (answer, mut body) = send.send_request(request, false).map_err(io::Error::other)?;
    body.send_data(message, true).map_err(io::Error::other)?;
    let (head, mut body) = answer.await.map_err(io::Error::other)?.into_parts();
    while let Some(frame) = body.data().await {
        let frame = frame.map_err(io::Error::other)?;
        read(&frame)?;
        let _ = body.flow_control().release_capacity(frame.len());
    }
    let end = body.trailers().await.map_err(io::Error::other)?.unwrap_or(head.headers);
    let told = |key: &str| end.get(key).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match told("grpc-status") {
        "0" => Ok(()),
        status => Err(io::Error::other(format!("status {status:?}: {}", told("grpc-message")))),
    }
}
