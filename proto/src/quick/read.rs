//! Reading: bytes are taken from the front, and what is not as it always is, is for prost.

use super::{
    BATCH, BITS, DONE_RESULT, DONE_TIMESTAMP, ID, MASK, OPERATION_READ, OPERATION_WRITE, OPERATIONS, READ,
    READ_BITS, READ_RESULT, READ_TIMESTAMP, WRITE, varint,
};
use crate::v1::operation::Operation as Does;
use crate::v1::session_request::Command;
use crate::v1::session_response::Result as Answer;
use crate::v1::{
    BatchCommand, DoneResult, Operation, ReadCommand, SessionRequest, SessionResponse, Values, WriteCommand,
};
use prost::{DecodeError, Message};

/// An operation of one of the first lines has no fewer bytes.
const OPERATION_BYTES: usize = 6;

/// The request that these bytes are.
///
/// # Errors
/// As [`SessionRequest::decode`].
pub fn request(bytes: &[u8]) -> Result<SessionRequest, DecodeError> {
    Left(bytes).request().map_or_else(|| SessionRequest::decode(bytes), Ok)
}

/// The answer that these bytes are.
///
/// # Errors
/// As [`SessionResponse::decode`].
pub fn response(bytes: &[u8]) -> Result<SessionResponse, DecodeError> {
    Left(bytes).response().map_or_else(|| SessionResponse::decode(bytes), Ok)
}

/// What was not looked at. Each function takes what it tells off the front, and says `None` of what is for prost.
struct Left<'a>(&'a [u8]);

impl<'a> Left<'a> {
    fn request(mut self) -> Option<SessionRequest> {
        let id = self.number_of(ID)?;
        let (field, mut command) = self.any_part()?;
        let command = match field {
            READ => Command::Read(command.read()?),
            WRITE => Command::Write(command.write()?),
            BATCH => Command::Batch(command.batch()?),
            _ => return None,
        };
        self.0.is_empty().then_some(SessionRequest { id, command: Some(command) })
    }

    fn response(mut self) -> Option<SessionResponse> {
        let id = self.number_of(ID)?;
        let (field, mut result) = self.any_part()?;
        let result = match field {
            DONE_RESULT => Answer::Done(result.done()?),
            READ_RESULT => Answer::Read(result.values()?),
            _ => return None,
        };
        self.0.is_empty().then_some(SessionResponse { id, result: Some(result) })
    }

    #[inline]
    fn done(&mut self) -> Option<DoneResult> {
        let timestamp_ns = self.number_of(DONE_TIMESTAMP)?;
        self.0.is_empty().then_some(DoneResult { timestamp_ns })
    }

    #[inline]
    fn values(&mut self) -> Option<Values> {
        let (bits, timestamp_ns) = (self.number_of(READ_BITS)?, self.number_of(READ_TIMESTAMP)?);
        self.0.is_empty().then_some(Values { bits, timestamp_ns })
    }

    fn batch(&mut self) -> Option<BatchCommand> {
        let mut operations = Vec::with_capacity(self.0.len() / OPERATION_BYTES);
        while !self.0.is_empty() {
            let (OPERATIONS, mut operation) = self.any_part()? else { return None };
            operations.push(operation.operation()?);
        }
        Some(BatchCommand { operations })
    }

    #[inline]
    fn operation(&mut self) -> Option<Operation> {
        let (field, mut does) = self.any_part()?;
        let operation = match field {
            OPERATION_READ => Does::Read(does.read()?),
            OPERATION_WRITE => Does::Write(does.write()?),
            _ => return None,
        };
        self.0.is_empty().then_some(Operation { operation: Some(operation) })
    }

    #[inline]
    fn read(&mut self) -> Option<ReadCommand> {
        let mask = self.number_of(MASK)?;
        self.0.is_empty().then_some(ReadCommand { mask })
    }

    #[inline]
    fn write(&mut self) -> Option<WriteCommand> {
        let (mask, bits) = (self.number_of(MASK)?, self.number_of(BITS)?);
        self.0.is_empty().then_some(WriteCommand { mask, bits })
    }

