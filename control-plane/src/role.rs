//! Roles: which operations of ARM each allows.
//!
//! Patterns are those of ARM's role definitions: `*` stands for any text, case does not count, and what `not_actions`
//! matches is not allowed by the role, however it matches `actions`.

/// A role that can be assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Changes trusted client CAs and their revocation lists, and nothing else.
    ClientCaOperator,
    /// Changes everything but who may what.
    Contributor,
    /// Everything.
    Owner,
    /// Sees everything, changes nothing.
    Reader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::ClientCaOperator,
        Self::Contributor,
        Self::Owner,
        Self::Reader,
    ];

    /// The GUID of the role's definition. Azure's roles have Azure's.
    pub fn id(self) -> &'static str {
        match self {
            Self::ClientCaOperator => "5e4b0f4e-6a0f-4d6c-9f0b-3d8c1f0f7a61",
            Self::Contributor => "b24988ac-6180-42a0-ab88-20f7382dd24c",
            Self::Owner => "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            Self::Reader => "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        }
    }

    /// The role of a definition's GUID, in any case.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| role.id().eq_ignore_ascii_case(id))
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCaOperator => "Client CA Operator",
            Self::Contributor => "Contributor",
            Self::Owner => "Owner",
            Self::Reader => "Reader",
        }
    }

    /// What it is for.
    pub fn description(self) -> &'static str {
        match self {
            Self::ClientCaOperator => {
                "Changes trusted client certificates and their revocation lists, sees application gateways, and nothing \
                 else."
            }
            Self::Contributor => {
                "Changes all resources, but neither role assignments, nor service principals, nor workers."
            }
            Self::Owner => "Changes everything, and says who else may.",
            Self::Reader => "Sees all resources and changes nothing.",
        }
    }

    /// What it allows.
    pub fn actions(self) -> &'static [&'static str] {
        match self {
            Self::ClientCaOperator => &[
                "Microsoft.Network/applicationGateways/read",
                "Microsoft.Network/applicationGateways/*/read",
                "Microsoft.Network/applicationGatewayAvailableSslOptions/*",
                "Microsoft.Network/applicationGateways/trustedClientCertificates/*",
                "Microsoft.Network/locations/*/read",
                "Microsoft.Resources/subscriptions/providers/read",
                "Microsoft.Resources/subscriptions/read",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Portcullis.Security/certificateRevocationLists/*",
                "Portcullis.Security/clientAuthPolicies/read",
                "Portcullis.Security/readinessReports/read",
            ],
            Self::Contributor | Self::Owner => &["*"],
            Self::Reader => &["*/read"],
        }
    }

    /// What it does not allow, though `actions` match.
    ///
    /// Differs from Azure: a Contributor changes neither service principals, which may hold more than its own roles, nor
    /// workers, to which private keys are sent.
    pub fn not_actions(self) -> &'static [&'static str] {
        match self {
            Self::Contributor => &[
                "Microsoft.Authorization/*/delete",
                "Microsoft.Authorization/*/write",
                "Portcullis.Security/servicePrincipals/*/action",
                "Portcullis.Security/servicePrincipals/delete",
                "Portcullis.Security/servicePrincipals/write",
                "Portcullis.Security/workers/*/action",
                "Portcullis.Security/workers/delete",
                "Portcullis.Security/workers/write",
            ],
            Self::ClientCaOperator | Self::Owner | Self::Reader => &[],
        }
    }

    /// Whether it allows the operation of this name.
    pub fn allows(self, action: &str) -> bool {
        let any = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, action));
        any(self.actions()) && !any(self.not_actions())
    }
}

/// Whether `action` is of the form of `pattern`, whose stars stand for any text.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(between) = last.replace(part) {
            match rest.split_once(between) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(role: Role, allowed: &[&str], refused: &[&str]) {
        for action in allowed {
            assert!(role.allows(action), "{} should allow {action}", role.name());
        }
        for action in refused {
            assert!(
                !role.allows(action),
                "{} should refuse {action}",
                role.name()
            );
        }
    }

    const GATEWAY_WRITE: &str = "Microsoft.Network/applicationGateways/write";
    const GATEWAY_READ: &str = "microsoft.network/applicationgateways/READ";
    const CA_WRITE: &str = "Microsoft.Network/applicationGateways/trustedClientCertificates/write";
    const LIST_WRITE: &str = "Portcullis.Security/certificateRevocationLists/write";
    const PROFILE_WRITE: &str = "Microsoft.Network/applicationGateways/sslProfiles/write";
    const ROLE_WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
    const PRINCIPAL_WRITE: &str = "Portcullis.Security/servicePrincipals/write";
    const ADD_PASSWORD: &str = "Portcullis.Security/servicePrincipals/addPassword/action";
    const WORKER_WRITE: &str = "Portcullis.Security/workers/write";
    const WORKER_READ: &str = "Portcullis.Security/workers/read";
    const START: &str = "Microsoft.Network/applicationGateways/start/action";

    #[test]
    fn each_role_allows_what_its_name_says() {
        check(
            Role::Owner,
            &[GATEWAY_WRITE, ROLE_WRITE, PRINCIPAL_WRITE, WORKER_WRITE],
            &[],
        );
        check(
            Role::Contributor,
            &[GATEWAY_READ, GATEWAY_WRITE, CA_WRITE, START, WORKER_READ],
            &[ROLE_WRITE, PRINCIPAL_WRITE, ADD_PASSWORD, WORKER_WRITE],
        );
        check(
            Role::Reader,
            &[GATEWAY_READ, WORKER_READ],
            &[GATEWAY_WRITE, CA_WRITE, START, ROLE_WRITE],
        );
        check(
            Role::ClientCaOperator,
            &[GATEWAY_READ, CA_WRITE, LIST_WRITE],
            &[
                GATEWAY_WRITE,
                PROFILE_WRITE,
                START,
                ROLE_WRITE,
                WORKER_READ,
                "Microsoft.Network/applicationGateways/delete",
                "Portcullis.Security/clientAuthPolicies/write",
                "Microsoft.Insights/eventtypes/values/read",
            ],
        );
    }

    #[test]
    fn stars_stand_for_any_text_and_nothing_else_does() {
        for (pattern, action, matching) in [
            ("*", "", true),
            ("*", "a/b", true),
            ("*/read", "a/b/read", true),
            ("*/read", "a/b/read/action", false),
            ("a/*/c", "a/b/c", true),
            ("a/*/c", "a/b/b/c", true),
            ("a/*/c", "a/c", false),
            ("a/*/b/*", "a/x/b/y", true),
            ("a/*/b/*", "a/x/c/y", false),
            ("a*a", "a", false),
            ("a/read", "a/read", true),
            ("a/read", "a/reads", false),
            ("a/read", "xa/read", false),
        ] {
            assert_eq!(matches(pattern, action), matching, "{pattern} {action}");
        }
    }

    #[test]
    fn definitions_are_found_by_their_ids() {
        for role in Role::ALL {
            assert_eq!(Role::find(&role.id().to_uppercase()), Some(role));
        }
        assert_eq!(Role::find("nothing"), None);
    }
}
