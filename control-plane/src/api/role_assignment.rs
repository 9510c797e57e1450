//! `Microsoft.Authorization/roleAssignments`: who has which role where.

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    Api,
    call::{Call, RequestBody},
    error::ApiError,
    reply,
};
use crate::{
    access::Scope,
    parse::{self, WantedAssignment},
    principal::Principal,
    store::{Assignment, RoleAssignment, StoreError},
    token::IssuerName,
};

/// Answers at `{scope}/providers/Microsoft.Authorization/roleAssignments`: those at the scope, above and below.
pub(super) async fn list(api: &Api, call: &Call, scope: &Scope) -> Result<Response, ApiError> {
    let filter = Filter::parse(call.parameter("$filter"))?;
    let found = api
        .store()
        .list_role_assignments(call.read(), scope)
        .await?;
    let shown = found.iter().filter(|one| filter.takes(one, scope));
    let value: Vec<Value> = shown.map(|one| render(one, scope)).collect();
    Ok(reply::resource(StatusCode::OK, json!({ "value": value })))
}

/// Answers at `{scope}/providers/Microsoft.Authorization/roleAssignments/{name}`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    scope: &Scope,
    name: Uuid,
) -> Result<Response, ApiError> {
    let name = name.to_string();
    match *call.method() {
        Method::PUT => {
            let (body, _room) = body.json(api).await?;
            let wanted = parse::role_assignment(&body)?;
            put(api, call, scope, name, wanted).await
        }
        Method::DELETE => delete(api, call, scope, &name).await,
        _ => {
            let found = api
                .store()
                .find_role_assignment(call.read(), scope, &name)
                .await?;
            let found = found.ok_or_else(|| not_found(&name))?;
            Ok(reply::resource(StatusCode::OK, render(&found, scope)))
        }
    }
}

async fn put(
    api: &Api,
    call: &Call,
    scope: &Scope,
    name: String,
    wanted: WantedAssignment,
) -> Result<Response, ApiError> {
    let issuer = issuer_of(api, &wanted).await?;
    let new = RoleAssignment {
        name,
        scope: scope.clone(),
        issuer: issuer.as_str().to_owned(),
        principal_id: wanted.principal_id,
        principal_type: wanted.principal_type,
        role: wanted.role,
        description: wanted.description,
        created_by: call.write()?.actor().principal.id.clone(),
        created_at: api.parts.clock.now(),
    };
    match api.store().add_role_assignment(call.write()?, &new).await? {
        Assignment::Created => Ok(reply::resource(StatusCode::CREATED, render(&new, scope))),
        Assignment::Exists => {
            let found = api
                .store()
                .find_role_assignment(call.read(), scope, &new.name)
                .await?;
            let found = found.ok_or_else(|| not_found(&new.name))?;
            Ok(reply::resource(StatusCode::OK, render(&found, scope)))
        }
        Assignment::NameTaken => {
            let message =
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            let code = "RoleAssignmentUpdateNotPermitted";
            Err(ApiError::new(StatusCode::CONFLICT, code, message))
        }
        Assignment::RoleTaken => {
            let message = "The role assignment already exists.";
            Err(ApiError::new(
                StatusCode::CONFLICT,
                "RoleAssignmentExists",
                message,
            ))
        }
    }
}

async fn delete(api: &Api, call: &Call, scope: &Scope, name: &str) -> Result<Response, ApiError> {
    let now = api.parts.clock.now();
    let deleted = api
        .store()
        .delete_role_assignment(call.write()?, scope, name, now)
        .await;
    match deleted {
        Ok(Some(stored)) => Ok(reply::resource(StatusCode::OK, render(&stored, scope))),
        Ok(None) => Ok(reply::empty(StatusCode::NO_CONTENT)),
        Err(StoreError::Conflict { .. }) => Err(last_owner()),
        Err(error) => Err(error.into()),
    }
}

/// 409: without an owner of everything nobody could change who may what.
pub(super) fn last_owner() -> ApiError {
    let message = "It is the last role assignment of Owner at '/': assign the role to another principal first.";
    ApiError::new(StatusCode::CONFLICT, "LastOwner", message)
}

