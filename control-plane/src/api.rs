//! The ARM-shaped REST API. Axum's types live in this module and nowhere else.
//!
//! One fallback handler takes every request: paths are matched here, without case, and not by axum, whose matcher
//! knows case only.

mod call;
mod child;
mod client_auth_policy;
mod context;
mod error;
mod explain;
mod gateway;
mod load;
mod metrics;
mod operation;
mod page;
mod path;
mod precondition;
mod provider;
mod readiness;
mod reply;
mod resource_group;
mod revocation_list;
mod ssl_option;
mod write;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::Response,
};
use http::StatusCode;
use serde_json::Value;

use self::{
    call::Call,
    load::Load,
    path::{ArmPath, Extension},
};
pub use self::{context::RequestContext, error::ApiError, metrics::Metrics};
use crate::{clock::Clock, store::Store};

/// What the API works with. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    parts: Arc<ApiParts>,
    load: Arc<Load>,
}

/// See [`Api`].
pub struct ApiParts {
    /// What is remembered.
    pub store: Store,
    /// Tells the time of a request.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// How long workers have to put a change in force.
    pub operation_deadline: Duration,
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
            load: Arc::new(Load::new()),
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

impl Api {
    fn store(&self) -> &Store {
        &self.parts.store
    }
}

async fn dispatch(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let path = ArmPath::parse(request.uri().path())?;
    tracing::Span::current().record("resource_id", path.resource());
    let (call, body) = Call::read(&api, &path, request)?;
    match path {
        ArmPath::Child(id) => child::answer(&api, &call, body, &id).await,
        ArmPath::Children(id, collection) => child::list(&api, &call, &id, collection).await,
        ArmPath::ExplainClientCertificate(profile) => {
            explain::answer(&api, &call, body, &profile).await
        }
        ArmPath::Extension(profile, Extension::ClientAuthPolicies) => {
            client_auth_policy::list(&api, &call, &profile).await
        }
        ArmPath::Extension(profile, Extension::ClientAuthPolicy) => {
            client_auth_policy::answer(&api, &call, body, &profile).await
        }
        ArmPath::Extension(profile, Extension::ReadinessReport) => {
            readiness::answer(&api, &call, &profile).await
        }
        ArmPath::Extension(trusted, Extension::RevocationList(name)) => {
            revocation_list::answer(&api, &call, body, &trusted, &name).await
        }
        ArmPath::Extension(trusted, Extension::RevocationLists) => {
            revocation_list::list(&api, &call, &trusted).await
        }
        ArmPath::Gateway(id) => gateway::answer(&api, &call, body, &id).await,
        ArmPath::GatewayAction(id, action) => gateway::act(&api, &call, &id, action).await,
        ArmPath::GroupGateways(group) => gateway::list_in_group(&api, &call, &group).await,
        ArmPath::SubscriptionGateways(subscription) => {
            gateway::list_in_subscription(&api, &call, &subscription).await
        }
        ArmPath::Operation(subscription, id) => {
            operation::status(&api, &call, &subscription, id).await
        }
        ArmPath::OperationResult(subscription, id)
        | ArmPath::GroupOperationResult(subscription, id) => {
            operation::result(&api, &call, &subscription, id).await
        }
        ArmPath::Provider(subscription) => read_only(&call, Ok(provider::render(&subscription))),
        ArmPath::ResourceGroup(id) => resource_group::answer(&api, &call, body, &id).await,
        ArmPath::ResourceGroups(subscription) => {
            resource_group::list(&api, &call, &subscription).await
        }
        ArmPath::SslOptions(subscription) => {
            read_only(&call, Ok(ssl_option::options(&subscription)))
        }
        ArmPath::SslPolicies(subscription) => {
            read_only(&call, Ok(ssl_option::policies(&subscription)))
        }
        ArmPath::SslPolicy(subscription, name) => {
            read_only(&call, ssl_option::policy(&subscription, &name))
        }
    }
}

/// Answers with what is fixed.
fn read_only(call: &Call, body: Result<Value, ApiError>) -> Result<Response, ApiError> {
    call.only_get()?;
    Ok(reply::resource(StatusCode::OK, body?))
}
