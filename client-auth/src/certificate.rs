//! The parts of a certificate that a decision needs, borrowed from its DER bytes (RFC 5280 section 4.1).
//!
//! `webpki` reads the same bytes once more and is stricter; what is read here serves the checks that it does not make.

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::der_value::{BIT_STRING, BOOLEAN, INTEGER, SEQUENCE, Tlv, Values, malformed};
use crate::extension::{Extension, set_once};
use crate::{Sha256Fingerprint, name};

/// One certificate.
#[derive(Clone, Copy)]
pub(crate) struct Certificate<'a> {
    pub(crate) der: &'a [u8],
    /// DER `Name` with its header.
    pub(crate) issuer: &'a [u8],
    /// DER `Name` with its header.
    pub(crate) subject: &'a [u8],
    /// Contents of the INTEGER.
    pub(crate) serial: &'a [u8],
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) key: PublicKey<'a>,
    pub(crate) signed: Signed<'a>,
    pub(crate) extensions: Extensions<'a>,
}

/// A `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
#[derive(Clone, Copy)]
pub(crate) struct PublicKey<'a> {
    /// The whole structure with its header.
    pub(crate) spki: &'a [u8],
    /// Contents of the `AlgorithmIdentifier`.
    pub(crate) algorithm: &'a [u8],
    pub(crate) bits: &'a [u8],
}

/// What the issuer of a certificate, a CRL or an OCSP response signed, and how.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) message: &'a [u8],
    /// Contents of the `AlgorithmIdentifier`.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

/// The extensions that are looked at.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extensions<'a> {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) purposes: Option<Purposes>,
    /// Contents of the `GeneralNames` sequence.
    pub(crate) alt_names: Option<&'a [u8]>,
    /// Whether name constraints mention email addresses (RFC 5280 section 4.2.1.10).
    pub(crate) constrains_email: Option<bool>,
    /// The authority information access extension, unread (RFC 5280 section 4.2.2.1).
    pub(crate) authority_info: Option<&'a [u8]>,
    /// The CRL distribution points extension, unread (RFC 5280 section 4.2.1.13).
    pub(crate) distribution_points: Option<&'a [u8]>,
    /// Whether it is an OCSP responder's and is not to be checked for revocation (RFC 6960 section 4.2.2.2.1).
    pub(crate) ocsp_no_check: Option<()>,
    /// Whether it constrains policies (RFC 5280 section 4.2.1.11), which nobody here evaluates.
    pub(crate) policy_constraints: Option<()>,
}

/// RFC 5280 section 4.2.1.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    pub(crate) path_length: Option<u8>,
}

/// RFC 5280 section 4.2.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUsage {
    pub(crate) digital_signature: bool,
    pub(crate) key_cert_sign: bool,
    pub(crate) crl_sign: bool,
}

/// RFC 5280 section 4.2.1.12.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purposes {
    pub(crate) client_auth: bool,
    pub(crate) ocsp_signing: bool,
    pub(crate) any: bool,
}

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALT_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x24];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// `id-pe-authorityInfoAccess`.
const AUTHORITY_INFO: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
/// `id-pkix-ocsp-nocheck`.
const OCSP_NO_CHECK: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];

/// `id-kp-OCSPSigning`.
const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];
/// `id-kp-clientAuth`.
pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
/// `anyExtendedKeyUsage`.
pub(crate) const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// The OBJECT IDENTIFIER of PKCS #9 `emailAddress` with its header.
const EMAIL_ADDRESS: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01,
];

/// A `Name` without parts.
pub(crate) const EMPTY_NAME: &[u8] = &[0x30, 0x00];

const EXPLICIT_VERSION: u8 = 0xa0;
const ISSUER_UNIQUE_ID: u8 = 0x81;
const SUBJECT_UNIQUE_ID: u8 = 0x82;
const EXPLICIT_EXTENSIONS: u8 = 0xa3;

impl<'a> Certificate<'a> {
    /// Reads one certificate and nothing behind it.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, der::Error> {
        let mut outer = Values::only(der, SEQUENCE)?.values()?;
        let (tbs, signed) = Signed::parse(&mut outer)?;
        outer.finish()?;

