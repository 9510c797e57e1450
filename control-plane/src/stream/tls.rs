//! TLS of the configuration stream: version 1.3 only, judged by the control plane's clock.

use std::sync::Arc;

use rustls::{ServerConfig, server::WebPkiClientVerifier, time_provider::TimeProvider};
use rustls_pki_types::UnixTime;
use tokio_rustls::TlsAcceptor;

use super::StreamError;
use crate::{
    clock::Clock,
    tls::{StreamCertificate, WorkerAuthority},
};

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
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(Judge(clock.clone())))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(StreamError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(served));
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Every connection is judged anew, whoever it is.
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
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
