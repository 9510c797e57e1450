//! What a worker serves: gateways by id, or all below a scope.

use std::collections::BTreeSet;

use model::{GatewayId, ResourceGroupId, SubscriptionId};
use serde::{Deserialize, Serialize};

/// A worker's subscription: never empty, ids in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    gateway_ids: BTreeSet<String>,
    /// Without a slash at the end, so that everything is the empty string.
    scopes: BTreeSet<String>,
}

/// Why a worker's subscription is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubscription {
    /// It names nothing.
    #[error("the subscription is empty")]
    Empty,
    /// Not the ARM id of a gateway.
    #[error("{0:?} is not the id of an application gateway")]
    GatewayId(String),
    /// Neither `/` nor the ARM id of a subscription or a resource group.
    #[error("{0:?} is not the id of a subscription or a resource group")]
    Scope(String),
}

impl Subscription {
    /// Checks and normalises what a worker sent.
    ///
    /// # Errors
    /// [`InvalidSubscription`].
    pub fn parse(gateway_ids: &[String], scopes: &[String]) -> Result<Self, InvalidSubscription> {
        if gateway_ids.is_empty() && scopes.is_empty() {
            return Err(InvalidSubscription::Empty);
        }
        Ok(Self {
            gateway_ids: gateway_ids
                .iter()
                .map(|id| gateway_key(id))
                .collect::<Result<_, _>>()?,
            scopes: scopes
                .iter()
                .map(|scope| scope_key(scope))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether the gateway with this key (lower-case ARM id) is meant.
    pub fn covers(&self, gateway: &str) -> bool {
        self.gateway_ids.contains(gateway)
            || self.scopes.iter().any(|scope| {
                gateway
                    .strip_prefix(scope.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
            })
    }

    /// All that it names, in lower case: gateways and scopes; everything is the empty text.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.gateway_ids.iter().chain(&self.scopes);
        keys.map(String::as_str)
    }
}

fn gateway_key(id: &str) -> Result<String, InvalidSubscription> {
    let parsed = GatewayId::parse(id);
    parsed
        .map(|id| id.key())
        .map_err(|_| InvalidSubscription::GatewayId(clip(id)))
}

fn scope_key(scope: &str) -> Result<String, InvalidSubscription> {
    if scope == "/" {
        return Ok(String::new());
    }
    let key = scope
        .strip_suffix('/')
        .unwrap_or(scope)
        .to_ascii_lowercase();
    let subscription = key.strip_prefix("/subscriptions/");
    let valid = ResourceGroupId::parse(&key).is_ok()
        || subscription.is_some_and(|id| SubscriptionId::parse(id).is_ok());
    if valid {
        Ok(key)
    } else {
        Err(InvalidSubscription::Scope(clip(scope)))
    }
}

/// So much of a bad id that a reader recognises it.
fn clip(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";

    fn gateway(group: &str) -> String {
        format!(
            "{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/applicationGateways/gw"
        )
    }

    fn check(gateway_ids: &[&str], scopes: &[&str], covered: bool) {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let subscription = Subscription::parse(&owned(gateway_ids), &owned(scopes)).unwrap();
        let key = gateway("rg").to_lowercase();
        assert_eq!(subscription.covers(&key), covered, "{subscription:?}");
    }

    #[test]
    fn ids_and_scopes_match_without_case_and_by_whole_segments() {
        check(&[&gateway("RG").to_uppercase()], &[], true);
        check(&[&gateway("other")], &[], false);
        check(&[], &["/"], true);
        check(&[], &[SUBSCRIPTION], true);
        check(&[], &[&format!("{}/", SUBSCRIPTION.to_uppercase())], true);
        check(&[], &[&format!("{SUBSCRIPTION}/resourcegroups/RG")], true);
        check(&[], &[&format!("{SUBSCRIPTION}/resourceGroups/r")], false);
        check(&[&gateway("other")], &["/"], true);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let parse =
            |gateway_ids: &[String], scopes: &[String]| Subscription::parse(gateway_ids, scopes);
        assert_eq!(parse(&[], &[]), Err(InvalidSubscription::Empty));
        for scope in [
            "",
            "rg",
            "//",
            "/subscriptions/",
            "/subscriptions/x",
            &gateway("rg"),
        ] {
            let refused = parse(&[], &[scope.to_owned()]);
            assert_eq!(refused, Err(InvalidSubscription::Scope(scope.to_owned())));
        }
        for id in ["", "/", SUBSCRIPTION] {
            let refused = parse(&[id.to_owned()], &[]);
            assert_eq!(refused, Err(InvalidSubscription::GatewayId(id.to_owned())));
        }
    }
}
