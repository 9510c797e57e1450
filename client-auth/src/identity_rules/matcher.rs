//! One typed comparison.

use std::fmt;

use super::pattern::{Pattern, unsigned_digits};
use super::presented::Presented;
use super::{AttributeType, MatcherError};
use crate::policy::FieldHasher;

/// Compares the values of one field with one pattern. Matches when one of the values does.
///
/// Fields are typed: a matcher of DNS names never sees a URI, an email address or a common name, and none falls back to
/// another field.
#[derive(Clone, Debug)]
pub struct IdentityMatcher {
    field: IdentityField,
    kind: MatchKind,
    /// In the form in which it is compared.
    value: String,
    ignore_case: bool,
    pattern: Pattern,
}

/// What of a client's certificate is compared.
///
/// Texts are compared in the form in which logs and server variables show them: printable ASCII, in which other
/// octets are `\XX`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IdentityField {
    /// `dNSName`s. Compared without regard to the case of ASCII letters, and one dot at the end is ignored on both
    /// sides. A wildcard is text like any other: `*.example.com` in a certificate equals that rule only.
    SanDns,
    /// `uniformResourceIdentifier`s, SPIFFE IDs for example; byte for byte, unless case is to be ignored. Nothing is
    /// normalised (RFC 3986 section 6.2.1).
    SanUri,
    /// `rfc822Name`s; byte for byte, unless case is to be ignored.
    SanEmail,
    /// `iPAddress`es: [`MatchKind::Exact`] with an address, or [`MatchKind::Prefix`] with a network (`10.0.0.0/8`).
    /// IPv4-mapped IPv6 addresses count as the IPv4 address.
    SanIp,
    /// The whole subject in the form of RFC 2253 (`CN=device,O=Contoso`); byte for byte, unless case is to be ignored.
    /// A suffix consists of whole relative names: `O=Contoso` is one of `CN=a,O=Contoso`, but not of `CN=a\,O=Contoso`.
    Subject,
    /// The values of one attribute type of the subject, each by itself, as the text that the certificate holds, without
    /// escapes; byte for byte in UTF-8, unless case is to be ignored.
    SubjectAttribute(AttributeType),
    /// The whole issuer, as [`Subject`](Self::Subject).
    Issuer,
    /// The serial number: uppercase hex, an even number of digits. Colons, case and leading zeros of an exact value
    /// make no difference.
    Serial,
    /// SHA-256 of the certificate, 64 hex digits; [`MatchKind::Exact`] only. Colons and case make no difference.
    Fingerprint,
    /// SHA-256 of the `SubjectPublicKeyInfo`, as [`Fingerprint`](Self::Fingerprint).
    Spki,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchKind {
    /// The whole value.
    Exact,
    /// The start of the value; of an address: its network.
    Prefix,
    /// The end of the value.
    Suffix,
    /// A regular expression that the *whole* value must match. `.` is any octet, classes are those of ASCII.
    Regex,
}

impl IdentityMatcher {
    /// Bytes of the longest pattern.
    pub const MAX_VALUE_BYTES: usize = 4096;

    /// A matcher of `field` with `value`.
    ///
    /// With `ignore_case` ASCII letters compare without case; fields that always do so ignore it.
    ///
    /// # Errors
    /// [`MatcherError`]: the value could never match, or not in the way that was meant.
    pub fn new(
        field: IdentityField,
        kind: MatchKind,
        value: &str,
        ignore_case: bool,
    ) -> Result<Self, MatcherError> {
        if value.len() > Self::MAX_VALUE_BYTES {
            let limit = Self::MAX_VALUE_BYTES;
            return Err(MatcherError::TooLong { limit });
        }
        let ignore_case = ignore_case || field == IdentityField::SanDns;
        let value = normalised(&field, kind, value)?;
        let pattern = Pattern::new(&field, kind, &value, ignore_case)?;
        Ok(Self {
            field,
            kind,
            value,
            ignore_case,
            pattern,
        })
    }

    /// What is compared.
    pub fn field(&self) -> &IdentityField {
        &self.field
    }

    /// How it is compared.
    pub fn kind(&self) -> MatchKind {
        self.kind
    }

