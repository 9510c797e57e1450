//! Joins rustls with the decision of the `client-auth` crate.

use std::sync::Arc;

use client_auth::{Alert, Mode, Refusal};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::handshake::CURRENT;
use crate::snapshot::ClientAuth;

/// Asks every client for a certificate and lets the [`Authenticator`](client_auth::Authenticator) decide about it.
///
/// The decision goes to [`CURRENT`]. Where refusals are alerts its verdict counts here; else whoever vets the connection
/// enforces it. The signature of `CertificateVerify` is checked anew in every handshake, in every mode.
#[derive(Debug)]
pub(crate) struct Verifier {
    client_auth: Arc<ClientAuth>,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// More bytes of CA names than this are not sent: an empty list means "any" (RFC 8446 section 4.2.4), and the whole
/// `CertificateRequest` must stay small for clients with small buffers.
const MAX_HINT_BYTES: usize = 32 * 1024;

impl Verifier {
    /// A verifier that checks handshake signatures with `algorithms`.
    pub(crate) fn new(client_auth: Arc<ClientAuth>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        let names = client_auth.authenticator.ca_names();
        let size: usize = names.iter().map(|name| name.len() + 2).sum();
        let hints = if client_auth.send_ca_names && size <= MAX_HINT_BYTES {
            names.iter().cloned().map(DistinguishedName::from).collect()
        } else {
            Vec::new()
        };
        Self {
            client_auth,
            hints,
            algorithms,
        }
    }
}

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.client_auth.mode() == Mode::Strict && self.client_auth.refuses_in_handshake()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let authenticator = &self.client_auth.authenticator;
        let decision = authenticator.decide(end_entity, intermediates, now);
        let outcome = match &decision.verdict {
            Err(refusal) if self.client_auth.refuses_in_handshake() => Err(error_of(refusal)),
            Ok(_) | Err(_) => Ok(ClientCertVerified::assertion()),
        };
        // Outside the scope there is no connection that could use the decision.
        let _outside = CURRENT.try_with(|handshake| handshake.record(decision));
        outcome
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The rustls error that makes rustls send the alert that fits the refusal.
fn error_of(refusal: &Refusal) -> Error {
    let certificate_error = match refusal.reason.alert() {
        // rustls itself answers a client without a certificate; with `certificate_required` (116) even in TLS 1.2, where
        // RFC 5246 section 7.4.6 says `handshake_failure`.
        Alert::CertificateRequired => return Error::NoCertificatesPresented,
        Alert::BadCertificate => CertificateError::BadEncoding,
        Alert::UnsupportedCertificate => CertificateError::InvalidPurpose,
        Alert::CertificateRevoked => CertificateError::Revoked,
        // RFC 8446 section 6.2: "has expired or is not currently valid", so this is for not yet valid ones too.
        Alert::CertificateExpired => CertificateError::Expired,
        Alert::CertificateUnknown => CertificateError::Other(OtherError(Arc::new(refusal.clone()))),
        Alert::UnknownCa => CertificateError::UnknownIssuer,
        Alert::AccessDenied => CertificateError::ApplicationVerificationFailure,
    };
    Error::InvalidCertificate(certificate_error)
}

#[cfg(test)]
mod tests;
