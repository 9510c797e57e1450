//! `Portcullis.Security/clientAuthPolicies`: what an SSL profile demands beyond Azure's schema.
//!
//! A policy can be put only for a profile that exists. It stays when the profile goes, and is there again when a profile
//! is made under the old name.

use axum::response::Response;
use http::{Method, StatusCode};
use model::{ChildId, ResourceName};
use serde_json::{Value, json};

use super::{
    Api,
    call::{Call, RequestBody},
    child,
    error::ApiError,
    gateway,
    json_body::JsonBody,
    reply,
    write::{self, Edit},
};
use crate::{render, store::StoredGateway};

/// Answers at `{sslProfile}/…/clientAuthPolicies/default`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    profile: &ChildId,
) -> Result<Response, ApiError> {
    match *call.method() {
        Method::GET | Method::HEAD => {
            let (stored, name) = load(api, call, profile).await?;
            let found = rendered(api, stored, name).await?;
            let policy = found.ok_or_else(|| not_found(profile))?;
            Ok(reply::resource(StatusCode::OK, policy))
        }
        Method::PUT => {
            let (body, _room) = body.json(api).await?;
            put(api, call, profile, body).await
        }
        Method::DELETE => delete(api, call, profile).await,
        _ => Err(ApiError::method_not_allowed("GET, HEAD, PUT, DELETE")),
    }
}

/// Answers at `{sslProfile}/…/clientAuthPolicies`: there is one at most.
pub(super) async fn list(api: &Api, call: &Call, profile: &ChildId) -> Result<Response, ApiError> {
    let (stored, name) = load(api, call, profile).await?;
    let policies: Vec<_> = rendered(api, stored, name).await?.into_iter().collect();
    Ok(reply::resource(
        StatusCode::OK,
        json!({ "value": policies }),
    ))
}

async fn put(
    api: &Api,
    call: &Call,
    profile: &ChildId,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let edit = Edit::PutPolicy(profile.name().clone(), body);
    let written = write::apply(api, call, profile.gateway(), edit)
        .await?
        .ok_or_else(|| not_found(profile))?;
    let status = if written.child_existed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let committed = written.committed;
    let name = child::name(&committed.gateway, profile);
    let name = name.unwrap_or_else(|| profile.name().clone());
    let policy = rendered(api, committed.gateway.clone(), name).await?;
    let response = reply::resource(status, policy.ok_or_else(|| not_found(profile))?);
    let follow = gateway::follow(call, &committed.gateway);
    Ok(follow.put(response, committed.operation.as_ref()))
}

async fn delete(api: &Api, call: &Call, profile: &ChildId) -> Result<Response, ApiError> {
    let edit = Edit::DeletePolicy(profile.name().clone());
    let Some(written) = write::apply(api, call, profile.gateway(), edit).await? else {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    };
    let committed = &written.committed;
    Ok(match &committed.operation {
        Some(operation) => gateway::follow(call, &committed.gateway).accepted(operation),
        None => reply::empty(StatusCode::OK),
    })
}

/// The gateway, and the profile's name with the casing of its creation where it exists.
async fn load(
    api: &Api,
    call: &Call,
    profile: &ChildId,
) -> Result<(StoredGateway, ResourceName), ApiError> {
    let found = api
        .store()
        .find_gateway(call.read(), profile.gateway())
        .await?;
    let stored = found.ok_or_else(|| gateway::parent_not_found(profile.gateway()))?;
    let name = child::name(&stored, profile);
    let policy = stored.extensions.policies().find(profile.name());
    match name {
        Some(name) => Ok((stored, name)),
        None if policy.is_some() => Ok((stored, profile.name().clone())),
        None => Err(child::parent_not_found(profile)),
    }
}

/// The policy as it is shown; `None`: there is none. Off the runtime's threads, since it has many expressions to prepare.
async fn rendered(
    api: &Api,
    stored: StoredGateway,
    profile: ResourceName,
) -> Result<Option<Value>, ApiError> {
    let permit = api.load.parse().await?;
    let rendering = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let policy = stored.extensions.policies().find(&profile)?;
        Some(render::client_auth_policy(
            &gateway::facts(&stored),
            &profile,
            policy,
        ))
    });
    match rendering.await {
        Ok(rendered) => Ok(rendered),
        // The panic guard of the request counts and answers it.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(ApiError::internal(error)),
    }
}

fn not_found(profile: &ChildId) -> ApiError {
    let message = format!("The SSL profile '{profile}' has no client auth policy.");
    ApiError::not_found("ResourceNotFound", message)
}
