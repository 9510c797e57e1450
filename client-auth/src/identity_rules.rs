//! Which of the verified clients may in.

mod attribute;
mod covering;
mod error;
mod expression;
mod lint;
mod matcher;
mod network;
mod pattern;
mod presented;

use crate::policy::FieldHasher;
use crate::{CertificateFacts, Reason, Refusal};

pub use attribute::AttributeType;
pub use error::MatcherError;
pub use lint::{RuleFinding, RuleList, RuleProblem, Severity};
pub use matcher::{IdentityField, IdentityMatcher, MatchKind};
use presented::Presented;

/// Which of the clients whose path is good may in.
///
/// Whoever matches a deny rule is refused, whatever the allow rules say. If there are allow rules, whoever matches none
/// of them is refused, too. The order of rules makes no difference. Beyond Azure, which lets in everybody with a good
/// path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityRules {
    /// Whoever matches one of them is refused.
    pub deny: Vec<IdentityRule>,
    /// Whoever matches none of them is refused. Empty: everybody who is not denied may in.
    pub allow: Vec<IdentityRule>,
}

/// Matches a client when all of its matchers do.
///
/// A rule without matchers is a mistake that [`IdentityRules::lint`] reports: should one be asked all the same, it
/// denies everybody, or allows nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRule {
    /// For logs.
    pub name: String,
    /// At least one.
    pub all_of: Vec<IdentityMatcher>,
}

impl IdentityRules {
    /// Bytes of the largest certificate that rules are asked about: what is larger is refused.
    ///
    /// No client certificate comes near it, and it bounds what thousands of names and long values could cost.
    pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

    /// Whether everybody with a good path may in.
    pub fn is_empty(&self) -> bool {
        self.deny.is_empty() && self.allow.is_empty()
    }

    /// What somebody who writes such rules has probably not meant.
    pub fn lint(&self) -> Vec<RuleFinding> {
        lint::findings(self)
    }

    /// The rule that lets the owner of `certificate` in; `None` when no rule had to.
    ///
    /// # Errors
    /// [`Reason::IdentityDenied`], [`Reason::IdentityNotAllowed`]; [`Reason::TooComplex`] for a certificate that is
    /// larger than [`MAX_CERTIFICATE_BYTES`](Self::MAX_CERTIFICATE_BYTES); [`Reason::Malformed`] for one whose subject
    /// does not tell what a rule asks about.
    pub(crate) fn judge(
        &self,
        certificate: &CertificateFacts,
    ) -> Result<Option<&IdentityRule>, Refusal> {
        if self.is_empty() {
            return Ok(None);
        }
        let presented = Presented::by(certificate)?;
        self.check_readable(&presented)?;
        let denies = |rule: &&IdentityRule| rule.matches(&presented);
        if let Some(rule) = self.deny.iter().find(denies) {
            let detail = format!("the deny rule {:?} matches the client", rule.name);
            return Err(Refusal::new(Reason::IdentityDenied, detail));
        }
        if self.allow.is_empty() {
            return Ok(None);
        }
        let allows = |rule: &&IdentityRule| !rule.all_of.is_empty() && rule.matches(&presented);
        self.allow.iter().find(allows).map(Some).ok_or_else(|| {
            Refusal::new(
                Reason::IdentityNotAllowed,
                "no allow rule matches the client",
            )
        })
    }

    /// An attribute that a rule asks about must be readable as text: else it could hide what the rule denies.
    fn check_readable(&self, presented: &Presented<'_>) -> Result<(), Refusal> {
        let rules = self.deny.iter().chain(&self.allow);
        let asked =
            rules
                .flat_map(|rule| &rule.all_of)
                .filter_map(|matcher| match matcher.field() {
                    IdentityField::SubjectAttribute(kind) => Some(kind),
                    _ => None,
                });
        match asked.into_iter().find(|kind| presented.hides(kind)) {
            Some(kind) => Err(Refusal::new(
                Reason::Malformed,
                format!("a value of the attribute {kind} in the client's subject is no text"),
            )),
            None => Ok(()),
        }
    }

    /// Covers what influences a verdict: neither names nor the order of anything.
    pub(crate) fn hash_into(&self, hasher: &mut FieldHasher) {
        for rules in [&self.deny, &self.allow] {
            let mut digests: Vec<_> = rules.iter().map(IdentityRule::hash).collect();
            digests.sort_unstable();
            digests.dedup();
            hasher.number(digests.len());
            for digest in &digests {
                hasher.field(digest);
            }
        }
    }
}

impl IdentityRule {
    fn matches(&self, presented: &Presented<'_>) -> bool {
        self.all_of.iter().all(|matcher| matcher.matches(presented))
    }

    fn hash(&self) -> [u8; 32] {
        let mut digests: Vec<_> = self.all_of.iter().map(IdentityMatcher::hash).collect();
        digests.sort_unstable();
        let mut hasher = FieldHasher::new(b"portcullis identity rule 1");
        for digest in &digests {
            hasher.field(digest);
        }
        hasher.finish()
    }
}
