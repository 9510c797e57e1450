//! Which certificates a list is about (RFC 5280 section 5.2.5).

use super::CrlError;
use crate::der_value::{SEQUENCE, Values};
use crate::policy::FieldHasher;
use crate::revocation::sources::full_name;
use crate::{RevocationQuestion, Sha256Fingerprint};

const DISTRIBUTION_POINT: u8 = 0xa0;
const ONLY_USER_CERTS: u8 = 0x81;
const ONLY_CA_CERTS: u8 = 0x82;
const ONLY_SOME_REASONS: u8 = 0x83;
const INDIRECT: u8 = 0x84;
const ONLY_ATTRIBUTE_CERTS: u8 = 0x85;
/// `directoryName` of a `GeneralName`.
const DIRECTORY_NAME: u8 = 0xa4;

/// The scope of a list; without an issuing distribution point extension, all certificates of its issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    kind: Kind,
    some_reasons: bool,
    point: Point,
}

/// Certificates of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    All,
    Users,
    Cas,
    Attributes,
}

/// Certificates with which distribution point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Point {
    #[default]
    Any,
    /// One that has one of these names, the contents of a `GeneralNames`.
    Named(Box<[u8]>),
    /// Named relative to the issuer.
    Relative,
}

/// What a list can say about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// Whether it has been revoked.
    Full,
    /// That it has been revoked, but not that it has not: other reasons are in other lists.
    SomeReasons,
    /// Nothing.
    Nothing,
}

impl Scope {
    /// Reads an issuing distribution point extension.
    pub(super) fn parse(value: &[u8]) -> Result<Self, CrlError> {
        let mut fields = Values::only(value, SEQUENCE)?.values()?;
        let flag = |tag, fields: &mut Values<'_>| match fields.optional(tag)? {
            Some(tlv) => boolean(tlv.value),
            None => Ok(false),
        };
        let point = match fields.optional(DISTRIBUTION_POINT)? {
            None => Point::Any,
            Some(name) => full_name(name)?.map_or(Point::Relative, |n| Point::Named(n.into())),
        };
        let users = flag(ONLY_USER_CERTS, &mut fields)?;
        let cas = flag(ONLY_CA_CERTS, &mut fields)?;
        let some_reasons = fields.optional(ONLY_SOME_REASONS)?.is_some();
        let indirect = flag(INDIRECT, &mut fields)?;
        let attributes = flag(ONLY_ATTRIBUTE_CERTS, &mut fields)?;
        fields.finish()?;
        if indirect {
            return Err(CrlError::Indirect);
        }
        let kind = match (users, cas, attributes) {
            (false, false, false) => Kind::All,
            (true, false, false) => Kind::Users,
            (false, true, false) => Kind::Cas,
            (false, false, true) => Kind::Attributes,
            // At most one of them may be set.
            _ => return Err(CrlError::Malformed),
        };
        Ok(Self {
            kind,
            some_reasons,
            point,
        })
    }

    /// What the list can say about the certificate in question (RFC 5280 section 6.3.3 (b)).
    pub(super) fn coverage(&self, question: &RevocationQuestion) -> Coverage {
        let right_kind = match self.kind {
            Kind::All => true,
            Kind::Users => !question.is_ca,
            Kind::Cas => question.is_ca,
            Kind::Attributes => false,
        };
        let right_point = match &self.point {
            Point::Any => true,
            Point::Named(names) => is_point_of(names, question),
            Point::Relative => false,
        };
        match (right_kind && right_point, self.some_reasons) {
            (true, false) => Coverage::Full,
            (true, true) => Coverage::SomeReasons,
            (false, _) => Coverage::Nothing,
        }
    }

    /// SHA-256 over the scope: lists of one issuer with equal ones replace each other.
    pub(super) fn hash(&self) -> [u8; 32] {
        let kind = match self.kind {
            Kind::All => 0,
            Kind::Users => 1,
            Kind::Cas => 2,
            Kind::Attributes => 3,
        };
        let (point, names) = match &self.point {
            Point::Any => (0, &[][..]),
            Point::Named(names) => (1, &names[..]),
            Point::Relative => (2, &[][..]),
        };
        let mut hasher = FieldHasher::new(b"portcullis crl scope 1");
        hasher.field(&[kind, u8::from(self.some_reasons), point]);
        hasher.field(names);
        hasher.finish()
    }
}

/// Contents of a BOOLEAN (X.690 section 11.1); its default, FALSE, is written by some.
fn boolean(value: &[u8]) -> Result<bool, CrlError> {
    match value {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(CrlError::Malformed),
    }
}

/// Whether one of the `names` of a list is one of a distribution point of the certificate. Each certificate has an
/// unwritten one with its issuer's name (RFC 5280 section 6.3.3, end).
fn is_point_of(names: &[u8], question: &RevocationQuestion) -> bool {
    let Ok(mut names) = Values::of(names) else {
        return false;
    };
    while let Ok(Some(name)) = names.next() {
        let is_issuer = name.tag == DIRECTORY_NAME
            && *Sha256Fingerprint::of(name.value).as_bytes() == question.certificate.issuer_name;
        let points = &question.distribution_point_names;
        if is_issuer || points.iter().any(|point| contains(point, name.raw)) {
            return true;
        }
    }
    false
}

/// Whether a `GeneralNames` has this name, byte for byte.
fn contains(names: &[u8], wanted: &[u8]) -> bool {
    let Ok(mut names) = Values::of(names) else {
        return false;
    };
    while let Ok(Some(name)) = names.next() {
        if name.raw == wanted {
            return true;
        }
    }
    false
}
