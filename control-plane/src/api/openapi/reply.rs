//! What an operation may answer: only what its handler can really say. 500 is a bug and so in no list.

use serde_json::{Map, Value, json};

use super::{
    super::{
        path::{ArmPath, CredentialAction, Extension, GatewayAction, OpenPath, WorkerAction},
        route::{Access, Content, Operation, Verb},
    },
    parameter::has_precondition,
};
use crate::wire::reference;

/// What the body of a reply is.
#[derive(Clone, Copy)]
enum Body {
    /// JSON with the schema of this name.
    Json(&'static str),
    /// A list of such.
    List(&'static str),
    /// JSON of which no more is said.
    Object,
    /// Nothing.
    Empty,
    /// Nothing, or JSON with the schema of this name.
    Perhaps(&'static str),
}

use Body::{Empty, Json, List, Perhaps};

/// The `responses` of an operation.
pub(super) fn replies(path: &ArmPath, operation: &Operation) -> Value {
    let successes = successes(path, operation.verb);
    let mut replies: Vec<(u16, Value)> = successes
        .iter()
        .map(|(status, body)| (*status, success(*status, *body)))
        .collect();
    let error = match path {
        ArmPath::Open(OpenPath::Token(_)) => "TokenError",
        _ => "Error",
    };
    for status in refusals(path, operation) {
        replies.push((status, refusal(path, status, error)));
    }
    replies.sort_by_key(|(status, _)| *status);
    let replies = replies
        .into_iter()
        .map(|(status, reply)| (status.to_string(), reply));
    Value::Object(replies.collect())
}

/// Status and body of what went well.
fn successes(path: &ArmPath, verb: Verb) -> &'static [(u16, Body)] {
    match (path, verb) {
        (ArmPath::Gateway(_), Verb::Get | Verb::Patch) => &[(200, Json("ApplicationGateway"))],
        (ArmPath::Gateway(_), Verb::Put) => &[
            (200, Json("ApplicationGateway")),
            (201, Json("ApplicationGateway")),
        ],
        (ArmPath::Gateway(_), Verb::Delete) => &[(202, Empty), (204, Empty)],
        (ArmPath::GatewayAction(_, GatewayAction::BackendHealth), _) => &[],
        (ArmPath::GatewayAction(..), _) => &[(200, Empty), (202, Empty)],
        (ArmPath::GroupGateways(_) | ArmPath::SubscriptionGateways(_), _) => {
            &[(200, List("ApplicationGateway"))]
        }
        (ArmPath::Child(_), Verb::Put) => &[(200, Json("Child")), (201, Json("Child"))],
        (ArmPath::Child(_), Verb::Get) => &[(200, Json("Child"))],
        (ArmPath::Children(..), _) => &[(200, List("Child"))],
        (ArmPath::Extension(_, Extension::ClientAuthPolicy), Verb::Put) => &[
            (200, Json("ClientAuthPolicy")),
            (201, Json("ClientAuthPolicy")),
        ],
        (ArmPath::Extension(_, Extension::ClientAuthPolicy), Verb::Get) => {
            &[(200, Json("ClientAuthPolicy"))]
        }
        (ArmPath::Extension(_, Extension::ClientAuthPolicies), _) => {
            &[(200, List("ClientAuthPolicy"))]
        }
        (ArmPath::Extension(_, Extension::RevocationList(_)), Verb::Put) => &[
            (200, Json("CertificateRevocationList")),
            (201, Json("CertificateRevocationList")),
        ],
        (ArmPath::Extension(_, Extension::RevocationList(_)), Verb::Get) => {
            &[(200, Json("CertificateRevocationList"))]
        }
        (ArmPath::Extension(_, Extension::RevocationLists), _) => {
            &[(200, List("CertificateRevocationList"))]
        }
        (ArmPath::Extension(_, Extension::ReadinessReport), Verb::Delete) => &[(200, Empty)],
        (ArmPath::Child(_) | ArmPath::Extension(..), Verb::Delete) => {
            &[(200, Empty), (202, Empty), (204, Empty)]
        }
        (ArmPath::ResourceGroup(_), Verb::Put) => {
            &[(200, Json("ResourceGroup")), (201, Json("ResourceGroup"))]
        }
        (ArmPath::ResourceGroup(_), Verb::Delete) => &[(202, Empty)],
        (ArmPath::ResourceGroup(_), _) => &[(200, Json("ResourceGroup"))],
        (ArmPath::ResourceGroups(_), _) => &[(200, List("ResourceGroup"))],
        (ArmPath::Operation(..), _) => &[(200, Json("OperationStatus"))],
        (ArmPath::OperationResult(..) | ArmPath::GroupOperationResult(..), _) => &[
            (200, Perhaps("ApplicationGateway")),
            (202, Empty),
            (204, Empty),
        ],
        (ArmPath::RoleAssignment(..), Verb::Put) => {
            &[(200, Json("RoleAssignment")), (201, Json("RoleAssignment"))]
        }
        (ArmPath::RoleAssignment(..), Verb::Delete) => {
            &[(200, Json("RoleAssignment")), (204, Empty)]
        }
        (ArmPath::RoleAssignment(..), _) => &[(200, Json("RoleAssignment"))],
        (ArmPath::RoleAssignments(_), _) => &[(200, List("RoleAssignment"))],
        (ArmPath::ServicePrincipal(_), Verb::Put) => &[
            (200, Json("ServicePrincipal")),
            (201, Json("ServicePrincipal")),
        ],
        (ArmPath::ServicePrincipal(_) | ArmPath::Worker(_), Verb::Delete) => {
            &[(200, Empty), (204, Empty)]
        }
        (ArmPath::ServicePrincipal(_), _) => &[(200, Json("ServicePrincipal"))],
        (ArmPath::ServicePrincipals, _) => &[(200, List("ServicePrincipal"))],
        (
            ArmPath::ServicePrincipalAction(
                _,
                CredentialAction::RemoveKey | CredentialAction::RemovePassword,
            ),
            _,
        ) => &[(204, Empty)],
        (ArmPath::Worker(_), Verb::Put) => &[(200, Json("Worker")), (201, Json("Worker"))],
        (ArmPath::Worker(_) | ArmPath::WorkerAction(_, WorkerAction::Revoke), _) => {
            &[(200, Json("Worker"))]
        }
        (ArmPath::Workers, _) => &[(200, List("Worker"))],
        (ArmPath::Open(OpenPath::Token(_)), _) => &[(200, Json("Token"))],
        // One object, or for old versions a list of such.
        (ArmPath::Open(OpenPath::Metadata), _) => &[(200, Json("Metadata"))],
        _ => &[(200, Body::Object)],
    }
}

/// The statuses of what did not go well.
fn refusals(path: &ArmPath, operation: &Operation) -> Vec<u16> {
    let mut refusals = vec![400];
    if operation.access != Access::Public {
        refusals.extend([401, 403, 429]);
    }
    if matches!(path, ArmPath::Open(OpenPath::Token(_))) {
        refusals.push(401);
    }
    if may_be_missing(path) {
        refusals.push(404);
    }
    if may_conflict(path, operation.verb) {
        refusals.push(409);
    }
    if has_precondition(path, operation.verb) && !is_not_there_yet(path) {
        refusals.push(412);
    }
    if matches!(operation.content, Content::Json(_) | Content::List) {
        refusals.extend([408, 413]);
    }
    if is_not_there_yet(path) {
        refusals.push(501);
    }
    // Whatever asks the database or does much work.
    let fixed = [
        OpenPath::Metadata,
        OpenPath::OpenApi,
        OpenPath::OpenIdConfiguration,
    ];
    if !fixed
        .iter()
        .any(|open| *path == ArmPath::Open(open.clone()))
    {
        refusals.push(503);
    }
    refusals
}

fn is_not_there_yet(path: &ArmPath) -> bool {
    matches!(
        path,
        ArmPath::GatewayAction(_, GatewayAction::BackendHealth)
    )
}

/// Whether the path names something that need not exist.
fn may_be_missing(path: &ArmPath) -> bool {
    match path {
        ArmPath::Child(_)
        | ArmPath::Children(..)
        | ArmPath::ExplainClientCertificate(_)
        | ArmPath::Extension(..)
        | ArmPath::Gateway(_)
        | ArmPath::GroupGateways(_)
        | ArmPath::GroupOperationResult(..)
        | ArmPath::Operation(..)
        | ArmPath::OperationResult(..)
        | ArmPath::Open(OpenPath::KeySet | OpenPath::OpenIdConfiguration)
        | ArmPath::ResourceGroup(_)
        | ArmPath::RoleAssignment(..)
        | ArmPath::RoleDefinition(..)
        | ArmPath::ServicePrincipal(_)
        | ArmPath::ServicePrincipalAction(..)
        | ArmPath::SslPolicy(..)
        | ArmPath::Worker(_)
        | ArmPath::WorkerAction(..) => true,
        ArmPath::GatewayAction(..) => !is_not_there_yet(path),
        ArmPath::ActivityLog(_)
        | ArmPath::Locations(_)
        | ArmPath::Open(_)
        | ArmPath::Provider(_)
        | ArmPath::ResourceGroups(_)
        | ArmPath::RoleAssignments(_)
        | ArmPath::RoleDefinitions(_)
        | ArmPath::ServicePrincipals
        | ArmPath::SslOptions(_)
        | ArmPath::SslPolicies(_)
        | ArmPath::Subscription(_)
        | ArmPath::SubscriptionGateways(_)
        | ArmPath::Subscriptions
        | ArmPath::Tenants
        | ArmPath::Workers => false,
    }
}

/// Whether others, or what is stored, may be in the way.
fn may_conflict(path: &ArmPath, verb: Verb) -> bool {
    match path {
        // A list was replaced meanwhile; the operation failed.
        ArmPath::ExplainClientCertificate(_)
        | ArmPath::GroupOperationResult(..)
        | ArmPath::OperationResult(..) => true,
        _ => verb.changes(),
    }
}

fn success(status: u16, body: Body) -> Value {
    let described = match body {
        Body::Json(name) => json!({ "content": json_of(&reference(name)) }),
        Body::List(name) => json!({ "content": json_of(&list(name)) }),
        Body::Object => json!({ "content": json_of(&json!({ "type": "object" })) }),
        // OpenAPI cannot say that a body may be absent; clients go by its length.
        Body::Perhaps(name) => {
            json!({ "x-may-be-empty": true, "content": json_of(&reference(name)) })
        }
        Body::Empty => json!({}),
    };
    let mut reply = Map::new();
    reply.insert("description".to_owned(), json!(meaning(status)));
    if let Value::Object(members) = described {
        reply.extend(members);
    }
    if status == 202 {
        let headers = headers(&["Location", "Retry-After"]);
        reply.insert("headers".to_owned(), headers);
    }
    Value::Object(reply)
}

fn refusal(path: &ArmPath, status: u16, error: &'static str) -> Value {
    // The endpoint's own form, and ARM's where the request does not get so far.
    let schema = if error == "Error" {
        reference(error)
    } else {
        json!({ "anyOf": [reference(error), reference("Error")] })
    };
    let mut reply = Map::new();
    reply.insert("description".to_owned(), json!(meaning(status)));
    reply.insert("content".to_owned(), json_of(&schema));
    let names: &[&str] = match (status, path) {
        (401, ArmPath::Open(_)) => &[],
        (401, _) => &["WWW-Authenticate"],
        (429 | 503, _) => &["Retry-After"],
        _ => &[],
    };
    if !names.is_empty() {
        reply.insert("headers".to_owned(), headers(names));
    }
    Value::Object(reply)
}

fn headers(names: &[&str]) -> Value {
    let header = |name: &&str| {
        let header = json!({ "required": true, "schema": { "type": "string" } });
        ((*name).to_owned(), header)
    };
    Value::Object(names.iter().map(header).collect())
}

fn json_of(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn list(name: &str) -> Value {
    json!({
        "type": "object",
        "required": ["value"],
        "properties": {
            "value": { "type": "array", "items": reference(name) },
            "nextLink": { "type": "string" },
        },
    })
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "Done.",
        201 => "Created.",
        202 => "Accepted; follow Location.",
        204 => "There is nothing, or nothing more.",
        400 => "The request is wrong; the error tells where.",
        401 => "Who calls is not known.",
        403 => "The caller may not.",
        404 => "There is no such thing.",
        408 => "The body came too slowly.",
        409 => "Others, or what is stored, are in the way.",
        412 => "If-Match or If-None-Match does not hold.",
        413 => "The body is too large.",
        429 => "Too many requests of this principal.",
        501 => "Not available yet.",
        _ => "The server is busy or lacks its database. Try again.",
    }
}
