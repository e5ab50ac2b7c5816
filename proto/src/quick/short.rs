//! Writing: what is short is written into a place of its own, so that nothing is asked for its length before.

use super::{
    BATCH, BITS, DONE_RESULT, DONE_TIMESTAMP, ID, MASK, OPERATION_READ, OPERATION_WRITE, OPERATIONS, READ,
    READ_BITS, READ_RESULT, READ_TIMESTAMP, WRITE, varint,
};
use crate::v1::operation::Operation as Does;
use crate::v1::session_request::Command;
use crate::v1::session_response::Result as Answer;
use crate::v1::{DoneResult, Operation, ReadCommand, SessionRequest, SessionResponse, Values, WriteCommand};

/// Bytes of the longest: three numbers of ten bytes, each behind its field's, and a field with its length; and behind them
/// room for all the bytes that a number is written with at once.
const LONGEST: usize = 3 * 11 + 2 + varint::WORD;

/// The bytes of a short message, or of a part of one.
#[derive(Clone, Copy, Debug)]
pub struct Short {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Short {
    /// Of a request to read or to write; `None` of any other.
    pub fn request(request: &SessionRequest) -> Option<Self> {
        match request.command {
            Some(Command::Read(ReadCommand { mask })) => {
                Some(Self::of(request.id, READ, [(MASK, mask), (BITS, 0)]))
            }
            Some(Command::Write(WriteCommand { mask, bits })) => {
                Some(Self::of(request.id, WRITE, [(MASK, mask), (BITS, bits)]))
            }
            _ => None,
        }
    }

    /// Of the answer to such a request; `None` of any other.
    pub fn response(response: &SessionResponse) -> Option<Self> {
        let id = response.id;
        match response.result {
            Some(Answer::Done(DoneResult { timestamp_ns })) => {
                Some(Self::of(id, DONE_RESULT, [(DONE_TIMESTAMP, timestamp_ns), (READ_TIMESTAMP, 0)]))
            }
            Some(Answer::Read(Values { bits, timestamp_ns })) => {
                Some(Self::of(id, READ_RESULT, [(READ_BITS, bits), (READ_TIMESTAMP, timestamp_ns)]))
            }
            _ => None,
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length.into()]
    }

    /// What a batch of operations of so many bytes begins with.
    pub(super) fn batch(id: u64, bytes: u64) -> Self {
        let mut short = Self::EMPTY;
        short.number(ID, id);
        short.push(BATCH);
        short.value(bytes);
        short
    }

    /// Of an operation of a batch; `None` of one that does nothing.
    #[inline]
    pub(super) fn operation(operation: &Operation) -> Option<Self> {
        let (field, mask, bits) = match operation.operation.as_ref()? {
            Does::Read(ReadCommand { mask }) => (OPERATION_READ, *mask, 0),
            Does::Write(WriteCommand { mask, bits }) => (OPERATION_WRITE, *mask, *bits),
        };
        let mut short = Self::EMPTY;
        short
            .part(OPERATIONS, |short| short.part(field, |short| short.numbers([(MASK, mask), (BITS, bits)])));
        Some(short)
    }

    const EMPTY: Self = Self { bytes: [0; LONGEST], length: 0 };

    /// An id, and a part of two numbers.
    #[inline]
    fn of(id: u64, field: u8, numbers: [(u8, u64); 2]) -> Self {
        let mut short = Self::EMPTY;
        short.number(ID, id);
        short.part(field, |short| short.numbers(numbers));
        short
    }

    /// A field that has a length, and what is in it.
    #[inline]
    fn part(&mut self, field: u8, write: impl FnOnce(&mut Self)) {
        self.push(field);
        let length = self.length;
        self.push(0);
        write(self);
        self.bytes[usize::from(length)] = self.length - length - 1;
    }

    #[inline]
    fn numbers(&mut self, numbers: [(u8, u64); 2]) {
        for (field, number) in numbers {
            self.number(field, number);
        }
    }

    /// A field that is a number; 0 is not written.
    #[inline]
    fn number(&mut self, field: u8, number: u64) {
        if number != 0 {
            self.push(field);
            self.value(number);
        }
    }

    #[inline]
    fn value(&mut self, number: u64) {
        if number < 0x80 { self.push(low(number)) } else { self.large_value(number) }
    }

    /// One of several bytes: kept apart, so that small ones are written where they are given.
    #[inline(never)]
    fn large_value(&mut self, mut number: u64) {
        let at = usize::from(self.length);
        if let Some((bytes, length)) = varint::spread(number)
            && let Some(room) = self.bytes.get_mut(at..at + varint::WORD)
        {
            room.copy_from_slice(&bytes);
            self.length += length;
            return;
        }
        while number >= 0x80 {
            self.push(low(number) | 0x80);
            number >>= 7;
        }
        self.push(low(number));
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.length)] = byte;
        self.length += 1;
    }
}

/// The lowest eight bits.
fn low(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{FeedCommand, OpenResult};
    use prost::Message;

    #[test]
    fn what_is_written_is_what_prost_writes() {
        let numbers = [0, 1, 0x7f, 0x80, 1 << 35, u64::MAX >> 1, u64::MAX];
        for id in numbers {
            for one in numbers {
                for other in numbers {
                    let write = Command::Write(WriteCommand { mask: one, bits: other });
                    for command in [Command::Read(ReadCommand { mask: one }), write] {
                        let request = SessionRequest { id, command: Some(command) };
                        assert_eq!(Short::request(&request).unwrap().bytes(), request.encode_to_vec());
                    }
                    let read = Answer::Read(Values { bits: one, timestamp_ns: other });
                    for result in [Answer::Done(DoneResult { timestamp_ns: one }), read] {
                        let response = SessionResponse { id, result: Some(result) };
                        assert_eq!(Short::response(&response).unwrap().bytes(), response.encode_to_vec());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_none_of_these_is_for_prost() {
        let feed = SessionRequest { id: 1, command: Some(Command::Feed(FeedCommand {})) };
        assert!(Short::request(&feed).is_none());
        let open = SessionResponse { id: 1, result: Some(Answer::Open(OpenResult::default())) };
        assert!(Short::response(&open).is_none());
    }
}
