//! What becomes of the fields of a response.

use std::borrow::Cow;
use std::sync::Arc;

use super::change::Room;
use super::pattern::Groups;
use super::rule::{HeaderAction, Matcher, Part, RewriteRule, RewriteRuleSet, Source};
use super::run::{Matched, Time, holds, render};
use super::variable::Variable;
use crate::http::reply;
use crate::upstream::response::ResponseHead;

/// The rules whose conditions on the request hold, with all that they need of it.
#[derive(Debug)]
pub(crate) struct Pending {
    set: Arc<RewriteRuleSet>,
    rules: Vec<PendingRule>,
}

#[derive(Debug)]
struct PendingRule {
    index: usize,
    /// One for each condition; those on the response have captured nothing yet.
    captured: Vec<Groups>,
    /// For each action, the values of its sources that are not of the response, in order.
    known: Vec<Vec<Box<[u8]>>>,
}

/// A field on its way to the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    /// `None`: it stays behind.
    value: Option<Cow<'a, [u8]>>,
}

impl Pending {
    pub(super) fn new(set: &Arc<RewriteRuleSet>) -> Self {
        Self {
            set: Arc::clone(set),
            rules: Vec::new(),
        }
    }

    /// Keeps a rule for the response; `value` is what sources are worth while the request is there.
    pub(super) fn add<'v>(
        &mut self,
        index: usize,
        rule: &RewriteRule,
        value: impl Fn(&Source) -> Cow<'v, [u8]>,
        captured: Vec<Groups>,
    ) {
        let known = |action: &HeaderAction| {
            let sources = action.value.iter().filter_map(|part| match part {
                Part::Source(source) if !source.is_of_response() => Some(source),
                _ => None,
            });
            sources.map(|source| value(source).into()).collect()
        };
        self.rules.push(PendingRule {
            index,
            captured,
            known: rule.response_headers.iter().map(known).collect(),
        });
    }

    pub(super) fn or_nothing(self) -> Option<Self> {
        (!self.rules.is_empty()).then_some(self)
    }

    /// The fields that the client gets of a backend's response. To be called on those only: what the gateway itself answers is
    /// never rewritten (Azure).
    pub(crate) fn apply<'a>(
        &'a self,
        head: &'a ResponseHead<'_>,
        room: Room<'_>,
    ) -> Vec<Field<'a>> {
        let mut fields: Vec<_> = reply::forwarded(head)
            .map(|(name, value)| Field {
                name,
                value: Some(value.into()),
            })
            .collect();
        for pending in &self.rules {
            if let Some(rule) = self.set.rules.get(pending.index) {
                pending.apply(rule, head.status, &mut fields, room);
            }
        }
        fields
    }
}

impl<'a> Field<'a> {
    /// Name and value, unless it stays behind.
    pub(crate) fn sent(&self) -> Option<(&'a str, &[u8])> {
        Some((self.name, self.value.as_deref()?))
    }
}

/// What becomes of one field: the one at this place, or a new one.
struct Edit<'a> {
    at: Option<usize>,
    name: &'a str,
    value: Option<Vec<u8>>,
}

impl PendingRule {
    fn apply<'a>(
        &self,
        rule: &'a RewriteRule,
        status: u16,
        fields: &mut Vec<Field<'a>>,
        room: Room<'_>,
    ) {
        let mut captured = self.captured.clone();
        let value = |source: &Source| value(source, status, fields);
        if !holds(rule, Time::OfResponse, &mut captured, value) {
            return;
        }
        let mut edits = Vec::new();
        for (action, known) in rule.response_headers.iter().zip(&self.known) {
            let made = |matched: Option<&Matched<'_>>| {
                let mut known = known.iter();
                let value = render(&action.value, &captured, matched, |source| {
                    if source.is_of_response() {
                        value(source)
                    } else {
                        known
                            .next()
                            .map(|value| &**value)
                            .unwrap_or_default()
                            .into()
                    }
                });
                room.fit(&action.name, value)
            };
            match &action.matcher {
                None => edits.extend(replace(&action.name, made(None), fields)),
                Some(matcher) => {
                    edits.extend(replace_matching(&action.name, matcher, made, fields));
                }
            }
        }
        for edit in edits {
            let value = edit.value.map(Cow::Owned);
            match edit.at.and_then(|at| fields.get_mut(at)) {
                Some(field) => field.value = value,
                None => fields.push(Field {
                    name: edit.name,
                    value,
                }),
            }
        }
    }
}

/// One field with this value in place of all of this name (Azure: the others are dropped).
fn replace<'a>(name: &'a str, value: Option<Vec<u8>>, fields: &[Field<'_>]) -> Vec<Edit<'a>> {
    let edit = |(at, value)| Edit { at, name, value };
    let mut places = places(name, fields).map(|(at, _)| Some(at));
    let first = (places.next().flatten(), value);
    let others = places.map(|at| (at, None));
    std::iter::once(first).chain(others).map(edit).collect()
}

/// The fields that the matcher means, each with a value made of its own.
fn replace_matching<'a>(
    name: &'a str,
    matcher: &Matcher,
    made: impl Fn(Option<&Matched<'_>>) -> Option<Vec<u8>>,
    fields: &[Field<'_>],
) -> Vec<Edit<'a>> {
    let edits = places(name, fields).filter_map(|(at, value)| {
        let groups = match (matcher.pattern.captures(value), matcher.negate) {
            (Some(groups), false) => groups,
            (None, true) => Groups::default(),
            (Some(_), true) | (None, false) => return None,
        };
        let value = made(Some(&Matched { value, groups }));
        Some(Edit {
            at: Some(at),
            name,
            value,
        })
    });
    edits.collect()
}

fn places<'f>(
    name: &'f str,
    fields: &'f [Field<'_>],
) -> impl Iterator<Item = (usize, &'f [u8])> + 'f {
    fields.iter().enumerate().filter_map(move |(at, field)| {
        let value = field.value.as_deref()?;
        field.name.eq_ignore_ascii_case(name).then_some((at, value))
    })
}

/// What a source of the response is worth, as earlier rules have left it.
fn value<'v>(source: &Source, status: u16, fields: &'v [Field<'_>]) -> Cow<'v, [u8]> {
    match source {
        Source::ResponseHeader(name) => {
            let mut values = fields
                .iter()
                .filter(|field| field.name.eq_ignore_ascii_case(name))
                .filter_map(|field| field.value.as_deref());
            let first = values.next().unwrap_or_default();
            values.fold(first.into(), |joined: Cow<'_, [u8]>, value| {
                [&joined, &b", "[..], value].concat().into()
            })
        }
        Source::Variable(Variable::HttpStatus) => status.to_string().into_bytes().into(),
        Source::Cookie(_)
        | Source::Identity(_)
        | Source::RequestHeader(_)
        | Source::Variable(_) => Cow::default(),
    }
}

#[cfg(test)]
mod tests;
