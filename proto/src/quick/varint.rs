//! Numbers as Protocol Buffers write them (encoding guide, "Base 128 Varints"): seven bits in each byte, the lowest first,
//! and a highest bit that says that there is more. Up to eight bytes are taken at once, which times always have.

/// Bytes that are taken at once.
pub(super) const WORD: usize = 8;
/// A number of no more than so many bits is in one of those.
const BITS: u32 = 56;
/// The highest bit of each byte.
const MORE: u64 = 0x8080_8080_8080_8080;

/// The bytes of a number, and how many they are; `None` of one that is too large for eight.
#[inline]
pub(super) fn spread(number: u64) -> Option<([u8; WORD], u8)> {
    let bits = u64::BITS - (number | 1).leading_zeros();
    if bits > BITS {
        return None;
    }
    let halves = number & 0x0fff_ffff | (number & 0x00ff_ffff_f000_0000) << 4;
    let quarters = halves & 0x0000_3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2;
    let bytes = quarters & 0x007f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1;
    let length = bits.div_ceil(7);
    let more = MORE & ((1 << (8 * (length - 1))) - 1);
    // It is 8 at most.
    Some(((bytes | more).to_le_bytes(), length.to_le_bytes()[0]))
}

/// The number at the front, and how many bytes it has; `None` where it does not end within eight, or at all.
#[inline]
pub(super) fn gather(bytes: &[u8]) -> Option<(u64, usize)> {
    let word = word(bytes);
    // What is not there reads as if it ended there.
    let last = (!word & MORE).trailing_zeros();
    let length = (last / 8 + 1) as usize;
    if last == u64::BITS || length > bytes.len() {
        return None;
    }
    let bytes = word & (u64::MAX >> (63 - last)) & !MORE;
    let quarters = bytes & 0x007f_007f_007f_007f | (bytes & 0x7f00_7f00_7f00_7f00) >> 1;
    let halves = quarters & 0x0000_3fff_0000_3fff | (quarters & 0x3fff_0000_3fff_0000) >> 2;
    Some((halves & 0x0fff_ffff | (halves & 0x0fff_ffff_0000_0000) >> 4, length))
}

/// The first eight bytes, the first one lowest; what is not there is 0.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else {
        return bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    };
    let beyond = 8 * (bytes.len() - size_of::<u32>());
    u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << beyond
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::encoding::varint::{decode_varint, encode_varint};

    fn number() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64_u32).prop_map(|(number, bits)| number >> bits)
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_prost_writes_or_too_large(number in number()) {
            let mut expected = Vec::new();
            encode_varint(number, &mut expected);
            let written = spread(number).map(|(bytes, length)| bytes[..length.into()].to_vec());
            prop_assert_eq!(written, (number >> BITS == 0).then_some(expected));
        }

        #[test]
        fn what_is_read_is_what_prost_reads_or_longer(number in number(), more in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut bytes = Vec::new();
            encode_varint(number, &mut bytes);
            let length = bytes.len();
            bytes.extend(more);
            prop_assert_eq!(gather(&bytes), (length <= WORD).then_some((number, length)));
        }

        #[test]
        fn whatever_is_read_is_a_number_of_prost(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut left = &*bytes;
            let read = decode_varint(&mut left).ok().map(|number| (number, bytes.len() - left.len()));
            prop_assert_eq!(gather(&bytes), read.filter(|(_, length)| *length <= WORD));
        }
    }

    #[test]
    fn a_number_may_have_more_bytes_than_it_needs() {
        assert_eq!(gather(&[0x81, 0x80, 0]), Some((1, 3)));
        assert_eq!(gather(&[0x81, 0x80]), None, "the end is missing");
        assert_eq!(gather(&[]), None);
    }
}
