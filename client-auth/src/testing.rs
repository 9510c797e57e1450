//! Certificates made at run time, and the one way in which tests ask for a decision.

use rustls_pki_types::UnixTime;

pub(crate) use crate::corpus::authority::{
    Authority, DAY, Der, Edit, RsaKey, at, date, plain, self_signed, tlv,
};
pub(crate) use crate::corpus::reencoded::extension;
use crate::{Authenticator, Decision, Policy, Reason, SignatureChecks, TrustBundle};

pub(crate) mod crl;
pub(crate) mod ocsp;
pub(crate) mod openssl;
pub(crate) mod revocation;

/// A policy of one bundle.
pub(crate) fn trusting(certificates: &[&Der]) -> Policy {
    Policy::strict("profile", vec![bundle(certificates)], false)
}

/// A policy of one bundle that pins its issuer.
pub(crate) fn pinning(certificates: &[&Der]) -> Policy {
    Policy::strict("profile", vec![bundle(certificates)], true)
}

pub(crate) fn bundle(certificates: &[&Der]) -> TrustBundle {
    TrustBundle::from_der("ca", &owned(certificates)).unwrap()
}

/// A strict policy with partial chains of one bundle without a root.
pub(crate) fn trusting_partially(certificates: &[&Der]) -> Policy {
    let bundle = TrustBundle::partial("ca", &owned(certificates)).unwrap();
    let mut policy = Policy::strict("profile", vec![bundle], false);
    policy.partial_chains = true;
    policy
}

pub(crate) fn owned(certificates: &[&Der]) -> Vec<Der> {
    certificates.iter().map(|der| (*der).clone()).collect()
}

/// `der` with the first occurrence of `from` replaced by `to`.
pub(crate) fn patched(der: &Der, from: &[u8], to: &[u8]) -> Der {
    assert_eq!(from.len(), to.len());
    let mut bytes = der.to_vec();
    let position = bytes.windows(from.len()).position(|w| w == from).unwrap();
    bytes[position..position + to.len()].copy_from_slice(to);
    bytes.into()
}

/// Asks for the decision about a client that sent `chain`, its own certificate first.
///
/// Asks four times: with every signature verified, with signatures remembered (twice: the memory is cold, then warm),
/// and with the other certificates in reverse order. All must agree.
pub(crate) fn decide(policy: &Policy, chain: &[&Der], now: UnixTime) -> Decision {
    let chain = owned(chain);
    let (leaf, others) = chain.split_first().unwrap();
    let reversed: Vec<_> = others.iter().rev().cloned().collect();
    let always = Authenticator::with_signature_checks(policy.clone(), SignatureChecks::Always);
    let remembered = Authenticator::new(policy.clone());
    let decision = always.decide(leaf, others, now);
    assert_eq!(
        remembered.decide(leaf, others, now),
        decision,
        "cold memory"
    );
    assert_eq!(
        remembered.decide(leaf, others, now),
        decision,
        "warm memory"
    );
    assert_eq!(always.decide(leaf, &reversed, now), decision, "reversed");
    assert_consistent(&decision);
    decision
}

/// Every check but the last has passed, and the last one failed exactly when the verdict is a refusal.
fn assert_consistent(decision: &Decision) {
    let (last, others) = decision.checks.split_last().unwrap();
    assert!(others.iter().all(|check| check.result.is_ok()));
    assert_eq!(last.result.as_ref().err(), decision.verdict.as_ref().err());
    assert!(decision.checks.is_sorted_by_key(|check| check.name));
}

/// Checks the verdict about a client at the moment of most decisions.
#[track_caller]
pub(crate) fn check(what: &str, policy: &Policy, chain: &[&Der], expected: Result<(), Reason>) {
    check_at(what, policy, chain, 0, expected);
}

/// Checks the verdict `seconds` later.
#[track_caller]
pub(crate) fn check_at(
    what: &str,
    policy: &Policy,
    chain: &[&Der],
    seconds: i64,
    expected: Result<(), Reason>,
) {
    let verdict = decide(policy, chain, at(seconds)).verdict;
    let found = verdict
        .as_ref()
        .map(|_| ())
        .map_err(|refusal| refusal.reason);
    assert_eq!(found, expected, "{what}: {verdict:?}");
}
