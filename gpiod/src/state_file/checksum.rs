//! CRC-32 as zlib and Ethernet have it, by which a damaged state file is told from a whole one.
//!
//! A byte at a time: a state file has some kilobytes, and tables for more at a time are larger than all the rest here.

/// The sum of each byte alone.
const OF_BYTE: [u32; 256] = of_each_byte();

const fn of_each_byte() -> [u32; 256] {
    let mut sums = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let (mut sum, mut bit) = (byte, 0);
        while bit < 8 {
            // The polynomial, its lowest bit first.
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
            bit += 1;
        }
        sums[byte as usize] = sum;
        byte += 1;
    }
    sums
}

/// The sum of these bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        let [lowest, ..] = sum.to_le_bytes();
        (sum >> 8) ^ OF_BYTE[usize::from(lowest ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::crc32;
    use proptest::prelude::*;

    #[test]
    fn the_sum_of_nine_digits_is_the_one_in_the_books() {
        assert_eq!((crc32(b"123456789"), crc32(b"")), (0xCBF4_3926, 0));
    }

    proptest! {
        #[test]
        fn it_is_the_sum_that_others_reckon(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(crc32(&bytes), crc32fast::hash(&bytes));
        }
    }
}
