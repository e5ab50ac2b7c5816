//! Values as D-Bus has them in its messages: little-endian, each at a multiple of its size.

use crate::Fallible;

/// Values being written, in the order of a signature.
#[derive(Clone, Debug)]
pub(in crate::peers::programs) struct Body {
    bytes: Vec<u8>,
    signature: &'static str,
}

impl Body {
    pub(in crate::peers::programs) fn of(signature: &'static str) -> Self {
        Self { bytes: Vec::new(), signature }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn signature(&self) -> &'static str {
        self.signature
    }

    /// Structures and entries of dictionaries begin at multiples of 8.
    pub(in crate::peers::programs) fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    pub(in crate::peers::programs) fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(in crate::peers::programs) fn string(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
    }

    /// An array of elements that begin at multiples of `align`.
    pub(in crate::peers::programs) fn array(&mut self, align: usize, write: impl FnOnce(&mut Self)) {
        self.u32(0);
        let length_at = self.bytes.len() - 4;
        self.align(align);
        let begin = self.bytes.len();
        write(self);
        let length = u32::try_from(self.bytes.len() - begin).unwrap_or(u32::MAX);
        self.bytes[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// An entry of a dictionary `a{sv}` whose value is a string.
    pub(in crate::peers::programs) fn setting(&mut self, key: &str, value: &str) {
        self.align(8);
        self.string(key);
        self.short("s");
        self.string(value);
    }

    /// A signature, whose length is one byte.
    pub(in crate::peers::programs) fn short(&mut self, signature: &str) {
        self.bytes.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
        self.bytes.extend(signature.as_bytes());
        self.bytes.push(0);
    }

    pub(in crate::peers::programs) fn field(&mut self, code: u8, signature: &str) {
        self.align(8);
        self.bytes.push(code);
        self.short(signature);
    }
}

/// Values being read, in the order of a signature that the reader knows.
#[derive(Debug)]
pub(in crate::peers::programs) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(in crate::peers::programs) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(in crate::peers::programs) fn u32(&mut self) -> Fallible<u32> {
        self.align(4);
        Ok(u32::from_le_bytes(self.take(4)?.try_into()?))
    }

    pub(in crate::peers::programs) fn u64(&mut self) -> Fallible<u64> {
        self.align(8);
        Ok(u64::from_le_bytes(self.take(8)?.try_into()?))
    }

    pub(in crate::peers::programs) fn string(&mut self) -> Fallible<String> {
        let length = usize::try_from(self.u32()?)?;
        self.text(length)
    }

    pub(in crate::peers::programs) fn short(&mut self) -> Fallible<String> {
        let length = self.byte()?.into();
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Fallible<String> {
        let text = std::str::from_utf8(self.take(length)?)?.to_owned();
        self.take(1)?;
        Ok(text)
    }

    pub(in crate::peers::programs) fn byte(&mut self) -> Fallible<u8> {
        Ok(self.take(1)?[0])
    }

    pub(in crate::peers::programs) fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take(&mut self, count: usize) -> Fallible<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at + count).ok_or("a message that is too short")?;
        self.at += count;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut body = Body::of("a{ui}s");
        body.array(8, |body| {
            body.align(8);
            body.u32(7);
            body.u32(1);
        });
        body.string("end");
        let mut reader = Reader::of(&body.bytes);
        assert_eq!(reader.u32().unwrap(), 8, "the padding before the first entry does not count");
        assert_eq!(reader.u64().unwrap(), 1 << 32 | 7);
        assert_eq!(reader.string().unwrap(), "end");
        reader.byte().unwrap_err();
    }
}
