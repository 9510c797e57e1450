//! `Microsoft.Authorization/roleDefinitions`: the roles there are. Nobody can add any.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{call::Call, error::ApiError, reply};
use crate::{access::Scope, role::Role};

/// Answers at `{scope}/providers/Microsoft.Authorization/roleDefinitions`. `$filter` may be `roleName eq '...'`,
/// `type eq 'BuiltInRole'` or `atScopeAndBelow()`, joined by `and`.
pub(super) fn list(call: &Call, scope: &Scope) -> Result<Response, ApiError> {
    let mut roles = Role::ALL.to_vec();
    let filter = call
        .parameter("$filter")
        .unwrap_or_default()
        .to_ascii_lowercase();
    for part in filter
        .split(" and ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if let Some(name) = quoted(part, "rolename eq ") {
            roles.retain(|role| role.name().eq_ignore_ascii_case(name));
        } else if let Some(kind) = quoted(part, "type eq ") {
            roles.retain(|_role| kind == "builtinrole");
        } else if !matches!(part, "atscopeandbelow()" | "atscope()") {
            let message = "The filter is not supported. Known are roleName eq '...' and type eq 'BuiltInRole'.";
            return Err(ApiError::bad_request("UnsupportedQuery", message).target("$filter"));
        }
    }
    let value: Vec<Value> = roles.into_iter().map(|role| render(scope, role)).collect();
    Ok(reply::resource(StatusCode::OK, json!({ "value": value })))
}

/// Answers at `{scope}/providers/Microsoft.Authorization/roleDefinitions/{name}`.
pub(super) fn find(scope: &Scope, name: Uuid) -> Result<Response, ApiError> {
    let role = Role::find(&name.to_string()).ok_or_else(|| {
        let message = format!("The specified role definition with ID '{name}' does not exist.");
        ApiError::not_found("RoleDefinitionDoesNotExist", message)
    })?;
    Ok(reply::resource(StatusCode::OK, render(scope, role)))
}

fn quoted<'a>(part: &'a str, before: &str) -> Option<&'a str> {
    let rest = part.strip_prefix(before)?.trim();
    rest.strip_prefix('\'')?.strip_suffix('\'')
}

/// As Azure does, the id lies below the subscription of the scope that was asked for, also where that is a resource group:
/// clients find the role of an assignment by this id.
fn render(scope: &Scope, role: Role) -> Value {
    let (subscription, name) = (scope.subscription(), role.id());
    json!({
        "id": format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}"),
        "name": name,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name(),
            "type": "BuiltInRole",
            "description": role.description(),
            "assignableScopes": ["/"],
            "permissions": [{
                "actions": role.actions(),
                "notActions": role.not_actions(),
                "dataActions": [],
                "notDataActions": [],
            }],
        },
    })
}
