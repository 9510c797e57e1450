//! Uploads of client CAs without a root.

use std::collections::HashSet;

use model::{Collection, ResourceName};
use serde_json::{Map, Value};

use super::{client_auth, path};
use crate::extension::Policies;

/// Which uploads may lack a root, which Azure demands of each.
///
/// A policy of the gateway must allow partial chains, and every profile that refers to the upload must have such a policy;
/// to another one it would be no trust at all. An upload that no profile refers to yet may lack a root as well, so that
/// policy, upload and profile can be put one after the other.
pub(super) struct Rootless {
    is_allowed: bool,
    /// What profiles without partial chains refer to.
    rooted: HashSet<ResourceName>,
}

impl Rootless {
    pub(super) fn of(document: &Map<String, Value>, policies: &Policies) -> Self {
        let profiles = path::children(document, Collection::SSL_PROFILES.as_str());
        let with_roots = profiles.iter().filter(|profile| {
            let name = ResourceName::parse(path::name(profile));
            !name.is_ok_and(|name| policies.find(&name).is_some_and(allows))
        });
        Self {
            is_allowed: policies.iter().any(|(_, policy)| allows(policy)),
            rooted: with_roots.flat_map(trusted).collect(),
        }
    }

    pub(super) fn allows(&self, upload: &ResourceName) -> bool {
        self.is_allowed && !self.rooted.contains(upload)
    }
}

fn allows(policy: &Value) -> bool {
    policy.pointer("/properties/allowPartialChains") == Some(&Value::Bool(true))
}

fn trusted(profile: &Value) -> Vec<ResourceName> {
    let properties = profile.get("properties").and_then(Value::as_object);
    let names = properties.map(client_auth::trusted).unwrap_or_default();
    names.into_iter().flatten().collect()
}
