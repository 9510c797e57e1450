//! Rewrite rule sets, and the request fields that no client may send.

use std::collections::HashSet;
use std::sync::Arc;

use prost::Message;
use proto::config::v1 as wire;
use wire::rewrite_source::From as Origin;
use wire::value_part::Part as WirePart;

use super::cache::Key;
use super::{Conversion, Rejected, unique};
use crate::http::head::Field;
use crate::rewrite::{
    Condition, HeaderAction, IdentityVariable, Matcher, Part, Pattern, ReservedFields, RewriteRule,
    RewriteRuleSet, Source, Variable,
};

const SETS: &str = "rewriteRuleSets";
const PROPERTY: &str = "rewriteRules";

/// Whether fields are those of requests or of responses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

impl Conversion<'_> {
    /// Prepares every rewrite rule set, used or not. Sets that have not changed are taken over.
    pub(super) fn build_rewrites(&mut self) -> Result<(), Rejected> {
        let mut seen = HashSet::new();
        for set in &self.gateway.rewrite_rule_sets {
            let name = set.name.as_str();
            unique(&mut seen, name, SETS)?;
            let key = Key::new("rewrite rule set").field(&set.encode_to_vec());
            let converted = self.built.rewrites.take_or_build(key.finish(), || {
                rule_set(set).map_err(|reason| Rejected::new(SETS, name, PROPERTY, reason))
            })?;
            self.rewrites.insert(name, converted);
        }
        Ok(())
    }

    /// The set that a route names; `None`: it names none.
    pub(super) fn rewrite_rule_set(
        &self,
        name: &str,
    ) -> Result<Option<Arc<RewriteRuleSet>>, Rejected> {
        if name.is_empty() {
            return Ok(None);
        }
        let set = self.rewrites.get(name).ok_or_else(|| {
            let shown = name.escape_debug().to_string();
            Rejected::new(SETS, &shown, "", "there is no such rewrite rule set")
        })?;
        Ok(Some(Arc::clone(set)))
    }

    /// What no client of the gateway may send.
    pub(super) fn reserved_fields(&self) -> Result<Arc<ReservedFields>, Rejected> {
        let names = &self.gateway.reserved_request_headers;
        if let Some(bad) = names.iter().find(|name| !is_name(Side::Request, name)) {
            let reason = format!(
                "`{}` is not the name of a request field",
                bad.escape_debug()
            );
            return Err(Rejected::whole(reason));
        }
        let fields = ReservedFields::new(names.iter().map(String::as_str));
        Ok(Arc::new(fields))
    }
}

fn rule_set(set: &wire::RewriteRuleSet) -> Result<RewriteRuleSet, String> {
    let rules = set.rules.iter().map(|rule| {
        let place = |reason| format!("rule `{}`: {reason}", rule.name.escape_debug());
        self::rule(rule).map_err(place)
    });
    Ok(RewriteRuleSet {
        rules: rules.collect::<Result<_, _>>()?,
    })
}

fn rule(rule: &wire::RewriteRule) -> Result<RewriteRule, String> {
    let conditions = rule.conditions.iter().map(|condition| {
        Ok(Condition {
            source: source(condition.source.as_ref())?,
            pattern: pattern(&condition.pattern, condition.ignore_case)?,
            negate: condition.negate,
            captures: false,
        })
    });
    let mut conditions = conditions.collect::<Result<Vec<_>, String>>()?;
    let late = |condition: &Condition| condition.source.is_of_response();
    if !rule.request_headers.is_empty() && conditions.iter().any(late) {
        return Err("it changes the request and has a condition on the response".to_owned());
    }
    let mut actions = |side, actions: &[wire::HeaderAction]| {
        actions
            .iter()
            .map(|action| self::action(side, action, &mut conditions))
            .collect::<Result<Vec<_>, _>>()
    };
    let request_headers = actions(Side::Request, &rule.request_headers)?;
    let response_headers = actions(Side::Response, &rule.response_headers)?;
    Ok(RewriteRule {
        name: Arc::from(rule.name.as_str()),
        conditions,
        request_headers,
        response_headers,
    })
}

fn action(
    side: Side,
    action: &wire::HeaderAction,
    conditions: &mut [Condition],
) -> Result<HeaderAction, String> {
    let name = action.name.as_str();
    let at = |reason: String| format!("header `{}`: {reason}", name.escape_debug());
    check_name(side, name).map_err(at)?;
    let set_cookie = side == Side::Response && name.eq_ignore_ascii_case("set-cookie");
    let matcher = match &action.value_matcher {
        None => None,
        Some(_) if !set_cookie => {
            return Err(at(
                "a value matcher is for the response field Set-Cookie".to_owned()
            ));
        }
        Some(matcher) => Some(Matcher {
            pattern: pattern(&matcher.pattern, matcher.ignore_case).map_err(at)?,
            negate: matcher.negate,
        }),
    };
    let removes_host = side == Side::Request && name.eq_ignore_ascii_case("host");
    if removes_host && action.value.is_empty() {
        return Err(at("it cannot be removed".to_owned()));
    }
    let mut value = Vec::with_capacity(action.value.len());
    for part in &action.value {
        let part = self::part(part.part.as_ref(), matcher.as_ref(), conditions).map_err(at)?;
        if let Part::Source(source) = &part
            && side == Side::Request
            && source.is_of_response()
        {
            return Err(at("its value is known only with the response".to_owned()));
        }
        value.push(part);
    }
    Ok(HeaderAction {
        name: name.into(),
        matcher,
        value,
    })
}

