//! `cRLNumber` (RFC 5280 section 5.2.3).

use std::cmp::Ordering;
use std::fmt;

use super::CrlError;

/// The number of a list: later lists of the same issuer and scope have greater ones. It may have 20 octets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CrlNumber(Box<[u8]>);

impl CrlNumber {
    /// The number with these octets, the most significant one first. Leading zeros do not count.
    pub fn from_octets(octets: &[u8]) -> Self {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        Self(octets.iter().skip(zeros).copied().collect())
    }

    /// Its octets, the most significant one first, as few as possible: none for zero.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Reads the contents of an INTEGER; none is negative.
    pub(super) fn parse(integer: &[u8]) -> Result<Self, CrlError> {
        match integer.first() {
            Some(first) if first & 0x80 == 0 => Ok(Self::from_octets(integer)),
            Some(_) | None => Err(CrlError::Malformed),
        }
    }
}

impl Ord for CrlNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Decimal; from 2^128 on hexadecimal with `0x`.
impl fmt::Display for CrlNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= 16 {
            let append = |number: u128, octet: &u8| (number << 8) | u128::from(*octet);
            return write!(formatter, "{}", self.0.iter().fold(0, append));
        }
        formatter.write_str("0x")?;
        self.0
            .iter()
            .try_for_each(|octet| write!(formatter, "{octet:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // T-53
    #[test]
    fn numbers_are_compared_as_numbers() {
        let ascending = [
            &[][..],
            &[1],
            &[9],
            &[0xff],
            &[1, 0],
            &[2, 0],
            &[1, 0, 0],
            &[1; 16],
            &[1; 20],
        ];
        let numbers: Vec<_> = ascending
            .iter()
            .map(|o| CrlNumber::from_octets(o))
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert_eq!(
            CrlNumber::from_octets(&[0, 0, 7]),
            CrlNumber::from_octets(&[7])
        );
    }

    #[test]
    fn numbers_are_shown_in_decimal_if_they_fit() {
        for (octets, expected) in [
            (&[][..], "0"),
            (&[0], "0"),
            (&[1, 0], "256"),
            (&[0xff; 16], "340282366920938463463374607431768211455"),
            (&[1; 17], "0x0101010101010101010101010101010101"),
        ] {
            assert_eq!(CrlNumber::from_octets(octets).to_string(), expected);
        }
    }

    #[test]
    fn no_number_is_negative() {
        assert_eq!(CrlNumber::parse(&[0x80]), Err(CrlError::Malformed));
        assert_eq!(CrlNumber::parse(&[]), Err(CrlError::Malformed));
        assert!(CrlNumber::parse(&[0, 0x80]).is_ok());
    }
}
