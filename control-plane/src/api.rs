//! The ARM-shaped REST API. Axum's types live in this module and nowhere else.
//!
//! One fallback handler takes every request: paths are matched here, without case, and not by axum, whose matcher
//! knows case only.

mod activity_log;
mod authorize;
mod call;
mod child;
mod client_auth_policy;
mod context;
mod error;
mod explain;
mod gateway;
mod json_body;
mod load;
mod metadata;
mod metrics;
mod open;
mod openapi;
mod operation;
mod page;
mod path;
mod precondition;
mod provider;
mod readiness;
mod record;
mod reply;
mod resource_group;
mod revocation_list;
mod role_assignment;
mod role_definition;
mod route;
mod service_principal;
mod sign_in;
mod ssl_option;
mod subscription;
mod throttle;
mod token_endpoint;
mod worker;
mod write;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::Response,
};
use http::{Method, StatusCode};
use serde_json::Value;

use self::{
    call::{Call, RequestBody},
    load::Load,
    path::{ArmPath, Extension},
    record::{Ended, Strangers},
    route::{Found, Operation},
    throttle::Throttle,
};
pub use self::{context::RequestContext, error::ApiError, metrics::Metrics};
use crate::{clock::Clock, listener::Peer, permit::Actor, store::Store, token::Issuers};

/// What the API works with. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    parts: Arc<ApiParts>,
    load: Arc<Load>,
    strangers: Arc<Strangers>,
    throttle: Throttle,
}

/// See [`Api`].
pub struct ApiParts {
    /// What is remembered.
    pub store: Store,
    /// Tells the time of a request.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// Whose tokens are taken.
    pub issuers: Issuers,
    /// How long workers have to put a change in force.
    pub operation_deadline: Duration,
    /// Scheme, host and port for absolute URLs; `None`: those of each request.
    pub public_url: Option<String>,
    /// SHA-256 of the public key of the worker CA, for join tokens.
    pub worker_ca_pin: [u8; 32],
    /// Scheme of URLs that are made from the `Host` header.
    pub scheme: &'static str,
}

