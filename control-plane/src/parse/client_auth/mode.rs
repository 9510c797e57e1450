//! What a request can and cannot do to the stored mode of a profile.
//!
//! A stored `Strict` becomes `Passthrough` only when a request says so in a version that has the word. A stored
//! `Passthrough` becomes `Strict` whenever a request may be meant so.

use model::{Collection, GatewayId, ResourceName, ViolationCode as Code};
use serde_json::{Map, Value, json};

use super::{
    CONFIGURATION, MODE, PASSTHROUGH, STRICT, configured, says_nothing, trusted, trusts_anyone,
    verifies,
};
use crate::parse::{ParseContext, path};
use crate::violations::Findings;

/// The first api-version that has `verifyClientAuthMode`.
const SINCE: &str = "2025-03-01";

/// Carries the mode of stored profiles over where the request says nothing about it.
pub(in crate::parse) fn keep(
    document: &mut Map<String, Value>,
    context: &ParseContext<'_>,
    findings: &mut Findings,
) {
    let collection = Collection::SSL_PROFILES.as_str();
    let stored = context.stored.and_then(Value::as_object);
    let known = stored.map_or(&[][..], |stored| path::children(stored, collection));
    let profiles = path::children_mut(document, collection);
    for (index, profile) in profiles.iter_mut().enumerate() {
        let same = path::find(known, path::name(profile));
        let name = path::name(profile).to_owned();
        let change = Change {
            gateway: context.id,
            name: &name,
            stored: same.and_then(|same| same.get("properties")?.as_object()),
            has_word: !context.api_version.is_before(SINCE),
            path: &format!("properties.{collection}[{index}].properties"),
        };
        if let Some(properties) = path::properties_mut(profile) {
            change.settle(properties, findings);
        }
    }
}

/// One profile on its way from what is stored to what is sent.
struct Change<'a> {
    gateway: &'a GatewayId,
    name: &'a str,
    /// The properties of the stored profile.
    stored: Option<&'a Map<String, Value>>,
    /// Whether the request's api-version has `verifyClientAuthMode`.
    has_word: bool,
    path: &'a str,
}

impl Change<'_> {
    fn settle(&self, sent: &mut Map<String, Value>, findings: &mut Findings) {
        let stored = self
            .stored
            .and_then(|stored| configured(stored, MODE)?.as_str());
        match (configured(sent, MODE).and_then(Value::as_str), stored) {
            (Some(PASSTHROUGH), stored) if stored != Some(PASSTHROUGH) && !self.has_word => {
                self.refuse_older_word(findings);
            }
            (Some(_), _) | (None, None) => {}
            (None, Some(PASSTHROUGH)) if self.has_word => self.refuse_forgetting(sent, findings),
            (None, Some(PASSTHROUGH)) => {
                if !self.asks_for_more(sent) {
                    write(sent, PASSTHROUGH);
                }
            }
            // A document written anew with nothing but defaults and no CAs must not open the door. Who wants to open it
            // leaves `clientAuthConfiguration` out.
            (None, Some(_)) => {
                if !self.has_word || sent.contains_key(CONFIGURATION) {
                    write(sent, STRICT);
                }
            }
        }
    }

    fn refuse_older_word(&self, findings: &mut Findings) {
        let message = format!(
            "Property verifyClientAuthMode can be set to Passthrough from api-version {SINCE} on."
        );
        let target = format!("{}.{CONFIGURATION}.{MODE}", self.path);
        findings.add(Code::InvalidPropertyValue, &target, message);
    }

    /// A client that drops the mode of a profile which has nothing else gets Azure's error, and not a profile that refuses
    /// everyone.
    fn refuse_forgetting(&self, sent: &Map<String, Value>, findings: &mut Findings) {
        let speaks = sent.contains_key("sslPolicy") || trusts_anyone(sent) || verifies(sent);
        if !speaks {
            says_nothing(self.gateway, self.name, self.path, findings);
        }
    }

    /// Whether a client that does not know of modes asks for a verification that the stored profile does not have: a
    /// profile that names CAs demands a certificate of them, as far as such a client knows.
    fn asks_for_more(&self, sent: &Map<String, Value>) -> bool {
        let known = self.stored.map(trusted).unwrap_or_default();
        let is_new = |name: &Option<ResourceName>| !known.contains(name);
        verifies(sent) || trusted(sent).iter().any(is_new)
    }
}

fn write(profile: &mut Map<String, Value>, mode: &str) {
    let configuration = profile.entry(CONFIGURATION).or_insert_with(|| json!({}));
    if let Some(members) = configuration.as_object_mut() {
        members.insert(MODE.to_owned(), json!(mode));
    }
}
