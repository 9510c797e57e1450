//! What a path must keep to besides what `webpki` checks.

use rustls_pki_types::UnixTime;

use crate::certificate::Certificate;
use crate::issuers::{check_algorithm, check_key, check_key_usage};
use crate::leaf::{check_leaf_strength, check_validity};
use crate::{PinnedIssuer, Policy, Reason, Refusal, Strength, TrustBundle};

/// The rules of one policy for paths.
///
/// To `webpki` a trust anchor is a name, a key and name constraints. All else that the anchor's certificate says is
/// checked here: validity, key usage, purpose and path length.
#[derive(Debug)]
pub(crate) struct PathRules {
    /// Present exactly when the policy pins issuers.
    pinned: Option<Vec<PinnedIssuer>>,
    max_intermediates: usize,
    strength: Strength,
}

impl PathRules {
    pub(crate) fn new(policy: &Policy) -> Self {
        let bundles = || policy.trusted.iter().map(|trusted| &trusted.bundle);
        let pinned = || bundles().map(TrustBundle::issuer).cloned().collect();
        Self {
            pinned: policy.verify_issuer.then(pinned),
            max_intermediates: policy.limits.max_intermediates.into(),
            strength: policy.strength.clone(),
        }
    }

    pub(crate) fn strength(&self) -> &Strength {
        &self.strength
    }

    /// Checks a path, client first and anchor last; the most specific reason comes first, but for the pin, which counts
    /// only on a path that is good otherwise.
    pub(crate) fn check(&self, members: &[Certificate<'_>], now: UnixTime) -> Result<(), Refusal> {
        let [leaf, issuers @ ..] = members else {
            return Err(no_path("the path is empty"));
        };
        let [intermediates @ .., anchor] = issuers else {
            return Err(no_path("the path has no anchor"));
        };
        check_validity(anchor, now, || anchor_text(anchor))?;
        check_purpose(anchor)?;
        issuers.iter().try_for_each(check_key_usage)?;
        check_email_constraints(members)?;
        members.iter().try_for_each(check_policy_constraints)?;
        check_path_length(anchor, intermediates.len())?;
        issuers
            .iter()
            .try_for_each(|ca| check_key(ca, &self.strength))?;
        self.check_depth(intermediates.len())?;
        check_leaf_strength(leaf, &self.strength)?;
        intermediates
            .iter()
            .try_for_each(|ca| check_algorithm(ca, &self.strength))?;
        self.check_issuer(issuers.first())
    }

    fn check_depth(&self, intermediates: usize) -> Result<(), Refusal> {
        if intermediates <= self.max_intermediates {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::TooDeep,
            format!(
                "the path has {intermediates} intermediate certificates, at most {} are allowed",
                self.max_intermediates
            ),
        ))
    }

    /// `verifyClientCertIssuerDN`, by name and key.
    fn check_issuer(&self, issuer: Option<&Certificate<'_>>) -> Result<(), Refusal> {
        let (Some(pinned), Some(issuer)) = (&self.pinned, issuer) else {
            return Ok(());
        };
        let matches =
            |pin: &PinnedIssuer| pin.subject == issuer.subject && pin.spki == issuer.key.spki;
        if pinned.iter().any(matches) {
            return Ok(());
        }
        let same_name = pinned.iter().any(|pin| pin.subject == issuer.subject);
        let difference = if same_name {
            "has another key than the pinned one"
        } else {
            "is not pinned"
        };
        Err(Refusal::new(
            Reason::IssuerNotPinned,
            format!("the issuer {} {difference}", issuer.subject_text()),
        ))
    }
}

/// The anchor's extended key usage (RFC 5280 section 4.2.1.12); `webpki` looks at that of the others.
fn check_purpose(anchor: &Certificate<'_>) -> Result<(), Refusal> {
    if anchor.may_issue_clients() {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::NotForClientAuth,
        format!(
            "the extended key usage of {} does not allow client authentication",
            anchor_text(anchor)
        ),
    ))
}

/// Policy constraints demand what is not evaluated here (RFC 5280 section 6.1.4 (i)), critical or not.
fn check_policy_constraints(certificate: &Certificate<'_>) -> Result<(), Refusal> {
    if certificate.extensions.policy_constraints.is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::UnsupportedExtension,
        format!(
            "{} has policy constraints, which are not evaluated here",
            certificate.subject_text()
        ),
    ))
}

/// The anchor's `pathLenConstraint` (RFC 5280 section 4.2.1.9). As in `webpki`, self-issued certificates count, too.
fn check_path_length(anchor: &Certificate<'_>, intermediates: usize) -> Result<(), Refusal> {
    let limit = anchor
        .extensions
        .basic_constraints
        .and_then(|constraints| constraints.path_length);
    match limit {
        Some(limit) if intermediates > usize::from(limit) => Err(Refusal::new(
            Reason::PathLength,
            format!(
                "{} allows {limit} intermediate certificates, the path has {intermediates}",
                anchor_text(anchor)
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Constraints on email addresses apply to `emailAddress` attributes of a subject, too (RFC 5280 section 4.2.1.10).
///
/// `webpki` looks at alternative names only. Such attributes are refused rather than compared.
fn check_email_constraints(members: &[Certificate<'_>]) -> Result<(), Refusal> {
    let constrains = |ca: &Certificate<'_>| ca.extensions.constrains_email == Some(true);
    let Some(position) = members.iter().rposition(constrains) else {
        return Ok(());
    };
    match members
        .iter()
        .take(position)
        .find(|below| below.has_email_in_subject())
    {
        Some(below) => Err(Refusal::new(
            Reason::NameConstraints,
            format!(
                "{} has an email address in its subject, and a CA above it constrains email addresses",
                below.subject_text()
            ),
        )),
        None => Ok(()),
    }
}

fn anchor_text(anchor: &Certificate<'_>) -> String {
    let kind = if anchor.is_self_issued() {
        "root"
    } else {
        "CA"
    };
    format!("the trusted {kind} {}", anchor.subject_text())
}

/// The refusal of a path that leads nowhere.
pub(crate) fn no_path(detail: &str) -> Refusal {
    Refusal::new(Reason::UnknownIssuer, detail)
}
