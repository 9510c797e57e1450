//! A list before its signature has been verified.

use rustls_pki_types::UnixTime;

use super::index::Index;
use super::scope::Scope;
use super::{CrlError, CrlHead, CrlNumber, MAX_CRL, MAX_ENTRIES, SignedCrl};
use crate::certificate::{Certificate, Signed};
use crate::der_value::{INTEGER, SEQUENCE, Tlv, Values, malformed};
use crate::extension::{Extension, set_once};
use crate::signature::{self, SignatureFault};
use crate::{Sha256Fingerprint, SignatureChecks, key_strength, name};

const EXPLICIT_EXTENSIONS: u8 = 0xa0;

const DELTA_INDICATOR: &[u8] = &[0x55, 0x1d, 0x1b];
const NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 0x1c];
/// Which of the issuer's keys signed: found out by trying.
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];

/// A list of which nothing but its form is known. It gives no answers: see [`check_signed_by`](Self::check_signed_by).
#[derive(Clone)]
pub struct Crl<'a> {
    der: &'a [u8],
    signed: Signed<'a>,
    /// DER `Name` with its header.
    issuer: &'a [u8],
    this_update: UnixTime,
    next_update: UnixTime,
    /// The SEQUENCE of entries, unread.
    entries: Option<Tlv<'a>>,
    scope: Scope,
    number: Option<CrlNumber>,
}

impl<'a> Crl<'a> {
    /// Reads what is around the entries, whose number makes no difference. Never panics, whatever the bytes are.
    ///
    /// # Errors
    /// [`CrlError`] names the rule of RFC 5280 section 5 that is broken or not supported.
    pub fn parse(der: &'a [u8]) -> Result<Self, CrlError> {
        if der.len() > MAX_CRL {
            return Err(CrlError::TooLarge {
                size: der.len(),
                limit: MAX_CRL,
            });
        }
        let mut outer = Values::only(der, SEQUENCE)?.values()?;
        let (tbs, signed) = Signed::parse(&mut outer)?;
        outer.finish()?;
        Self::parse_tbs(der, signed, tbs)
    }

    fn parse_tbs(der: &'a [u8], signed: Signed<'a>, tbs: Tlv<'a>) -> Result<Self, CrlError> {
        let mut fields = tbs.values()?;
        let version = fields.optional(INTEGER)?;
        if fields.expect(SEQUENCE)?.value != signed.algorithm {
            return Err(CrlError::Malformed);
        }
        let issuer = fields.expect(SEQUENCE)?.raw;
        let this_update = fields.next()?.ok_or_else(malformed)?.time()?;
        let after_this_update = fields.next()?;
        let (next_update, entries) = match after_this_update {
            Some(tlv) if tlv.tag != SEQUENCE && tlv.tag != EXPLICIT_EXTENSIONS => {
                (tlv.time()?, fields.optional(SEQUENCE)?)
            }
            Some(_) | None => return Err(CrlError::NoNextUpdate),
        };
        let extensions = fields.optional(EXPLICIT_EXTENSIONS)?;
        fields.finish()?;
        check_version(version, extensions)?;
        if next_update < this_update {
            return Err(CrlError::Malformed);
        }
        let extensions = match extensions {
            Some(explicit) => Extensions::parse(Values::only(explicit.value, SEQUENCE)?)?,
            None => Extensions::default(),
        };
        Ok(Self {
            der,
            signed,
            issuer,
            this_update,
            next_update,
            entries,
            scope: extensions.scope.unwrap_or_default(),
            number: extensions.number,
        })
    }

    /// Its number, if it has one.
    pub fn number(&self) -> Option<&CrlNumber> {
        self.number.as_ref()
    }

    /// When it was issued.
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// When it expires.
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Whom it names as its issuer, in the form of RFC 2253.
    pub fn issuer(&self) -> String {
        name::rfc2253(self.issuer)
    }