/// Whose principal is meant. An id is good within its issuer only, so one that could be of several is not guessed.
async fn issuer_of(api: &Api, wanted: &WantedAssignment) -> Result<IssuerName, ApiError> {
    let target = "properties.principalId";
    let own = api
        .store()
        .has_service_principal(&wanted.principal_id)
        .await?;
    match &wanted.issuer {
        Some(issuer) if issuer.as_str() == Principal::BUILT_IN && !own => {
            let message = format!("Principal {} does not exist.", wanted.principal_id);
            Err(ApiError::bad_request("PrincipalNotFound", message).target(target))
        }
        Some(issuer)
            if issuer.as_str() != Principal::BUILT_IN && !api.parts.issuers.knows(issuer) =>
        {
            let message = format!("There is no issuer '{issuer}' in the settings.");
            let error = ApiError::bad_request("InvalidPropertyValue", message);
            Err(error.target("properties.principalIssuer"))
        }
        Some(issuer) => Ok(issuer.clone()),
        None if own => Ok(IssuerName::built_in()),
        None => api.parts.issuers.only_external().cloned().ok_or_else(|| {
            let message = format!(
                "Principal {} does not exist in the built-in token service. For one of another issuer, say which by \
                 properties.principalIssuer.",
                wanted.principal_id
            );
            ApiError::bad_request("PrincipalNotFound", message).target(target)
        }),
    }
}

/// The id of the role lies below the subscription of the assignment, or, where it holds for everything, of the scope that
/// was asked for: there clients look for the role's name.
fn render(assignment: &RoleAssignment, asked: &Scope) -> Value {
    let RoleAssignment { scope, name, .. } = assignment;
    let key = scope.key();
    let definition = assignment.role.id();
    let subscription = match scope.subscription() {
        "" => asked.subscription(),
        own => own,
    };
    let created_on = time(assignment.created_at);
    json!({
        "id": format!("{key}/providers/Microsoft.Authorization/roleAssignments/{name}"),
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{definition}"),
            "principalId": assignment.principal_id,
            "principalType": assignment.principal_type,
            "principalIssuer": assignment.issuer,
            "scope": scope.to_string(),
            "description": assignment.description,
            "createdOn": created_on,
            "updatedOn": created_on,
            "createdBy": assignment.created_by,
            "updatedBy": assignment.created_by,
        },
    })
}

fn time(at: OffsetDateTime) -> Value {
    json!(at.format(&Rfc3339).ok())
}

fn not_found(name: &str) -> ApiError {
    let message = format!("The role assignment '{name}' is not found.");
    ApiError::not_found("RoleAssignmentNotFound", message)
}

/// What `$filter` says: `atScope()`, `principalId eq '{id}'`, `assignedTo('{id}')`, joined by `and`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter {
    at_scope: bool,
    principal: Option<String>,
}

impl Filter {
    fn parse(text: Option<&str>) -> Result<Self, ApiError> {
        let mut filter = Self::default();
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(filter);
        };
        for part in text.split(" and ").map(str::trim) {
            if part.eq_ignore_ascii_case("atScope()") {
                filter.at_scope = true;
            } else {
                let principal = principal(part).ok_or_else(|| unknown_filter(part))?;
                filter.principal = Some(principal);
            }
        }
        Ok(filter)
    }

    fn takes(&self, assignment: &RoleAssignment, asked: &Scope) -> bool {
        let at_scope = !self.at_scope || assignment.scope.covers(asked);
        let principal = self.principal.as_ref();
        at_scope && principal.is_none_or(|id| id.eq_ignore_ascii_case(&assignment.principal_id))
    }
}

fn principal(part: &str) -> Option<String> {
    let lower = part.to_ascii_lowercase();
    let quoted = match lower.strip_prefix("assignedto(") {
        Some(rest) => rest.strip_suffix(')')?,
        None => lower.strip_prefix("principalid eq ")?,
    };
    let id = quoted.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    (!id.contains('\'')).then(|| id.to_owned())
}

fn unknown_filter(part: &str) -> ApiError {
    let shown: String = part.chars().take(80).collect();
    let message = format!(
        "The filter '{shown}' is not supported. Known are atScope(), principalId eq '...' and assignedTo('...')."
    );
    ApiError::bad_request("UnsupportedQuery", message).target("$filter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_as_az_writes_them_are_read() {
        let check = |text: &str, at_scope: bool, principal: Option<&str>| {
            let principal = principal.map(str::to_owned);
            let expected = Filter {
                at_scope,
                principal,
            };
            assert_eq!(Filter::parse(Some(text)).unwrap(), expected, "{text}");
        };
        check("", false, None);
        check("atScope()", true, None);
        check("principalId eq 'A-b'", false, Some("a-b"));
        check("atScope() and assignedTo('x')", true, Some("x"));
        for bad in [
            "roleName eq 'x'",
            "principalId eq x",
            "assignedTo('x",
            "atScope() or x",
        ] {
            assert!(Filter::parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