    /// With what it is compared, in the form in which it is.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether ASCII letters compare without case.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    pub(super) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    pub(super) fn matches(&self, presented: &Presented<'_>) -> bool {
        let names = &presented.certificate.alt_names;
        let any = |values: &[String]| values.iter().any(|value| self.pattern.matches(value));
        match &self.field {
            IdentityField::SanDns => names
                .dns
                .iter()
                .any(|name| self.pattern.matches(without_last_dot(name))),
            IdentityField::SanUri => any(&names.uri),
            IdentityField::SanEmail => any(&names.email),
            IdentityField::SanIp => names.ip.iter().any(|ip| self.pattern.matches_address(*ip)),
            IdentityField::Subject => self.pattern.matches(&presented.certificate.subject),
            IdentityField::SubjectAttribute(kind) => presented
                .values(kind)
                .any(|value| self.pattern.matches(value)),
            IdentityField::Issuer => self.pattern.matches(&presented.certificate.issuer),
            IdentityField::Serial => self.pattern.matches(&presented.certificate.serial),
            IdentityField::Fingerprint => {
                self.pattern.matches_digest(&presented.certificate.sha256)
            }
            IdentityField::Spki => self.pattern.matches_digest(&presented.certificate.key_id),
        }
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hasher = FieldHasher::new(b"portcullis identity matcher 1");
        hasher.field(self.field.label().as_bytes());
        let attribute = match &self.field {
            IdentityField::SubjectAttribute(kind) => kind.dotted(),
            _ => "",
        };
        hasher.field(attribute.as_bytes());
        hasher.field(self.kind.label().as_bytes());
        hasher.field(self.value.as_bytes());
        hasher.field(&[u8::from(self.ignore_case)]);
        hasher.finish()
    }
}

impl PartialEq for IdentityMatcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.field, self.kind, &self.value, self.ignore_case)
            == (&other.field, other.kind, &other.value, other.ignore_case)
    }
}

impl Eq for IdentityMatcher {}

/// The value in the form in which it is compared.
fn normalised(field: &IdentityField, kind: MatchKind, value: &str) -> Result<String, MatcherError> {
    use IdentityField as Field;
    let is_visible = |character: char| character == ' ' || character.is_ascii_graphic();
    let is_text = matches!(field, Field::SubjectAttribute(_));
    if !is_text && !value.chars().all(is_visible) {
        let field = field.clone();
        return Err(MatcherError::NotAscii { field });
    }
    let normalised = match (field, kind) {
        (_, MatchKind::Regex) => value.to_owned(),
        (Field::SanDns, MatchKind::Exact | MatchKind::Suffix) => {
            without_last_dot(value).to_ascii_lowercase()
        }
        (Field::SanDns, MatchKind::Prefix) => value.to_ascii_lowercase(),
        (Field::Subject | Field::Issuer, MatchKind::Suffix) => {
            value.strip_prefix(',').unwrap_or(value).to_owned()
        }
        (Field::Serial, MatchKind::Exact) => serial(value)?,
        (Field::Serial, MatchKind::Prefix | MatchKind::Suffix) => part_of_serial(value)?,
        (Field::Fingerprint | Field::Spki, _) => value.replace(':', "").to_ascii_lowercase(),
        _ => value.to_owned(),
    };
    if normalised.is_empty() {
        return Err(MatcherError::Empty);
    }
    Ok(normalised)
}

/// A DNS name without the dot of the root, if it has one.
pub(super) fn without_last_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The canonical form of a serial number: see [`CertificateFacts::serial`](crate::CertificateFacts::serial).
fn serial(value: &str) -> Result<String, MatcherError> {
    let digits = part_of_serial(value)?;
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", digits.as_str()),
    };
    let significant = magnitude.trim_start_matches('0');
    if significant.is_empty() {
        return Ok("00".to_owned());
    }
    let padding = if significant.len().is_multiple_of(2) {
        ""
    } else {
        "0"
    };
    Ok(format!("{sign}{padding}{significant}"))
}

fn part_of_serial(value: &str) -> Result<String, MatcherError> {
    if value.is_empty() {
        return Err(MatcherError::Empty);
    }
    let digits = value.replace(':', "").to_ascii_uppercase();
    let magnitude = digits.strip_prefix('-').unwrap_or(&digits);
    if unsigned_digits(magnitude) {
        return Ok(digits);
    }
    Err(MatcherError::NotASerial)
}

impl IdentityField {
    /// The name of the field in the API: `SanDns`.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::SanDns => "SanDns",
            Self::SanUri => "SanUri",
            Self::SanEmail => "SanEmail",
            Self::SanIp => "SanIp",
            Self::Subject => "Subject",
            Self::SubjectAttribute(_) => "SubjectAttribute",
            Self::Issuer => "Issuer",
            Self::Serial => "Serial",
            Self::Fingerprint => "Fingerprint",
            Self::Spki => "Spki",
        }
    }
}

impl fmt::Display for IdentityField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.label())
    }
}

impl MatchKind {
    /// The name of the kind in the API: `Exact`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Exact => "Exact",
            Self::Prefix => "Prefix",
            Self::Suffix => "Suffix",
            Self::Regex => "Regex",
        }
    }
}

impl fmt::Display for MatchKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.label())
    }
}
