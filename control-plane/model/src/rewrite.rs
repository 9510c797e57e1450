//! Rewrite rule sets: which header fields a rule changes, when, and into what.
//!
//! Everything here is understood and checked when it is made: patterns compile, variables exist, and a capture refers to a
//! group of a condition that is there.

mod condition;
mod field;
mod header;
mod pattern;
mod source;
mod template;
mod variable;

use std::collections::HashSet;

pub use condition::Condition;
pub use field::{FieldName, InvalidFieldName};
pub use header::{HeaderChange, InvalidHeaderChange, Matcher, Side};
pub use pattern::{InvalidPattern, Pattern};
pub use source::{InvalidSource, Source};
pub use template::{InvalidTemplate, Part, Scope, Template};
pub use variable::ServerVariable;

use crate::child::child;
use crate::name::ResourceName;

/// A rewrite rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteRuleSet {
    name: ResourceName,
    rules: Vec<RewriteRule>,
}

/// One rule: what it changes when all of its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteRule {
    name: Box<str>,
    sequence: u32,
    conditions: Vec<Condition>,
    request_headers: Vec<HeaderChange>,
    response_headers: Vec<HeaderChange>,
}

/// The rules do not make a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRuleSet {
    /// Two rules have one name.
    #[error("there is another rule named {0:?}")]
    Duplicate(Box<str>),
    /// See [`RewriteRuleSet::MOST_CONDITIONS`].
    #[error("its rules have {0} conditions, at most {limit} are allowed in a set", limit = RewriteRuleSet::MOST_CONDITIONS)]
    TooManyConditions(usize),
    /// See [`RewriteRuleSet::MOST_HEADERS`].
    #[error("its rules have {0} header configurations, at most {limit} are allowed in a set", limit = RewriteRuleSet::MOST_HEADERS)]
    TooManyHeaders(usize),
    /// See [`RewriteRuleSet::MOST_RULES`].
    #[error("it has {0} rules, at most {limit} are allowed", limit = RewriteRuleSet::MOST_RULES)]
    TooManyRules(usize),
}

/// A rule changes request headers and has a condition on the response, which comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rule that changes request headers cannot depend on the response")]
pub struct DependsOnResponse {
    /// Which condition.
    pub condition: usize,
}

impl RewriteRuleSet {
    /// Azure: 40 in a set.
    pub const MOST_CONDITIONS: usize = 40;
    /// Azure: 40 in a set.
    pub const MOST_HEADERS: usize = 40;
    /// Our own limit.
    pub const MOST_RULES: usize = 100;

    /// Puts the rules into the order of their execution: by sequence, then as in the document.
    ///
    /// # Errors
    /// [`InvalidRuleSet`].
    pub fn new(name: ResourceName, mut rules: Vec<RewriteRule>) -> Result<Self, InvalidRuleSet> {
        if rules.len() > Self::MOST_RULES {
            return Err(InvalidRuleSet::TooManyRules(rules.len()));
        }
        let conditions = rules.iter().map(|rule| rule.conditions.len()).sum();
        if conditions > Self::MOST_CONDITIONS {
            return Err(InvalidRuleSet::TooManyConditions(conditions));
        }
        let of_rule = |rule: &RewriteRule| rule.request_headers.len() + rule.response_headers.len();
        let headers = rules.iter().map(of_rule).sum();
        if headers > Self::MOST_HEADERS {
            return Err(InvalidRuleSet::TooManyHeaders(headers));
        }
        let mut seen = HashSet::new();
        if let Some(again) = rules
            .iter()
            .find(|rule| !seen.insert(rule.name.to_lowercase()))
        {
            return Err(InvalidRuleSet::Duplicate(again.name.clone()));
        }
        rules.sort_by_key(|rule| rule.sequence);
        Ok(Self { name, rules })
    }

    /// Its name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// In the order of execution.
    pub fn rules(&self) -> &[RewriteRule] {
        &self.rules
    }
}

impl RewriteRule {
    /// Joins the parts.
    ///
    /// # Errors
    /// [`DependsOnResponse`].
    pub fn new(
        name: &str,
        sequence: u32,
        conditions: Vec<Condition>,
        request_headers: Vec<HeaderChange>,
        response_headers: Vec<HeaderChange>,
    ) -> Result<Self, DependsOnResponse> {
        let late = |condition: &Condition| condition.source().is_of_response();
        if !request_headers.is_empty()
            && let Some(condition) = conditions.iter().position(late)
        {
            return Err(DependsOnResponse { condition });
        }
        Ok(Self {
            name: name.into(),
            sequence,
            conditions,
            request_headers,
            response_headers,
        })
    }

