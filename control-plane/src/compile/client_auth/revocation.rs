//! How a worker checks certificates below one upload for revocation.

use client_auth::{RevocationFailure, RevocationMethod, RevocationPolicy, RevocationScope};
use proto::config::v1 as proto;

/// `None`: revocation is not checked.
pub(super) fn lower(policy: &RevocationPolicy) -> Option<proto::RevocationPolicy> {
    let method = match policy.method {
        RevocationMethod::None => return None,
        RevocationMethod::Ocsp => proto::RevocationMethod::Ocsp,
        RevocationMethod::Crl => proto::RevocationMethod::Crl,
        RevocationMethod::OcspThenCrl => proto::RevocationMethod::OcspThenCrl,
    };
    let scope = match policy.scope {
        RevocationScope::Leaf => proto::RevocationScope::Leaf,
        RevocationScope::Chain => proto::RevocationScope::Chain,
    };
    let grace = match policy.failure {
        RevocationFailure::Hard => 0,
        RevocationFailure::Soft { grace } => grace.as_secs(),
    };
    Some(proto::RevocationPolicy {
        method: method.into(),
        scope: scope.into(),
        // It is a week at most; what did not fit would fail hard.
        soft_fail_grace_seconds: u32::try_from(grace).unwrap_or(0),
        responder_url: policy.responder.clone().unwrap_or_default(),
        nonce: policy.nonce,
        fetch_crls: policy.fetch_crls,
    })
}
