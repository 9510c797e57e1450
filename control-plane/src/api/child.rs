//! Children one by one: `{gateway}/{collection}/{name}`. The same flow over the gateway's document.

use axum::response::Response;
use http::{Method, StatusCode};
use model::{ChildId, Collection, GatewayId, ResourceName};
use serde_json::{Value, json};

use super::{
    Api,
    call::{Call, RequestBody},
    error::ApiError,
    gateway,
    json_body::JsonBody,
    reply,
    write::{self, Edit},
};
use crate::{render, store::StoredGateway};

/// Answers at `{gateway}/{collection}/{name}`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    id: &ChildId,
) -> Result<Response, ApiError> {
    match *call.method() {
        Method::GET | Method::HEAD => {
            let stored = load_parent(api, call, id.gateway()).await?;
            Ok(reply::resource(StatusCode::OK, rendered(&stored, id)?))
        }
        Method::PUT => {
            let (body, _room) = body.json(api).await?;
            put(api, call, id, body).await
        }
        Method::DELETE => delete(api, call, id).await,
        _ => Err(ApiError::method_not_allowed("GET, HEAD, PUT, DELETE")),
    }
}

/// Answers at `{gateway}/{collection}`. Never in parts: a gateway's children are few.
pub(super) async fn list(
    api: &Api,
    call: &Call,
    gateway: &GatewayId,
    collection: Collection,
) -> Result<Response, ApiError> {
    let stored = load_parent(api, call, gateway).await?;
    let children = render::children(&gateway::facts(&stored), collection);
    Ok(reply::resource(
        StatusCode::OK,
        json!({ "value": children }),
    ))
}

async fn put(api: &Api, call: &Call, id: &ChildId, body: JsonBody) -> Result<Response, ApiError> {
    let edit = Edit::PutChild(id.collection(), id.name().clone(), body);
    let written = write::apply(api, call, id.gateway(), edit)
        .await?
        .ok_or_else(|| not_found(id))?;
    let status = if written.child_existed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let committed = &written.committed;
    let response = reply::resource(status, rendered(&committed.gateway, id)?);
    Ok(gateway::follow(call, &committed.gateway).put(response, committed.operation.as_ref()))
}

async fn delete(api: &Api, call: &Call, id: &ChildId) -> Result<Response, ApiError> {
    let edit = Edit::DeleteChild(id.collection(), id.name().clone());
    let Some(written) = write::apply(api, call, id.gateway(), edit).await? else {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    };
    let committed = &written.committed;
    Ok(match &committed.operation {
        Some(operation) => gateway::follow(call, &committed.gateway).accepted(operation),
        None => reply::empty(StatusCode::OK),
    })
}

/// The id of an existing child, in the casing of its creation; for what lies below it.
pub(super) async fn load(api: &Api, call: &Call, id: &ChildId) -> Result<ChildId, ApiError> {
    let stored = load_parent(api, call, id.gateway()).await?;
    let name = name(&stored, id).ok_or_else(|| parent_not_found(id))?;
    Ok(stored.id.child(id.collection(), name))
}

/// The name of an existing child in the casing of its creation.
pub(super) fn name(stored: &StoredGateway, id: &ChildId) -> Option<ResourceName> {
    let found = render::child(&gateway::facts(stored), id.collection(), id.name())?;
    ResourceName::parse(found.get("name")?.as_str()?).ok()
}

/// The gateway of a child, which itself may be missing.
pub(super) async fn load_parent(
    api: &Api,
    call: &Call,
    id: &GatewayId,
) -> Result<StoredGateway, ApiError> {
    let found = api.store().find_gateway(call.read(), id).await?;
    found.ok_or_else(|| gateway::parent_not_found(id))
}

fn rendered(stored: &StoredGateway, id: &ChildId) -> Result<Value, ApiError> {
    render::child(&gateway::facts(stored), id.collection(), id.name()).ok_or_else(|| not_found(id))
}

/// 404 of what lies below a child, for want of the child.
pub(super) fn parent_not_found(id: &ChildId) -> ApiError {
    let message = format!(
        "Can not perform the requested operation on a nested resource. Parent resource '{}/{}/{}' not found.",
        id.gateway().name(),
        id.collection(),
        id.name()
    );
    ApiError::not_found("ParentResourceNotFound", message)
}

fn not_found(id: &ChildId) -> ApiError {
    let message = format!(
        "The Resource 'Microsoft.Network/applicationGateways/{}/{}/{}' was not found.",
        id.gateway().name(),
        id.collection(),
        id.name()
    );
    ApiError::not_found("ResourceNotFound", message)
}
