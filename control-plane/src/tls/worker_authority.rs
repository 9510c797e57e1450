//! The worker CA: it issues the certificates of workers, and that which the configuration stream shows to them.
//!
//! Its certificate file may hold more than one CA, for rotation: the one that the key file fits issues, all are trusted.

use std::{net::IpAddr, path::Path, sync::Arc};

use aws_lc_rs::digest;
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData,
    SanType, string::Ia5String,
};
use rustls::{RootCertStore, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};
use zeroize::Zeroizing;

use super::{Authority, AuthorityError, authority};
use crate::{
    enrolment::CertificateRequest,
    worker_identity::{IssuedCertificate, ShownCertificate, WorkerName},
};

/// The worker CA, loaded. Cheap to clone.
#[derive(Clone)]
pub struct WorkerAuthority(Arc<Inner>);

struct Inner {
    issuing: Authority,
    certificate: CertificateDer<'static>,
    pin: [u8; 32],
    /// The issuing one first.
    trusted: Vec<CertificateDer<'static>>,
}

/// Serial number and end of a certificate that is about to be issued; the store records them first.
#[derive(Debug, Clone)]
pub struct Grant {
    serial: rcgen::SerialNumber,
    not_after: OffsetDateTime,
}

const URI: &str = "urn:portcullis:worker:";
/// Of the certificate that the configuration stream shows.
const STREAM_LIFETIME: Duration = Duration::days(90);

impl WorkerAuthority {
    /// Loads the CA from its two PEM files, or makes it there when neither exists (key: mode 0600).
    ///
    /// # Errors
    /// [`AuthorityError`]; an existing file is never overwritten.
    pub fn load_or_create(
        now: OffsetDateTime,
        certificate_file: &Path,
        key_file: &Path,
    ) -> Result<Self, AuthorityError> {
        if !certificate_file.exists() && !key_file.exists() {
            Authority::load_or_create(now, certificate_file, key_file, "Portcullis worker CA")?;
        }
        let key = Zeroizing::new(authority::read(key_file)?);
        Self::load(now, certificate_file, &key, &key_file.display().to_string())
    }

    /// Loads the CA from the PEM file of its certificates and the PEM text of its key, which errors call `key_name`.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn load(
        now: OffsetDateTime,
        certificate_file: &Path,
        key: &str,
        key_name: &str,
    ) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError::Certificate {
            file: certificate_file.display().to_string(),
            source,
        };
        let bundle = authority::read(certificate_file)?;
        let key = KeyPair::from_pem(key).map_err(failed)?;
        let mut trusted = CertificateDer::pem_slice_iter(bundle.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_pem| failed(rcgen::Error::CouldNotParseCertificate))?;
        let own_key = key.subject_public_key_info();
        let is_own = |certificate: &CertificateDer<'_>| spki(certificate) == Some(own_key.clone());
        let position = trusted.iter().position(is_own);
        let position = position.ok_or_else(|| AuthorityError::ForeignKey {
            certificate: certificate_file.display().to_string(),
            key: key_name.to_owned(),
        })?;
        trusted.swap(0, position);
        let certificate = trusted.swap_remove(0);
        trusted.insert(0, certificate.clone());
        Ok(Self(Arc::new(Inner {
            issuing: Authority::from_der(now, certificate_file, &certificate, key)?,
            certificate,
            pin: sha256(&own_key),
            trusted,
        })))
    }

    /// SHA-256 of the public key (`SubjectPublicKeyInfo`) of the CA that issues; join tokens hold it.
    pub fn pin(&self) -> &[u8; 32] {
        &self.0.pin
    }

    /// All CAs that certificates of workers, and of the stream, may come from; the issuing one first.
    pub fn trusted(&self) -> &[CertificateDer<'static>] {
        &self.0.trusted
    }

    /// The same for rustls.
    ///
    /// # Errors
    /// When one of them is no CA certificate that rustls can use.
    pub fn roots(&self) -> Result<RootCertStore, rustls::Error> {
        let mut roots = RootCertStore::empty();
        for certificate in self.trusted() {
            roots.add(certificate.clone())?;
        }
        Ok(roots)
    }

    /// Chooses what is to be recorded of the next certificate: good from an hour ago for `lifetime`, but not longer than
    /// the CA.
    pub fn grant(&self, now: OffsetDateTime, lifetime: std::time::Duration) -> Grant {
        let wanted = Duration::try_from(lifetime).unwrap_or(Duration::MAX);
        let not_after = now.saturating_add(wanted).min(self.0.issuing.not_after());
        Grant {
            serial: authority::serial_number(),
            // X.509 knows no parts of a second.
            not_after: not_after.replace_nanosecond(0).unwrap_or(not_after),
        }
    }

    /// Signs what was granted: for clients, with the worker's name as common name and its identity as URI.
    ///
    /// # Errors
    /// What rcgen says; a defect.
    pub fn sign(
        &self,
        now: OffsetDateTime,
        grant: &Grant,
        identity: Uuid,
        name: &WorkerName,
        request: &CertificateRequest,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let mut params = params(
            now,
            grant,
            name.as_str(),
            ExtendedKeyUsagePurpose::ClientAuth,
        );
        let uri = Ia5String::try_from(format!("{URI}{identity}"))?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        let certificate = self.0.issuing.sign(&params, request.key())?;
        Ok(certificate.der().clone())
    }

    /// A certificate with a fresh key for the configuration stream.
    ///
    /// # Errors
    /// When a name is neither a DNS name nor an IP address.
    pub fn issue_for_stream(
        &self,
        now: OffsetDateTime,
        names: &[String],
    ) -> Result<CertifiedKey, rcgen::Error> {
        let grant = self.grant(now, STREAM_LIFETIME.unsigned_abs());
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        let mut params = params(now, &grant, "Portcullis configuration stream", usage);
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse::<IpAddr>() {
                Ok(address) => Ok(SanType::IpAddress(address)),
                Err(_not_ip) => Ok(SanType::DnsName(Ia5String::try_from(name.as_str())?)),
            })
            .collect::<Result<_, rcgen::Error>>()?;
        let key = KeyPair::generate()?;
        let certificate = self.0.issuing.sign(&params, &key)?;
        // The CA goes along: a worker that joins knows its public key only.
        let chain = vec![certificate.der().clone(), self.0.certificate.clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        CertifiedKey::from_der(chain, key, &provider)
            .map_err(|_| rcgen::Error::CouldNotParseKeyPair)
    }
}

