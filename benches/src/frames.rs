//! HTTP/2 by hand, for clients that do with it what no library would.

/// What a client says first, with settings that change nothing.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Kinds of frames: RFC 9113, section 6.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// One frame; what is longer than the protocol's 24 bits is cut off.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(0x00ff_ffff)];
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend((stream & 0x7fff_ffff).to_be_bytes());
    frame.extend(payload);
    frame
}

/// The headers of a call.
pub(crate) fn call(method: &str) -> Vec<u8> {
    let path = format!("/gpiod.v1.GpioService/{method}");
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.extend(header(name, value));
    }
    block
}

/// One header, as a literal that is not remembered.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut literal = vec![0];
    for text in [name, value] {
        string(&mut literal, text);
    }
    literal
}

/// Its length in 7 bits, and what does not fit there in as many more bytes as it needs.
fn string(into: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) if length < 0x7f => into.push(length),
        _ => {
            into.push(0x7f);
            let mut rest = text.len() - 0x7f;
            while rest >= 0x80 {
                into.push(u8::try_from(rest % 0x80).unwrap_or_default() | 0x80);
                rest /= 0x80;
            }
            into.push(u8::try_from(rest).unwrap_or_default());
        }
    }
    into.extend(text.as_bytes());
}

/// A message of gRPC: not compressed, its length, and so many bytes.
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    begun(bytes.len(), bytes)
}

/// The beginning of a message of so many bytes.
pub(crate) fn begun(length: usize, bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    message.extend(bytes);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_length_and_its_stream() {
        assert_eq!(frame(DATA, END_STREAM, 3, b"ab"), [0, 0, 2, 0, 1, 0, 0, 0, 3, b'a', b'b']);
        assert_eq!(message(b"x"), [0, 0, 0, 0, 1, b'x']);
    }

    #[test]
    fn a_long_header_has_its_length_in_several_bytes() {
        let long = header("x", &"y".repeat(127 + 130));
        assert_eq!(long[..6], [0, 1, b'x', 0x7f, 0x82, 1]);
        assert_eq!(header("te", "trailers")[..5], [0, 2, b't', b'e', 8]);
    }
}
