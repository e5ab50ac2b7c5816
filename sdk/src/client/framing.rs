//! Messages in bytes: of each a byte that says whether it is compressed, four with its length, and its own (gRPC over
//! HTTP/2, "Length-Prefixed-Message"), in frames that may end anywhere.

use gpiod_proto::quick::{Batch, Short};
use gpiod_proto::v1::SessionRequest;
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use tonic::Status;

/// Bytes before each message.
const HEAD: usize = 5;
/// Bytes of the longest message that is taken.
const LONGEST: usize = 4 * 1024 * 1024;

/// Adds a message to those that are sent next.
pub(super) fn put(message: &impl Message, bytes: &mut BytesMut) {
    head(message.encoded_len(), bytes);
    // There is room for all of it.
    let _ = message.encode(bytes);
}

/// Adds a session's request to those that are sent next.
pub(super) fn put_request(request: &SessionRequest, bytes: &mut BytesMut) {
    if let Some(short) = Short::request(request) {
        return put_pieces([short.bytes()], bytes);
    }
    if let Some(batch) = Batch::request(request) {
        return put_pieces(batch.pieces(), bytes);
    }
    put(request, bytes);
}

fn put_pieces<const N: usize>(pieces: [&[u8]; N], bytes: &mut BytesMut) {
    head(pieces.iter().map(|piece| piece.len()).sum(), bytes);
    for piece in pieces {
        bytes.put_slice(piece);
    }
}

/// Begins a message of so many bytes, and makes room for them.
fn head(length: usize, bytes: &mut BytesMut) {
    bytes.reserve(HEAD + length);
    bytes.put_u8(0);
    // No message of ours has 4 GiB.
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

/// Finds messages in frames.
#[derive(Debug, Default)]
pub(super) struct Framing {
    /// What has come and was not looked at.
    frame: Bytes,
    /// The beginning of a message of which the rest has not come.
    part: Vec<u8>,
}

impl Framing {
    /// Adds what has come; all that came before must have been taken.
    pub(super) fn add(&mut self, frame: Bytes) {
        self.frame = frame;
    }

    /// Whether the stream may end here.
    pub(super) fn is_between_messages(&self) -> bool {
        self.frame.is_empty() && self.part.is_empty()
    }

    /// Gives the bytes of the next message to `message`, if all of it is here; whether it was.
    pub(super) fn take(&mut self, message: &mut dyn FnMut(&[u8])) -> Result<bool, Status> {
        if self.part.is_empty()
            && let Some(head) = self.frame.first_chunk()
        {
            let end = HEAD + length(*head)?;
            if let Some(bytes) = self.frame.get(HEAD..end) {
                message(bytes);
                self.frame.advance(end);
                return Ok(true);
            }
        }
        if self.frame.is_empty() {
            return Ok(false);
        }
        self.fill(HEAD);
        let Some(head) = self.part.first_chunk() else { return Ok(false) };
        let end = HEAD + length(*head)?;
        self.fill(end);
        if self.part.len() < end {
            return Ok(false);
        }
        // Long messages are rare: what this one took is given back.
        message(&std::mem::take(&mut self.part)[HEAD..]);
        Ok(true)
    }

    /// Adds to the part until it has so many bytes.
    fn fill(&mut self, bytes: usize) {
        let missing = bytes.saturating_sub(self.part.len()).min(self.frame.len());
        self.part.extend_from_slice(&self.frame.split_to(missing));
    }
}

/// The length that a head says.
fn length([compressed, length @ ..]: [u8; HEAD]) -> Result<usize, Status> {
    if compressed != 0 {
        return Err(Status::internal("a compressed message, which was not asked for"));
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST {
        return Err(Status::out_of_range(format!("a message of {length} bytes; {LONGEST} are taken")));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpiod_proto::v1::{ReadRequest, WriteResponse};
    use proptest::prelude::*;

    fn framed(messages: &[ReadRequest]) -> Bytes {
        let mut bytes = BytesMut::new();
        for message in messages {
            put(message, &mut bytes);
        }
        bytes.freeze()
    }

    proptest! {
        #[test]
        fn messages_are_found_wherever_frames_end(
            names in proptest::collection::vec("[a-z]{0,40}", 0..20),
            ends in proptest::collection::vec(0usize..1000, 0..30),
        ) {
            let messages: Vec<_> = names.into_iter().map(|name| ReadRequest { lines: vec![name] }).collect();
            let mut rest = framed(&messages);
            let mut framing = Framing::default();
            let mut found = Vec::new();
            for end in ends.into_iter().chain([usize::MAX]) {
                framing.add(rest.split_to(end.min(rest.len())));
                let mut decode = |bytes: &[u8]| found.push(ReadRequest::decode(bytes).unwrap());
                while framing.take(&mut decode).unwrap() {}
            }
            prop_assert!(framing.is_between_messages());
            prop_assert_eq!(found, messages);
        }
    }

    #[test]
    fn an_empty_message_is_one() {
        let mut framing = Framing::default();
        framing.add(Bytes::from_static(&[0; HEAD]));
        let mut empty = |bytes: &[u8]| assert_eq!(WriteResponse::decode(bytes), Ok(WriteResponse::default()));
        assert!(framing.take(&mut empty).unwrap());
        assert!(!framing.take(&mut empty).unwrap());
    }

    #[test]
    fn what_is_too_long_or_compressed_is_refused_before_it_has_come() {
        for head in [[0, 0x00, 0x40, 0x00, 0x01], [1, 0, 0, 0, 1]] {
            let mut framing = Framing::default();
            framing.add(Bytes::copy_from_slice(&head));
            framing.take(&mut |_| panic!("it has not come")).unwrap_err();
        }
    }
}