impl Api {
    /// Joins the parts.
    pub fn new(parts: ApiParts) -> Self {
        Self {
            parts: Arc::new(parts),
            load: Arc::new(Load::new()),
            strangers: Arc::new(Strangers::new()),
            throttle: Throttle::default(),
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

/// Every operation of the route table, as OpenAPI id, template and methods; for the authorisation matrix of the tests.
#[doc(hidden)]
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static [Method])> {
    let of = |route: &'static route::Route| {
        let row = |one: &'static Operation| (one.id, route.template, one.verb.methods());
        route.operations.iter().map(row)
    };
    route::ROUTES.iter().flat_map(of)
}

impl Api {
    fn store(&self) -> &Store {
        &self.parts.store
    }
}

/// Who calls comes first, so that a stranger learns nothing, not even which paths there are; then whether the caller may;
/// then everything else.
async fn dispatch(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let context = parts.extensions.get::<RequestContext>().cloned();
    let context = context.ok_or_else(|| ApiError::internal("the request has no context"))?;
    let peer = parts.extensions.get::<Peer>().copied();
    let found = route::find(parts.uri.path());
    if let Ok(Found {
        route,
        path: ArmPath::Open(path),
    }) = &found
    {
        route.operation(&parts.method)?;
        return open::answer(&api, &context, path, &parts, body).await;
    }
    let principal = match sign_in::caller(&api, &parts.headers).await {
        Ok(principal) => principal,
        Err(refused) => {
            let resource = parts.uri.path();
            record::stranger(&api, &context, peer, resource, &refused).await;
            return Err(refused);
        }
    };
    let found = found?;
    tracing::Span::current().record("resource_id", found.path.resource());
    let operation = found.route.operation(&parts.method)?;
    let actor = Arc::new(Actor::new(
        principal,
        operation.action(&found.path),
        found.path.resource(),
        context.correlation_id,
        peer.map(|peer| peer.0.ip()),
    ));
    let request = Request::from_parts(parts, body);
    let answered = authorized(&api, &actor, found, operation, request).await;
    let ended = Ended::of(&answered);
    record::outcome(&api, &actor, operation, ended).await;
    answered
}

async fn authorized(
    api: &Api,
    actor: &Arc<Actor>,
    found: Found,
    operation: &Operation,
    request: Request,
) -> Result<Response, ApiError> {
    let now = api.parts.clock.now();
    let _running = api.throttle.enter(&actor.principal, now)?;
    let permits = authorize::permits(api, actor, &found, operation).await?;
    let (call, body) = Call::of(api, &found.path, permits, request)?;
    answer(api, &call, body, found.path).await
}

async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    path: ArmPath,
) -> Result<Response, ApiError> {
    match path {
        ArmPath::Child(id) => child::answer(api, call, body, &id).await,
        ArmPath::Children(id, collection) => child::list(api, call, &id, collection).await,
        ArmPath::ExplainClientCertificate(profile) => {
            explain::answer(api, call, body, &profile).await
        }
        ArmPath::Extension(profile, Extension::ClientAuthPolicies) => {
            client_auth_policy::list(api, call, &profile).await
        }
        ArmPath::Extension(profile, Extension::ClientAuthPolicy) => {
            client_auth_policy::answer(api, call, body, &profile).await
        }
        ArmPath::Extension(profile, Extension::ReadinessReport) => {
            readiness::answer(api, call, &profile).await
        }
        ArmPath::Extension(trusted, Extension::RevocationList(name)) => {
            revocation_list::answer(api, call, body, &trusted, &name).await
        }
        ArmPath::Extension(trusted, Extension::RevocationLists) => {
            revocation_list::list(api, call, &trusted).await
        }
        ArmPath::Gateway(id) => gateway::answer(api, call, body, &id).await,
        ArmPath::GatewayAction(id, action) => gateway::act(api, call, &id, action).await,
        ArmPath::GroupGateways(group) => gateway::list_in_group(api, call, &group).await,
        ArmPath::SubscriptionGateways(subscription) => {
            gateway::list_in_subscription(api, call, &subscription).await
        }
        ArmPath::Operation(subscription, id) => {
            operation::status(api, call, &subscription, id).await
        }
        ArmPath::OperationResult(subscription, id)
        | ArmPath::GroupOperationResult(subscription, id) => {
            operation::result(api, call, &subscription, id).await
        }
        ArmPath::ActivityLog(subscription) => {
            activity_log::list(api, call, subscription.as_ref()).await
        }
        ArmPath::Locations(subscription) => Ok(subscription::locations(&subscription)),
        ArmPath::RoleAssignment(scope, name) => {
            role_assignment::answer(api, call, body, &scope, name).await
        }
        ArmPath::RoleAssignments(scope) => role_assignment::list(api, call, &scope).await,
        ArmPath::RoleDefinition(scope, name) => role_definition::find(&scope, name),
        ArmPath::RoleDefinitions(scope) => role_definition::list(call, &scope),
        ArmPath::ServicePrincipal(name) => service_principal::answer(api, call, body, &name).await,
        ArmPath::ServicePrincipalAction(name, action) => {
            service_principal::act(api, call, body, &name, action).await
        }
        ArmPath::Worker(name) => worker::answer(api, call, body, &name).await,
        ArmPath::WorkerAction(name, action) => worker::act(api, call, body, &name, action).await,
        ArmPath::Workers => worker::list(api, call).await,
        ArmPath::ServicePrincipals => service_principal::list(api, call).await,
        ArmPath::Subscription(subscription) => Ok(subscription::find(api, &subscription)),
        ArmPath::Subscriptions => subscription::list(api, call).await,
        ArmPath::Tenants => Ok(subscription::tenants(api)),
        // Dispatched before anybody is asked who calls.
        ArmPath::Open(_) => Err(ApiError::internal("an open path asked for a token")),
        ArmPath::Provider(subscription) => read_only(Ok(provider::render(&subscription))),
        ArmPath::ResourceGroup(id) => resource_group::answer(api, call, body, &id).await,
        ArmPath::ResourceGroups(subscription) => {
            resource_group::list(api, call, &subscription).await
        }
        ArmPath::SslOptions(subscription) => read_only(Ok(ssl_option::options(&subscription))),
        ArmPath::SslPolicies(subscription) => read_only(Ok(ssl_option::policies(&subscription))),
        ArmPath::SslPolicy(subscription, name) => {
            read_only(ssl_option::policy(&subscription, &name))
        }
    }
}

/// Answers with what is fixed.
fn read_only(body: Result<Value, ApiError>) -> Result<Response, ApiError> {
    Ok(reply::resource(StatusCode::OK, body?))
}
