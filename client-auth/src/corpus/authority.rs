//! Certificates made at run time.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

pub(crate) type Der = CertificateDer<'static>;
pub(crate) type Edit<'a> = &'a dyn Fn(&mut CertificateParams);

/// The moment of most decisions, in seconds since 1970.
const NOW: i64 = 1_800_000_000;
pub(crate) const DAY: i64 = 86_400;

/// `seconds` after the moment of most decisions.
pub(crate) fn at(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs((NOW + seconds).try_into().unwrap()))
}

/// The same for rcgen.
pub(crate) fn date(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW + seconds).unwrap()
}

/// A CA: its certificate, and what it takes to issue more.
pub(crate) struct Authority {
    params: CertificateParams,
    issuer: Issuer<'static, KeyPair>,
    pub(crate) der: Der,
}

/// The edit that changes nothing.
pub(crate) fn plain(_: &mut CertificateParams) {}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        Self::root_with(name, KeyPair::generate().unwrap(), &plain)
    }

    pub(crate) fn root_with(name: &str, key: KeyPair, edit: Edit<'_>) -> Self {
        let params = ca_params(name, edit);
        let der = params.self_signed(&key).unwrap().der().clone();
        Self::of(params, key, der)
    }

    pub(crate) fn intermediate_with(&self, name: &str, key: KeyPair, edit: Edit<'_>) -> Self {
        let params = ca_params(name, edit);
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self::of(params, key, der)
    }

    fn of(params: CertificateParams, key: KeyPair, der: Der) -> Self {
        Self {
            issuer: Issuer::new(params.clone(), key),
            params,
            der,
        }
    }

    /// A certificate of ours for the same name and key as `other` has.
    pub(crate) fn cross_sign(&self, other: &Self) -> Der {
        self.issue(&other.params, other.issuer.key())
    }

    pub(crate) fn client_for(&self, name: &str, key: &impl PublicKeyData, edit: Edit<'_>) -> Der {
        self.issue(&client_params(name, edit), key)
    }

    /// A CA certificate of ours for this name and key.
    pub(crate) fn certify(&self, name: &str, key: &impl PublicKeyData, edit: Edit<'_>) -> Der {
        self.issue(&ca_params(name, edit), key)
    }

    pub(crate) fn key(&self) -> &KeyPair {
        self.issuer.key()
    }

    fn issue(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Der {
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }
}

/// What only the unit tests of this crate ask for.
#[cfg(test)]
impl Authority {
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, KeyPair::generate().unwrap(), &plain)
    }

    /// Another certificate of this root for the same name and key, valid for longer.
    pub(crate) fn renewed(&self) -> Der {
        let mut params = self.params.clone();
        params.not_after = date(2 * DAY);
        params.self_signed(self.issuer.key()).unwrap().der().clone()
    }

    pub(crate) fn client(&self, name: &str) -> Der {
        self.client_with(name, &plain)
    }

    pub(crate) fn client_with(&self, name: &str, edit: Edit<'_>) -> Der {
        self.client_for(name, &KeyPair::generate().unwrap(), edit)
    }
}

fn ca_params(name: &str, edit: Edit<'_>) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    edit(&mut params);
    params
}

fn client_params(name: &str, edit: Edit<'_>) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    edit(&mut params);
    params
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params.not_before = date(-DAY);
    params.not_after = date(DAY);
    params
}

/// A client certificate signed with its own key.
pub(crate) fn self_signed(name: &str, edit: Edit<'_>) -> Der {
    let key = KeyPair::generate().unwrap();
    client_params(name, edit)
        .self_signed(&key)
        .unwrap()
        .der()
        .clone()
}

/// A key that signs only itself away: RSA with a modulus of any size.
pub(crate) struct RsaKey(Vec<u8>);

impl RsaKey {
    pub(crate) fn of_bits(bits: usize) -> Self {
        let mut modulus = vec![0x5a; bits / 8];
        modulus[0] = 0x80;
        modulus.insert(0, 0);
        Self::of(&modulus, &[1, 0, 1])
    }

    pub(crate) fn with_exponent(exponent: &[u8]) -> Self {
        let mut modulus = vec![0x5b; 257];
        modulus[..2].copy_from_slice(&[0, 0x80]);
        Self::of(&modulus, exponent)
    }

    fn of(modulus: &[u8], exponent: &[u8]) -> Self {
        let numbers = [tlv(0x02, modulus), tlv(0x02, exponent)].concat();
        Self(tlv(0x30, &numbers))
    }
}

impl PublicKeyData for RsaKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// One DER value.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let mut der = match length {
        [0, short @ ..=0x7f] => vec![tag, short],
        [0, long] => vec![tag, 0x81, long],
        [high, low] => vec![tag, 0x82, high, low],
    };
    der.extend_from_slice(value);
    der
}
