//! What a policy needs to know of the SSL profile that it belongs to.

use model::{ClientAuthMode, ClientRevocation, Collection, ResourceName};
use serde_json::Value;

use crate::parse::{client_auth, path};

/// A profile of a stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// `None`: it asks for no certificate.
    pub(crate) mode: Option<ClientAuthMode>,
    /// `verifyClientRevocation`.
    pub(crate) revocation: ClientRevocation,
    trusted: Vec<ResourceName>,
}

impl Profile {
    /// The profile of this name, in any case.
    pub(crate) fn find(document: &Value, name: &ResourceName) -> Option<Self> {
        let profiles = path::children(document.as_object()?, Collection::SSL_PROFILES.as_str());
        let properties = path::find(profiles, name.as_str())?
            .get("properties")?
            .as_object()?;
        Some(Self {
            mode: client_auth::mode_of(properties),
            revocation: client_auth::revocation_of(properties),
            trusted: client_auth::trusted(properties)
                .into_iter()
                .flatten()
                .collect(),
        })
    }

    /// Whether it refers to an upload of client CAs.
    pub(crate) fn trusts(&self, upload: &ResourceName) -> bool {
        self.trusted.contains(upload)
    }
}
