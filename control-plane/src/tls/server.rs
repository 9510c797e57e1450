//! The API's server configuration, and the certificate that the own CA issues for it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::authority::{Authority, AuthorityError, Usage};
use crate::{
    settings::{Identity, IdentityError},
    tls::file::{write_private, write_public},
};

/// The API's certificate from the own CA in a directory; reused across starts, and issued anew when it is about to
/// expire, lacks a name, or is not of this CA.
pub struct OwnCertificate {
    /// Absolute path of the CA certificate that clients trust.
    pub ca_file: PathBuf,
    /// Certificate and key.
    pub identity: Identity,
}

impl OwnCertificate {
    /// Loads or creates `ca.pem`, `ca.key`, `api.pem` and `api.key` in `directory`.
    ///
    /// `names` are DNS names and IP addresses beside localhost, the loopback addresses and the host name.
    ///
    /// # Errors
    /// [`AuthorityError`] of the CA, or of the leaf's files.
    pub fn load_or_issue(
        now: OffsetDateTime,
        directory: &Path,
        names: &[String],
    ) -> Result<Self, AuthorityError> {
        let ca_file = directory.join("ca.pem");
        let authority = Authority::load_or_create(
            now,
            &ca_file,
            &directory.join("ca.key"),
            "Portcullis control plane CA",
        )?;
        let names = all_names(names);
        let (chain_file, key_file) = (directory.join("api.pem"), directory.join("api.key"));
        let identity = match authority.reusable(now, &chain_file, &key_file, &names) {
            Some(identity) => identity,
            None => issue(now, &authority, &chain_file, &key_file, &names)?,
        };
        let ca_file = fs::canonicalize(&ca_file).map_err(|source| AuthorityError::File {
            file: ca_file.display().to_string(),
            source,
        })?;
        Ok(Self { ca_file, identity })
    }
}

/// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1, for one certificate.
///
/// # Errors
/// When the provider supports no protocol version; it does.
pub fn server_config(identity: &Identity) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(OneCertificate(identity.certified_key())));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The same certificate for every name.
#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

impl ResolvesServerCert for OneCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn issue(
    now: OffsetDateTime,
    authority: &Authority,
    chain_file: &Path,
    key_file: &Path,
    names: &[String],
) -> Result<Identity, AuthorityError> {
    let unusable = |source| AuthorityError::Certificate {
        file: chain_file.display().to_string(),
        source,
    };
    let issued = authority
        .issue(now, "Portcullis control plane", names, Usage::Server)
        .map_err(unusable)?;
    let file_error = |path: &Path, source| AuthorityError::File {
        file: path.display().to_string(),
        source,
    };
    write_private(key_file, issued.key_pem.as_bytes())
        .map_err(|source| file_error(key_file, source))?;
    write_public(chain_file, issued.chain_pem.as_bytes())
        .map_err(|source| file_error(chain_file, source))?;
    let key_pem = Zeroizing::new(issued.key_pem.as_bytes().to_vec());
    Identity::from_pem(issued.chain_pem.into_bytes(), key_pem).map_err(|error| match error {
        IdentityError::Certificate | IdentityError::Mismatch(_) => {
            unusable(rcgen::Error::CouldNotParseCertificate)
        }
        IdentityError::Key => unusable(rcgen::Error::CouldNotParseKeyPair),
    })
}

fn all_names(extra: &[String]) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    names.extend(host_name());
    for name in extra {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Name of this machine, when it can stand in a certificate.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()?
        .trim()
        .to_owned();
    rustls_pki_types::DnsName::try_from(name.as_str())
        .is_ok()
        .then_some(name)
}