    /// The value of a field that is a number; 0 is not written.
    #[inline]
    fn number_of(&mut self, field: u8) -> Option<u64> {
        match self.0.split_first() {
            Some((first, left)) if *first == field => {
                self.0 = left;
                self.number()
            }
            _ => Some(0),
        }
    }

    /// Some field that has a length, and what is in it.
    #[inline]
    fn any_part(&mut self) -> Option<(u8, Left<'a>)> {
        let (field, left) = self.0.split_first()?;
        self.0 = left;
        let length = usize::try_from(self.number()?).ok()?;
        let (part, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some((*field, Left(part)))
    }

    #[inline]
    fn number(&mut self) -> Option<u64> {
        let (first, left) = self.0.split_first()?;
        if *first < 0x80 {
            self.0 = left;
            return Some((*first).into());
        }
        self.large_number()
    }

    /// One of several bytes: kept apart, so that small ones are read where they are asked for.
    #[inline(never)]
    fn large_number(&mut self) -> Option<u64> {
        let Some((number, length)) = varint::gather(self.0) else { return self.long_number() };
        self.0 = self.0.get(length..)?;
        Some(number)
    }

    /// One of more bytes than are taken at once: a mask of 64 lines may have ten, the last of them for its last bit.
    #[cold]
    fn long_number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, left) = self.0.split_first()?;
            self.0 = left;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return (shift < 63 || *byte == 1).then_some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::arbitrary::{number, operation, read, write};
    use super::*;
    use crate::v1::FeedCommand;
    use proptest::prelude::*;

    fn quick() -> impl Strategy<Value = SessionRequest> {
        let batch =
            prop::collection::vec(operation(), 0..9).prop_map(|operations| BatchCommand { operations });
        let command = prop_oneof![
            read().prop_map(Command::Read),
            write().prop_map(Command::Write),
            batch.prop_map(Command::Batch)
        ];
        (number(), command).prop_map(|(id, command)| SessionRequest { id, command: Some(command) })
    }

    fn answer() -> impl Strategy<Value = SessionResponse> {
        let done = number().prop_map(|timestamp_ns| Answer::Done(DoneResult { timestamp_ns }));
        let values = (number(), number()).prop_map(|(bits, timestamp_ns)| Values { bits, timestamp_ns });
        let result = prop_oneof![done, values.prop_map(Answer::Read)];
        (number(), result).prop_map(|(id, result)| SessionResponse { id, result: Some(result) })
    }

    proptest! {
        #[test]
        fn what_is_written_as_usual_is_read_without_prost(request in quick()) {
            prop_assert_eq!(Left(&request.encode_to_vec()).request(), Some(request));
        }

        #[test]
        fn answers_are_read_without_prost_as_well(answer in answer()) {
            prop_assert_eq!(Left(&answer.encode_to_vec()).response(), Some(answer));
        }

        #[test]
        fn whatever_is_read_is_what_prost_reads(
            bytes in prop_oneof![quick().prop_map(|it| it.encode_to_vec()), answer().prop_map(|it| it.encode_to_vec())],
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            end in any::<prop::sample::Index>(),
            more in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            let mut bytes = bytes;
            for (index, byte) in changes {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
            bytes.truncate(end.index(bytes.len() + 1));
            bytes.extend(more);
            if let Some(read) = Left(&bytes).request() {
                prop_assert_eq!(Ok(read), SessionRequest::decode(&*bytes));
            }
            if let Some(read) = Left(&bytes).response() {
                prop_assert_eq!(Ok(read), SessionResponse::decode(&*bytes));
            }
        }
    }

    #[test]
    fn what_is_unusual_is_read_by_prost() {
        let feed = SessionRequest { id: 7, command: Some(Command::Feed(FeedCommand {})) };
        assert_eq!(super::request(&feed.encode_to_vec()), Ok(feed));
        // The mask twice: the last one counts.
        let twice = [READ, 4, MASK, 1, MASK, 2];
        let read = SessionRequest { id: 0, command: Some(Command::Read(ReadCommand { mask: 2 })) };
        assert_eq!(super::request(&twice), Ok(read));
        assert!(super::request(&[READ, 9]).is_err(), "it ends too early");
    }
}
