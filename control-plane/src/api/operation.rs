//! Where clients follow a long-running operation.

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use model::{GatewayId, SubscriptionId};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{Api, call::Call, error::ApiError, gateway, reply};
use crate::{
    operation::{Operation, OperationError, OperationKind, OperationState},
    render,
};

/// Answers at `…/operations/{id}`: always 200, the state is in the body.
pub(super) async fn status(
    api: &Api,
    call: &Call,
    subscription: &SubscriptionId,
    id: Uuid,
) -> Result<Response, ApiError> {
    let operation = load(api, call, subscription, id).await?;
    let mut response = reply::resource(StatusCode::OK, rendered(call, &operation));
    if !operation.is_over() {
        reply::insert_retry_after(&mut response);
    }
    Ok(response)
}

/// Answers at `…/operationResults/{id}`: 202 while it runs, then what the request would have answered at once.
pub(super) async fn result(
    api: &Api,
    call: &Call,
    subscription: &SubscriptionId,
    id: Uuid,
) -> Result<Response, ApiError> {
    let operation = load(api, call, subscription, id).await?;
    match (operation.state, operation.kind) {
        (OperationState::InProgress, _) => Ok(reply::still_running(call)),
        (OperationState::Canceled | OperationState::Failed, _) => Err(failure(&operation)),
        (OperationState::Succeeded, OperationKind::DeleteGateway) => {
            Ok(reply::empty(StatusCode::NO_CONTENT))
        }
        (OperationState::Succeeded, OperationKind::DeleteResourceGroup) => {
            Ok(reply::empty(StatusCode::OK))
        }
        (OperationState::Succeeded, OperationKind::PutGateway) => {
            put_result(api, call, &operation).await
        }
    }
}

/// Waits a little for the end, so that the first poll usually is the last one: clients sleep a second or more between
/// polls.
async fn load(
    api: &Api,
    call: &Call,
    subscription: &SubscriptionId,
    id: Uuid,
) -> Result<Operation, ApiError> {
    let found = api
        .store()
        .find_operation(call.read(), &id.to_string(), END_WAIT)
        .await?;
    let below = format!("/subscriptions/{subscription}/").to_ascii_lowercase();
    found
        .filter(|operation| operation.resource_key.starts_with(&below))
        .ok_or_else(|| {
            ApiError::not_found(
                "OperationNotFound",
                format!("There is no operation '{id}' in this subscription."),
            )
        })
}

async fn put_result(api: &Api, call: &Call, operation: &Operation) -> Result<Response, ApiError> {
    let id = GatewayId::parse(&operation.resource_id).map_err(ApiError::internal)?;
    let stored = gateway::load(api, call, &id).await?;
    Ok(reply::resource(
        StatusCode::OK,
        render::application_gateway(&gateway::facts(&stored)),
    ))
}

fn rendered(call: &Call, operation: &Operation) -> Value {
    let time = |at: time::OffsetDateTime| at.format(&Rfc3339).ok();
    let mut body = json!({
        "id": call.path(),
        "name": operation.id,
        "status": operation.state.as_str(),
        "startTime": time(operation.created_at),
    });
    if let (Value::Object(members), Some(ended_at)) = (&mut body, operation.ended_at) {
        members.insert("endTime".to_owned(), json!(time(ended_at)));
    }
    if let (Value::Object(members), Some(error)) = (&mut body, &operation.error) {
        members.insert("error".to_owned(), json!(error));
    }
    body
}

/// 409: clients repeat 5xx answers, and repeating would change nothing.
fn failure(operation: &Operation) -> ApiError {
    let unknown = || OperationError {
        code: "OperationFailed".to_owned(),
        message: "the operation failed".to_owned(),
        target: None,
        details: Vec::new(),
    };
    ApiError::of_operation(
        StatusCode::CONFLICT,
        operation.error.clone().unwrap_or_else(unknown),
    )
}

const END_WAIT: Duration = Duration::from_millis(500);
