//! What is stored beside a gateway's document: settings that Azure's schema has no room for, and what is remembered
//! about them.
//!
//! They belong to SSL profiles by name. Putting the gateway or a profile does not touch them, so that no client of Azure
//! can take them away; a profile that is made again under its old name gets them back.

pub mod revocation_list;
mod trust_epoch;

use std::collections::BTreeMap;

use model::ResourceName;
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::{
    revocation_list::{RevocationList, RevocationLists},
    trust_epoch::TrustEpochs,
};

/// The extensions of one gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Extensions {
    policies: Policies,
    trust_epochs: TrustEpochs,
    revocation_lists: RevocationLists,
}

/// Documents of client auth policies by SSL profile, whether it exists or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Policies(BTreeMap<String, Value>);

impl Extensions {
    /// Reads what [`to_json`](Self::to_json) wrote; members that are not there are empty.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The form in which they are stored: the same for equal ones.
    pub fn to_json(&self) -> String {
        json!({
            "policies": self.policies.0,
            "trustEpochs": self.trust_epochs,
            "revocationLists": self.revocation_lists,
        })
        .to_string()
    }

    /// The client auth policies.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Since when each profile demands what it demands.
    pub fn trust_epochs(&self) -> &TrustEpochs {
        &self.trust_epochs
    }

    /// Uploaded revocation lists, which belong to trusted client certificates.
    pub fn revocation_lists(&self) -> &RevocationLists {
        &self.revocation_lists
    }

    /// The same with other revocation lists.
    #[must_use]
    pub fn with_revocation_lists(self, revocation_lists: RevocationLists) -> Self {
        Self {
            revocation_lists,
            ..self
        }
    }

    /// The same with the trust epochs of `generation`: see [`TrustEpochs::advanced`].
    #[must_use]
    pub fn at(self, generation: u64, demands: &BTreeMap<ResourceName, [u8; 32]>) -> Self {
        let trust_epochs = self.trust_epochs.advanced(demands, generation);
        Self {
            trust_epochs,
            ..self
        }
    }

    /// The same with a policy of `profile`, which replaces the one that is there.
    #[must_use]
    pub fn with_policy(mut self, profile: &ResourceName, document: Value) -> Self {
        self.policies.0.insert(key(profile), document);
        self
    }

    /// The same without the policy of `profile`.
    #[must_use]
    pub fn without_policy(mut self, profile: &ResourceName) -> Self {
        self.policies.0.remove(&key(profile));
        self
    }
}

impl Policies {
    /// The policy of a profile.
    pub fn find(&self, profile: &ResourceName) -> Option<&Value> {
        self.0.get(&key(profile))
    }

    /// All policies, in the order of the profiles' names, those of profiles that do not exist included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0
            .iter()
            .map(|(profile, document)| (profile.as_str(), document))
    }
}

/// Names compare without case.
fn key(profile: &ResourceName) -> String {
    profile.as_str().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_belongs_to_its_profile_in_any_case() {
        let name = |text| ResourceName::parse(text).unwrap();
        let one = Extensions::default().with_policy(&name("Mtls"), json!({"a": 1}));
        assert_eq!(one.policies().find(&name("mTLS")), Some(&json!({"a": 1})));
        let other = one.with_policy(&name("mtls"), json!({}));
        assert_eq!(other.policies().iter().count(), 1);
        assert_eq!(other.without_policy(&name("MTLS")), Extensions::default());
    }

    #[test]
    fn what_is_stored_reads_back_and_nothing_reads_as_nothing() {
        let name = ResourceName::parse("mtls").unwrap();
        let some = Extensions::default()
            .with_policy(&name, json!({"properties": {}}))
            .at(3, &[(name, [7; 32])].into());
        assert_eq!(Extensions::from_json(&some.to_json()).unwrap(), some);
        assert_eq!(Extensions::from_json("{}").unwrap(), Extensions::default());
    }
}
