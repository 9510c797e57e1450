//! Whether a client may in, without a connection: the answer that a worker would give, by the same code.

mod lists;
mod policy;
mod revocation;

use client_auth::crl::CrlSet;
use client_auth::{Authenticator, Check, Decision, Mode, PathCertificate, Policy, Refusal};
use model::SslProfile;
use rustls_pki_types::{CertificateDer, UnixTime};

pub use self::lists::{NeededList, lists_needed};
pub use self::policy::policy;

/// What a profile would say about a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is asked of clients. In modes that refuse nobody, the rest is what strict mode would say.
    pub mode: Mode,
    /// Whether the client may in, as far as that can be known here: what was not checked does not count.
    pub verdict: Result<(), Refusal>,
    /// The path that was found, client first.
    pub path: Vec<PathCertificate>,
    /// In the order in which a worker makes them. Those that are not listed were not reached.
    pub checks: Vec<ExplainedCheck>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedCheck {
    /// `client_auth::CheckName::label`.
    pub name: &'static str,
    /// How it ended.
    pub result: CheckResult,
    /// For people; may be empty.
    pub detail: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// Good.
    Passed,
    /// The reason to refuse.
    Failed,
    /// It takes a worker: somebody has to be asked.
    NotChecked,
}

/// What is to be explained.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The client's certificate.
    pub leaf: &'a CertificateDer<'a>,
    /// What else the client sends.
    pub intermediates: &'a [CertificateDer<'a>],
    /// When.
    pub at: UnixTime,
    /// Revocation lists at hand; `None`: nobody has looked.
    pub lists: Option<&'a CrlSet>,
}

/// Explains what `profile` would say; `None`: it asks for no certificate.
pub fn explain(profile: &SslProfile, presented: &Presented<'_>) -> Option<Explanation> {
    let policy = policy(profile)?;
    let mode = policy.mode;
    let decision = decide(policy, presented);
    Some(explained(mode, &decision, presented))
}

/// Passthrough verifies nothing, so what would be verified is what is worth telling.
fn decide(mut policy: Policy, presented: &Presented<'_>) -> Decision {
    if policy.mode == Mode::Passthrough {
        policy.mode = Mode::Strict;
    }
    let authenticator = Authenticator::new(policy);
    authenticator.decide(presented.leaf, presented.intermediates, presented.at)
}

fn explained(mode: Mode, decision: &Decision, presented: &Presented<'_>) -> Explanation {
    let mut checks: Vec<_> = decision.checks.iter().map(ExplainedCheck::of).collect();
    let mut verdict = decision.verdict.as_ref().map(|_| ()).map_err(Clone::clone);
    if verdict.is_ok() {
        let (revocation, result) = revocation::explain(&decision.revocation, presented);
        checks.extend(revocation);
        verdict = result;
    }
    Explanation {
        mode,
        verdict,
        path: decision.path.clone(),
        checks,
    }
}

impl ExplainedCheck {
    fn of(check: &Check) -> Self {
        let (result, detail) = match &check.result {
            Ok(()) => (CheckResult::Passed, check.detail.clone()),
            Err(refusal) => (CheckResult::Failed, refusal.detail.clone()),
        };
        Self {
            name: check.name.label(),
            result,
            detail,
        }
    }
}

impl CheckResult {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::Failed => "Failed",
            Self::NotChecked => "NotChecked",
        }
    }
}

#[cfg(test)]
mod tests;
