//! What a request path names. Fixed segments match in any case, names keep theirs; the route table reads them.

use model::{ChildId, Collection, GatewayId, ResourceGroupId, ResourceName, SubscriptionId};
use uuid::Uuid;

use super::error::ApiError;
use crate::access::Scope;
use crate::worker_identity::WorkerName;

/// Everything that the API answers, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ArmPath {
    /// `{subscription}/resourceGroups`
    ResourceGroups(SubscriptionId),
    /// `{subscription}/resourceGroups/{name}`
    ResourceGroup(ResourceGroupId),
    /// `{subscription}/operationresults/{id}`: where a group's deletion is followed.
    GroupOperationResult(SubscriptionId, Uuid),
    /// `{subscription}/providers/Microsoft.Network`
    Provider(SubscriptionId),
    /// `{subscription}/providers/Microsoft.Network/applicationGateways`
    SubscriptionGateways(SubscriptionId),
    /// `{group}/providers/Microsoft.Network/applicationGateways`
    GroupGateways(ResourceGroupId),
    /// `{gateway}`
    Gateway(GatewayId),
    /// `{gateway}/start` and others
    GatewayAction(GatewayId, GatewayAction),
    /// `{gateway}/{collection}`
    Children(GatewayId, Collection),
    /// `{gateway}/{collection}/{name}`
    Child(ChildId),
    /// `{sslProfile}/explainClientCertificate`
    ExplainClientCertificate(ChildId),
    /// `{gateway}/{collection}/{name}/providers/Portcullis.Security/...`
    Extension(ChildId, Extension),
    /// `{subscription}/providers/Microsoft.Network/locations/{location}/operations/{id}`
    Operation(SubscriptionId, Uuid),
    /// `{subscription}/providers/Microsoft.Network/locations/{location}/operationResults/{id}`
    OperationResult(SubscriptionId, Uuid),
    /// `{provider}/applicationGatewayAvailableSslOptions/default`
    SslOptions(SubscriptionId),
    /// `{provider}/applicationGatewayAvailableSslOptions/default/predefinedPolicies`
    SslPolicies(SubscriptionId),
    /// `{provider}/applicationGatewayAvailableSslOptions/default/predefinedPolicies/{name}`
    SslPolicy(SubscriptionId, String),
    /// `/tenants`
    Tenants,
    /// `/subscriptions`
    Subscriptions,
    /// `{subscription}`
    Subscription(SubscriptionId),
    /// `{subscription}/locations`
    Locations(SubscriptionId),
    /// `{scope}/providers/Microsoft.Authorization/roleAssignments`
    RoleAssignments(Scope),
    /// `{scope}/providers/Microsoft.Authorization/roleAssignments/{name}`
    RoleAssignment(Scope, Uuid),
    /// `{scope}/providers/Microsoft.Authorization/roleDefinitions`
    RoleDefinitions(Scope),
    /// `{scope}/providers/Microsoft.Authorization/roleDefinitions/{name}`
    RoleDefinition(Scope, Uuid),
    /// `/providers/Portcullis.Security/servicePrincipals`
    ServicePrincipals,
    /// `/providers/Portcullis.Security/workers`
    Workers,
    /// `/providers/Portcullis.Security/workers/{name}`
    Worker(WorkerName),
    /// `/providers/Portcullis.Security/workers/{name}/revoke` and the like
    WorkerAction(WorkerName, WorkerAction),
    /// `/providers/Portcullis.Security/servicePrincipals/{name}`
    ServicePrincipal(ResourceName),
    /// `/providers/Portcullis.Security/servicePrincipals/{name}/addPassword` and others
    ServicePrincipalAction(ResourceName, CredentialAction),
    /// `[{subscription}]/providers/Microsoft.Insights/eventtypes/management/values`
    ActivityLog(Option<SubscriptionId>),
    /// What needs no token.
    Open(OpenPath),
}

/// What lies below a child of a gateway besides what Azure knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extension {
    /// `{sslProfile}/…/clientAuthPolicies`
    ClientAuthPolicies,
    /// `{sslProfile}/…/clientAuthPolicies/default`
    ClientAuthPolicy,
    /// `{sslProfile}/…/readinessReports/default`
    ReadinessReport,
    /// `{trustedClientCertificate}/…/certificateRevocationLists/{name}`
    RevocationList(ResourceName),
    /// `{trustedClientCertificate}/…/certificateRevocationLists`
    RevocationLists,
}

