//! Mistakes in rules that are easily made.

use std::fmt;

use super::covering::covers;
use super::expression;
use super::{IdentityField, IdentityMatcher, IdentityRule, IdentityRules, MatchKind};

/// A probable mistake in one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFinding {
    /// The list that the rule is in.
    pub list: RuleList,
    /// Its place in that list, from 0.
    pub index: usize,
    /// The place of the matcher in the rule, from 0; `None`: it is about the rule as a whole.
    pub matcher: Option<usize>,
    /// What is wrong.
    pub problem: RuleProblem,
}

/// One of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleList {
    /// [`IdentityRules::deny`].
    Deny,
    /// [`IdentityRules::allow`].
    Allow,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It may be meant so.
    Warning,
    /// It cannot be meant so.
    Error,
}

/// What is probably wrong with a rule. The texts continue "the rule".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// It has no matcher.
    #[error("has no matcher")]
    Empty,
    /// It lets in only clients that a deny rule refuses.
    #[error("allows only clients that the deny rule {by:?} refuses")]
    Denied {
        /// The name of the deny rule.
        by: String,
    },
    /// Another rule of the same list matches every client that it matches.
    #[error("matches only clients that the rule {by:?} matches, too")]
    Shadowed {
        /// The name of the other rule.
        by: String,
    },
    /// A regular expression matches every value.
    #[error("has a regular expression that every value matches: {pattern}")]
    MatchesEverything {
        /// The expression.
        pattern: String,
    },
    /// A regular expression starts or ends with something that everything matches, and so undoes the anchoring.
    #[error(
        "has a regular expression that is open at its {side}, a {kind} match says more clearly what is meant: {pattern}"
    )]
    Unanchored {
        /// `start`, `end`, or `start and end`.
        side: &'static str,
        /// What to use instead.
        kind: MatchKind,
        /// The expression.
        pattern: String,
    },
    /// A dot between letters of a regular expression matches any character.
    #[error(
        "has a regular expression with an unescaped dot, which any character matches: {pattern}"
    )]
    UnescapedDot {
        /// The expression.
        pattern: String,
    },
    /// A prefix or suffix ends inside a part of a name: `example.com` is a suffix of `evilexample.com`.
    #[error("has a {kind} of {field} that ends inside a part of a name; {advice}: {value}")]
    InsideName {
        /// The field.
        field: IdentityField,
        /// Prefix or suffix.
        kind: MatchKind,
        /// What would be clearer.
        advice: &'static str,
        /// The value.
        value: String,
    },
    /// A `*` that is no wildcard.
    #[error("has a value in which the asterisk stands for itself: {value}")]
    Asterisk {
        /// The value.
        value: String,
    },
    /// A regular expression over a whole distinguished name, in which values may hold escaped separators.
    #[error(
        "has a regular expression over a whole {field}, where a value may contain an escaped comma; a match of \
         SubjectAttribute cannot be misled: {pattern}"
    )]
    WholeName {
        /// Subject or issuer.
        field: IdentityField,
        /// The expression.
        pattern: String,
    },
}

impl RuleProblem {
    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Empty | Self::Denied { .. } => Severity::Error,
            Self::Shadowed { .. }
            | Self::MatchesEverything { .. }
            | Self::Unanchored { .. }
            | Self::UnescapedDot { .. }
            | Self::InsideName { .. }
            | Self::Asterisk { .. }
            | Self::WholeName { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for RuleList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        })
    }
}

/// All findings, deny rules first, in the order of the rules.
pub(super) fn findings(rules: &IdentityRules) -> Vec<RuleFinding> {
    let denied = rules.allow.iter().enumerate().filter_map(|(index, rule)| {
        let problem = denied_by(rule, &rules.deny)?;
        Some((RuleList::Allow, index, None, problem))
    });
    let mut findings: Vec<_> = list(RuleList::Deny, &rules.deny)
        .chain(list(RuleList::Allow, &rules.allow))
        .chain(denied)
        .map(|(list, index, matcher, problem)| RuleFinding {
            list,
            index,
            matcher,
            problem,
        })
        .collect();
    findings.sort_by_key(|found| (found.list == RuleList::Allow, found.index, found.matcher));
    findings
}

