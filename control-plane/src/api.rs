//! The ARM-shaped REST API. Axum's types live in this module and nowhere else.
//!
//! One fallback handler takes every request: paths are matched here, without case, and not by axum, whose matcher
//! knows case only.

mod call;
mod context;
mod error;
mod metrics;
mod path;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::Response,
};

use self::{call::Call, path::ArmPath};
pub use self::{context::RequestContext, error::ApiError, metrics::Metrics};
use crate::clock::Clock;

/// What the API works with. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    parts: Arc<ApiParts>,
}

/// See [`Api`].
pub struct ApiParts {
    /// Tells the time of a request.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// Scheme, host and port for absolute URLs; `None`: those of each request.
    pub public_url: Option<String>,
    /// Scheme of URLs that are made from the `Host` header.
    pub scheme: &'static str,
}

impl Api {
    /// Joins the parts.
    pub fn new(parts: ApiParts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// The service that answers every request.
    pub fn router(self) -> Router {
        let metrics = self.parts.metrics.clone();
        Router::new()
            .fallback(dispatch)
            .layer(middleware::from_fn_with_state(metrics, context::surround))
            .with_state(self)
    }
}

async fn dispatch(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let path = ArmPath::parse(request.uri().path())?;
    tracing::Span::current().record("resource_id", path.resource());
    let _call = Call::read(&api, &path, request)?;
    Err(ApiError::new(
        http::StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        "Not there yet.",
    ))
}