    /// Its name; unique in the set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All must hold.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// What changes on the way to the backend, in document order.
    pub fn request_headers(&self) -> &[HeaderChange] {
        &self.request_headers
    }

    /// What changes on the way to the client, in document order.
    pub fn response_headers(&self) -> &[HeaderChange] {
        &self.response_headers
    }

    /// Whether a value that `change`, one of this rule's, sets comes from the client's certificate.
    pub fn tells_identity(&self, change: &HeaderChange) -> bool {
        change.value().parts().iter().any(|part| match part {
            Part::Source(source) => source.is_identity(),
            Part::Capture { condition, .. } => self
                .conditions
                .get(*condition)
                .is_some_and(|condition| condition.source().is_identity()),
            Part::Text(_) | Part::MatcherCapture(_) => false,
        })
    }
}

child!(RewriteRuleSet, REWRITE_RULE_SETS, 400);

#[cfg(test)]
mod tests {
    use super::*;

    fn change(side: Side, value: &str, conditions: &[Condition]) -> HeaderChange {
        let scope = Scope {
            side,
            conditions,
            matcher: None,
        };
        let name = HeaderChange::name_on(side, "X-A").unwrap();
        HeaderChange::new(side, name, Template::parse(value, scope).unwrap(), None).unwrap()
    }

    fn condition(variable: &str) -> Condition {
        let pattern = Pattern::parse("(.*)", false).unwrap();
        Condition::new(variable, Source::parse(variable).unwrap(), pattern, false)
    }

    fn rule(name: &str, sequence: u32) -> RewriteRule {
        RewriteRule::new(name, sequence, Vec::new(), Vec::new(), Vec::new()).unwrap()
    }

    fn set(rules: Vec<RewriteRule>) -> Result<RewriteRuleSet, InvalidRuleSet> {
        RewriteRuleSet::new(ResourceName::parse("set").unwrap(), rules)
    }

    #[test]
    fn rules_are_in_order_of_sequence_and_then_of_the_document() {
        let set = set(vec![rule("c", 2), rule("b", 1), rule("a", 1)]).unwrap();
        let order: Vec<_> = set.rules().iter().map(RewriteRule::name).collect();
        assert_eq!(order, ["b", "a", "c"]);
    }

    #[test]
    fn a_set_has_limits() {
        let change = change(Side::Response, "x", &[]);
        let full = |conditions, headers| {
            let conditions = vec![condition("var_host"); conditions];
            let rule = RewriteRule::new(
                "a",
                1,
                conditions,
                Vec::new(),
                vec![change.clone(); headers],
            );
            set(vec![rule.unwrap()])
        };
        assert!(full(40, 40).is_ok());
        assert_eq!(full(41, 0), Err(InvalidRuleSet::TooManyConditions(41)));
        assert_eq!(full(0, 41), Err(InvalidRuleSet::TooManyHeaders(41)));
        let many = (0..101).map(|n| rule(&n.to_string(), 1)).collect();
        assert_eq!(set(many), Err(InvalidRuleSet::TooManyRules(101)));
        assert_eq!(
            set(vec![rule("a", 1), rule("A", 2)]),
            Err(InvalidRuleSet::Duplicate("A".into()))
        );
    }

    #[test]
    fn a_request_does_not_wait_for_its_response() {
        let of = |variable: &str, side| {
            let conditions = vec![condition("var_host"), condition(variable)];
            let change = vec![change(side, "x", &conditions)];
            match side {
                Side::Request => RewriteRule::new("a", 1, conditions, change, Vec::new()),
                Side::Response => RewriteRule::new("a", 1, conditions, Vec::new(), change),
            }
        };
        let refused = Err(DependsOnResponse { condition: 1 });
        assert_eq!(of("http_resp_Location", Side::Request), refused);
        assert_eq!(of("var_http_status", Side::Request), refused);
        assert!(of("http_resp_Location", Side::Response).is_ok());
        assert!(of("http_req_Accept", Side::Request).is_ok());
    }

    #[test]
    fn identity_is_found_in_sources_and_captures() {
        let check = |value: &str, expected| {
            let conditions = vec![
                condition("var_client_certificate_subject"),
                condition("var_host"),
            ];
            let change = change(Side::Request, value, &conditions);
            let rule = RewriteRule::new("a", 1, conditions, vec![change], Vec::new()).unwrap();
            assert_eq!(
                rule.tells_identity(&rule.request_headers()[0]),
                expected,
                "{value}"
            );
        };
        check("text", false);
        check("{var_host}{var_host_1}", false);
        check("a{var_client_certificate}", true);
        check("{var_client_certificate_san_dns}", true);
        check("{var_client_certificate_subject_1}", true);
    }
}
