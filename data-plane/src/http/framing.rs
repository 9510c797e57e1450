//! Where a message body ends: one strict decoder for requests and responses (RFC 9112, 6 and 7).

/// Follows a body through the bytes that carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// So many more bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// Everything until the sender closes. Responses only.
    UntilClose,
}

/// How far a chunked body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    place: Place,
    /// Bytes left of the chunk, or its size as far as it has been read.
    left: u64,
    /// Bytes of extensions and trailers so far.
    overhead: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    FirstDigit,
    Digits(u8),
    Extension,
    SizeLf,
    Payload,
    PayloadCr,
    PayloadLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    End,
}

/// What the buffered bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// After `skip` bytes of framing come `len` bytes of payload, at least one.
    Payload { skip: usize, len: usize },
    /// `skip` bytes of framing, and then nothing yet.
    More { skip: usize },
    /// `skip` bytes of framing, then the body is over.
    End { skip: usize },
}

/// The body breaks its framing; nothing behind it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid body framing")]
pub(crate) struct InvalidFraming;

impl Decoder {
    /// A chunked body that begins with the next byte.
    pub(crate) const CHUNKED: Self = Self::Chunked(Chunks {
        place: Place::FirstDigit,
        left: 0,
        overhead: 0,
    });

    /// Reads framing from `buffered`. The bytes told to skip are done with; payload is done with once it is given to
    /// [`Self::consumed`].
    ///
    /// # Errors
    /// [`InvalidFraming`]
    pub(crate) fn step(&mut self, buffered: &[u8]) -> Result<Step, InvalidFraming> {
        match self {
            Self::Length(0) => Ok(Step::End { skip: 0 }),
            Self::Length(left) => Ok(payload(0, buffered.len(), *left)),
            Self::UntilClose => Ok(payload(0, buffered.len(), u64::MAX)),
            Self::Chunked(chunks) => chunks.step(buffered),
        }
    }

    /// Takes note that `len` bytes of payload have been used.
    pub(crate) fn consumed(&mut self, len: usize) {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        match self {
            Self::Length(left) => *left = left.saturating_sub(len),
            Self::UntilClose => {}
            Self::Chunked(chunks) => {
                chunks.left = chunks.left.saturating_sub(len);
                if chunks.left == 0 && chunks.place == Place::Payload {
                    chunks.place = Place::PayloadCr;
                }
            }
        }
    }

    /// Whether the whole body has been seen.
    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::UntilClose => false,
            Self::Chunked(chunks) => chunks.place == Place::End,
        }
    }
}

impl Chunks {
    /// Strict: no bare line feeds, no spaces around sizes, sizes of at most 15 digits, trailers dropped unread.
    fn step(&mut self, buffered: &[u8]) -> Result<Step, InvalidFraming> {
        for (skip, &byte) in buffered.iter().enumerate() {
            match self.place {
                Place::Payload => return Ok(payload(skip, buffered.len(), self.left)),
                Place::End => return Ok(Step::End { skip }),
                _ => self.place = self.next(byte)?,
            }
        }
        let skip = buffered.len();
        Ok(if self.place == Place::End {
            Step::End { skip }
        } else {
            Step::More { skip }
        })
    }

    fn next(&mut self, byte: u8) -> Result<Place, InvalidFraming> {
        Ok(match (self.place, byte) {
            (Place::FirstDigit, _) => {
                self.left = digit(byte)?;
                Place::Digits(1)
            }
            (Place::Digits(_) | Place::Extension, b'\r') => Place::SizeLf,
            (Place::Digits(_), b';') => Place::Extension,
            (Place::Digits(count), _) if count < LONGEST_SIZE => {
                self.left = self.left << 4 | digit(byte)?;
                Place::Digits(count + 1)
            }
            (Place::Extension, b'\t' | 0x20..=0x7e | 0x80..) => {
                self.within_overhead(Place::Extension)?
            }
            (Place::SizeLf, b'\n') if self.left == 0 => Place::TrailerStart,
            (Place::SizeLf, b'\n') => Place::Payload,
            (Place::PayloadCr, b'\r') => Place::PayloadLf,
            (Place::PayloadLf, b'\n') => Place::FirstDigit,
            (Place::TrailerStart, b'\r') => Place::EndLf,
            (Place::Trailer, b'\r') => Place::TrailerLf,
            (Place::TrailerStart | Place::Trailer, b'\t' | 0x20..=0x7e | 0x80..) => {
                self.within_overhead(Place::Trailer)?
            }
            (Place::TrailerLf, b'\n') => Place::TrailerStart,
            (Place::EndLf, b'\n') => Place::End,
            _ => return Err(InvalidFraming),
        })
    }

