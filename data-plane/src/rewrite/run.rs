//! Applying rules: conditions, then values, then all changes of the rule at once.

use std::borrow::Cow;
use std::sync::Arc;

use super::change::{Change, Changes, Room};
use super::pattern::Groups;
use super::request::Request;
use super::response::Pending;
use super::rule::{Part, RewriteRule, RewriteRuleSet, Source};

/// Applies what `set` says of a request to `changes`, and works out what its response will need; `None`: nothing.
pub(crate) fn on_request<'a>(
    set: &'a Arc<RewriteRuleSet>,
    request: &Request<'_>,
    changes: &mut Changes<'a>,
    room: Room<'_>,
) -> Option<Pending> {
    let mut pending = Pending::new(set);
    for (index, rule) in set.rules.iter().enumerate() {
        let mut captured = vec![Groups::default(); rule.conditions.len()];
        let value = |source: &Source| request.value(source, changes);
        if !holds(rule, Time::OfRequest, &mut captured, value) {
            continue;
        }
        let made = rule.request_headers.iter().map(|action| Change {
            name: &action.name,
            value: room
                .fit(&action.name, render(&action.value, &captured, None, value))
                .map(Cow::Owned),
        });
        let made: Vec<_> = made.collect();
        if !rule.response_headers.is_empty() {
            pending.add(index, rule, value, captured);
        }
        for change in made {
            changes.push(change);
        }
    }
    pending.or_nothing()
}

/// When a condition is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    OfRequest,
    OfResponse,
}

/// Whether all conditions hold that can be looked at now; `captured` gets what they capture.
pub(super) fn holds<'v>(
    rule: &RewriteRule,
    now: Time,
    captured: &mut [Groups],
    value: impl Fn(&Source) -> Cow<'v, [u8]>,
) -> bool {
    rule.conditions
        .iter()
        .zip(captured)
        .filter(|(condition, _)| condition.source.is_of_response() == (now == Time::OfResponse))
        .all(|(condition, slot)| {
            let value = value(&condition.source);
            if !condition.captures || condition.negate {
                return condition.pattern.is_match(&value) != condition.negate;
            }
            match condition.pattern.captures(&value) {
                Some(groups) => {
                    *slot = groups;
                    true
                }
                None => false,
            }
        })
}

/// What a matcher has found.
pub(super) struct Matched<'a> {
    /// The whole value of the field.
    pub(super) value: &'a [u8],
    pub(super) groups: Groups,
}

/// Puts the parts of a value together.
pub(super) fn render<'v>(
    parts: &[Part],
    captured: &[Groups],
    matched: Option<&Matched<'_>>,
    mut value: impl FnMut(&Source) -> Cow<'v, [u8]>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Source(source) => out.extend_from_slice(&value(source)),
            Part::Capture { condition, group } => {
                let groups = captured.get(*condition);
                out.extend_from_slice(groups.map(|groups| groups.get(*group)).unwrap_or_default());
            }
            Part::MatcherCapture(group) => {
                let found = matched.map(|matched| match group {
                    0 => matched.value,
                    _ => matched.groups.get(*group),
                });
                out.extend_from_slice(found.unwrap_or_default());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
