//! Lets in whoever names our socket's path as the authority of its requests. HTTP knows no such authority, and h2 ends such
//! a request; kubelets before Kubernetes 1.26 do so (kubernetes/kubernetes pull request 112597).
//!
//! What comes is looked at frame by frame. In a header block without Huffman's or the table's help the authority is still
//! found, since each field tells its length: its value is replaced by one that HTTP knows. That one is not longer than any
//! other, so our decoder's table keeps at least what the sender's does, and both mean the same by their numbers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client sends first, RFC 9113 section 3.4.
const PREFACE: usize = 24;
/// A frame's head: 3 bytes of length, type, flags, 4 bytes of stream.
const HEAD: usize = 9;
/// The type of a frame with headers.
const HEADERS: u8 = 1;
/// Its flags: that it is padded, and that a priority comes first.
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// The longest block that is looked at, HTTP/2's longest frame unless more is agreed; a longer one passes as it is.
const LONGEST: usize = 16 * 1024;
/// The number of `:authority` in HPACK's static table, RFC 7541 appendix A.
const AUTHORITY: usize = 1;
/// The same where the name is written out, as gRPC's C core does, without Huffman's code.
const NAME: &[u8] = b":authority";
/// An authority of one byte: `a`.
const ANY: [u8; 2] = [1, b'a'];

/// A connection whose requests' authorities are all replaced.
#[derive(Debug)]
pub(super) struct AnyAuthority<S> {
    stream: S,
    /// What has come and can not be passed on yet: the beginning of a frame with headers.
    part: Vec<u8>,
    /// What is to be passed on next.
    ready: Vec<u8>,
    /// How much of the present frame passes as it is.
    pass: usize,
}

impl<S> AnyAuthority<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, part: Vec::new(), ready: Vec::new(), pass: PREFACE }
    }

    /// Takes bytes that have come.
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.pass > 0 {
                let (passed, rest) = bytes.split_at(self.pass.min(bytes.len()));
                self.ready.extend_from_slice(passed);
                self.pass -= passed.len();
                bytes = rest;
                continue;
            }
            let wanted = match self.part.as_slice() {
                [a, b, c, ..] if self.part.len() >= HEAD => {
                    HEAD + u32::from_be_bytes([0, *a, *b, *c]) as usize
                }
                _ => HEAD,
            };
            let (more, rest) = bytes.split_at((wanted - self.part.len()).min(bytes.len()));
            self.part.extend_from_slice(more);
            bytes = rest;
            self.complete();
        }
    }

    /// Passes on the part, if it is to wait no longer.
    fn complete(&mut self) {
        let [a, b, c, kind, flags, ..] = self.part[..] else { return };
        if self.part.len() < HEAD {
            return;
        }
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        // Clients that pad or give priorities are not those that this is for.
        if kind != HEADERS || flags & (PADDED | PRIORITY) != 0 || length > LONGEST {
            self.pass = length;
            self.ready.append(&mut self.part);
            return;
        }
        if self.part.len() < HEAD + length {
            return;
        }
        let block = self.part.split_off(HEAD);
        let block = replaced(&block).unwrap_or(block);
        // It became shorter, if anything.
        let [_, length @ ..] = u32::try_from(block.len()).unwrap_or_default().to_be_bytes();
        self.part[..3].copy_from_slice(&length);
        self.ready.append(&mut self.part);
        self.ready.extend(block);
    }
}

/// The block with another authority; `None` where it has none that is written out, or is no block.
fn replaced(block: &[u8]) -> Option<Vec<u8>> {
    let mut left = block;
    while let Some(first) = left.first() {
        // How many bits of the first byte belong to its number, and whether strings follow (RFC 7541 section 6).
        let (bits, literal) = match first {
            0x80.. => (7, false),
            0x40..0x80 => (6, true),
            0x20..0x40 => (5, false),
            _ => (4, true),
        };
        let index = number(&mut left, bits)?;
        if !literal {
            continue;
        }
        let named = index == 0 && string(&mut left)? == NAME;
        let before = block.len() - left.len();
        string(&mut left)?;
        if index == AUTHORITY || named {
            return Some([&block[..before], &ANY, left].concat());
        }
    }
    None
}