    fn within_overhead(&mut self, place: Place) -> Result<Place, InvalidFraming> {
        self.overhead += 1;
        if self.overhead > MOST_OVERHEAD {
            return Err(InvalidFraming);
        }
        Ok(place)
    }
}

fn payload(skip: usize, buffered: usize, left: u64) -> Step {
    let len = usize::try_from(left)
        .unwrap_or(usize::MAX)
        .min(buffered - skip);
    if len == 0 {
        Step::More { skip }
    } else {
        Step::Payload { skip, len }
    }
}

fn digit(byte: u8) -> Result<u64, InvalidFraming> {
    char::from(byte)
        .to_digit(16)
        .map(u64::from)
        .ok_or(InvalidFraming)
}

/// Digits of a chunk size: no overflow of 64 bits.
const LONGEST_SIZE: u8 = 15;
/// Bytes of extensions and trailers in one body.
const MOST_OVERHEAD: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The payload and what is left behind the body.
    type Decoded = (Vec<u8>, Vec<u8>);

    /// Decodes `wire`, given in pieces of `piece` bytes.
    fn decode(
        mut decoder: Decoder,
        wire: &[u8],
        piece: usize,
    ) -> Result<Option<Decoded>, InvalidFraming> {
        let (mut body, mut buffered) = (Vec::new(), Vec::new());
        let mut pieces = wire.chunks(piece);
        loop {
            match decoder.step(&buffered)? {
                Step::Payload { skip, len } => {
                    body.extend_from_slice(&buffered[skip..skip + len]);
                    decoder.consumed(len);
                    buffered.drain(..skip + len);
                }
                Step::End { skip } => {
                    buffered.drain(..skip);
                    buffered.extend(pieces.flatten());
                    return Ok(Some((body, buffered)));
                }
                Step::More { skip } => {
                    buffered.drain(..skip);
                    match pieces.next() {
                        Some(more) => buffered.extend_from_slice(more),
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    #[test]
    fn chunks_are_decoded_however_they_arrive() {
        let wire = b"5\r\nhello\r\n00A;x=\"y\"\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\nGET /";
        for piece in 1..wire.len() {
            let decoded = decode(Decoder::CHUNKED, wire, piece);
            assert_eq!(
                decoded,
                Ok(Some((b"hello, world!!!".to_vec(), b"GET /".to_vec()))),
                "{piece}"
            );
        }
    }

    #[test]
    fn broken_chunks_are_refused() {
        let long_extension = format!("5;{}\r\n", "x".repeat(9000));
        for wire in [
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhelloX\r\n",
            "x\r\n",
            "\r\n",
            " 5\r\n",
            "5 \r\n",
            "-5\r\n",
            "0x5\r\n",
            "+5\r\n",
            "5\r\r\n",
            "5;\n\r\n",
            "10000000000000000\r\n",
            "0\r\n\n",
            "0\r\nA: b\n\r\n",
            "5;a\0\r\n",
            "0\r\nA\rB\r\n\r\n",
            &long_extension,
        ] {
            assert_eq!(
                decode(Decoder::CHUNKED, wire.as_bytes(), 3),
                Err(InvalidFraming),
                "{wire:?}"
            );
        }
    }

    #[test]
    fn lengths_count_exactly() {
        assert_eq!(
            decode(Decoder::Length(3), b"abcdef", 2),
            Ok(Some((b"abc".to_vec(), b"def".to_vec())))
        );
        assert_eq!(
            decode(Decoder::Length(0), b"abc", 2),
            Ok(Some((Vec::new(), b"abc".to_vec())))
        );
        assert_eq!(decode(Decoder::Length(4), b"abc", 2), Ok(None));
    }
}
