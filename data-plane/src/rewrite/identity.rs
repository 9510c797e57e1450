//! What is told of a client's certificate, to the byte as Azure does it.

mod date;
mod list;
mod pem;
mod rfc9440;
mod xfcc;

use client_auth::{CertificateFacts, PathCertificate};

use super::variable::IdentityVariable;
use crate::connection::client::{ClientFacts, Outcome};

/// A header field that tells backends who the client is, beyond rules. Only of clients that were verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdentityField {
    /// `Client-Cert`.
    ClientCert,
    /// `Client-Cert-Chain`.
    ClientCertChain,
    /// `X-Forwarded-Client-Cert`.
    Xfcc,
}

impl IdentityField {
    pub(super) const COUNT: usize = 3;

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ClientCert => "Client-Cert",
            Self::ClientCertChain => "Client-Cert-Chain",
            Self::Xfcc => "X-Forwarded-Client-Cert",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Its value; empty: there is none.
    pub(super) fn value(self, facts: &ClientFacts) -> Vec<u8> {
        let ([client, issuers @ ..], Some(certificate)) = (verified_path(facts), &facts.presented)
        else {
            return Vec::new();
        };
        match self {
            Self::ClientCert => rfc9440::client_cert(&client.der),
            Self::ClientCertChain => rfc9440::client_cert_chain(issuers),
            Self::Xfcc => xfcc::element(certificate),
        }
    }
}

/// The value of `variable`; empty where there is none.
pub(super) fn value(variable: IdentityVariable, facts: &ClientFacts) -> Vec<u8> {
    match variable {
        IdentityVariable::Verification => facts.outcome.text().into_owned().into(),
        IdentityVariable::Chain => chain(verified_path(facts)),
        IdentityVariable::VerifiedAt if facts.outcome == Outcome::Success => {
            date::rfc3339(facts.verified_at).into()
        }
        IdentityVariable::VerifiedAt => Vec::new(),
        _ => facts
            .presented
            .as_ref()
            .map(|certificate| of_certificate(variable, certificate))
            .unwrap_or_default(),
    }
}

fn of_certificate(variable: IdentityVariable, certificate: &CertificateFacts) -> Vec<u8> {
    let names = &certificate.alt_names;
    match variable {
        IdentityVariable::Certificate => pem::escaped(&certificate.der),
        IdentityVariable::EndDate => date::openssl(certificate.not_after).into(),
        IdentityVariable::Fingerprint => certificate.sha1.to_string().into(),
        IdentityVariable::FingerprintSha256 => certificate.sha256.to_string().into(),
        IdentityVariable::Issuer => certificate.issuer.clone().into(),
        IdentityVariable::SanDns => list::joined(&names.dns),
        IdentityVariable::SanEmail => list::joined(&names.email),
        IdentityVariable::SanIp => list::joined(names.ip.iter().map(ToString::to_string)),
        IdentityVariable::SanUri => list::joined(&names.uri),
        IdentityVariable::Serial => certificate.serial.clone().into(),
        IdentityVariable::SpkiSha256 => certificate.key_id.to_string().into(),
        IdentityVariable::StartDate => date::openssl(certificate.not_before).into(),
        IdentityVariable::Subject => certificate.subject.clone().into(),
        IdentityVariable::Chain | IdentityVariable::Verification | IdentityVariable::VerifiedAt => {
            Vec::new()
        }
    }
}

/// The certificates that led to the anchor, client first, without the anchor, which backends know; nothing where the client
/// was not verified.
fn verified_path(facts: &ClientFacts) -> &[PathCertificate] {
    match &*facts.path {
        [path @ .., _anchor] if facts.outcome == Outcome::Success => path,
        _ => &[],
    }
}

fn chain(path: &[PathCertificate]) -> Vec<u8> {
    path.iter()
        .flat_map(|certificate| pem::escaped(&certificate.der))
        .collect()
}

#[cfg(test)]
mod tests;