/// Takes a number whose first bits are in the first byte, RFC 7541 section 5.1.
fn number(left: &mut &[u8], bits: u32) -> Option<usize> {
    let mut next = || {
        let (first, rest) = left.split_first()?;
        *left = rest;
        Some(usize::from(*first))
    };
    let most = (1 << bits) - 1;
    let mut number = next()? & most;
    if number < most {
        return Some(number);
    }
    // No number of a block that is looked at is longer.
    for shift in [0, 7, 14] {
        let byte = next()?;
        number += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a string, as it is written.
fn string<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(left, 7)?;
    let (string, rest) = left.split_at_checked(length)?;
    *left = rest;
    Some(string)
}

impl<S: AsyncRead + Unpin> AsyncRead for AnyAuthority<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.ready.is_empty() {
            let mut bytes = [0; 2048];
            let mut come = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut come))?;
            if come.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.take(come.filled());
        }
        let count = self.ready.len().min(buffer.remaining());
        buffer.put_slice(&self.ready[..count]);
        self.ready.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AnyAuthority<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// `:method POST`, `:scheme http`, a path, the authority, `te: trailers` as a new name.
    fn block(authority: &str) -> Vec<u8> {
        let mut block = vec![0x83, 0x86, 0x44, 2, b'/', b'x', 0x41];
        block.push(u8::try_from(authority.len()).unwrap());
        block.extend(authority.bytes());
        block.extend([0x40, 2, b't', b'e', 8]);
        block.extend(b"trailers");
        block
    }

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[..], &[kind, 4, 0, 0, 0, 1], payload].concat()
    }

    fn passed(parts: &[&[u8]]) -> Vec<u8> {
        let mut stream = AnyAuthority::new(());
        parts.iter().for_each(|part| stream.take(part));
        stream.ready
    }

    #[test]
    fn the_authority_alone_is_replaced_and_one_that_is_not_written_out_stays() {
        assert_eq!(replaced(&block("/var/lib/kubelet/x.sock")).unwrap(), block("a"));
        assert_eq!(replaced(&[0x83, 0x86, 0xbe, 0xbf]), None, "all by their numbers");
        // With Huffman's code, a long value, and not to be entered into the table.
        let mut long = vec![0x83, 0x11, 0xff, 0x80, 0x01];
        long.extend([0x55; 255]);
        long.push(0x86);
        assert_eq!(replaced(&long).unwrap(), [0x83, 0x11, 1, b'a', 0x86]);
        // With its name.
        let named = [&[0x83, 0x40, 10][..], NAME, &[4], b"/a/b", &[0x86]].concat();
        let other = [&[0x83, 0x40, 10][..], NAME, &[1, b'a', 0x86]].concat();
        assert_eq!(replaced(&named).unwrap(), other);
    }

    async fn accepted<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Option<String> {
        let mut connection = h2::server::handshake(stream).await.ok()?;
        let (request, _) = connection.accept().await?.ok()?;
        Some(request.uri().to_string())
    }

    /// Reads frames until a stream is reset.
    async fn reset(client: &mut tokio::io::DuplexStream) {
        const RST_STREAM: u8 = 3;
        let mut head = [0; HEAD];
        loop {
            client.read_exact(&mut head).await.unwrap();
            if head[3] == RST_STREAM {
                return;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            client.read_exact(&mut vec![0; length as usize]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_request_to_a_path_is_let_in_which_h2_alone_refuses() {
        let block = block("/var/lib/kubelet/device-plugins/x.sock");
        let mut frame = frame(HEADERS, &block);
        frame[4] = 5; // All headers, and nothing after them.
        let bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0], &frame].concat();
        for (any, seen) in [(true, Some("http://a/x")), (false, None)] {
            let (mut client, server) = tokio::io::duplex(4096);
            client.write_all(&bytes).await.unwrap();
            let accepted = async {
                if any { accepted(AnyAuthority::new(server)).await } else { accepted(server).await }
            };
            let now = tokio::select! {
                now = accepted => now,
                () = reset(&mut client) => None,
            };
            assert_eq!(now.as_deref(), seen);
        }
    }

    proptest! {
        #[test]
        fn wherever_the_bytes_are_parted_the_same_comes_out(cuts in prop::collection::vec(0usize..300, 0..8)) {
            let mut all = vec![b'P'; PREFACE];
            all.extend(frame(4, &[0; 6]));
            all.extend(frame(HEADERS, &block("/var/lib/kubelet/device-plugins/x.sock")));
            all.extend(frame(0, &[7; 120]));
            let mut expected = vec![b'P'; PREFACE];
            expected.extend(frame(4, &[0; 6]));
            expected.extend(frame(HEADERS, &block("a")));
            expected.extend(frame(0, &[7; 120]));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
            cuts.extend([0, all.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &all[cut[0]..cut[1]]).collect();
            prop_assert_eq!(passed(&parts), expected);
        }

        #[test]
        fn no_bytes_are_more_than_a_block_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = replaced(&bytes);
            let _ = passed(&[&bytes]);
        }
    }
}
