//! Replies: bodies with ETags, and the headers by which clients follow a long-running operation.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use model::SubscriptionId;
use serde_json::Value;

use super::call::Call;
use crate::operation::Operation;

/// A body, with the ETag in it as a header.
pub(super) fn resource(status: StatusCode, body: Value) -> Response {
    let etag = body
        .get("etag")
        .and_then(Value::as_str)
        .and_then(|etag| HeaderValue::from_str(etag).ok());
    let mut response = (status, Json(body)).into_response();
    if let Some(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Response {
    status.into_response()
}

/// Where an operation on a gateway is followed.
pub(super) struct Follow<'a> {
    /// The request that is answered.
    pub(super) call: &'a Call,
    /// Of the gateway.
    pub(super) subscription: &'a SubscriptionId,
    /// Of the gateway; part of the URLs only.
    pub(super) location: &'a str,
}

impl Follow<'_> {
    /// Adds what a PUT replies: `Azure-AsyncOperation`. Without an operation, the change is in force already.
    pub(super) fn put(&self, mut response: Response, operation: Option<&Operation>) -> Response {
        match operation {
            Some(operation) => {
                self.insert(
                    response.headers_mut(),
                    &AZURE_ASYNC_OPERATION,
                    "operations",
                    operation,
                );
                insert_fixed(response.headers_mut(), &[RETRY_AFTER, NOTIFICATION]);
            }
            None => insert_fixed(response.headers_mut(), &[NO_POLLING_DELAY]),
        }
        response
    }

    /// 202 with `Location`, and with `Azure-AsyncOperation` for those who prefer it: what DELETE and POST reply.
    pub(super) fn accepted(&self, operation: &Operation) -> Response {
        let mut response = empty(StatusCode::ACCEPTED);
        self.insert(
            response.headers_mut(),
            &AZURE_ASYNC_OPERATION,
            "operations",
            operation,
        );
        self.insert(
            response.headers_mut(),
            &header::LOCATION,
            "operationResults",
            operation,
        );
        insert_fixed(
            response.headers_mut(),
            &[RETRY_AFTER, NOTIFICATION, NO_POLLING_DELAY],
        );
        response
    }

    fn insert(
        &self,
        headers: &mut HeaderMap,
        name: &HeaderName,
        kind: &str,
        operation: &Operation,
    ) {
        let Self {
            call,
            subscription,
            location,
        } = self;
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/{kind}/{}?api-version={}",
            operation.id, call.api_version
        );
        insert_url(headers, name, &call.url(&path));
    }
}

/// 202 with the `Location` of a resource group's deletion.
pub(super) fn group_accepted(
    call: &Call,
    subscription: &SubscriptionId,
    operation: &Operation,
) -> Response {
    let mut response = empty(StatusCode::ACCEPTED);
    let path = format!(
        "/subscriptions/{subscription}/operationresults/{}?api-version={}",
        operation.id, call.api_version
    );
    insert_url(response.headers_mut(), &header::LOCATION, &call.url(&path));
    insert_fixed(response.headers_mut(), &[RETRY_AFTER]);
    response
}

/// 202: ask again at the same place.
pub(super) fn still_running(call: &Call) -> Response {
    let mut response = empty(StatusCode::ACCEPTED);
    insert_url(response.headers_mut(), &header::LOCATION, &call.own_url());
    insert_fixed(response.headers_mut(), &[RETRY_AFTER]);
    response
}

pub(super) fn insert_retry_after(response: &mut Response) {
    insert_fixed(response.headers_mut(), &[RETRY_AFTER]);
}

fn insert_url(headers: &mut HeaderMap, name: &HeaderName, url: &str) {
    if let Ok(value) = HeaderValue::from_str(url) {
        headers.insert(name, value);
    }
}

fn insert_fixed(headers: &mut HeaderMap, fixed: &[(HeaderName, &'static str)]) {
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

const AZURE_ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");
const NOTIFICATION: (HeaderName, &str) = (
    HeaderName::from_static("azure-asyncnotification"),
    "Enabled",
);
/// Terraform's SDK otherwise waits 10 s before it looks at the result.
const NO_POLLING_DELAY: (HeaderName, &str) = (
    HeaderName::from_static("x-go-azure-sdk-skip-polling-delay"),
    "true",
);
/// Never 0 and never absent: clients then wait 10 to 30 s.
const RETRY_AFTER: (HeaderName, &str) = (header::RETRY_AFTER, "1");
