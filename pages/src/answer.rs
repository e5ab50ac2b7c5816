//! A page, and how it is written as an answer.

use std::time::{Duration, SystemTime};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is an answer to.
    pub status: Status,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its text, of which whoever asks with HEAD is told the length alone.
    pub body: String,
}

impl Page {
    /// A page for people.
    pub fn text(status: Status, body: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.to_owned() }
    }
}

/// What a page is an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 200: what was asked for.
    Ok,
    /// 400: no request.
    BadRequest,
    /// 404: a path that is not there.
    NotFound,
    /// 405: neither GET nor HEAD.
    WrongMethod,
    /// 408: half a request, and its time is over.
    RequestTimeout,
    /// 431: a request with too many headers, or too many bytes.
    HeadTooLarge,
    /// 503: what is not there yet, or no longer.
    Unavailable,
}

impl Status {
    /// As the answer's first line has it.
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            // With the header that must go with it.
            Self::WrongMethod => "405 Method Not Allowed\r\nallow: GET, HEAD",
            Self::RequestTimeout => "408 Request Timeout",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }
}

/// A whole answer, in the version that was asked in.
pub(crate) fn written(page: &Page, minor: u8, with_body: bool) -> String {
    let Page { status, content_type, body } = page;
    let (status, length, date) = (status.line(), body.len(), date(SystemTime::now()));
    let body = if with_body { body } else { "" };
    format!(
        "HTTP/1.{minor} {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nconnection: close\r\ndate: {date}\r\n\r\n{body}"
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

    /// The date's line left out.
    fn answer(status: Status, minor: u8, with_body: bool) -> String {
        let written = written(&Page::text(status, "text\n"), minor, with_body);
        written.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
    }

    #[test]
    fn an_answer_has_a_status_a_length_and_a_text_unless_that_is_not_wanted() {
        let head = "content-type: text/plain; charset=utf-8\r\ncontent-length: 5\r\n\
                    cache-control: no-store\r\nconnection: close\r\n\r\n";
        assert_eq!(answer(Status::Ok, 1, true), format!("HTTP/1.1 200 OK\r\n{head}text\n"));
        assert_eq!(answer(Status::Ok, 0, false), format!("HTTP/1.0 200 OK\r\n{head}"));
    }

    #[test]
    fn whoever_asks_with_a_wrong_method_is_told_the_right_ones() {
        let answer = answer(Status::WrongMethod, 1, true);
        assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\n"), "{answer}");
    }
}
