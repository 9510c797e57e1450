//! Follows the frames of a `WebSocket` connection in one direction, to know where one ends (RFC 6455 section 5.2).

/// Where in the stream of frames the bytes are that have passed.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Of the HTTP response that precedes the first frame.
    head_left: usize,
    header: [u8; LONGEST_HEADER],
    /// Bytes of the header that have passed.
    known: usize,
    payload_left: u64,
}

/// Two bytes, eight of length, four of the mask.
const LONGEST_HEADER: usize = 14;
/// A close frame of a server with status 1008, policy violation (RFC 6455 section 7.4.1).
pub(super) const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xf0];

impl Frames {
    /// Frames that begin after `head` bytes.
    pub(super) fn after(head: usize) -> Self {
        Self {
            head_left: head,
            ..Self::default()
        }
    }

    /// Whether a frame may be put in here.
    pub(super) fn is_between(&self) -> bool {
        self.head_left == 0 && self.known == 0 && self.payload_left == 0
    }

    /// These bytes pass.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        let head = self.head_left.min(bytes.len());
        self.head_left -= head;
        let mut rest = bytes.get(head..).unwrap_or_default();
        while !rest.is_empty() {
            rest = if self.payload_left > 0 {
                self.pass_payload(rest)
            } else {
                self.pass_header(rest)
            };
        }
    }

    fn pass_payload<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let passing = usize::try_from(self.payload_left).unwrap_or(usize::MAX);
        let passing = passing.min(bytes.len());
        self.payload_left -= u64::try_from(passing).unwrap_or(0);
        bytes.get(passing..).unwrap_or_default()
    }

    /// Takes one byte, and the payload's length with the last one.
    fn pass_header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((&byte, rest)) = bytes.split_first() else {
            return bytes;
        };
        if let Some(place) = self.header.get_mut(self.known) {
            *place = byte;
        }
        self.known += 1;
        if let Some(payload) = self.payload_after_header() {
            self.known = 0;
            self.payload_left = payload;
        }
        rest
    }

    /// The length of the payload, once the header is complete.
    fn payload_after_header(&self) -> Option<u64> {
        let [_, second, long @ .., _, _, _, _] = self.header;
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if self.known < 2 + extended + mask {
            return None;
        }
        let [high, low, ..] = long;
        Some(match second & 0x7f {
            126 => u16::from_be_bytes([high, low]).into(),
            127 => u64::from_be_bytes(long),
            short => short.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x82];
        match len {
            0..126 => frame.push(mask | u8::try_from(len).unwrap()),
            126..65_536 => {
                frame.push(mask | 0x7e);
                frame.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask | 0x7f);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.resize(frame.len() + usize::from(masked) * 4 + len, 0xff);
        frame
    }

    #[test]
    fn the_place_between_two_frames_is_found_however_they_are_cut() {
        let head = b"HTTP/1.1 101\r\n\r\n";
        let mut bytes = head.to_vec();
        let mut ends = vec![bytes.len()];
        for len in [0, 1, 125, 126, 127, 300, 65_535, 65_536, 70_000] {
            for masked in [false, true] {
                bytes.extend(frame(len, masked));
                ends.push(bytes.len());
            }
        }
        for piece in [1, 2, 3, 7, 1000, bytes.len()] {
            let mut frames = Frames::after(head.len());
            let mut passed = 0;
            for part in bytes.chunks(piece) {
                frames.pass(part);
                passed += part.len();
                assert_eq!(frames.is_between(), ends.contains(&passed), "{passed}");
            }
        }
    }

    #[test]
    fn a_frame_of_any_announced_length_is_no_trap() {
        let mut frames = Frames::after(0);
        frames.pass(&[0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        frames.pass(&[0; 100]);
        assert!(!frames.is_between());
    }
}