        let mut fields = tbs.values()?;
        fields.optional(EXPLICIT_VERSION)?;
        let serial = fields.expect(INTEGER)?.value;
        fields.expect(SEQUENCE)?;
        let issuer = fields.expect(SEQUENCE)?.raw;
        let mut validity = fields.expect(SEQUENCE)?.values()?;
        let not_before = validity.next()?.ok_or_else(malformed)?.time()?;
        let not_after = validity.next()?.ok_or_else(malformed)?.time()?;
        let subject = fields.expect(SEQUENCE)?.raw;
        let key = PublicKey::parse(fields.expect(SEQUENCE)?)?;
        fields.optional(ISSUER_UNIQUE_ID)?;
        fields.optional(SUBJECT_UNIQUE_ID)?;
        let extensions = match fields.optional(EXPLICIT_EXTENSIONS)? {
            Some(explicit) => Extensions::parse(Values::only(explicit.value, SEQUENCE)?)?,
            None => Extensions::default(),
        };
        fields.finish()?;
        Ok(Self {
            der,
            issuer,
            subject,
            serial,
            not_before,
            not_after,
            key,
            signed,
            extensions,
        })
    }

    /// The certificate as `webpki` takes it, still borrowed.
    pub(crate) fn as_der(&self) -> CertificateDer<'a> {
        CertificateDer::from(self.der)
    }

    /// Whether basic constraints say CA:TRUE.
    pub(crate) fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.is_some_and(|b| b.ca)
    }

    /// Whether issuer and subject are the same name.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether the key usage extension, if there is one, allows signing certificates (RFC 5280 section 6.1.4 (n)).
    pub(crate) fn may_sign_certificates(&self) -> bool {
        self.extensions.key_usage.is_none_or(|u| u.key_cert_sign)
    }

    /// Whether a CA's extended key usage, if there is one, lets certificates below it authenticate clients.
    ///
    /// RFC 5280 section 4.2.1.12: a CA that does not wish to restrict usages can say `anyExtendedKeyUsage`.
    pub(crate) fn may_issue_clients(&self) -> bool {
        self.extensions
            .purposes
            .is_none_or(|p| p.client_auth || p.any)
    }

    /// Whether the subject has an attribute of type `emailAddress`.
    pub(crate) fn has_email_in_subject(&self) -> bool {
        self.subject
            .windows(EMAIL_ADDRESS.len())
            .any(|window| window == EMAIL_ADDRESS)
    }

    /// The subject in the form of RFC 2253.
    pub(crate) fn subject_text(&self) -> String {
        name::rfc2253(self.subject)
    }

    /// SHA-256 of the public key.
    pub(crate) fn key_id(&self) -> Sha256Fingerprint {
        Sha256Fingerprint::of(self.key.spki)
    }

    /// SHA-256 of the certificate.
    pub(crate) fn sha256(&self) -> Sha256Fingerprint {
        Sha256Fingerprint::of(self.der)
    }
}

impl<'a> Signed<'a> {
    /// Reads the three values that they all start with: what is signed (which is returned to be read), the algorithm and
    /// the signature.
    pub(crate) fn parse(fields: &mut Values<'a>) -> Result<(Tlv<'a>, Self), der::Error> {
        let tbs = fields.expect(SEQUENCE)?;
        let signed = Self {
            message: tbs.raw,
            algorithm: fields.expect(SEQUENCE)?.value,
            signature: fields.expect(BIT_STRING)?.octets()?,
        };
        Ok((tbs, signed))
    }
}

impl<'a> PublicKey<'a> {
    fn parse(spki: Tlv<'a>) -> Result<Self, der::Error> {
        let mut fields = spki.values()?;
        let algorithm = fields.expect(SEQUENCE)?.value;
        let bits = fields.expect(BIT_STRING)?.octets()?;
        fields.finish()?;
        Ok(Self {
            spki: spki.raw,
            algorithm,
            bits,
        })
    }
}

impl<'a> Extensions<'a> {
    fn parse(sequence: Tlv<'a>) -> Result<Self, der::Error> {
        let mut found = Self::default();
        let mut others = Vec::new();
        let mut extensions = sequence.values()?;
        while let Some(extension) = extensions.next()? {
            let Extension { id, value, .. } = Extension::parse(extension)?;
            if !found.remember(id, value)? {
                others.push(id);
            }
        }
        // An extension may occur once (RFC 5280 section 4.2), also one that nobody here looks at.
        others.sort_unstable();
        let is_repeated = others.windows(2).any(|pair| pair.first() == pair.last());
        if is_repeated {
            return Err(malformed());
        }
        Ok(found)
    }

