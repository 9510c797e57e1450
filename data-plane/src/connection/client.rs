//! What a connection knows of its client: what was shown and verified in the handshake, and what it may do therefore.

use std::borrow::Cow;
use std::sync::Arc;

use client_auth::{
    CertificateFacts, ClientIdentity, Decision, PathCertificate, Reason, Verification,
};
use rustls_pki_types::UnixTime;

use crate::http::refusal::ClientRefusal;

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No certificate was asked for: it reaches what asks for none.
    NotAsked,
    /// The client may in.
    Good,
    /// The client may not in; every request is refused.
    Refused(ClientRefusal),
}

/// What is known of a client whose certificate was asked for. Built once per connection; requests only read it.
#[derive(Debug)]
pub(crate) struct ClientFacts {
    /// How the verification went, as server variables and the access log tell it.
    pub(crate) outcome: Outcome,
    /// What the client's certificate says, whether it was believed or not; `None` without a readable one.
    pub(crate) presented: Option<Arc<CertificateFacts>>,
    /// Who the client is; `None` where it was refused, or showed no certificate.
    pub(crate) identity: Option<ClientIdentity>,
    /// The verified path, client first, trust anchor last; empty where nothing was verified.
    pub(crate) path: Box<[PathCertificate]>,
    /// When the path was verified: in this handshake, also where it resumed a session.
    pub(crate) verified_at: UnixTime,
}

/// How the verification of a client went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client showed no certificate.
    Absent,
    /// Its certificate was verified and may in.
    Success,
    /// Its certificate was not verified, but for the proof of possession.
    Passthrough,
    /// Its certificate is not good; in report-only mode the client is let in all the same.
    Failed(Reason),
}

impl Outcome {
    /// Metric labels, each at the place of its number.
    pub(crate) const LABELS: [&'static str; 4] = ["absent", "success", "passthrough", "failed"];

    /// The place of the label.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Success => 1,
            Self::Passthrough => 2,
            Self::Failed(_) => 3,
        }
    }

    /// `NONE`, `SUCCESS`, `PASSTHROUGH` or `FAILED:{reason}`, as in Azure's `sslClientVerify` and
    /// `client_certificate_verification`; reasons are in the words of OpenSSL, which Azure's are.
    pub(crate) fn text(self) -> Cow<'static, str> {
        match self {
            Self::Absent => "NONE".into(),
            Self::Success => "SUCCESS".into(),
            Self::Passthrough => "PASSTHROUGH".into(),
            Self::Failed(reason) => format!("FAILED:{}", reason.openssl_text()).into(),
        }
    }
}

impl ClientFacts {
    /// What `decision`, made at `now` and final, tells of the client.
    pub(crate) fn new(decision: &Decision, now: UnixTime) -> Self {
        let outcome = match &decision.verdict {
            Ok(identity) => match identity.verification {
                Verification::Verified => Outcome::Success,
                Verification::Passthrough => Outcome::Passthrough,
            },
            Err(refusal) if refusal.reason == Reason::NoCertificate => Outcome::Absent,
            Err(refusal) => Outcome::Failed(refusal.reason),
        };
        let verified = outcome == Outcome::Success;
        let path: &[PathCertificate] = if verified { &decision.path } else { &[] };
        Self {
            outcome,
            presented: decision.presented.clone(),
            identity: decision.verdict.as_ref().ok().cloned(),
            path: path.into(),
            verified_at: now,
        }
    }
}
