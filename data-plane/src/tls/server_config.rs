//! The TLS configuration of one virtual host.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::client_auth::Verifier;
use super::tickets::{TicketScope, Ticketer};
use crate::clock::Clock;
use crate::snapshot::ClientAuth;

/// What a virtual host offers to clients.
#[derive(Debug)]
pub struct ServerTls {
    /// At least one.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// In order of preference; at least one for each version.
    pub suites: Vec<SupportedCipherSuite>,
    /// The certificate shown to every client.
    pub certificate: Arc<CertifiedKey>,
    /// Absent: no client certificate is asked for.
    pub client_auth: Option<Arc<ClientAuth>>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// Whose sessions are resumed here.
    pub tickets: TicketScope,
}

/// In order of preference; the hybrid protects recorded traffic against later quantum computers.
const GROUPS: [&dyn SupportedKxGroup; 4] = [
    kx_group::X25519MLKEM768,
    kx_group::X25519,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
];

/// A cipher suite of the TLS library by its IANA number.
pub fn cipher_suite(number: u32) -> Option<SupportedCipherSuite> {
    let suites = aws_lc_rs::ALL_CIPHER_SUITES.iter();
    suites
        .copied()
        .find(|suite| u32::from(u16::from(suite.suite())) == number)
}

/// The cryptography of a virtual host, and of a certificate's key.
pub(crate) fn provider(suites: Vec<SupportedCipherSuite>) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: suites,
        kx_groups: GROUPS.to_vec(),
        ..aws_lc_rs::default_provider()
    }
}

/// Builds the configuration.
///
/// Sessions are resumed by sealed tickets only, one for each handshake, and never by id; where the profile does not want
/// it, not at all. Early data is never accepted.
///
/// # Errors
/// rustls finds the offer impossible.
pub fn build(tls: ServerTls, clock: &Clock) -> Result<ServerConfig, rustls::Error> {
    let provider = provider(tls.suites);
    let algorithms = provider.signature_verification_algorithms;
    let builder = ServerConfig::builder_with_details(Arc::new(provider), Arc::new(clock.clone()))
        .with_protocol_versions(&tls.versions)?;
    let shown = tls.certificate.cert.first();
    let ticketer = Ticketer::new(
        &tls.tickets,
        shown.map_or(&[], |certificate| certificate.as_ref()),
        tls.client_auth.clone(),
        clock,
    );
    let builder = match tls.client_auth {
        Some(client_auth) => {
            builder.with_client_cert_verifier(Arc::new(Verifier::new(client_auth, algorithms)))
        }
        None => builder.with_no_client_auth(),
    };
    let certificate = CertifiedKey::clone(&tls.certificate);
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    if let Some(ticketer) = ticketer {
        config.ticketer = Arc::new(ticketer);
        config.send_tls13_tickets = 1;
    }
    config.max_early_data_size = 0;
    config.alpn_protocols = if tls.http2 {
        vec![b"h2".to_vec(), b"http/1.1".to_vec()]
    } else {
        vec![b"http/1.1".to_vec()]
    };
    Ok(config)
}
