//! The definitions of role assignments (those of Azure's `Microsoft.Authorization`, version 2022-04-01) and of our service
//! principals.

use super::Kind::{Array, Object as Of, Text};
use super::{Object, member, read_only};

pub(super) static ROLE_ASSIGNMENT: Object = Object {
    name: "RoleAssignment",
    members: &[
        read_only("id"),
        member("name", Text),
        read_only("type"),
        member("properties", Of(&ROLE_ASSIGNMENT_PROPERTIES)),
    ],
};
static ROLE_ASSIGNMENT_PROPERTIES: Object = Object {
    name: "RoleAssignmentProperties",
    members: &[
        read_only("scope"),
        member("roleDefinitionId", Text),
        member("principalId", Text),
        member("principalType", Text),
        member("principalIssuer", Text),
        member("description", Text),
        // Nothing here can be narrowed down by a condition, so one that says something is refused.
        member("condition", Text),
        member("conditionVersion", Text),
        member("delegatedManagedIdentityResourceId", Text),
        read_only("createdOn"),
        read_only("updatedOn"),
        read_only("createdBy"),
        read_only("updatedBy"),
    ],
};
pub(super) static SERVICE_PRINCIPAL: Object = Object {
    name: "ServicePrincipal",
    members: &[
        read_only("id"),
        member("name", Text),
        read_only("type"),
        member("properties", Of(&SERVICE_PRINCIPAL_PROPERTIES)),
    ],
};
static SERVICE_PRINCIPAL_PROPERTIES: Object = Object {
    name: "ServicePrincipalProperties",
    members: &[
        member("displayName", Text),
        read_only("appId"),
        read_only("principalId"),
        read_only("passwordCredentials"),
        read_only("keyCredentials"),
        read_only("createdAt"),
        read_only("updatedAt"),
    ],
};
pub(super) static ADD_CREDENTIAL: Object = Object {
    name: "AddCredentialRequest",
    members: &[
        member("displayName", Text),
        member("endDateTime", Text),
        member("certificate", Text),
    ],
};
pub(super) static REMOVE_CREDENTIAL: Object = Object {
    name: "RemoveCredentialRequest",
    members: &[member("keyId", Text)],
};
pub(super) static WORKER: Object = Object {
    name: "Worker",
    members: &[
        read_only("id"),
        member("name", Text),
        read_only("type"),
        member("properties", Of(&WORKER_PROPERTIES)),
    ],
};
static WORKER_PROPERTIES: Object = Object {
    name: "WorkerProperties",
    members: &[
        member("scopes", Array(&Text)),
        read_only("identityId"),
        read_only("state"),
        read_only("certificate"),
        read_only("lastSeen"),
        read_only("joinTokenExpiresAt"),
        read_only("revokedAt"),
        read_only("createdAt"),
    ],
};
pub(super) static CREATE_JOIN_TOKEN: Object = Object {
    name: "CreateJoinTokenRequest",
    members: &[member("properties", Of(&CREATE_JOIN_TOKEN_PROPERTIES))],
};
static CREATE_JOIN_TOKEN_PROPERTIES: Object = Object {
    name: "CreateJoinTokenProperties",
    members: &[member("validFor", Text)],
};
