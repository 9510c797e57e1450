//! What values are compared with.

use std::net::IpAddr;

use regex::bytes::{Regex, RegexBuilder};

use super::network::Network;
use super::{IdentityField, MatchKind, MatcherError};
use crate::Sha256Fingerprint;

/// A value made ready for comparing.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Text.
    Text(Text),
    /// A regular expression over the whole value.
    Regex(Regex),
    /// An address in canonical form.
    Address(IpAddr),
    /// A network.
    Network(Network),
    /// A digest.
    Digest(Sha256Fingerprint),
}

/// Text to be compared as a whole or in part.
#[derive(Clone, Debug)]
pub(super) struct Text {
    value: String,
    part: Part,
    fold: bool,
}

/// Which part of a value.
#[derive(Clone, Copy, Debug)]
enum Part {
    All,
    Start,
    End,
    /// The last relative names of a distinguished name.
    LastNames,
}

impl Pattern {
    pub(super) fn new(
        field: &IdentityField,
        kind: MatchKind,
        value: &str,
        fold: bool,
    ) -> Result<Self, MatcherError> {
        use IdentityField as Field;
        use MatchKind as Kind;
        let text = |part| {
            let value = value.to_owned();
            Ok(Self::Text(Text { value, part, fold }))
        };
        match (field, kind) {
            (Field::SanIp, Kind::Exact) => address(value).map(Self::Address),
            (Field::SanIp, Kind::Prefix) => Network::parse(value).map(Self::Network),
            (Field::Fingerprint | Field::Spki, Kind::Exact) => digest(value).map(Self::Digest),
            (Field::SanIp | Field::Fingerprint | Field::Spki, _) => {
                let field = field.clone();
                Err(MatcherError::KindOfField { field, kind })
            }
            (Field::Serial, Kind::Regex) => whole(value, true).map(Self::Regex),
            (_, Kind::Regex) => whole(value, fold).map(Self::Regex),
            (_, Kind::Exact) => text(Part::All),
            (_, Kind::Prefix) => text(Part::Start),
            (Field::Subject | Field::Issuer, Kind::Suffix) => text(Part::LastNames),
            (_, Kind::Suffix) => text(Part::End),
        }
    }

    /// Whether text matches; never so for patterns of other things.
    pub(super) fn matches(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => text.matches(value),
            Self::Regex(regex) => regex.is_match(value.as_bytes()),
            Self::Address(_) | Self::Network(_) | Self::Digest(_) => false,
        }
    }

    /// Whether an address matches; never so for patterns of other things.
    pub(super) fn matches_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::Address(expected) => *expected == address,
            Self::Network(network) => network.contains(address),
            Self::Text(_) | Self::Regex(_) | Self::Digest(_) => false,
        }
    }

    /// Whether a digest matches; never so for patterns of other things.
    pub(super) fn matches_digest(&self, digest: &Sha256Fingerprint) -> bool {
        match self {
            Self::Digest(expected) => expected == digest,
            Self::Text(_) | Self::Regex(_) | Self::Address(_) | Self::Network(_) => false,
        }
    }

    /// Whether it is an expression that very different values match: it surely looks as if everything would.
    pub(super) fn matches_everything(&self) -> bool {
        const PROBES: [&[u8]; 5] = [b"x", b"~!", b"\x01\xff\n", b"CN=a\\,b,O=0", b"0.-_/:@ z{}"];
        match self {
            Self::Regex(regex) => PROBES.iter().all(|probe| regex.is_match(probe)),
            Self::Network(_) | Self::Text(_) | Self::Address(_) | Self::Digest(_) => false,
        }
    }

    /// Whether every address that matches `other` matches this one.
    pub(super) fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Network(wide), Self::Network(narrow)) => wide.contains_network(narrow),
            (_, Self::Address(address)) => self.matches_address(*address),
            _ => false,
        }
    }
}

impl Text {
    fn matches(&self, value: &str) -> bool {
        let (value, expected) = (value.as_bytes(), self.value.as_bytes());
        let Some(rest) = value.len().checked_sub(expected.len()) else {
            return false;
        };
        match self.part {
            Part::All => rest == 0 && self.equals(value),
            Part::Start => value
                .get(..expected.len())
                .is_some_and(|start| self.equals(start)),
            Part::End => value.get(rest..).is_some_and(|end| self.equals(end)),
            Part::LastNames => {
                value.get(rest..).is_some_and(|end| self.equals(end))
                    && value.get(..rest).is_some_and(ends_a_name)
            }
        }
    }

    fn equals(&self, part: &[u8]) -> bool {
        if self.fold {
            part.eq_ignore_ascii_case(self.value.as_bytes())
        } else {
            part == self.value.as_bytes()
        }
    }
}

/// Whether a relative name starts behind `text`: nothing is there, or a comma that is not escaped (RFC 2253 section 2.4).
fn ends_a_name(text: &[u8]) -> bool {
    let Some((b',', before)) = text.split_last() else {
        return text.is_empty();
    };
    let escapes = before
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count();
    escapes.is_multiple_of(2)
}

/// Compiled size of an expression, and of its cache per thread.
const MAX_REGEX_BYTES: usize = 128 * 1024;
const MAX_REGEX_NESTING: u32 = 50;

/// An expression that matches whole values only.
///
/// It is first read by itself: what is an expression by itself cannot close the group that it is then put into. A
/// comment at its end (`(?x)`) would hide the group's end, and is refused.
fn whole(pattern: &str, fold: bool) -> Result<Regex, MatcherError> {
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .unicode(false)
            .case_insensitive(fold)
            .dot_matches_new_line(true)
            .size_limit(MAX_REGEX_BYTES)
            .dfa_size_limit(MAX_REGEX_BYTES)
            .nest_limit(MAX_REGEX_NESTING)
            .build()
            .map_err(|error| MatcherError::Regex(explained(&error)))
    };
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

/// The last line of the library's explanation; the others show the place with a marker below it.
fn explained(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!("compiled, it exceeds {limit} bytes");
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn address(value: &str) -> Result<IpAddr, MatcherError> {
    let address: IpAddr = value.parse().map_err(|_| MatcherError::NotAnAddress)?;
    Ok(address.to_canonical())
}

/// Whether `text` consists of hexadecimal digits, at least one.
pub(super) fn unsigned_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn digest(value: &str) -> Result<Sha256Fingerprint, MatcherError> {
    let octets: Option<Vec<u8>> = value.as_bytes().chunks(2).map(octet).collect();
    let octets = octets.ok_or(MatcherError::NotADigest)?;
    let digest: [u8; 32] = octets.try_into().map_err(|_| MatcherError::NotADigest)?;
    Ok(digest.into())
}

/// Two hexadecimal digits.
fn octet(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    let is_octet = digits.len() == 2 && unsigned_digits(digits);
    is_octet.then(|| u8::from_str_radix(digits, 16).ok())?
}
