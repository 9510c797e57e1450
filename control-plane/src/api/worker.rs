//! `Portcullis.Security/workers`: who may be a worker, and which gateways each may see.

use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Api,
    call::{Call, RequestBody},
    error::ApiError,
    page,
    path::WorkerAction,
    reply,
};
use crate::{
    enrolment::JoinToken,
    parse,
    store::{NewJoinToken, PutWorker, TokenMade},
    worker_identity::{WorkerIdentity, WorkerName, WorkerState},
};

/// Answers at `/providers/Portcullis.Security/workers`.
pub(super) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let page = page::of(call)?;
    let now = api.parts.clock.now();
    let listing = api.store().list_workers(call.read(), &page, now).await?;
    let body = page::render(call, &page, COLLECTION, listing, |worker| render(&worker));
    Ok(reply::resource(StatusCode::OK, body))
}

/// Answers at `/providers/Portcullis.Security/workers/{name}`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    name: &WorkerName,
) -> Result<Response, ApiError> {
    let now = api.parts.clock.now();
    match *call.method() {
        Method::PUT => {
            let (body, _room) = body.json(api).await?;
            let put = PutWorker {
                name: name.clone(),
                scopes: parse::worker(&body)?,
                now,
            };
            let (worker, is_new) = api.store().put_worker(call.write()?, put).await?;
            let status = if is_new {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            Ok(reply::resource(status, render(&worker)))
        }
        Method::DELETE => {
            let permit = call.write()?;
            let deleted = api.store().delete_worker(permit, name, now).await?;
            Ok(reply::empty(if deleted {
                StatusCode::OK
            } else {
                StatusCode::NO_CONTENT
            }))
        }
        _ => {
            let found = api.store().find_worker(call.read(), name, now).await?;
            let worker = found.ok_or_else(|| not_found(name))?;
            Ok(reply::resource(StatusCode::OK, render(&worker)))
        }
    }
}

/// Answers at `/providers/Portcullis.Security/workers/{name}/createJoinToken` and `/revoke`.
pub(super) async fn act(
    api: &Api,
    call: &Call,
    body: RequestBody,
    name: &WorkerName,
    action: WorkerAction,
) -> Result<Response, ApiError> {
    match action {
        WorkerAction::CreateJoinToken => {
            let (body, _room) = body.json(api).await?;
            create_join_token(api, call, name, parse::join_token(&body)?).await
        }
        WorkerAction::Revoke => {
            let (permit, now) = (call.write()?, api.parts.clock.now());
            let revoked = api.store().revoke_worker(permit, name, now).await?;
            let worker = revoked.ok_or_else(|| not_found(name))?;
            Ok(reply::resource(StatusCode::OK, render(&worker)))
        }
    }
}

/// The only reply that ever holds a token.
async fn create_join_token(
    api: &Api,
    call: &Call,
    name: &WorkerName,
    valid_for: time::Duration,
) -> Result<Response, ApiError> {
    let (permit, now) = (call.write()?, api.parts.clock.now());
    let found = api.store().find_worker(call.read(), name, now).await?;
    if found.is_none() {
        return Err(not_found(name));
    }
    let token = JoinToken::random().map_err(ApiError::internal)?;
    let expires_at = now + valid_for;
    let new = NewJoinToken {
        worker: name.clone(),
        sha256: token.sha256(),
        expires_at,
        now,
    };
    let TokenMade::For(identity) = api.store().create_join_token(permit, new).await? else {
        let message = format!("The worker '{name}' was revoked: delete it to make a new one.");
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "WorkerRevoked",
            message,
        ));
    };
    let text = token.text(identity, &api.parts.worker_ca_pin);
    let body = json!({ "token": text.as_str(), "expiresAt": rendered(expires_at) });
    let mut response = reply::resource(StatusCode::OK, body);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn not_found(name: &WorkerName) -> ApiError {
    let message = format!("The worker '{name}' was not found.");
    ApiError::not_found("ResourceNotFound", message)
}

fn render(worker: &WorkerIdentity) -> Value {
    let state = match worker.state() {
        WorkerState::Pending => "Pending",
        WorkerState::Joined => "Joined",
        WorkerState::Revoked => "Revoked",
    };
    let certificate = worker.certificate.as_ref().map(
        |newest| json!({ "serialNumber": newest.serial, "notAfter": rendered(newest.not_after) }),
    );
    json!({
        "id": format!("{COLLECTION}/{}", worker.name),
        "name": worker.name.as_str(),
        "type": "Portcullis.Security/workers",
        "properties": {
            "identityId": worker.id.to_string(),
            "scopes": worker.scopes.ids().collect::<Vec<_>>(),
            "state": state,
            "certificate": certificate,
            "lastSeen": worker.last_seen_at.map(rendered),
            "joinTokenExpiresAt": worker.join_token_expires_at.map(rendered),
            "revokedAt": worker.revoked_at.map(rendered),
            "createdAt": rendered(worker.created_at),
        },
    })
}

fn rendered(at: OffsetDateTime) -> Value {
    json!(at.format(&Rfc3339).ok())
}

const COLLECTION: &str = "/providers/Portcullis.Security/workers";