/// What is answered without a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OpenPath {
    /// `/openapi.json`
    OpenApi,
    /// `/metadata/endpoints`
    Metadata,
    /// `{authority}/.well-known/openid-configuration`
    OpenIdConfiguration,
    /// `/discovery/keys`
    KeySet,
    /// `{authority}/oauth2/token`, of this tenant
    Token(String),
}

/// What a POST to a service principal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialAction {
    /// Add a certificate.
    AddKey,
    /// Make a password.
    AddPassword,
    /// Take a certificate away.
    RemoveKey,
    /// Take a password away.
    RemovePassword,
}

/// What a POST to a gateway asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GatewayAction {
    /// Serve.
    Start,
    /// Serve nothing.
    Stop,
    /// Backend health, in both forms.
    BackendHealth,
}

/// What a POST to a worker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkerAction {
    /// A token to join with.
    CreateJoinToken,
    /// No way in any more.
    Revoke,
}

impl ArmPath {
    /// Whether the path belongs to `Microsoft.Network`, and not to the resource manager itself.
    pub(super) fn is_network(&self) -> bool {
        match self {
            Self::ActivityLog(_)
            | Self::GroupOperationResult(..)
            | Self::Locations(_)
            | Self::Open(_)
            | Self::Provider(_)
            | Self::ResourceGroup(_)
            | Self::ResourceGroups(_)
            | Self::RoleAssignment(..)
            | Self::RoleAssignments(_)
            | Self::RoleDefinition(..)
            | Self::RoleDefinitions(_)
            | Self::ServicePrincipal(_)
            | Self::ServicePrincipalAction(..)
            | Self::ServicePrincipals
            | Self::Worker(_)
            | Self::WorkerAction(..)
            | Self::Workers
            | Self::Subscription(_)
            | Self::Subscriptions
            | Self::Tenants => false,
            Self::Child(_)
            | Self::Children(..)
            | Self::ExplainClientCertificate(_)
            | Self::Extension(..)
            | Self::Gateway(_)
            | Self::GatewayAction(..)
            | Self::GroupGateways(_)
            | Self::Operation(..)
            | Self::OperationResult(..)
            | Self::SslOptions(_)
            | Self::SslPolicies(_)
            | Self::SslPolicy(..)
            | Self::SubscriptionGateways(_) => true,
        }
    }

    /// The collection that a child or a list of children is of.
    pub(super) fn collection(&self) -> Option<Collection> {
        match self {
            Self::Children(_, collection) => Some(*collection),
            Self::Child(child) => Some(child.collection()),
            _ => None,
        }
    }

    /// The ARM id of what the store is asked for and the caller must have a role at: parts of a gateway are the gateway's.
    pub(super) fn scope(&self) -> String {
        match self {
            Self::Child(id) | Self::Extension(id, _) | Self::ExplainClientCertificate(id) => {
                id.gateway().to_string()
            }
            Self::RoleAssignment(scope, _) | Self::RoleDefinition(scope, _) => scope.to_string(),
            Self::ServicePrincipal(_)
            | Self::ServicePrincipalAction(..)
            | Self::Worker(_)
            | Self::WorkerAction(..) => "/".to_owned(),
            _ => self.resource(),
        }
    }

