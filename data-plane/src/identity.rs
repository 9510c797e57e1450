//! Who this worker is to the control plane: a certificate with its key, and the CAs that the control plane's own
//! certificate may come from. It is got with a join token, renewed before it ends, and kept in the state directory.

mod file;
mod request;
pub(crate) mod token;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::config::v1 as wire;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

pub(crate) use self::file::{IdentityFile, IdentityFileError};
pub(crate) use self::request::{NoKey, Request};

/// A certificate of this worker and what belongs to it. It has no `Debug`: it holds the private key.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The worker's certificate.
    pub(crate) certificate: CertificateDer<'static>,
    /// Its private key, PKCS#8 DER.
    pub(crate) key: Zeroizing<Vec<u8>>,
    /// CAs that the control plane's certificate may come from; never empty.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    /// SHA-256 of the join token that it began with: another one in the settings is meant to be used.
    pub(crate) joined_with: [u8; 32],
    /// When the certificate came.
    issued_at: SystemTime,
    /// When it ends.
    not_after: SystemTime,
}

/// What the control plane sent is no certificate for this worker.
#[derive(Debug, thiserror::Error)]
#[error("the control plane sent {0}")]
pub(crate) struct BadCertificate(&'static str);

/// The identity of a running worker, shared by those who use it and those who renew it. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Keeper {
    current: watch::Sender<Option<Arc<Identity>>>,
    file: Option<IdentityFile>,
}

impl Identity {
    /// Checks what the control plane issued for the key of `request`, at `now`.
    pub(crate) fn issued(
        issued: wire::Certificate,
        request: Request,
        joined_with: [u8; 32],
        now: SystemTime,
    ) -> Result<Self, BadCertificate> {
        let authorities = issued.authorities.into_iter().map(CertificateDer::from);
        let identity = Self::of(
            issued.certificate.into(),
            request.into_key(),
            authorities.collect(),
            joined_with,
            now,
        )?;
        if identity.not_after <= now {
            return Err(BadCertificate("a certificate that has ended"));
        }
        Ok(identity)
    }

    fn of(
        certificate: CertificateDer<'static>,
        key: Zeroizing<Vec<u8>>,
        authorities: Vec<CertificateDer<'static>>,
        joined_with: [u8; 32],
        issued_at: SystemTime,
    ) -> Result<Self, BadCertificate> {
        if authorities.is_empty() {
            return Err(BadCertificate("no CA"));
        }
        let (_, parsed) = X509Certificate::from_der(&certificate)
            .map_err(|_| BadCertificate("something else than a certificate"))?;
        if parsed.public_key().raw != request::public_key(&key).as_slice() {
            return Err(BadCertificate("a certificate for another key"));
        }
        let not_after = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
        Ok(Self {
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(not_after),
            certificate,
            key,
            authorities,
            joined_with,
            issued_at,
        })
    }

    /// When the certificate ends.
    pub(crate) fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// How long to wait at `now` before the certificate is renewed: until two thirds of its life are over, or up to a
    /// tenth of its life sooner by `random` (0 to 1), so that workers do not come together.
    pub(crate) fn renew_in(&self, now: SystemTime, random: f64) -> Duration {
        let life = self.not_after.duration_since(self.issued_at);
        let life = life.unwrap_or_default();
        let part = 2.0 / 3.0 - 0.1 * random.clamp(0.0, 1.0);
        let due = self.issued_at + life.mul_f64(part);
        due.duration_since(now).unwrap_or_default()
    }
}

impl Keeper {
    /// With what the file holds, if there is one.
    pub(crate) fn load(file: Option<IdentityFile>) -> Result<Self, IdentityFileError> {
        let found = file.as_ref().map(IdentityFile::load).transpose()?.flatten();
        Ok(Self {
            current: watch::Sender::new(found.map(Arc::new)),
            file,
        })
    }

    /// The identity of now.
    pub(crate) fn current(&self) -> Option<Arc<Identity>> {
        self.current.borrow().clone()
    }

    /// Reports every later change.
    pub(crate) fn changes(&self) -> watch::Receiver<Option<Arc<Identity>>> {
        self.current.subscribe()
    }

    /// Writes an identity to the disk and uses it from now on.
    ///
    /// # Errors
    /// Those of the file; the identity is used all the same, until the worker stops.
    pub(crate) fn replace(&self, identity: Identity) -> Result<(), IdentityFileError> {
        let written = match &self.file {
            Some(file) => file.save(&identity),
            None => Ok(()),
        };
        self.current.send_replace(Some(Arc::new(identity)));
        written
    }

    /// Forgets the identity, on the disk too: it was revoked.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn forget(&self) -> Result<(), IdentityFileError> {
        self.current.send_replace(None);
        match &self.file {
            Some(file) => file.remove(),
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keeper(redacted)")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertificateParams, Issuer, KeyPair};

    use super::*;

    /// An identity whose certificate ends a day after `issued_at`, of a CA that signs anything.
    pub(crate) fn identity(issued_at: SystemTime) -> Identity {
        let (issued, request) = answer(issued_at + Duration::from_hours(24));
        Identity::issued(issued, request, [7; 32], issued_at).expect("good")
    }

    fn answer(not_after: SystemTime) -> (wire::Certificate, Request) {
        let request = Request::new().expect("a key");
        let ca_key = KeyPair::generate().expect("key");
        let ca = CertificateParams::default();
        let authority = ca.self_signed(&ca_key).expect("CA").der().to_vec();
        let mut params = CertificateParams::default();
        params.not_after = not_after.into();
        let key = rcgen::SubjectPublicKeyInfo::from_der(&request.public_key()).expect("key");
        let certificate = params
            .signed_by(&key, &Issuer::new(ca, ca_key))
            .expect("signed");
        let issued = wire::Certificate {
            certificate: certificate.der().to_vec(),
            authorities: vec![authority],
        };
        (issued, request)
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life_at_the_latest() {
        let hours = Duration::from_hours;
        // X.509 knows no parts of a second.
        let now = SystemTime::UNIX_EPOCH + hours(400_000);
        let identity = identity(now);
        assert_eq!(identity.renew_in(now, 0.0).as_secs(), hours(16).as_secs());
        let soonest = identity.renew_in(now, 1.0);
        assert!(soonest < hours(14) && soonest > hours(13), "{soonest:?}");
        assert_eq!(identity.renew_in(now + hours(17), 0.0), Duration::ZERO);
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(400_000);
        let later = now + Duration::from_hours(1);
        let check = |change: &dyn Fn(&mut wire::Certificate, &mut Request), expected: &str| {
            let (mut issued, mut request) = answer(later);
            change(&mut issued, &mut request);
            let outcome = Identity::issued(issued, request, [0; 32], now);
            let error = outcome
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(error.ends_with(expected), "{error}");
        };
        check(&|_, _| {}, "");
        check(&|issued, _| issued.authorities.clear(), "no CA");
        check(
            &|issued, _| issued.certificate.truncate(9),
            "than a certificate",
        );
        check(
            &|_, request| *request = Request::new().expect("a key"),
            "for another key",
        );
        let (issued, request) = answer(now);
        assert!(
            Identity::issued(issued, request, [0; 32], now).is_err(),
            "it has ended"
        );
    }
}
