//! The certificate that the configuration stream shows to workers: the worker CA issues it, and another one in time.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::{Duration, OffsetDateTime};

use super::WorkerAuthority;
use crate::{clock::Clock, telemetry::Chain};

/// Shows a certificate of the worker CA; it lives in memory only.
pub struct StreamCertificate {
    authority: WorkerAuthority,
    names: Vec<String>,
    clock: Clock,
    served: RwLock<Served>,
}

struct Served {
    key: Arc<CertifiedKey>,
    replace_at: OffsetDateTime,
}

/// Long before its end.
const REPLACE_AFTER: Duration = Duration::days(30);

impl StreamCertificate {
    /// Issues the first one; `names` are DNS names and IP addresses.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn issue(
        authority: WorkerAuthority,
        clock: Clock,
        names: Vec<String>,
    ) -> Result<Self, rcgen::Error> {
        let served = RwLock::new(Served::new(&authority, clock.now(), &names)?);
        Ok(Self {
            authority,
            names,
            clock,
            served,
        })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let now = self.clock.now();
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        if now < served.replace_at {
            return Arc::clone(&served.key);
        }
        drop(served);
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        match Served::new(&self.authority, now, &self.names) {
            Ok(new) => *served = new,
            Err(error) => tracing::error!(
                error = %Chain(&error),
                "the certificate of the configuration stream cannot be renewed"
            ),
        }
        Arc::clone(&served.key)
    }
}

impl Served {
    fn new(
        authority: &WorkerAuthority,
        now: OffsetDateTime,
        names: &[String],
    ) -> Result<Self, rcgen::Error> {
        Ok(Self {
            key: Arc::new(authority.issue_for_stream(now, names)?),
            replace_at: now + REPLACE_AFTER,
        })
    }
}

impl ResolvesServerCert for StreamCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl std::fmt::Debug for StreamCertificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StreamCertificate")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_replaced_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let files = [folder.path().join("ca.pem"), folder.path().join("ca.key")];
        let authority = WorkerAuthority::load_or_create(now, &files[0], &files[1]).unwrap();
        let clock = Clock::fixed(now);
        let names = vec!["localhost".to_owned(), "::1".to_owned()];
        let certificate = StreamCertificate::issue(authority, clock.clone(), names).unwrap();
        let first = certificate.current().cert.clone();
        assert_eq!(first.len(), 2, "the CA goes along");
        clock.advance(REPLACE_AFTER - Duration::SECOND);
        assert_eq!(certificate.current().cert, first);
        clock.advance(Duration::SECOND);
        assert_ne!(certificate.current().cert, first);
    }
}
