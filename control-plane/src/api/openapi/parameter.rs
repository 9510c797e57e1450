//! Parameters: those of a path by their names, and those that handlers read from query and headers.

use model::Collection;
use serde_json::{Value, json};

use super::super::{
    path::{ArmPath, Extension, OpenPath},
    route::{Access, Operation, Verb},
};

/// The parameters of a template, in its order.
pub(super) fn in_path(template: &'static str) -> impl Iterator<Item = Value> {
    names(template).map(|name| {
        let (schema, _example) = segment(name);
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    })
}

/// A path that the template matches.
pub(super) fn example(template: &'static str) -> String {
    let mut path = template.to_owned();
    for name in names(template) {
        let (_schema, example) = segment(name);
        path = path.replace(&format!("{{{name}}}"), example);
    }
    path
}

/// The parameters of an operation besides those of its path.
pub(super) fn of(path: &ArmPath, operation: &Operation) -> impl Iterator<Item = Value> {
    let mut parameters = Vec::new();
    if operation.access != Access::Public {
        parameters.push(query(
            "api-version",
            true,
            &json!({ "type": "string", "pattern": API_VERSION }),
        ));
    } else if matches!(path, ArmPath::Open(OpenPath::Metadata)) {
        parameters.push(query("api-version", false, &json!({ "type": "string" })));
    }
    if operation.verb == Verb::Get && is_paged(path) {
        parameters.push(query(
            "$top",
            false,
            &json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        ));
        parameters.push(query("$skiptoken", false, &json!({ "type": "string" })));
    }
    if operation.verb == Verb::Get && is_filtered(path) {
        parameters.push(query("$filter", false, &json!({ "type": "string" })));
    }
    if operation.verb == Verb::Put
        && matches!(path, ArmPath::Extension(_, Extension::RevocationList(_)))
    {
        parameters.push(query("allowRollback", false, &json!({ "type": "boolean" })));
    }
    if has_precondition(path, operation.verb) {
        for name in ["If-Match", "If-None-Match"] {
            let schema = json!({ "type": "string" });
            parameters
                .push(json!({ "name": name, "in": "header", "required": false, "schema": schema }));
        }
    }
    parameters.into_iter()
}

/// Whether `If-Match` and `If-None-Match` are read.
pub(super) fn has_precondition(path: &ArmPath, verb: Verb) -> bool {
    let versioned = matches!(
        path,
        ArmPath::Child(_)
            | ArmPath::Extension(
                _,
                Extension::ClientAuthPolicy | Extension::RevocationList(_)
            )
            | ArmPath::Gateway(_)
            | ArmPath::GatewayAction(..)
    );
    versioned && verb.changes()
}

fn is_paged(path: &ArmPath) -> bool {
    matches!(
        path,
        ArmPath::ActivityLog(_)
            | ArmPath::Extension(_, Extension::ReadinessReport)
            | ArmPath::GroupGateways(_)
            | ArmPath::ResourceGroups(_)
            | ArmPath::SubscriptionGateways(_)
    )
}

fn is_filtered(path: &ArmPath) -> bool {
    matches!(
        path,
        ArmPath::ActivityLog(_) | ArmPath::RoleAssignments(_) | ArmPath::RoleDefinitions(_)
    )
}

fn query(name: &str, required: bool, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "required": required, "schema": schema })
}

fn names(template: &'static str) -> impl Iterator<Item = &'static str> {
    let parameter = |segment: &'static str| segment.strip_prefix('{')?.strip_suffix('}');
    template.split('/').filter_map(parameter)
}

/// Schema of a parameter, and a value.
fn segment(name: &str) -> (Value, &'static str) {
    let guid = || json!({ "type": "string", "format": "uuid", "pattern": GUID });
    let of = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match name {
        "subscriptionId" | "operationId" | "roleAssignmentName" | "roleDefinitionName" => {
            (guid(), A_GUID)
        }
        "resourceGroupName" => (of(r"^[A-Za-z0-9._()\-]{0,89}[A-Za-z0-9_()\-]$"), "example"),
        "collection" => {
            let all: Vec<&str> = Collection::ALL.iter().map(|one| one.as_str()).collect();
            (
                json!({ "type": "string", "enum": all }),
                Collection::PROBES.as_str(),
            )
        }
        "location" | "predefinedPolicyName" => (of("^[A-Za-z0-9]+$"), "example"),
        "tenant" => (of(r"^[A-Za-z0-9\-]+$"), "common"),
        // A gateway, something in it, or a service principal.
        _ => (
            of(r"^[A-Za-z0-9]([A-Za-z0-9._\-]{0,78}[A-Za-z0-9_])?$"),
            "example",
        ),
    }
}

const A_GUID: &str = "11111111-1111-1111-1111-111111111111";
const GUID: &str = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$";
/// Dates from 2016 on. Some of 2015 are taken, and days that not every month has.
const API_VERSION: &str =
    "^20(1[6-9]|[2-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(-preview)?$";
