//! TLS of the configuration stream: version 1.3 only, judged by the control plane's clock.

use std::sync::Arc;

use rustls::{
    ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    time_provider::TimeProvider,
};
use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject};
use tokio_rustls::TlsAcceptor;

use super::StreamError;
use crate::{
    clock::Clock,
    settings::Identity,
    tls::{StreamCertificate, WorkerAuthority},
};

/// The control plane's certificate and the CAs of workers come from files; every client shows a certificate.
pub(super) fn of_files(
    identity: &Identity,
    client_ca_pem: &[u8],
    clock: &Clock,
) -> Result<TlsAcceptor, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(client_ca_pem) {
        let certificate = certificate.map_err(|error| rustls::Error::General(error.to_string()))?;
        roots.add(certificate)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let served = rustls::sign::SingleCertAndKey::from(identity.certified_key());
    let config = with_verifier(clock, verifier)?.with_cert_resolver(Arc::new(served));
    Ok(acceptor(config))
}

/// The worker CA issues the certificates of both sides; a client that is about to join shows none.
pub(super) fn of_worker_ca(
    authority: &WorkerAuthority,
    names: &[String],
    clock: &Clock,
) -> Result<TlsAcceptor, StreamError> {
    let roots = authority.roots().map_err(StreamError::Tls)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| StreamError::Tls(rustls::Error::General(error.to_string())))?;
    let served = StreamCertificate::issue(authority.clone(), clock.clone(), names.to_vec())
        .map_err(StreamError::Issue)?;
    let builder = with_verifier(clock, verifier).map_err(StreamError::Tls)?;
    Ok(acceptor(builder.with_cert_resolver(Arc::new(served))))
}

fn with_verifier(
    clock: &Clock,
    verifier: Arc<dyn ClientCertVerifier>,
) -> Result<ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>, rustls::Error> {
    let builder: ConfigBuilder<ServerConfig, WantsVerifier> =
        ServerConfig::builder_with_details(provider(), Arc::new(Judge(clock.clone())))
            .with_protocol_versions(&[&rustls::version::TLS13])?;
    Ok(builder.with_client_cert_verifier(verifier))
}

fn acceptor(mut config: ServerConfig) -> TlsAcceptor {
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Every connection is judged anew, whoever it is.
    config.send_tls13_tickets = 0;
    TlsAcceptor::from(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[derive(Debug)]
struct Judge(Clock);

impl TimeProvider for Judge {
    /// A time before 1970 is none, which fails every handshake.
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            seconds,
        )))
    }
}
