//! `Microsoft.Network/applicationGateways`: the whole gateway, its tags, its lists, start and stop.

use axum::response::Response;
use http::{Method, StatusCode};
use model::{GatewayId, ResourceGroupId, SubscriptionId};
use serde_json::Value;

use super::{
    Api,
    call::{Call, RequestBody},
    error::ApiError,
    json_body::JsonBody,
    page,
    path::GatewayAction,
    reply::{self, Follow},
    resource_group,
    write::{self, Edit},
};
use crate::{
    render::{self, GatewayFacts},
    store::{Change, DeleteGateway, Scope, StoreError, StoredGateway},
};

/// Answers at `{gateway}`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    id: &GatewayId,
) -> Result<Response, ApiError> {
    match *call.method() {
        Method::GET | Method::HEAD => {
            let stored = load(api, call, id).await?;
            Ok(reply::resource(
                StatusCode::OK,
                render::application_gateway(&facts(&stored)),
            ))
        }
        Method::PUT => {
            let (body, _room) = body.json(api).await?;
            put(api, call, id, body).await
        }
        Method::PATCH => {
            let (body, _room) = body.json(api).await?;
            patch(api, call, id, body).await
        }
        Method::DELETE => delete(api, call, id).await,
        _ => Err(ApiError::method_not_allowed(
            "GET, HEAD, PUT, PATCH, DELETE",
        )),
    }
}

/// Answers at `{gateway}/start` and the like.
pub(super) async fn act(
    api: &Api,
    call: &Call,
    id: &GatewayId,
    action: GatewayAction,
) -> Result<Response, ApiError> {
    if *call.method() != Method::POST {
        return Err(ApiError::method_not_allowed("POST"));
    }
    let stop = match action {
        GatewayAction::Start => false,
        GatewayAction::Stop => true,
        GatewayAction::BackendHealth => {
            let message = "Backend health is not observed yet.";
            return Err(ApiError::new(
                StatusCode::NOT_IMPLEMENTED,
                "FeatureNotSupported",
                message,
            ));
        }
    };
    let written = write::apply(api, call, id, Edit::Stop(stop)).await?;
    let committed = written.ok_or_else(|| not_found(id))?.committed;
    Ok(match &committed.operation {
        Some(operation) => follow(call, &committed.gateway).accepted(operation),
        None => reply::empty(StatusCode::OK),
    })
}

/// Answers at `{group}/…/applicationGateways`.
pub(super) async fn list_in_group(
    api: &Api,
    call: &Call,
    group: &ResourceGroupId,
) -> Result<Response, ApiError> {
    let group = resource_group::load(api, call, group).await?.id;
    let path = format!("{group}/providers/Microsoft.Network/applicationGateways");
    list(api, call, Scope::ResourceGroup(group), &path).await
}

/// Answers at `{subscription}/…/applicationGateways`.
pub(super) async fn list_in_subscription(
    api: &Api,
    call: &Call,
    subscription: &SubscriptionId,
) -> Result<Response, ApiError> {
    let path =
        format!("/subscriptions/{subscription}/providers/Microsoft.Network/applicationGateways");
    list(api, call, Scope::Subscription(subscription.clone()), &path).await
}

/// Finds a gateway or says which of group and gateway is missing.
pub(super) async fn load(
    api: &Api,
    call: &Call,
    id: &GatewayId,
) -> Result<StoredGateway, ApiError> {
    if let Some(stored) = api.store().find_gateway(call.read(), id).await? {
        return Ok(stored);
    }
    resource_group::load(api, call, id.group()).await?;
    Err(not_found(id))
}

/// What `render` shows of a stored gateway.
pub(super) fn facts(stored: &StoredGateway) -> GatewayFacts<'_> {
    GatewayFacts {
        id: &stored.id,
        document: &stored.document,
        etag: &stored.etag,
        resource_guid: &stored.resource_guid,
        provisioning_state: stored.provisioning_state,
        operational_state: stored.operational_state,
    }
}