impl Grant {
    /// What the store records.
    pub fn certificate(&self) -> IssuedCertificate {
        IssuedCertificate {
            serial: hex::encode_upper(self.serial.to_bytes()),
            not_after: self.not_after,
        }
    }
}

impl ShownCertificate {
    /// Reads a client certificate whose chain was verified against the worker CA; `None`: it names no worker identity.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let alternatives = certificate.subject_alternative_name().ok()??;
        let mut uris = alternatives.value.general_names.iter().filter_map(identity);
        let (Some(identity), None) = (uris.next(), uris.next()) else {
            return None;
        };
        Some(Self {
            identity,
            serial: hex::encode_upper(certificate.tbs_certificate.raw_serial()),
            not_after: certificate.validity().not_after.to_datetime(),
        })
    }
}

fn identity(name: &GeneralName<'_>) -> Option<Uuid> {
    match name {
        GeneralName::URI(uri) => Uuid::parse_str(uri.strip_prefix(URI)?).ok(),
        _ => None,
    }
}

fn params(
    now: OffsetDateTime,
    grant: &Grant,
    common_name: &str,
    usage: ExtendedKeyUsagePurpose,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = authority::distinguished_name(common_name);
    params.serial_number = Some(grant.serial.clone());
    params.not_before = now - authority::CLOCK_SKEW;
    params.not_after = grant.not_after;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    params
}

fn spki(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    sha256
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn request() -> CertificateRequest {
        let key = KeyPair::generate().unwrap();
        let der = CertificateParams::default()
            .serialize_request(&key)
            .unwrap();
        CertificateRequest::parse(der.der()).unwrap()
    }

    fn load(folder: &Path) -> Result<WorkerAuthority, AuthorityError> {
        let (certificate, key) = (folder.join("worker-ca.pem"), folder.join("worker-ca.key"));
        WorkerAuthority::load_or_create(OffsetDateTime::now_utc(), &certificate, &key)
    }

    #[test]
    fn a_certificate_names_its_worker_identity_and_nothing_that_the_request_says() {
        let folder = tempfile::tempdir().unwrap();
        let authority = load(folder.path()).unwrap();
        let now = OffsetDateTime::now_utc();
        let grant = authority.grant(now, std::time::Duration::from_hours(24));
        let (identity, name) = (Uuid::new_v4(), WorkerName::parse("w1").unwrap());
        let der = authority
            .sign(now, &grant, identity, &name, &request())
            .unwrap();
        let shown = ShownCertificate::parse(&der).unwrap();
        let granted = grant.certificate();
        assert_eq!((shown.identity, &shown.serial), (identity, &granted.serial));
        assert_eq!(shown.not_after, granted.not_after);
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(parsed.subject().to_string(), "O=Portcullis, CN=w1");
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth && !parsed.is_ca());
    }

    #[test]
    fn a_second_start_finds_the_same_authority() {
        let folder = tempfile::tempdir().unwrap();
        let first = load(folder.path()).unwrap();
        assert_eq!(load(folder.path()).unwrap().pin(), first.pin());
    }

    #[test]
    fn of_several_authorities_the_one_with_the_key_issues_and_all_are_trusted() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (load(old.path()).unwrap(), load(new.path()).unwrap());
        let certificate = |folder: &Path| fs::read_to_string(folder.join("worker-ca.pem")).unwrap();
        let bundle = certificate(old.path()) + &certificate(new.path());
        for folder in [&old, &new] {
            fs::write(folder.path().join("worker-ca.pem"), &bundle).unwrap();
        }
        for (folder, pin) in [(&old, first.pin()), (&new, second.pin())] {
            let authority = load(folder.path()).unwrap();
            assert_eq!(authority.pin(), pin);
            assert_eq!(authority.trusted().len(), 2);
            assert_eq!(sha256(&spki(&authority.trusted()[0]).unwrap()), *pin);
        }
    }

    #[test]
    fn a_key_of_another_authority_is_refused() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        load(one.path()).unwrap();
        load(other.path()).unwrap();
        let key = fs::read(other.path().join("worker-ca.key")).unwrap();
        fs::write(one.path().join("worker-ca.key"), key).unwrap();
        let refused = load(one.path()).err().unwrap();
        assert!(
            matches!(refused, AuthorityError::ForeignKey { .. }),
            "{refused}"
        );
        fs::remove_file(one.path().join("worker-ca.key")).unwrap();
        assert!(load(one.path()).is_err(), "half of it is missing");
    }
}
