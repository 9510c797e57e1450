//! A small certificate authority in two files, for certificates that strict clients accept.
//!
//! Python 3.13 and others verify with `VERIFY_X509_STRICT`: the CA needs critical basicConstraints, keyUsage with
//! keyCertSign and a subject key identifier; a leaf needs an authority key identifier and a subject alternative name.

use std::{io, net::IpAddr, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use time::{Duration, OffsetDateTime};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use zeroize::Zeroizing;

use super::file::{write_private, write_public};
use crate::settings::Identity;

/// A CA that can issue certificates. It has no `Debug`: it holds its private key.
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    not_after: OffsetDateTime,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// TLS server (`serverAuth`).
    Server,
    /// TLS client (`clientAuth`).
    Client,
}

/// Why the CA cannot be loaded, created or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The certificate or key cannot be made or parsed.
    #[error("cannot make or read the certificate authority in {file}")]
    Certificate {
        /// Path of the CA certificate.
        file: String,
        /// What rcgen says.
        #[source]
        source: rcgen::Error,
    },
    /// The CA expires soon; it is not replaced silently, because clients trust it by name of the file.
    #[error(
        "the certificate authority in {file} expires at {not_after}; remove it and its key to create a new one"
    )]
    Expiring {
        /// Path of the CA certificate.
        file: String,
        /// Its end.
        not_after: OffsetDateTime,
    },
    /// The key is of no certificate of the file.
    #[error("the key in {key} fits no certificate in {certificate}")]
    ForeignKey {
        /// Path of the CA certificates.
        certificate: String,
        /// Path of the key.
        key: String,
    },
    /// Reading or writing a file failed.
    #[error("cannot read or write {file}")]
    File {
        /// Path of the file.
        file: String,
        /// What the file system says.
        #[source]
        source: io::Error,
    },
    /// One of the two files is missing.
    #[error(
        "{present} exists but {missing} does not; restore it, or remove the other to create a new authority"
    )]
    HalfPresent {
        /// The file that exists.
        present: String,
        /// The file that does not.
        missing: String,
    },
}

impl Authority {
    /// Loads the CA from two PEM files, or creates it there when neither exists (key: mode 0600).
    ///
    /// # Errors
    /// [`AuthorityError`]; an existing file is never overwritten.
    pub fn load_or_create(
        now: OffsetDateTime,
        certificate_file: &Path,
        key_file: &Path,
        common_name: &str,
    ) -> Result<Self, AuthorityError> {
        match (certificate_file.exists(), key_file.exists()) {
            (true, true) => Self::load(now, certificate_file, key_file),
            (false, false) => Self::create(now, certificate_file, key_file, common_name),
            (true, false) => Err(half_present(certificate_file, key_file)),
            (false, true) => Err(half_present(key_file, certificate_file)),
        }
    }

