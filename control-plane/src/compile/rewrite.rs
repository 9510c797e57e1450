//! Rewrite rule sets, and the request fields that they take away from clients.

use std::collections::BTreeSet;

use model::rewrite::{Condition, FieldName, HeaderChange, Matcher, Part, Source};
use model::{RewriteRule, RewriteRuleSet};
use proto::config::v1 as proto;

/// Lowers one set; its rules are in the order of their execution.
pub(super) fn rule_set(set: &RewriteRuleSet) -> proto::RewriteRuleSet {
    proto::RewriteRuleSet {
        name: set.name().to_string(),
        rules: set.rules().iter().map(rule).collect(),
    }
}

fn rule(rule: &RewriteRule) -> proto::RewriteRule {
    proto::RewriteRule {
        name: rule.name().to_owned(),
        conditions: rule.conditions().iter().map(condition).collect(),
        request_headers: rule.request_headers().iter().map(action).collect(),
        response_headers: rule.response_headers().iter().map(action).collect(),
    }
}

fn condition(condition: &Condition) -> proto::RewriteCondition {
    proto::RewriteCondition {
        source: Some(source(condition.source())),
        pattern: condition.pattern().as_str().to_owned(),
        ignore_case: condition.pattern().ignores_case(),
        negate: condition.is_negated(),
    }
}

fn action(change: &HeaderChange) -> proto::HeaderAction {
    proto::HeaderAction {
        name: change.name().to_string(),
        value_matcher: change.matcher().map(matcher),
        value: change.value().parts().iter().map(part).collect(),
    }
}

fn matcher(matcher: &Matcher) -> proto::HeaderValueMatcher {
    proto::HeaderValueMatcher {
        pattern: matcher.pattern.as_str().to_owned(),
        ignore_case: matcher.pattern.ignores_case(),
        negate: matcher.negate,
    }
}

fn part(part: &Part) -> proto::ValuePart {
    use proto::value_part::Part as Lowered;
    let part = match part {
        Part::Capture { condition, group } => Lowered::ConditionCapture(proto::ConditionCapture {
            condition: number(*condition),
            group: number(*group),
        }),
        Part::MatcherCapture(group) => Lowered::MatcherCapture(number(*group)),
        Part::Source(from) => Lowered::Source(source(from)),
        Part::Text(text) => Lowered::Text(text.clone()),
    };
    proto::ValuePart { part: Some(part) }
}

fn source(source: &Source) -> proto::RewriteSource {
    use proto::rewrite_source::From;
    let from = match source {
        Source::Cookie(name) => From::Cookie(name.to_string()),
        Source::RequestHeader(name) => From::RequestHeader(name.to_string()),
        Source::ResponseHeader(name) => From::ResponseHeader(name.to_string()),
        Source::Variable(variable) => From::ServerVariable(variable.name().to_owned()),
    };
    proto::RewriteSource { from: Some(from) }
}

/// Conditions and groups are few; a number that does not fit is refused by the worker.
fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The request fields that no client of the gateway may send, on any listener: what a rule of any set, in use or not, sets
/// from the client's certificate, and every other field that a rule sets and that is not one of [`WELL_KNOWN`]. Backends
/// take them for the gateway's word, also where another rule leads to them, or none. Lower-case, sorted.
///
/// Differs from Azure: it removes a client's copy only where and when a rule sets the field.
pub(super) fn reserved(sets: &[RewriteRuleSet]) -> Vec<String> {
    let rules = sets.iter().flat_map(RewriteRuleSet::rules);
    let names = rules.flat_map(|rule| {
        let sets = rule.request_headers().iter();
        sets.filter(|change| is_reserved(rule, change))
            .map(|change| change.name().as_str().to_ascii_lowercase())
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn is_reserved(rule: &RewriteRule, change: &HeaderChange) -> bool {
    if change.value().is_empty() || change.name().is("Host") {
        return false;
    }
    rule.tells_identity(change) || !is_well_known(change.name())
}

/// Fields that clients send for ends of their own: a rule that sets one just overwrites it. Those whose names begin like
/// one of [`FAMILIES`] belong to them, too.
const WELL_KNOWN: &[&str] = &[
    "Accept",
    "Authorization",
    "Baggage",
    "Cache-Control",
    "Cookie",
    "Date",
    "DNT",
    "From",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Prefer",
    "Priority",
    "Range",
    "Referer",
    "TraceParent",
    "TraceState",
    "Upgrade-Insecure-Requests",
    "User-Agent",
    "X-Forwarded-For",
];

const FAMILIES: &[&str] = &[
    "Accept-",
    "Access-Control-Request-",
    "Content-",
    "If-",
    "Sec-",
];

fn is_well_known(name: &FieldName) -> bool {
    let begins = |family: &&str| {
        let start = name.as_str().get(..family.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(family))
    };
    WELL_KNOWN.iter().any(|known| name.is(known)) || FAMILIES.iter().any(begins)
}