    /// The id of the resource that the path names, for logs.
    pub(super) fn resource(&self) -> String {
        match self {
            Self::ResourceGroup(id) | Self::GroupGateways(id) => id.to_string(),
            Self::Gateway(id) | Self::GatewayAction(id, _) | Self::Children(id, _) => {
                id.to_string()
            }
            Self::Child(id) | Self::Extension(id, _) | Self::ExplainClientCertificate(id) => {
                id.to_string()
            }
            Self::ResourceGroups(subscription)
            | Self::GroupOperationResult(subscription, _)
            | Self::Provider(subscription)
            | Self::SubscriptionGateways(subscription)
            | Self::Operation(subscription, _)
            | Self::OperationResult(subscription, _)
            | Self::SslOptions(subscription)
            | Self::SslPolicies(subscription)
            | Self::SslPolicy(subscription, _)
            | Self::Subscription(subscription)
            | Self::Locations(subscription)
            | Self::ActivityLog(Some(subscription)) => format!("/subscriptions/{subscription}"),
            Self::RoleAssignments(scope) | Self::RoleDefinitions(scope) => scope.to_string(),
            Self::RoleAssignment(scope, name) => {
                let scope = scope.key();
                format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}")
            }
            Self::RoleDefinition(scope, name) => {
                let scope = scope.key();
                format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{name}")
            }
            Self::ServicePrincipal(name) | Self::ServicePrincipalAction(name, _) => {
                format!("/providers/Portcullis.Security/servicePrincipals/{name}")
            }
            Self::Worker(name) | Self::WorkerAction(name, _) => {
                format!("/providers/Portcullis.Security/workers/{name}")
            }
            Self::ActivityLog(None)
            | Self::Open(_)
            | Self::Workers
            | Self::ServicePrincipals
            | Self::Subscriptions
            | Self::Tenants => "/".to_owned(),
        }
    }
}

/// 400: percent-encoding that means nothing.
pub(super) fn malformed() -> ApiError {
    ApiError::bad_request(
        "InvalidRequestUri",
        "The request path is not correctly percent-encoded.",
    )
}

/// 404 of a path that the table does not have.
pub(super) fn unknown(path: &str) -> ApiError {
    let shown: String = path.chars().take(200).collect();
    ApiError::not_found(
        "InvalidResourceType",
        format!("No resource or operation of this API has the path {shown:?}."),
    )
}

/// Library errors are lower-case fragments; ARM messages are sentences.
pub(super) fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::route;

    fn parse(path: &str) -> Result<ArmPath, ApiError> {
        route::find(path).map(|found| found.path)
    }

    const S: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";

    #[test]
    fn fixed_segments_match_in_any_case() {
        let canonical = format!(
            "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/sslProfiles/p"
        );
        let parsed = parse(&canonical).unwrap();
        assert!(matches!(&parsed, ArmPath::Child(id) if id.to_string() == canonical));
        for other in [
            canonical.to_lowercase(),
            canonical.to_uppercase(),
            format!("{canonical}/"),
        ] {
            assert_eq!(parse(&other).unwrap(), parsed, "{other}");
        }
    }

    #[test]
    fn segments_are_percent_decoded_once() {
        let path = format!("{S}/resourceGroups/%72g");
        assert!(
            matches!(parse(&path).unwrap(), ArmPath::ResourceGroup(id) if id.name().as_str() == "rg")
        );
        check_refused(&format!("{S}/resourceGroups/a%2Fb"), 400);
        check_refused(&format!("{S}/resourceGroups/a%2"), 400);
        check_refused(&format!("{S}/resourceGroups/a%zz"), 400);
        check_refused(&format!("{S}/resourceGroups/a%ff"), 400);
    }

    #[test]
    fn unknown_paths_are_not_found() {
        for path in [
            "/",
            "",
            "//",
            &format!("{S}/nothing"),
            &format!("{S}/providers/Microsoft.Compute"),
            &format!("{S}/resourceGroups/rg/providers/Microsoft.Network/nothing/x"),
            &format!(
                "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/nothing"
            ),
            &format!(
                "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/probes/p/q"
            ),
            &format!("{S}/providers/Microsoft.Network/locations/here/operations/not-a-guid"),
        ] {
            check_refused(path, 404);
        }
        check_refused("/subscriptions/nobody/resourceGroups", 400);
    }

    #[test]
    fn actions_are_not_collections() {
        let path = format!(
            "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/Stop"
        );
        assert!(matches!(
            parse(&path).unwrap(),
            ArmPath::GatewayAction(_, GatewayAction::Stop)
        ));
    }

    fn check_refused(path: &str, status: u16) {
        assert_eq!(parse(path).unwrap_err().status().as_u16(), status, "{path}");
    }

    proptest! {
        #[test]
        fn any_path_is_answered_without_panic(path in "[/%a-zA-Z0-9é-]{0,200}") {
            let _answer = parse(&path);
        }
    }
}