    /// PEM of the CA certificate.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Issues a certificate with a fresh ECDSA P-256 key, valid from an hour ago for 397 days but not longer
    /// than the CA. Names that parse as IP addresses become IP entries.
    ///
    /// # Errors
    /// When a name is neither a DNS name nor an IP address.
    pub fn issue(
        &self,
        now: OffsetDateTime,
        common_name: &str,
        names: &[String],
        usage: Usage,
    ) -> Result<Issued, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = distinguished_name(common_name);
        params.serial_number = Some(serial_number());
        params.not_before = now - CLOCK_SKEW;
        params.not_after = (now + LEAF_LIFETIME).min(self.not_after);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain_pem = format!("{}{}", certificate.pem(), self.certificate_pem);
        Ok(Issued {
            chain_pem,
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Does the chain file hold a certificate of this CA which fits its key file, carries all `names` and lasts for 30
    /// days more?
    pub fn still_good(
        &self,
        now: OffsetDateTime,
        chain_file: &Path,
        key_file: &Path,
        names: &[String],
    ) -> bool {
        self.reusable(now, chain_file, key_file, names).is_some()
    }

    /// As [`Authority::still_good`], with what was found.
    pub fn reusable(
        &self,
        now: OffsetDateTime,
        chain_file: &Path,
        key_file: &Path,
        names: &[String],
    ) -> Option<Identity> {
        let chain = std::fs::read_to_string(chain_file).ok()?;
        let key = Zeroizing::new(std::fs::read(key_file).ok()?);
        let of_this_authority = chain.ends_with(&self.certificate_pem);
        let fresh = not_after(&chain)? - now >= RENEW_BEFORE;
        let identity = Identity::from_pem(chain.clone().into_bytes(), key).ok()?;
        (of_this_authority && fresh && covers(&chain, names)).then_some(identity)
    }

    /// Of a CA certificate that was read from `certificate_file` and its key.
    pub(super) fn from_der(
        now: OffsetDateTime,
        certificate_file: &Path,
        certificate: &CertificateDer<'_>,
        key: KeyPair,
    ) -> Result<Self, AuthorityError> {
        let content = BASE64_STANDARD.encode(certificate);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n");
        Self::new(now, certificate_file, pem, key)
    }

    pub(super) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    pub(super) fn sign(
        &self,
        params: &CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<Certificate, rcgen::Error> {
        params.signed_by(key, &self.issuer)
    }

    fn load(
        now: OffsetDateTime,
        certificate_file: &Path,
        key_file: &Path,
    ) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError::Certificate {
            file: certificate_file.display().to_string(),
            source,
        };
        let certificate_pem = read(certificate_file)?;
        let key = KeyPair::from_pem(&Zeroizing::new(read(key_file)?)).map_err(failed)?;
        Self::new(now, certificate_file, certificate_pem, key)
    }

    fn new(
        now: OffsetDateTime,
        certificate_file: &Path,
        certificate_pem: String,
        key: KeyPair,
    ) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError::Certificate {
            file: certificate_file.display().to_string(),
            source,
        };
        let not_after = not_after(&certificate_pem)
            .ok_or_else(|| failed(rcgen::Error::CouldNotParseCertificate))?;
        if not_after - now < RENEW_BEFORE {
            return Err(AuthorityError::Expiring {
                file: certificate_file.display().to_string(),
                not_after,
            });
        }
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(failed)?;
        Ok(Self {
            certificate_pem,
            issuer,
            not_after,
        })
    }

    fn create(
        now: OffsetDateTime,
        certificate_file: &Path,
        key_file: &Path,
        common_name: &str,
    ) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError::Certificate {
            file: certificate_file.display().to_string(),
            source,
        };
        let key = KeyPair::generate().map_err(failed)?;
        let params = ca_params(now, common_name);
        let certificate_pem = params.self_signed(&key).map_err(failed)?.pem();
        write_private(key_file, key.serialize_pem().as_bytes())
            .map_err(|source| file_error(key_file, source))?;
        write_public(certificate_file, certificate_pem.as_bytes())
            .map_err(|source| file_error(certificate_file, source))?;
        Ok(Self {
            certificate_pem,
            not_after: params.not_after,
            issuer: Issuer::new(params, key),
        })
    }
}

/// A certificate chain and its key, PEM.
pub struct Issued {
    /// Leaf first, then the CA.
    pub chain_pem: String,
    /// PKCS#8.
    pub key_pem: Zeroizing<String>,
}

/// End of the first certificate of a PEM text; `None` when it is unreadable.
fn not_after(pem: &str) -> Option<OffsetDateTime> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_rest, certificate) = X509Certificate::from_der(&der).ok()?;
    Some(certificate.validity().not_after.to_datetime())
}

/// Clients' clocks may be late by this much.
pub(super) const CLOCK_SKEW: Duration = Duration::HOUR;
const CA_LIFETIME: Duration = Duration::days(10 * 365);
/// Below the 398 days that some clients accept at most.
const LEAF_LIFETIME: Duration = Duration::days(397);
/// A leaf is replaced, and a CA refused, when less than this is left.
const RENEW_BEFORE: Duration = Duration::days(30);

fn ca_params(now: OffsetDateTime, common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(common_name);
    params.serial_number = Some(serial_number());
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + CA_LIFETIME;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(super) fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Portcullis");
    name.push(DnType::CommonName, common_name);
    name
}

/// 128 bits, positive, at random: an authority that is created anew never repeats a serial number under the same name.
pub(super) fn serial_number() -> SerialNumber {
    let mut bytes = *uuid::Uuid::new_v4().as_bytes();
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    SerialNumber::from_slice(&bytes)
}

pub(super) fn read(path: &Path) -> Result<String, AuthorityError> {
    std::fs::read_to_string(path).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::File {
        file: path.display().to_string(),
        source,
    }
}

fn half_present(present: &Path, missing: &Path) -> AuthorityError {
    AuthorityError::HalfPresent {
        present: present.display().to_string(),
        missing: missing.display().to_string(),
    }
}

/// Does the leaf carry all these names? IP addresses and DNS names compare by value.
fn covers(pem: &str, names: &[String]) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) else {
        return false;
    };
    let Ok((_rest, certificate)) = X509Certificate::from_der(&der) else {
        return false;
    };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return false;
    };
    let carried: Vec<String> = alternatives
        .value
        .general_names
        .iter()
        .filter_map(general_name)
        .collect();
    names.iter().all(|name| carried.contains(&canonical(name)))
}

fn canonical(name: &str) -> String {
    name.parse::<IpAddr>()
        .map_or_else(|_not_ip| name.to_ascii_lowercase(), |ip| ip.to_string())
}

fn general_name(name: &x509_parser::extensions::GeneralName<'_>) -> Option<String> {
    use x509_parser::extensions::GeneralName;
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .ok()
                .map(|octets| IpAddr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|octets| IpAddr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}
