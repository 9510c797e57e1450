//! The rows. Of two templates that match a path the first counts, so fixed segments stand before parameters.

use model::{ChildId, Collection};

use super::{
    super::{
        error::ApiError,
        path::{ArmPath, CredentialAction, Extension, GatewayAction, OpenPath, WorkerAction},
    },
    Access::{self, On, Public, SignedIn, Within},
    Content, Names, Operation, Route, Verb,
};

macro_rules! subscription {
    ($rest:literal) => {
        concat!("/subscriptions/{subscriptionId}", $rest)
    };
}

macro_rules! group {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}",
            $rest
        )
    };
}

macro_rules! gateway {
    ($rest:literal) => {
        concat!(
            group!("/providers/Microsoft.Network/applicationGateways/{applicationGatewayName}"),
            $rest
        )
    };
}

/// Every route of the API.
pub(in crate::api) const ROUTES: &[Route] = &[
    Route {
        template: subscription!("/resourceGroups"),
        target: |names| Ok(ArmPath::ResourceGroups(names.subscription()?)),
        operations: &[get(
            "ResourceGroups_List",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            Within,
        )],
    },
    Route {
        template: group!(""),
        target: |names| Ok(ArmPath::ResourceGroup(names.group()?)),
        operations: &[
            get(
                "ResourceGroups_Get",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                On,
            ),
            put(
                "ResourceGroups_CreateOrUpdate",
                "Microsoft.Resources/subscriptions/resourceGroups/write",
                Content::Json("ResourceGroup"),
            ),
            patch(
                "ResourceGroups_Update",
                "Microsoft.Resources/subscriptions/resourceGroups/write",
                Content::Json("ResourceGroup"),
            ),
            delete(
                "ResourceGroups_Delete",
                "Microsoft.Resources/subscriptions/resourceGroups/delete",
            ),
        ],
    },
    Route {
        template: subscription!("/operationresults/{operationId}"),
        target: |names| {
            Ok(ArmPath::GroupOperationResult(
                names.subscription()?,
                names.operation()?,
            ))
        },
        operations: &[get(
            "OperationResults_Get",
            "Microsoft.Resources/subscriptions/operationresults/read",
            Within,
        )],
    },
    Route {
        template: subscription!("/providers/Microsoft.Network"),
        target: |names| Ok(ArmPath::Provider(names.subscription()?)),
        operations: &[get(
            "Providers_Get",
            "Microsoft.Resources/subscriptions/providers/read",
            Within,
        )],
    },
    Route {
        template: subscription!("/providers/Microsoft.Network/applicationGateways"),
        target: |names| Ok(ArmPath::SubscriptionGateways(names.subscription()?)),
        operations: &[get(
            "ApplicationGateways_ListAll",
            "Microsoft.Network/applicationGateways/read",
            Within,
        )],
    },
    Route {
        template: subscription!(
            "/providers/Microsoft.Network/locations/{location}/operations/{operationId}"
        ),
        target: |names| {
            Ok(ArmPath::Operation(
                names.subscription()?,
                names.operation()?,
            ))
        },
        operations: &[get(
            "Operations_Get",
            "Microsoft.Network/locations/operations/read",
            Within,
        )],
    },
    Route {
        template: subscription!(
            "/providers/Microsoft.Network/locations/{location}/operationResults/{operationId}"
        ),
        target: |names| {
            Ok(ArmPath::OperationResult(
                names.subscription()?,
                names.operation()?,
            ))
        },
        operations: &[get(
            "OperationResults_GetInLocation",
            "Microsoft.Network/locations/operationResults/read",
            Within,
        )],
    },
    Route {
        template: subscription!(
            "/providers/Microsoft.Network/applicationGatewayAvailableSslOptions/default"
        ),
        target: |names| Ok(ArmPath::SslOptions(names.subscription()?)),
        operations: &[get(
            "ApplicationGateways_ListAvailableSslOptions",
            "Microsoft.Network/applicationGatewayAvailableSslOptions/read",
            Within,
        )],
    },
    Route {
        template: subscription!(
            "/providers/Microsoft.Network/applicationGatewayAvailableSslOptions/default/predefinedPolicies"
        ),
        target: |names| Ok(ArmPath::SslPolicies(names.subscription()?)),
        operations: &[get(
            "ApplicationGateways_ListAvailableSslPredefinedPolicies",
            "Microsoft.Network/applicationGatewayAvailableSslOptions/predefinedPolicies/read",
            Within,
        )],
    },
    Route {
        template: subscription!(
            "/providers/Microsoft.Network/applicationGatewayAvailableSslOptions/default/predefinedPolicies/{predefinedPolicyName}"
        ),
        target: |names| {
            Ok(ArmPath::SslPolicy(
                names.subscription()?,
                names.text("predefinedPolicyName").to_owned(),
            ))
        },
        operations: &[get(
            "ApplicationGateways_GetSslPredefinedPolicy",
            "Microsoft.Network/applicationGatewayAvailableSslOptions/predefinedPolicies/read",
            Within,
        )],
    },
    Route {
        template: group!("/providers/Microsoft.Network/applicationGateways"),
        target: |names| Ok(ArmPath::GroupGateways(names.group()?)),
        operations: &[get(
            "ApplicationGateways_List",
            "Microsoft.Network/applicationGateways/read",
            Within,
        )],
    },
    Route {
        template: gateway!(""),
        target: |names| Ok(ArmPath::Gateway(names.gateway()?)),
        operations: &[
            get(
                "ApplicationGateways_Get",
                "Microsoft.Network/applicationGateways/read",
                On,
            ),
            put(
                "ApplicationGateways_CreateOrUpdate",
                "Microsoft.Network/applicationGateways/write",
                Content::Json("ApplicationGateway"),
            ),
            patch(
                "ApplicationGateways_UpdateTags",
                "Microsoft.Network/applicationGateways/write",
                Content::Json("TagsObject"),
            ),
            delete(
                "ApplicationGateways_Delete",
                "Microsoft.Network/applicationGateways/delete",
            ),
        ],
    },
    Route {
        template: gateway!("/start"),
        target: |names| {
            Ok(ArmPath::GatewayAction(
                names.gateway()?,
                GatewayAction::Start,
            ))
        },
        operations: &[post(
            "ApplicationGateways_Start",
            "Microsoft.Network/applicationGateways/start/action",
            Content::None,
        )],
    },
    Route {
        template: gateway!("/stop"),
        target: |names| {
            Ok(ArmPath::GatewayAction(
                names.gateway()?,
                GatewayAction::Stop,
            ))
        },
        operations: &[post(
            "ApplicationGateways_Stop",
            "Microsoft.Network/applicationGateways/stop/action",
            Content::None,
        )],
    },
    Route {
        template: gateway!("/backendhealth"),
        target: |names| {
            Ok(ArmPath::GatewayAction(
                names.gateway()?,
                GatewayAction::BackendHealth,
            ))
        },
        operations: &[query(
            "ApplicationGateways_BackendHealth",
            "Microsoft.Network/applicationGateways/backendhealth/action",
            Content::None,
        )],
    },
    Route {
        template: gateway!("/getBackendHealthOnDemand"),
        target: |names| {
            Ok(ArmPath::GatewayAction(
                names.gateway()?,
                GatewayAction::BackendHealth,
            ))
        },
        operations: &[query(
            "ApplicationGateways_BackendHealthOnDemand",
            "Microsoft.Network/applicationGateways/getBackendHealthOnDemand/action",
            Content::None,
        )],
    },
    Route {
        template: gateway!("/{collection}"),
        target: |names| Ok(ArmPath::Children(names.gateway()?, names.collection()?)),
        operations: &[get(
            "Children_List",
            "Microsoft.Network/applicationGateways/{collection}/read",
            On,
        )],
    },
    Route {
        template: gateway!("/{collection}/{childName}"),
        target: |names| Ok(ArmPath::Child(names.child_of(names.collection()?)?)),
        operations: &[
            get(
                "Children_Get",
                "Microsoft.Network/applicationGateways/{collection}/read",
                On,
            ),
            put(
                "Children_CreateOrUpdate",
                "Microsoft.Network/applicationGateways/{collection}/write",
                Content::Json("Child"),
            ),
            delete(
                "Children_Delete",
                "Microsoft.Network/applicationGateways/{collection}/delete",
            ),
        ],
    },
    Route {
        template: gateway!("/sslProfiles/{childName}/explainClientCertificate"),
        target: |names| Ok(ArmPath::ExplainClientCertificate(profile(names)?)),
        operations: &[query(
            "SslProfiles_ExplainClientCertificate",
            "Microsoft.Network/applicationGateways/sslProfiles/explainClientCertificate/read",
            Content::Json("ExplainClientCertificateRequest"),
        )],
    },
    Route {
        template: gateway!(
            "/sslProfiles/{childName}/providers/Portcullis.Security/clientAuthPolicies"
        ),
        target: |names| {
            Ok(ArmPath::Extension(
                profile(names)?,
                Extension::ClientAuthPolicies,
            ))
        },
        operations: &[get(
            "ClientAuthPolicies_List",
            "Portcullis.Security/clientAuthPolicies/read",
            On,
        )],
    },
    Route {
        template: gateway!(
            "/sslProfiles/{childName}/providers/Portcullis.Security/clientAuthPolicies/default"
        ),
        target: |names| {
            Ok(ArmPath::Extension(
                profile(names)?,
                Extension::ClientAuthPolicy,
            ))
        },
        operations: &[
            get(
                "ClientAuthPolicies_Get",
                "Portcullis.Security/clientAuthPolicies/read",
                On,
            ),
            put(
                "ClientAuthPolicies_CreateOrUpdate",
                "Portcullis.Security/clientAuthPolicies/write",
                Content::Json("ClientAuthPolicy"),
            ),
            delete(
                "ClientAuthPolicies_Delete",
                "Portcullis.Security/clientAuthPolicies/delete",
            ),
        ],
    },
    Route {
        template: gateway!(
            "/sslProfiles/{childName}/providers/Portcullis.Security/readinessReports/default"
        ),
        target: |names| {
            Ok(ArmPath::Extension(
                profile(names)?,
                Extension::ReadinessReport,
            ))
        },
        operations: &[
            get(
                "ReadinessReports_Get",
                "Portcullis.Security/readinessReports/read",
                On,
            ),
            delete(
                "ReadinessReports_Reset",
                "Portcullis.Security/readinessReports/delete",
            ),
        ],
    },
    Route {
        template: gateway!(
            "/trustedClientCertificates/{childName}/providers/Portcullis.Security/certificateRevocationLists"
        ),
        target: |names| {
            let trusted = names.child_of(Collection::TRUSTED_CLIENT_CERTIFICATES)?;
            Ok(ArmPath::Extension(trusted, Extension::RevocationLists))
        },
        operations: &[get(
            "CertificateRevocationLists_List",
            "Portcullis.Security/certificateRevocationLists/read",
            On,
        )],
    },
    Route {
        template: gateway!(
            "/trustedClientCertificates/{childName}/providers/Portcullis.Security/certificateRevocationLists/{listName}"
        ),
        target: |names| {
            let trusted = names.child_of(Collection::TRUSTED_CLIENT_CERTIFICATES)?;
            let list = Extension::RevocationList(names.name("listName")?);
            Ok(ArmPath::Extension(trusted, list))
        },
        operations: &[
            get(
                "CertificateRevocationLists_Get",
                "Portcullis.Security/certificateRevocationLists/read",
                On,
            ),
            put(
                "CertificateRevocationLists_CreateOrUpdate",
                "Portcullis.Security/certificateRevocationLists/write",
                Content::List,
            ),
            delete(
                "CertificateRevocationLists_Delete",
                "Portcullis.Security/certificateRevocationLists/delete",
            ),
        ],
    },
    Route {
        template: "/tenants",
        target: |_names| Ok(ArmPath::Tenants),
        operations: &[get(
            "Tenants_List",
            "Microsoft.Resources/tenants/read",
            SignedIn,
        )],
    },
    Route {
        template: "/subscriptions",
        target: |_names| Ok(ArmPath::Subscriptions),
        operations: &[get(
            "Subscriptions_List",
            "Microsoft.Resources/subscriptions/read",
            SignedIn,
        )],
    },
    Route {
        template: subscription!(""),
        target: |names| Ok(ArmPath::Subscription(names.subscription()?)),
        operations: &[get(
            "Subscriptions_Get",
            "Microsoft.Resources/subscriptions/read",
            Within,
        )],
    },
    Route {
        template: subscription!("/locations"),
        target: |names| Ok(ArmPath::Locations(names.subscription()?)),
        operations: &[get(
            "Subscriptions_ListLocations",
            "Microsoft.Resources/subscriptions/read",
            Within,
        )],
    },
    Route {
        template: "/providers/Microsoft.Authorization/roleAssignments",
        target: |names| Ok(ArmPath::RoleAssignments(names.scope()?)),
        operations: &[get(
            "RoleAssignments_ListEverywhere",
            "Microsoft.Authorization/roleAssignments/read",
            On,
        )],
    },
    Route {
        template: "/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        target: |names| {
            Ok(ArmPath::RoleAssignment(
                names.scope()?,
                names.guid("roleAssignmentName")?,
            ))
        },
        operations: &[
            get(
                "RoleAssignments_GetEverywhere",
                "Microsoft.Authorization/roleAssignments/read",
                On,
            ),
            put(
                "RoleAssignments_CreateEverywhere",
                "Microsoft.Authorization/roleAssignments/write",
                Content::Json("RoleAssignment"),
            ),
            delete(
                "RoleAssignments_DeleteEverywhere",
                "Microsoft.Authorization/roleAssignments/delete",
            ),
        ],
    },
    Route {
        template: "/providers/Microsoft.Authorization/roleDefinitions",
        target: |names| Ok(ArmPath::RoleDefinitions(names.scope()?)),
        operations: &[get(
            "RoleDefinitions_ListEverywhere",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: "/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionName}",
        target: |names| {
            Ok(ArmPath::RoleDefinition(
                names.scope()?,
                names.guid("roleDefinitionName")?,
            ))
        },
        operations: &[get(
            "RoleDefinitions_GetEverywhere",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: subscription!("/providers/Microsoft.Authorization/roleAssignments"),
        target: |names| Ok(ArmPath::RoleAssignments(names.scope()?)),
        operations: &[get(
            "RoleAssignments_ListInSubscription",
            "Microsoft.Authorization/roleAssignments/read",
            On,
        )],
    },
    Route {
        template: subscription!(
            "/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"
        ),
        target: |names| {
            Ok(ArmPath::RoleAssignment(
                names.scope()?,
                names.guid("roleAssignmentName")?,
            ))
        },
        operations: &[
            get(
                "RoleAssignments_GetInSubscription",
                "Microsoft.Authorization/roleAssignments/read",
                On,
            ),
            put(
                "RoleAssignments_CreateInSubscription",
                "Microsoft.Authorization/roleAssignments/write",
                Content::Json("RoleAssignment"),
            ),
            delete(
                "RoleAssignments_DeleteInSubscription",
                "Microsoft.Authorization/roleAssignments/delete",
            ),
        ],
    },
    Route {
        template: subscription!("/providers/Microsoft.Authorization/roleDefinitions"),
        target: |names| Ok(ArmPath::RoleDefinitions(names.scope()?)),
        operations: &[get(
            "RoleDefinitions_ListInSubscription",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: subscription!(
            "/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionName}"
        ),
        target: |names| {
            Ok(ArmPath::RoleDefinition(
                names.scope()?,
                names.guid("roleDefinitionName")?,
            ))
        },
        operations: &[get(
            "RoleDefinitions_GetInSubscription",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: group!("/providers/Microsoft.Authorization/roleAssignments"),
        target: |names| Ok(ArmPath::RoleAssignments(names.scope()?)),
        operations: &[get(
            "RoleAssignments_ListInResourceGroup",
            "Microsoft.Authorization/roleAssignments/read",
            On,
        )],
    },
    Route {
        template: group!("/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"),
        target: |names| {
            Ok(ArmPath::RoleAssignment(
                names.scope()?,
                names.guid("roleAssignmentName")?,
            ))
        },
        operations: &[
            get(
                "RoleAssignments_GetInResourceGroup",
                "Microsoft.Authorization/roleAssignments/read",
                On,
            ),
            put(
                "RoleAssignments_CreateInResourceGroup",
                "Microsoft.Authorization/roleAssignments/write",
                Content::Json("RoleAssignment"),
            ),
            delete(
                "RoleAssignments_DeleteInResourceGroup",
                "Microsoft.Authorization/roleAssignments/delete",
            ),
        ],
    },
    Route {
        template: group!("/providers/Microsoft.Authorization/roleDefinitions"),
        target: |names| Ok(ArmPath::RoleDefinitions(names.scope()?)),
        operations: &[get(
            "RoleDefinitions_ListInResourceGroup",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: group!("/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionName}"),
        target: |names| {
            Ok(ArmPath::RoleDefinition(
                names.scope()?,
                names.guid("roleDefinitionName")?,
            ))
        },
        operations: &[get(
            "RoleDefinitions_GetInResourceGroup",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: gateway!("/providers/Microsoft.Authorization/roleAssignments"),
        target: |names| Ok(ArmPath::RoleAssignments(names.scope()?)),
        operations: &[get(
            "RoleAssignments_ListOnApplicationGateway",
            "Microsoft.Authorization/roleAssignments/read",
            On,
        )],
    },
    Route {
        template: gateway!(
            "/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"
        ),
        target: |names| {
            Ok(ArmPath::RoleAssignment(
                names.scope()?,
                names.guid("roleAssignmentName")?,
            ))
        },
        operations: &[
            get(
                "RoleAssignments_GetOnApplicationGateway",
                "Microsoft.Authorization/roleAssignments/read",
                On,
            ),
            put(
                "RoleAssignments_CreateOnApplicationGateway",
                "Microsoft.Authorization/roleAssignments/write",
                Content::Json("RoleAssignment"),
            ),
            delete(
                "RoleAssignments_DeleteOnApplicationGateway",
                "Microsoft.Authorization/roleAssignments/delete",
            ),
        ],
    },
    Route {
        template: gateway!("/providers/Microsoft.Authorization/roleDefinitions"),
        target: |names| Ok(ArmPath::RoleDefinitions(names.scope()?)),
        operations: &[get(
            "RoleDefinitions_ListOnApplicationGateway",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: gateway!(
            "/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionName}"
        ),
        target: |names| {
            Ok(ArmPath::RoleDefinition(
                names.scope()?,
                names.guid("roleDefinitionName")?,
            ))
        },
        operations: &[get(
            "RoleDefinitions_GetOnApplicationGateway",
            "Microsoft.Authorization/roleDefinitions/read",
            SignedIn,
        )],
    },
    Route {
        template: "/providers/Portcullis.Security/servicePrincipals",
        target: |_names| Ok(ArmPath::ServicePrincipals),
        operations: &[get(
            "ServicePrincipals_List",
            "Portcullis.Security/servicePrincipals/read",
            On,
        )],
    },
    Route {
        template: "/providers/Portcullis.Security/servicePrincipals/{servicePrincipalName}",
        target: |names| {
            Ok(ArmPath::ServicePrincipal(
                names.name("servicePrincipalName")?,
            ))
        },
        operations: &[
            get(
                "ServicePrincipals_Get",
                "Portcullis.Security/servicePrincipals/read",
                On,
            ),
            put(
                "ServicePrincipals_CreateOrUpdate",
                "Portcullis.Security/servicePrincipals/write",
                Content::Json("ServicePrincipal"),
            ),
            delete(
                "ServicePrincipals_Delete",
                "Portcullis.Security/servicePrincipals/delete",
            ),
        ],
    },
    Route {
        template: "/providers/Portcullis.Security/servicePrincipals/{servicePrincipalName}/addKey",
        target: |names| {
            let name = names.name("servicePrincipalName")?;
            Ok(ArmPath::ServicePrincipalAction(
                name,
                CredentialAction::AddKey,
            ))
        },
        operations: &[post(
            "ServicePrincipals_AddKey",
            "Portcullis.Security/servicePrincipals/addKey/action",
            Content::Json("AddCredentialRequest"),
        )],
    },
    Route {
        template: "/providers/Portcullis.Security/servicePrincipals/{servicePrincipalName}/addPassword",
        target: |names| {
            let name = names.name("servicePrincipalName")?;
            Ok(ArmPath::ServicePrincipalAction(
                name,
                CredentialAction::AddPassword,
            ))
        },
        operations: &[post(
            "ServicePrincipals_AddPassword",
            "Portcullis.Security/servicePrincipals/addPassword/action",
            Content::Json("AddCredentialRequest"),
        )],
    },
    Route {
        template: "/providers/Portcullis.Security/servicePrincipals/{servicePrincipalName}/removeKey",
        target: |names| {
            let name = names.name("servicePrincipalName")?;
            Ok(ArmPath::ServicePrincipalAction(
                name,
                CredentialAction::RemoveKey,
            ))
        },
        operations: &[post(
            "ServicePrincipals_RemoveKey",
            "Portcullis.Security/servicePrincipals/removeKey/action",
            Content::Json("RemoveCredentialRequest"),
        )],
    },
    Route {
        template: "/providers/Portcullis.Security/servicePrincipals/{servicePrincipalName}/removePassword",
        target: |names| {
            let name = names.name("servicePrincipalName")?;
            Ok(ArmPath::ServicePrincipalAction(
                name,
                CredentialAction::RemovePassword,
            ))
        },
        operations: &[post(
            "ServicePrincipals_RemovePassword",
            "Portcullis.Security/servicePrincipals/removePassword/action",
            Content::Json("RemoveCredentialRequest"),
        )],
    },
    Route {
        template: "/providers/Portcullis.Security/workers",
        target: |_names| Ok(ArmPath::Workers),
        operations: &[get("Workers_List", "Portcullis.Security/workers/read", On)],
    },
    Route {
        template: "/providers/Portcullis.Security/workers/{workerName}",
        target: |names| Ok(ArmPath::Worker(names.worker()?)),
        operations: &[
            get("Workers_Get", "Portcullis.Security/workers/read", On),
            put(
                "Workers_CreateOrUpdate",
                "Portcullis.Security/workers/write",
                Content::Json("Worker"),
            ),
            delete("Workers_Delete", "Portcullis.Security/workers/delete"),
        ],
    },
    Route {
        template: "/providers/Portcullis.Security/workers/{workerName}/createJoinToken",
        target: |names| {
            Ok(ArmPath::WorkerAction(
                names.worker()?,
                WorkerAction::CreateJoinToken,
            ))
        },
        operations: &[post(
            "Workers_CreateJoinToken",
            "Portcullis.Security/workers/createJoinToken/action",
            Content::Json("CreateJoinTokenRequest"),
        )],
    },
    Route {
        template: "/providers/Portcullis.Security/workers/{workerName}/revoke",
        target: |names| Ok(ArmPath::WorkerAction(names.worker()?, WorkerAction::Revoke)),
        operations: &[post(
            "Workers_Revoke",
            "Portcullis.Security/workers/revoke/action",
            Content::None,
        )],
    },
    Route {
        template: "/providers/Microsoft.Insights/eventtypes/management/values",
        target: |_names| Ok(ArmPath::ActivityLog(None)),
        operations: &[get(
            "ActivityLogs_ListEverywhere",
            "Microsoft.Insights/eventtypes/values/read",
            Within,
        )],
    },
    Route {
        template: subscription!("/providers/Microsoft.Insights/eventtypes/management/values"),
        target: |names| Ok(ArmPath::ActivityLog(Some(names.subscription()?))),
        operations: &[get(
            "ActivityLogs_List",
            "Microsoft.Insights/eventtypes/values/read",
            Within,
        )],
    },
    Route {
        template: "/openapi.json",
        target: |_names| Ok(ArmPath::Open(OpenPath::OpenApi)),
        operations: &[get("OpenApi_Get", "", Public)],
    },
    Route {
        template: "/metadata/endpoints",
        target: |_names| Ok(ArmPath::Open(OpenPath::Metadata)),
        operations: &[get("Metadata_Get", "", Public)],
    },
    Route {
        template: "/discovery/keys",
        target: |_names| Ok(ArmPath::Open(OpenPath::KeySet)),
        operations: &[get("Keys_List", "", Public)],
    },
    Route {
        template: "/{tenant}/.well-known/openid-configuration",
        target: |_names| Ok(ArmPath::Open(OpenPath::OpenIdConfiguration)),
        operations: &[get("OpenIdConfiguration_GetV1", "", Public)],
    },
    Route {
        template: "/{tenant}/v2.0/.well-known/openid-configuration",
        target: |_names| Ok(ArmPath::Open(OpenPath::OpenIdConfiguration)),
        operations: &[get("OpenIdConfiguration_GetV2", "", Public)],
    },
    Route {
        template: "/adfs/{tenant}/.well-known/openid-configuration",
        target: |_names| Ok(ArmPath::Open(OpenPath::OpenIdConfiguration)),
        operations: &[get("OpenIdConfiguration_GetAdfsV1", "", Public)],
    },
    Route {
        template: "/adfs/{tenant}/v2.0/.well-known/openid-configuration",
        target: |_names| Ok(ArmPath::Open(OpenPath::OpenIdConfiguration)),
        operations: &[get("OpenIdConfiguration_GetAdfsV2", "", Public)],
    },
    Route {
        template: "/{tenant}/oauth2/token",
        target: |names| Ok(token(names)),
        operations: &[operation(
            Verb::Query,
            "Tokens_IssueV1",
            "",
            Public,
            Content::Form,
        )],
    },
    Route {
        template: "/{tenant}/oauth2/v2.0/token",
        target: |names| Ok(token(names)),
        operations: &[operation(
            Verb::Query,
            "Tokens_IssueV2",
            "",
            Public,
            Content::Form,
        )],
    },
    Route {
        template: "/adfs/{tenant}/oauth2/token",
        target: |names| Ok(token(names)),
        operations: &[operation(
            Verb::Query,
            "Tokens_IssueAdfsV1",
            "",
            Public,
            Content::Form,
        )],
    },
    Route {
        template: "/adfs/{tenant}/oauth2/v2.0/token",
        target: |names| Ok(token(names)),
        operations: &[operation(
            Verb::Query,
            "Tokens_IssueAdfsV2",
            "",
            Public,
            Content::Form,
        )],
    },
];

/// The token endpoint of the tenant that a path names.
fn token(names: &Names<'_>) -> ArmPath {
    ArmPath::Open(OpenPath::Token(names.text("tenant").to_owned()))
}

/// The SSL profile that a path names.
fn profile(names: &Names<'_>) -> Result<ChildId, ApiError> {
    names.child_of(Collection::SSL_PROFILES)
}

const fn get(id: &'static str, action: &'static str, access: Access) -> Operation {
    operation(Verb::Get, id, action, access, Content::None)
}

const fn put(id: &'static str, action: &'static str, content: Content) -> Operation {
    operation(Verb::Put, id, action, On, content)
}

const fn patch(id: &'static str, action: &'static str, content: Content) -> Operation {
    operation(Verb::Patch, id, action, On, content)
}

const fn delete(id: &'static str, action: &'static str) -> Operation {
    operation(Verb::Delete, id, action, On, Content::None)
}

const fn post(id: &'static str, action: &'static str, content: Content) -> Operation {
    operation(Verb::Post, id, action, On, content)
}

const fn query(id: &'static str, action: &'static str, content: Content) -> Operation {
    operation(Verb::Query, id, action, On, content)
}

const fn operation(
    verb: Verb,
    id: &'static str,
    action: &'static str,
    access: Access,
    content: Content,
) -> Operation {
    Operation {
        verb,
        id,
        action,
        access,
        content,
    }
}
