//! Who calls.

/// A caller whose token was good, as the audit and role assignments know it.
///
/// A principal is named by issuer and id together: an issuer can speak for its own principals only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The name that the settings give to the issuer of its tokens.
    pub issuer: String,
    /// Its id there; a GUID for service principals of the built-in token service.
    pub id: String,
    /// The client application, where the token names one.
    pub application: Option<String>,
    /// For people.
    pub name: String,
}

impl Principal {
    /// Issuer of the service principals that the control plane keeps itself.
    pub const BUILT_IN: &'static str = "built-in";

    /// The control plane, where it acts for no caller.
    pub fn control_plane() -> Self {
        Self {
            issuer: "control-plane".to_owned(),
            id: "00000000-0000-0000-0000-000000000000".to_owned(),
            application: None,
            name: "control plane".to_owned(),
        }
    }
}
