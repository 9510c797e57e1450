//! The TLS configuration towards backends.

use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

use crate::clock::Clock;

/// The roots of the operating system, read when first needed.
#[derive(Debug, Default)]
pub(crate) struct SystemRoots(OnceLock<Arc<RootCertStore>>);

/// Why roots cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RootsError {
    #[error("this worker has no readable system roots, and none were uploaded")]
    NoSystemRoots,
    #[error("certificate {index} is not a usable root: {reason}")]
    Unusable { index: usize, reason: String },
    #[error("it holds no certificate")]
    Empty,
}

impl SystemRoots {
    /// The roots; an error rather than none at all.
    pub(crate) fn load(&self) -> Result<Arc<RootCertStore>, RootsError> {
        let roots = self.0.get_or_init(|| {
            let loaded = rustls_native_certs::load_native_certs();
            for error in &loaded.errors {
                tracing::warn!(%error, "a system root cannot be read");
            }
            let mut roots = RootCertStore::empty();
            let (_added, _ignored) = roots.add_parsable_certificates(loaded.certs);
            Arc::new(roots)
        });
        if roots.is_empty() {
            return Err(RootsError::NoSystemRoots);
        }
        Ok(Arc::clone(roots))
    }
}

/// Adds the certificates of one upload to `roots`; each of them must be usable.
pub(crate) fn add_roots(
    roots: &mut RootCertStore,
    certificates: &[CertificateDer<'_>],
) -> Result<(), RootsError> {
    if certificates.is_empty() {
        return Err(RootsError::Empty);
    }
    for (index, certificate) in certificates.iter().enumerate() {
        let added = roots.add(certificate.clone().into_owned());
        added.map_err(|error| RootsError::Unusable {
            index,
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

/// Builds the configuration: the backend's chain must end in one of `roots` and its name must fit. No client
/// certificate is shown. Sessions may be resumed: the same configuration verified them before.
///
/// # Errors
/// rustls finds the provider impossible.
pub(crate) fn build(
    roots: Arc<RootCertStore>,
    clock: &Clock,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock.clone()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
