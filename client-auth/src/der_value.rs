//! One DER value at a time, on top of the `der` crate's strict reader.

use der::asn1::{GeneralizedTime, UtcTime};
use der::{Decode, Error, ErrorKind, Header, Reader, SliceReader};
use rustls_pki_types::UnixTime;

/// One encoded value.
#[derive(Clone, Copy)]
pub(crate) struct Tlv<'a> {
    /// The identifier octet; the first one of a tag number above 30, which nothing here asks for.
    pub(crate) tag: u8,
    /// Tag, length and contents.
    pub(crate) raw: &'a [u8],
    /// The contents.
    pub(crate) value: &'a [u8],
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// A sequence of values being read.
pub(crate) struct Values<'a>(SliceReader<'a>);

impl<'a> Values<'a> {
    /// Reads the values in `bytes`.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, Error> {
        SliceReader::new(bytes).map(Self)
    }

    /// Reads `bytes` as exactly one value with this tag.
    pub(crate) fn only(bytes: &'a [u8], tag: u8) -> Result<Tlv<'a>, Error> {
        let mut values = Self::of(bytes)?;
        let tlv = values.expect(tag)?;
        values.finish()?;
        Ok(tlv)
    }

    /// The next value, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Tlv<'a>>, Error> {
        if self.0.is_finished() {
            return Ok(None);
        }
        let contents = usize::try_from(Header::peek(&self.0)?.length())?;
        let raw = self.0.tlv_bytes()?;
        let (tag, value) = raw
            .len()
            .checked_sub(contents)
            .and_then(|header| raw.first().copied().zip(raw.get(header..)))
            .ok_or_else(malformed)?;
        Ok(Some(Tlv { tag, raw, value }))
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Tlv<'a>, Error> {
        match self.next()? {
            Some(tlv) if tlv.tag == tag => Ok(tlv),
            Some(_) | None => Err(malformed()),
        }
    }

    /// The next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, Error> {
        match self.0.peek_byte() {
            Some(next) if next == tag => self.next(),
            Some(_) | None => Ok(None),
        }
    }

    /// Succeeds when nothing is left.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.0.finish()
    }
}

impl<'a> Tlv<'a> {
    /// The values inside a constructed value.
    pub(crate) fn values(self) -> Result<Values<'a>, Error> {
        Values::of(self.value)
    }

    /// The octets of a BIT STRING of whole octets.
    pub(crate) fn octets(self) -> Result<&'a [u8], Error> {
        match self.value.split_first() {
            Some((0, octets)) => Ok(octets),
            Some(_) | None => Err(malformed()),
        }
    }

    /// A `Time` (RFC 5280 section 4.1.2.5).
    pub(crate) fn time(self) -> Result<UnixTime, Error> {
        let duration = match self.tag {
            UTC_TIME => UtcTime::from_der(self.raw)?.to_unix_duration(),
            GENERALIZED_TIME => GeneralizedTime::from_der(self.raw)?.to_unix_duration(),
            _ => return Err(malformed()),
        };
        Ok(UnixTime::since_unix_epoch(duration))
    }
}

/// The error of a value that is well-formed DER but not what belongs there.
pub(crate) fn malformed() -> Error {
    ErrorKind::Failed.into()
}