/// How the operations of a gateway are followed.
pub(super) fn follow<'a>(call: &'a Call, gateway: &'a StoredGateway) -> Follow<'a> {
    let location = gateway.document.get("location").and_then(Value::as_str);
    Follow {
        call,
        subscription: gateway.id.subscription(),
        location: location.unwrap_or(NO_LOCATION),
    }
}

/// 404 of a gateway.
pub(super) fn not_found(id: &GatewayId) -> ApiError {
    let message = format!(
        "The Resource 'Microsoft.Network/applicationGateways/{}' under resource group '{}' was not found.",
        id.name(),
        id.group().name()
    );
    ApiError::not_found("ResourceNotFound", message)
}

/// 404 of a child, for want of its gateway.
pub(super) fn parent_not_found(id: &GatewayId) -> ApiError {
    let message = format!(
        "Can not perform the requested operation on a nested resource. Parent resource '{}' not found.",
        id.name()
    );
    ApiError::not_found("ParentResourceNotFound", message)
}

/// Replies before any worker has the new configuration; the operation tells when they have it. Putting an equal document
/// changes nothing.
async fn put(api: &Api, call: &Call, id: &GatewayId, body: JsonBody) -> Result<Response, ApiError> {
    let written = write::apply(api, call, id, Edit::Replace(body)).await?;
    let committed = written.ok_or_else(|| not_found(id))?.committed;
    let status = match committed.change {
        Change::Created => StatusCode::CREATED,
        Change::Unchanged | Change::Updated => StatusCode::OK,
    };
    let response = reply::resource(
        status,
        render::application_gateway(&facts(&committed.gateway)),
    );
    Ok(follow(call, &committed.gateway).put(response, committed.operation.as_ref()))
}

/// Replaces all tags. No long-running operation for clients, though workers hear of the new generation.
async fn patch(
    api: &Api,
    call: &Call,
    id: &GatewayId,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let written = write::apply(api, call, id, Edit::Tags(body)).await?;
    let committed = written.ok_or_else(|| not_found(id))?.committed;
    Ok(reply::resource(
        StatusCode::OK,
        render::application_gateway(&facts(&committed.gateway)),
    ))
}

async fn delete(api: &Api, call: &Call, id: &GatewayId) -> Result<Response, ApiError> {
    let permit = call.write()?;
    let precondition = call.precondition()?;
    let _turn = api.store().turn(&id.key()).await;
    for _attempt in 0..MAX_ATTEMPTS {
        let Some(stored) = api.store().find_gateway(call.read(), id).await? else {
            resource_group::load(api, call, id.group()).await?;
            return Ok(reply::empty(StatusCode::NO_CONTENT));
        };
        let now = api.parts.clock.now();
        let delete = DeleteGateway {
            id: stored.id.clone(),
            precondition: precondition.clone(),
            correlation_id: call.context.correlation_id.clone(),
            now,
            deadline: now + api.parts.operation_deadline,
        };
        match api.store().delete_gateway(permit, delete).await {
            Ok(Some(operation)) => return Ok(follow(call, &stored).accepted(&operation)),
            Ok(None) => return Ok(reply::empty(StatusCode::NO_CONTENT)),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict { id: id.to_string() }.into())
}

async fn list(api: &Api, call: &Call, scope: Scope, path: &str) -> Result<Response, ApiError> {
    let page = page::of(call)?;
    let listing = api
        .store()
        .list_gateways(call.read(), &scope, &page)
        .await?;
    let item = |stored: StoredGateway| render::application_gateway(&facts(&stored));
    Ok(reply::resource(
        StatusCode::OK,
        page::render(call, &page, path, listing, item),
    ))
}

/// For gateways without a location, in URLs of operations.
const NO_LOCATION: &str = "global";
const MAX_ATTEMPTS: u32 = 20;
