//! What surrounds every request: ids, headers, the panic guard, the log line.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::{error::ApiError, metrics::Metrics};
use crate::listener::Peer;

/// Ids of one request.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Ours, fresh for every request: `x-ms-request-id`.
    pub request_id: Uuid,
    /// The caller's when it sent one, else ours: `x-ms-correlation-request-id`. At most 128 visible ASCII characters.
    pub correlation_id: String,
    /// The caller's name for this request, echoed: `x-ms-client-request-id`.
    pub client_request_id: Option<HeaderValue>,
}

impl RequestContext {
    fn of(headers: &HeaderMap) -> Self {
        let request_id = Uuid::new_v4();
        let correlation_id = sent_id(headers, &CORRELATION_ID).map_or_else(
            || request_id.to_string(),
            |value| String::from_utf8_lossy(value.as_bytes()).into_owned(),
        );
        Self {
            request_id,
            correlation_id,
            client_request_id: sent_id(headers, &CLIENT_REQUEST_ID).cloned(),
        }
    }

    fn describe(&self, headers: &mut HeaderMap) {
        let request_id = HeaderValue::from_str(&self.request_id.to_string());
        let correlation_id = HeaderValue::from_str(&self.correlation_id);
        let routing_id = HeaderValue::from_str(&format!("LOCAL:{}", self.request_id));
        let ids = [
            (REQUEST_ID, request_id),
            (CORRELATION_ID, correlation_id),
            (ROUTING_ID, routing_id),
        ];
        for (name, value) in ids {
            if let Ok(value) = value {
                headers.insert(name, value);
            }
        }
        if let Some(value) = &self.client_request_id {
            headers.insert(CLIENT_REQUEST_ID, value.clone());
        }
        for (name, value) in FIXED {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
    }
}

/// Gives every request its ids, span, headers and panic guard, and counts it.
pub(super) async fn surround(
    State(metrics): State<Metrics>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let context = RequestContext::of(request.headers());
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        correlation_id = context.correlation_id,
        request_id = %context.request_id,
        %method,
        resource_id = tracing::field::Empty,
    );
    let origin = Origin::of(&request);
    request.extensions_mut().insert(context.clone());
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let mut response = answered.unwrap_or_else(|_panic| {
        metrics.count_panic();
        span.in_scope(|| ApiError::internal("the handler panicked").into_response())
    });
    context.describe(response.headers_mut());
    metrics.count(&method, response.status(), started.elapsed());
    span.in_scope(|| log(&method, &response, started, &origin));
    response
}

/// Who sent a request, for the log.
struct Origin {
    peer: Option<Peer>,
    user_agent: Option<HeaderValue>,
}

impl Origin {
    fn of(request: &Request) -> Self {
        Self {
            peer: request.extensions().get::<Peer>().copied(),
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
        }
    }
}

/// One line at info for everything that may have changed something; reads are for debugging.
fn log(method: &Method, response: &Response, started: Instant, origin: &Origin) {
    let status = response.status().as_u16();
    let duration_ms = started.elapsed().as_millis();
    let peer = origin.peer.map(|peer| tracing::field::display(peer.0));
    let user_agent = origin
        .user_agent
        .as_ref()
        .and_then(|value| value.to_str().ok());
    if matches!(*method, Method::GET | Method::HEAD) {
        tracing::debug!(status, duration_ms, peer, user_agent, "API read");
    } else {
        tracing::info!(status, duration_ms, peer, user_agent, "API write");
    }
}

/// A caller's id when it is short and printable; others are dropped, not copied into logs and replies.
fn sent_id<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let value = headers.get(name)?;
    let printable = value.as_bytes().iter().all(u8::is_ascii_graphic);
    (printable && (1..=MAX_ID_BYTES).contains(&value.len())).then_some(value)
}

const MAX_ID_BYTES: usize = 128;
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const ROUTING_ID: HeaderName = HeaderName::from_static("x-ms-routing-request-id");
const FIXED: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::PRAGMA, "no-cache"),
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=31536000; includeSubDomains",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];