    /// Whether it is an extension that is looked at.
    fn remember(&mut self, id: &[u8], value: &'a [u8]) -> Result<bool, der::Error> {
        match id {
            KEY_USAGE => set_once(&mut self.key_usage, KeyUsage::parse(value)?),
            ALT_NAMES => set_once(&mut self.alt_names, alt_names(value)?),
            BASIC_CONSTRAINTS => set_once(
                &mut self.basic_constraints,
                BasicConstraints::parse(Values::only(value, SEQUENCE)?)?,
            ),
            NAME_CONSTRAINTS => set_once(
                &mut self.constrains_email,
                constrains_email(Values::only(value, SEQUENCE)?)?,
            ),
            EXTENDED_KEY_USAGE => set_once(
                &mut self.purposes,
                Purposes::parse(Values::only(value, SEQUENCE)?)?,
            ),
            AUTHORITY_INFO => set_once(&mut self.authority_info, value),
            DISTRIBUTION_POINTS => set_once(&mut self.distribution_points, value),
            OCSP_NO_CHECK => set_once(&mut self.ocsp_no_check, ()),
            POLICY_CONSTRAINTS => set_once(&mut self.policy_constraints, ()),
            _ => return Ok(false),
        }?;
        Ok(true)
    }
}

impl KeyUsage {
    fn parse(value: &[u8]) -> Result<Self, der::Error> {
        let bits = Values::only(value, BIT_STRING)?.value;
        let (_unused, octets) = bits.split_first().ok_or_else(malformed)?;
        let first = octets.first().copied().unwrap_or_default();
        Ok(Self {
            digital_signature: first & 0x80 != 0,
            key_cert_sign: first & 0x04 != 0,
            crl_sign: first & 0x02 != 0,
        })
    }
}

impl BasicConstraints {
    fn parse(sequence: Tlv<'_>) -> Result<Self, der::Error> {
        let mut fields = sequence.values()?;
        let ca = match fields.optional(BOOLEAN)?.map(|tlv| tlv.value) {
            None | Some([0x00]) => false,
            Some([0xff]) => true,
            Some(_) => return Err(malformed()),
        };
        let path_length = match fields.optional(INTEGER)?.map(|tlv| tlv.value) {
            None => None,
            Some([length @ 0..=0x7f]) => Some(*length),
            Some(_) => return Err(malformed()),
        };
        fields.finish()?;
        Ok(Self { ca, path_length })
    }
}

impl Purposes {
    fn parse(sequence: Tlv<'_>) -> Result<Self, der::Error> {
        let mut purposes = Self::default();
        let mut ids = sequence.values()?;
        while let Some(id) = ids.next()? {
            match id.value {
                CLIENT_AUTH => purposes.client_auth = true,
                OCSP_SIGNING => purposes.ocsp_signing = true,
                ANY_PURPOSE => purposes.any = true,
                _ => {}
            }
        }
        Ok(purposes)
    }
}

/// Contents of a `GeneralNames` whose every name can be read: whoever looks for one must not miss it behind another.
fn alt_names(value: &[u8]) -> Result<&[u8], der::Error> {
    const IP_ADDRESS: u8 = 0x87;
    let names = Values::only(value, SEQUENCE)?;
    let mut values = names.values()?;
    while let Some(name) = values.next()? {
        if name.tag == IP_ADDRESS && !matches!(name.value.len(), 4 | 16) {
            return Err(malformed());
        }
    }
    Ok(names.value)
}

/// Whether one of the permitted or excluded subtrees is an `rfc822Name`.
///
/// Looks at all of them: `webpki` passes over a mask with a hole where an address is outside of it anyway.
fn constrains_email(sequence: Tlv<'_>) -> Result<bool, der::Error> {
    const RFC822_NAME: u8 = 0x81;
    const IP_ADDRESS: u8 = 0x87;
    let mut constrains_email = false;
    let mut lists = sequence.values()?;
    while let Some(list) = lists.next()? {
        let mut subtrees = list.values()?;
        while let Some(subtree) = subtrees.next()? {
            let base = subtree.values()?.next()?.ok_or_else(malformed)?;
            constrains_email |= base.tag == RFC822_NAME;
            if base.tag == IP_ADDRESS && !is_network(base.value) {
                return Err(malformed());
            }
        }
    }
    Ok(constrains_email)
}

/// An address and a mask without holes, in the style of RFC 4632 (RFC 5280 section 4.2.1.10).
fn is_network(octets: &[u8]) -> bool {
    let (_, mask) = octets.split_at(octets.len() / 2);
    let mask = mask
        .iter()
        .fold(0, |mask: u128, octet| (mask << 8) | u128::from(*octet));
    let holes = match octets.len() {
        8 => !mask & u128::from(u32::MAX),
        32 => !mask,
        _ => return false,
    };
    // What is left of the ones must be ones to the end.
    holes & holes.wrapping_add(1) == 0
}