type Found = (RuleList, usize, Option<usize>, RuleProblem);

fn list(list: RuleList, rules: &[IdentityRule]) -> impl Iterator<Item = Found> {
    rules.iter().enumerate().flat_map(move |(index, rule)| {
        let empty = rule.all_of.is_empty().then_some(RuleProblem::Empty);
        let of_rule = empty.or_else(|| shadowed(rules, index, rule));
        let of_rule = of_rule.map(|problem| (list, index, None, problem));
        let of_matchers = rule
            .all_of
            .iter()
            .enumerate()
            .flat_map(move |(place, matcher)| {
                mistakes(matcher)
                    .into_iter()
                    .map(move |problem| (list, index, Some(place), problem))
            });
        of_rule.into_iter().chain(of_matchers)
    })
}

/// Of two rules that match the same clients, the later one is shadowed.
fn shadowed(rules: &[IdentityRule], index: usize, rule: &IdentityRule) -> Option<RuleProblem> {
    let by = rules.iter().enumerate().find(|(other, candidate)| {
        *other != index && covers(candidate, rule) && (*other < index || !covers(rule, candidate))
    });
    by.map(|(_, rule)| RuleProblem::Shadowed {
        by: rule.name.clone(),
    })
}

fn denied_by(rule: &IdentityRule, deny: &[IdentityRule]) -> Option<RuleProblem> {
    let by = deny.iter().find(|deny| covers(deny, rule))?;
    Some(RuleProblem::Denied {
        by: by.name.clone(),
    })
}

fn mistakes(matcher: &IdentityMatcher) -> Vec<RuleProblem> {
    match matcher.kind() {
        MatchKind::Regex => of_expression(matcher),
        MatchKind::Exact | MatchKind::Prefix | MatchKind::Suffix => {
            [inside_name(matcher), asterisk(matcher)]
                .into_iter()
                .flatten()
                .collect()
        }
    }
}

fn of_expression(matcher: &IdentityMatcher) -> Vec<RuleProblem> {
    let pattern = || matcher.value().to_owned();
    if matcher.pattern().matches_everything() {
        return vec![RuleProblem::MatchesEverything { pattern: pattern() }];
    }
    let field = matcher.field().clone();
    let is_name = matches!(field, IdentityField::Subject | IdentityField::Issuer);
    if is_name && expression::repeats_any(matcher.value()) {
        let pattern = pattern();
        return vec![RuleProblem::WholeName { field, pattern }];
    }
    let open =
        expression::open_sides(matcher.value()).map(|(side, kind)| RuleProblem::Unanchored {
            side,
            kind,
            pattern: pattern(),
        });
    let dot = expression::has_bare_dot(matcher.value())
        .then(|| RuleProblem::UnescapedDot { pattern: pattern() });
    open.into_iter().chain(dot).collect()
}

/// The boundary that a prefix or suffix should have, and what to advise.
fn inside_name(matcher: &IdentityMatcher) -> Option<RuleProblem> {
    use IdentityField as Field;
    use MatchKind as Kind;
    let value = matcher.value();
    let (good, advice) = match (matcher.field(), matcher.kind()) {
        (Field::SanDns, Kind::Suffix) => (value.starts_with('.'), "start it with a dot"),
        (Field::SanEmail, Kind::Suffix) => (value.contains('@'), "include the @"),
        (Field::SanUri, Kind::Prefix) => (
            value.ends_with(['/', ':', '?', '#', '=', '&']),
            "end it with a slash",
        ),
        _ => return None,
    };
    (!good).then(|| RuleProblem::InsideName {
        field: matcher.field().clone(),
        kind: matcher.kind(),
        advice,
        value: value.to_owned(),
    })
}

fn asterisk(matcher: &IdentityMatcher) -> Option<RuleProblem> {
    matcher
        .value()
        .contains('*')
        .then(|| RuleProblem::Asterisk {
            value: matcher.value().to_owned(),
        })
}
