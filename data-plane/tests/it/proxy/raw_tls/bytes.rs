//! Fields behind their lengths, as TLS writes them.

/// A field behind a length of `width` bytes.
pub(super) fn sized(width: usize, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_be_bytes();
    let mut field = length[length.len() - width..].to_vec();
    field.extend_from_slice(body);
    field
}

/// Reads field after field.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `length` bytes.
    pub(super) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (field, rest) = self.0.split_at(length);
        self.0 = rest;
        field
    }

    /// A number of `width` bytes.
    pub(super) fn number(&mut self, width: usize) -> usize {
        let bytes = self.bytes(width).iter();
        bytes.fold(0, |number, &byte| number << 8 | usize::from(byte))
    }

    /// What is behind a length of `width` bytes.
    pub(super) fn sized(&mut self, width: usize) -> &'a [u8] {
        let length = self.number(width);
        self.bytes(length)
    }
}
