//! Certificates and snapshots for the tests of this crate, made at run time.

use client_auth::crl::{Crl, SignedCrl};
use prost::Message;
use proto::config::v1 as wire;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::blobs::{Blob, sha256};
use crate::convert::Material;

/// A CA with its key.
pub(crate) struct Ca {
    pub(crate) certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub(crate) struct Leaf {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

impl Ca {
    /// A self-signed root.
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("key");
        let mut parameters = parameters(name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).expect("root").der().clone();
        Self {
            certificate,
            issuer: Issuer::new(parameters, key),
        }
    }

    /// A list of these serial numbers in DER, valid for 30 days from a day ago.
    pub(crate) fn crl(&self, number: u8, serials: &[u8]) -> Vec<u8> {
        let now = OffsetDateTime::now_utc();
        self.crl_until(number, serials, now + time::Duration::days(29))
    }

    /// As [`Self::crl`], valid until then.
    pub(crate) fn crl_until(&self, number: u8, serials: &[u8], end: OffsetDateTime) -> Vec<u8> {
        let begin = OffsetDateTime::now_utc() - time::Duration::days(1);
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*serial]),
            revocation_time: begin,
            reason_code: None,
            invalidity_date: None,
        });
        let parameters = CertificateRevocationListParams {
            this_update: begin,
            next_update: end,
            crl_number: SerialNumber::from_slice(&[number]),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        parameters
            .signed_by(&self.issuer)
            .expect("signed")
            .der()
            .to_vec()
    }

    /// As [`Self::crl`], verified.
    pub(crate) fn signed_crl(&self, number: u8, serials: &[u8]) -> SignedCrl {
        let der = self.crl(number, serials);
        let crl = Crl::parse(&der).expect("a list");
        crl.check_signed_by(&self.certificate)
            .expect("signed by the CA")
    }

    /// Its private key as PKCS#8 in PEM.
    pub(crate) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A CA below this one.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("key");
        let mut parameters = parameters(name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let signed = parameters.signed_by(&key, &self.issuer);
        Self {
            certificate: signed.expect("signed").der().clone(),
            issuer: Issuer::new(parameters, key),
        }
    }

    /// A certificate for a client, valid now.
    pub(crate) fn client(&self, name: &str) -> Leaf {
        self.leaf(name, |parameters| {
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// A certificate for a server of this name, valid now.
    pub(crate) fn server(&self, name: &str) -> Leaf {
        self.leaf(name, |parameters| {
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })
    }

    /// A certificate as `change` wants it.
    pub(crate) fn leaf(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let key = KeyPair::generate().expect("key");
        let mut parameters = parameters(name);
        parameters.subject_alt_names =
            vec![rcgen::SanType::DnsName(name.try_into().expect("DNS name"))];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        change(&mut parameters);
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .expect("signed")
            .der()
            .clone();
        Leaf { certificate, key }
    }
}

impl Leaf {
    /// A certificate signed by its own key.
    pub(crate) fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().expect("key");
        let mut parameters = parameters(name);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = parameters
            .self_signed(&key)
            .expect("self-signed")
            .der()
            .clone();
        Self { certificate, key }
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).expect("PKCS#8")
    }
}

impl Material {
    /// Adds certificates and returns the name of their blob.
    pub(crate) fn add_certificates(&mut self, certificates: &[&CertificateDer<'_>]) -> Vec<u8> {
        let certificates = certificates
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect();
        self.add(
            wire::BlobKind::Certificates,
            wire::CertificateList { certificates }.encode_to_vec(),
        )
    }

    /// Adds a private key and returns the name of its blob.
    pub(crate) fn add_key(&mut self, key: &KeyPair) -> Vec<u8> {
        self.add(wire::BlobKind::PrivateKey, key.serialize_der())
    }

    /// Adds a blob and returns its name.
    pub(crate) fn add(&mut self, kind: wire::BlobKind, bytes: Vec<u8>) -> Vec<u8> {
        let digest = sha256(&bytes);
        self.0
            .insert(digest, Blob::new(kind, Zeroizing::new(bytes)));
        digest.to_vec()
    }
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = OffsetDateTime::now_utc() - time::Duration::days(1);
    parameters.not_after = OffsetDateTime::now_utc() + time::Duration::days(30);
    parameters
}