fn part(
    part: Option<&WirePart>,
    matcher: Option<&Matcher>,
    conditions: &mut [Condition],
) -> Result<Part, String> {
    match part {
        Some(WirePart::Text(text)) if text.contains(['\r', '\n', '\0']) => {
            Err("its value holds a line break or a NUL".to_owned())
        }
        Some(WirePart::Text(text)) => Ok(Part::Text(text.as_str().into())),
        Some(WirePart::Source(from)) => source(Some(from)).map(Part::Source),
        Some(WirePart::ConditionCapture(capture)) => condition_capture(*capture, conditions),
        Some(WirePart::MatcherCapture(group)) => {
            let group = usize::try_from(*group).unwrap_or(usize::MAX);
            let groups = match matcher {
                None => return Err("its value uses a matcher that it does not have".to_owned()),
                Some(matcher) if matcher.negate => 0,
                Some(matcher) => matcher.pattern.groups(),
            };
            if group > groups {
                return Err(format!("its value uses group {group} of {groups}"));
            }
            Ok(Part::MatcherCapture(group))
        }
        None => Err("a part of its value is unset".to_owned()),
    }
}

fn condition_capture(
    capture: wire::ConditionCapture,
    conditions: &mut [Condition],
) -> Result<Part, String> {
    let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let (index, group) = (number(capture.condition), number(capture.group));
    let count = conditions.len();
    let condition = conditions
        .get_mut(index)
        .ok_or_else(|| format!("its value uses condition {index} of {count}"))?;
    let groups = condition.pattern.groups();
    if condition.negate || !(1..=groups).contains(&group) {
        return Err(format!("its value uses group {group} of {groups}"));
    }
    condition.captures = true;
    Ok(Part::Capture {
        condition: index,
        group,
    })
}

fn source(source: Option<&wire::RewriteSource>) -> Result<Source, String> {
    let bad_name = |name: &str| format!("`{}` is not the name of a field", name.escape_debug());
    match source.and_then(|source| source.from.as_ref()) {
        Some(Origin::Cookie(name)) if is_name(Side::Response, name) => {
            Ok(Source::Cookie(name.as_str().into()))
        }
        Some(Origin::RequestHeader(name)) if is_name(Side::Request, name) => {
            Ok(Source::RequestHeader(name.as_str().into()))
        }
        Some(Origin::ResponseHeader(name)) if is_name(Side::Response, name) => {
            Ok(Source::ResponseHeader(name.as_str().into()))
        }
        Some(Origin::Cookie(name) | Origin::RequestHeader(name) | Origin::ResponseHeader(name)) => {
            Err(bad_name(name))
        }
        Some(Origin::ServerVariable(name)) => Variable::parse(name)
            .map(Source::Variable)
            .or_else(|| IdentityVariable::parse(name).map(Source::Identity))
            .ok_or_else(|| format!("there is no server variable `{}`", name.escape_debug())),
        None => Err("a source is unset".to_owned()),
    }
}

fn pattern(text: &str, ignore_case: bool) -> Result<Pattern, String> {
    Pattern::new(text, ignore_case).map_err(|error| error.to_string())
}

/// Refuses names that are none, and fields that frame a message or are meant for one hop.
fn check_name(side: Side, name: &str) -> Result<(), String> {
    if !is_name(side, name) {
        return Err("it is not the name of a field".to_owned());
    }
    let of_the_gateway = match Field::of(name) {
        Field::Connection
        | Field::ContentLength
        | Field::Expect
        | Field::HopByHop
        | Field::TransferEncoding
        | Field::Upgrade => true,
        Field::Authorization
        | Field::Cookie
        | Field::Date
        | Field::ForwardedFor
        | Field::Host
        | Field::Other
        | Field::Ours
        | Field::UserAgent => name.eq_ignore_ascii_case("x-original-host"),
    };
    if of_the_gateway {
        return Err("it belongs to the gateway".to_owned());
    }
    Ok(())
}

/// Letters, digits and hyphens for requests, tokens (RFC 9110, 5.6.2) for responses.
fn is_name(side: Side, name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || byte == b'-'
            || (side == Side::Response && b"!#$%&'*+.^_`|~".contains(&byte))
    };
    !name.is_empty() && name.bytes().all(allowed)
}
