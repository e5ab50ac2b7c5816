//! The head of an HTTP/1.x request, as far as it is of interest here: its method and its path.

/// How many headers a request may have, and how many bytes with them: a browser sends some twenty, and cookies of
/// whatever else is served on the same machine.
const HEADERS: usize = 64;
/// See [`HEADERS`].
pub(crate) const MOST_BYTES: usize = 16 * 1024;

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    method: &'a str,
    path: &'a str,
    /// The HTTP version's digit behind the point: 0 or 1.
    pub(crate) minor: u8,
}

impl<'a> Request<'a> {
    /// The path, without what stands behind a question mark.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Whether it is one with GET or HEAD, which change nothing.
    pub fn reads(&self) -> bool {
        matches!(self.method, "GET" | "HEAD")
    }

    /// Whether whoever asks is to have the text, too.
    pub(crate) fn wants_body(&self) -> bool {
        self.method != "HEAD"
    }
}

/// What has come so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head<'a> {
    /// All of it.
    Whole(Request<'a>),
    /// There is more to come.
    Part,
    /// It has too many headers.
    TooLarge,
    /// It is no request.
    Malformed,
}

/// Reads what has come of a request.
pub(crate) fn read(bytes: &[u8]) -> Head<'_> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => Head::Part,
        Err(httparse::Error::TooManyHeaders) => Head::TooLarge,
        Err(_) => Head::Malformed,
        Ok(httparse::Status::Complete(_)) => {
            let httparse::Request { method, path, version, .. } = request;
            let (Some(method), Some(target), Some(minor)) = (method, path, version) else {
                return Head::Malformed;
            };
            Head::Whole(Request { method, path: path_of(target), minor })
        }
    }
}

/// Whether an empty line has come, by which a head ends, when something came behind the first `before` bytes.
pub(crate) fn ends(bytes: &[u8], before: usize) -> bool {
    // The end of the line before it may have come already.
    let new = bytes.get(before.saturating_sub(2)..).unwrap_or_default();
    new.windows(2).any(|end| end == b"\n\n") || new.windows(3).any(|end| end == b"\n\r\n")
}

/// The path of a target, which may be a whole URI (RFC 9112, section 3.2).
fn path_of(target: &str) -> &str {
    let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let path = match scheme {
        Some(_) => target[7..].find(['/', '?']).map_or("/", |begin| &target[7 + begin..]),
        None => target,
    };
    // An address with nothing but a query behind it is the root's.
    path.split('?').next().filter(|path| !path.is_empty()).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole<'a>(method: &'a str, path: &'a str, minor: u8) -> Head<'a> {
        Head::Whole(Request { method, path, minor })
    }

    #[test]
    fn a_request_is_known_by_its_method_and_path() {
        let read = |text: &'static str| read(text.as_bytes());
        assert_eq!(read("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n"), whole("GET", "/metrics", 1));
        assert_eq!(read("HEAD /metrics?a=b?c HTTP/1.0\r\n\r\n"), whole("HEAD", "/metrics", 0));
        assert_eq!(read("GET HTTP://a:9/healthz?b HTTP/1.1\r\n\r\n"), whole("GET", "/healthz", 1));
        assert_eq!(read("GET http://a HTTP/1.1\r\n\r\n"), whole("GET", "/", 1));
        assert_eq!(read("GET http://a?b HTTP/1.1\r\n\r\n"), whole("GET", "/", 1));
        assert_eq!(read("OPTIONS * HTTP/1.1\r\n\r\n"), whole("OPTIONS", "*", 1));
    }

    #[test]
    fn what_is_no_request_or_none_yet_is_told_apart() {
        for part in ["", "GET", "GET /metrics HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: a\r\n"] {
            assert_eq!(read(part.as_bytes()), Head::Part, "{part:?}");
        }
        for wrong in ["GET /metrics HTTP/2.0\r\n\r\n", "\0", "GET / HTTP/1.1\r\nno header\r\n\r\n"] {
            assert_eq!(read(wrong.as_bytes()), Head::Malformed, "{wrong:?}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS + 1));
        assert_eq!(read(many.as_bytes()), Head::TooLarge);
        assert_eq!(read(many.replacen("a: b\r\n", "", 1).as_bytes()), whole("GET", "/", 1));
    }

    #[test]
    fn an_empty_line_is_seen_however_it_comes() {
        for (text, is_end) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\n\n", true),
            ("\r\nGET / HTTP/1.1\r\n", false),
        ] {
            let bytes = text.as_bytes();
            assert_eq!(ends(bytes, 0), is_end, "{text:?}");
            let at_once_or_later = (0..bytes.len()).map(|before| ends(bytes, before));
            assert!(at_once_or_later.into_iter().all(|seen| seen == is_end), "{text:?}");
            let by_bytes = (1..=bytes.len()).filter(|&come| ends(&bytes[..come], come - 1)).count();
            assert_eq!(by_bytes, usize::from(is_end), "{text:?}");
        }
    }

    #[test]
    fn no_bytes_are_too_strange_to_be_read() {
        proptest::proptest!(|(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200))| {
            let _ = (read(&bytes), ends(&bytes, 100));
        });
    }
}
