//! The API's certificate, which changes while connections come in: the own CA issues a new one before the old one ends, and
//! files from settings are read again.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::OffsetDateTime;

use super::{AuthorityError, own_certificate::OwnCertificate};
use crate::settings::Identity;

/// The API's certificate. Clones serve and refresh the same one.
#[derive(Debug, Clone)]
pub struct ApiCertificate {
    source: Source,
    served: Arc<RwLock<Identity>>,
}

/// Why there is no new certificate; the old one is still served.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The files of settings are unusable.
    #[error("{0}")]
    Files(String),
    /// The own CA, or the files of its certificate.
    #[error("cannot issue the API's certificate")]
    OwnAuthority(#[from] AuthorityError),
}

impl ApiCertificate {
    /// Of the control plane's own CA, which lives in `directory`; `names` come on top of the names of this machine.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn own(
        now: OffsetDateTime,
        directory: &Path,
        names: &[String],
    ) -> Result<Self, AuthorityError> {
        let own = OwnCertificate::load_or_issue(now, directory, names)?;
        let source = Source::OwnAuthority {
            directory: directory.to_owned(),
            names: names.to_vec(),
            ca_file: own.ca_file,
        };
        Ok(Self {
            source,
            served: Arc::new(RwLock::new(own.identity)),
        })
    }

    /// From files that were read already.
    pub fn from_files(identity: Identity, chain: &Path, key: &Path) -> Self {
        let source = Source::Files {
            chain: chain.to_owned(),
            key: key.to_owned(),
        };
        Self {
            source,
            served: Arc::new(RwLock::new(identity)),
        }
    }

    /// Absolute path of the own CA's certificate, for clients to trust.
    pub fn ca_file(&self) -> Option<&Path> {
        match &self.source {
            Source::Files { .. } => None,
            Source::OwnAuthority { ca_file, .. } => Some(ca_file),
        }
    }

    /// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1; every handshake shows the certificate of its time.
    ///
    /// # Errors
    /// When the provider supports no protocol version; it does.
    pub fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver(self.clone())));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Issues or reads the certificate again where that is due; blocks on the file system. True: another one is served
    /// from now on.
    ///
    /// # Errors
    /// [`RefreshError`]; nothing has changed then.
    pub fn refresh(&self, now: OffsetDateTime) -> Result<bool, RefreshError> {
        let identity = match &self.source {
            Source::Files { chain, key } => {
                Identity::from_files(chain, key).map_err(RefreshError::Files)?
            }
            Source::OwnAuthority {
                directory, names, ..
            } => OwnCertificate::load_or_issue(now, directory, names)?.identity,
        };
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        let changed = served.chain_pem() != identity.chain_pem();
        *served = identity;
        Ok(changed)
    }
}

#[derive(Debug, Clone)]
enum Source {
    Files {
        chain: PathBuf,
        key: PathBuf,
    },
    OwnAuthority {
        directory: PathBuf,
        names: Vec<String>,
        ca_file: PathBuf,
    },
}

/// The same certificate for every name.
#[derive(Debug)]
struct Resolver(ApiCertificate);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let served = self.0.served.read().unwrap_or_else(PoisonError::into_inner);
        Some(served.certified_key())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use time::Duration;

    use super::*;

    #[test]
    fn the_own_certificate_is_renewed_before_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let certificate = ApiCertificate::own(now, dir.path(), &[]).unwrap();
        let before = served(&certificate);
        assert!(!certificate.refresh(now + Duration::days(300)).unwrap());
        assert!(certificate.refresh(now + Duration::days(380)).unwrap());
        assert_ne!(served(&certificate), before);
    }

    #[test]
    fn replaced_files_are_served_and_broken_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
        write(&chain, &key);
        let identity = Identity::from_files(&chain, &key).unwrap();
        let certificate = ApiCertificate::from_files(identity, &chain, &key);
        let now = OffsetDateTime::now_utc();
        assert!(!certificate.refresh(now).unwrap());
        write(&chain, &key);
        assert!(certificate.refresh(now).unwrap());
        let kept = served(&certificate);
        fs::write(&key, "nothing").unwrap();
        assert!(certificate.refresh(now).is_err());
        assert_eq!(served(&certificate), kept);
    }

    fn write(chain: &Path, key: &Path) {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(chain, issued.cert.pem()).unwrap();
        fs::write(key, issued.signing_key.serialize_pem()).unwrap();
    }

    fn served(certificate: &ApiCertificate) -> Vec<u8> {
        certificate.served.read().unwrap().chain_pem().to_vec()
    }
}