    /// Verifies its signature with the key of a CA, and then reads its entries.
    ///
    /// The CA must have the name that the list has as its issuer, and its key usage, if there is one, must have `cRLSign`,
    /// whether it is an anchor or not (RFC 5280 section 6.3.3 (f) and (g)). The entries are not looked at before all of
    /// this is good.
    ///
    /// # Errors
    /// [`CrlError`]; the list must not be used.
    pub fn check_signed_by(&self, issuer: &[u8]) -> Result<SignedCrl, CrlError> {
        let issuer = Certificate::parse(issuer).map_err(|_| CrlError::Issuer)?;
        if issuer.subject != self.issuer {
            return Err(CrlError::OtherIssuer);
        }
        if issuer.extensions.key_usage.is_some_and(|u| !u.crl_sign) {
            return Err(CrlError::NoCrlSign);
        }
        key_strength::check(&issuer.key).map_err(|_| CrlError::WeakKey)?;
        let algorithms = signature::algorithms(SignatureChecks::Always);
        signature::verify(&self.signed, &issuer.key, algorithms).map_err(|fault| match fault {
            SignatureFault::UnsupportedAlgorithm => CrlError::UnsupportedAlgorithm,
            SignatureFault::Invalid => CrlError::BadSignature,
        })?;
        Ok(SignedCrl {
            head: CrlHead {
                issuer_key: *issuer.key_id().as_bytes(),
                issuer_name: *Sha256Fingerprint::of(issuer.subject).as_bytes(),
                scope: self.scope.hash(),
                number: self.number.clone(),
                this_update: self.this_update,
                next_update: self.next_update,
                sha256: *Sha256Fingerprint::of(self.der).as_bytes(),
            },
            issuer: self.issuer(),
            size: self.der.len(),
            scope: self.scope.clone(),
            index: Index::of(self.entries, MAX_ENTRIES)?,
        })
    }

    /// The same with whichever of several CAs signed it.
    ///
    /// # Errors
    /// Of the CA that comes nearest to being the signer.
    pub fn find_signer<'c>(
        &self,
        cas: impl IntoIterator<Item = &'c [u8]>,
    ) -> Result<SignedCrl, CrlError> {
        let mut nearest = CrlError::OtherIssuer;
        for ca in cas {
            match self.check_signed_by(ca) {
                Ok(signed) => return Ok(signed),
                Err(CrlError::Issuer | CrlError::OtherIssuer) => {}
                // With the key of a namesake.
                Err(CrlError::BadSignature) if nearest != CrlError::OtherIssuer => {}
                Err(error) => nearest = error,
            }
        }
        Err(nearest)
    }
}

/// The extensions that are looked at.
#[derive(Default)]
struct Extensions {
    scope: Option<Scope>,
    number: Option<CrlNumber>,
}

impl Extensions {
    fn parse(sequence: Tlv<'_>) -> Result<Self, CrlError> {
        let mut found = Self::default();
        let mut extensions = sequence.values()?;
        while let Some(extension) = extensions.optional(SEQUENCE)? {
            let Extension {
                id,
                is_critical,
                value,
            } = Extension::parse(extension)?;
            match id {
                DELTA_INDICATOR => return Err(CrlError::Delta),
                ISSUING_POINT => set_once(&mut found.scope, Scope::parse(value)?)?,
                NUMBER => {
                    let number = CrlNumber::parse(Values::only(value, INTEGER)?.value)?;
                    set_once(&mut found.number, number)?;
                }
                AUTHORITY_KEY => {}
                _ if is_critical => return Err(CrlError::UnknownCriticalExtension),
                _ => {}
            }
        }
        extensions.finish()?;
        Ok(found)
    }
}

/// Version 2, which is 1, has extensions; version 1 is not written (RFC 5280 section 5.1.2.1).
fn check_version(version: Option<Tlv<'_>>, extensions: Option<Tlv<'_>>) -> Result<(), CrlError> {
    match (version.map(|version| version.value), extensions) {
        (Some([1]), _) | (None, None) => Ok(()),
        _ => Err(CrlError::Malformed),
    }
}
