//! A caller of the API without a socket.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use control_plane::{
    access::Scope,
    api::{Api, ApiParts, Metrics},
    clock::Clock,
    permit::Permit,
    principal::Principal,
    reconcile::{self, Reconciler},
    role::Role,
    settings::SignInSettings,
    store::{RoleAssignment, ServicePrincipal, Store},
    token::{Grant, Issuers},
};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::document::GROUP;
use crate::{database::Database, fixture};

pub(crate) const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
pub(crate) const VERSION: &str = "api-version=2026-03-01";

const ORIGIN: &str = "https://gateway.example:8443";

/// Sends requests to a router over a store, at a fixed time.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) issuers: Issuers,
    /// The `Authorization` header of its requests; empty: none.
    authorization: String,
    router: Arc<Router>,
    reconciler: Arc<Reconciler>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `Value::Null` for an empty body.
    pub(crate) body: Value,
}

impl Caller {
    pub(crate) async fn new(database: &Database) -> Self {
        let store = database.open().await;
        let clock = Clock::fixed(fixture::now());
        let settings = SignInSettings {
            token_lifetime: Some(Duration::from_hours(1)),
            issuers: Vec::new(),
        };
        let issuers = Issuers::open(&settings, store.clone(), clock.clone());
        let issuers = issuers.await.unwrap();
        let api = Api::new(ApiParts {
            store: store.clone(),
            clock: clock.clone(),
            metrics: Metrics::register(&mut Registry::default()),
            issuers: issuers.clone(),
            operation_deadline: Duration::from_secs(30),
            public_url: None,
            worker_ca_pin: [9; 32],
            scheme: "https",
        });
        let metrics = reconcile::Metrics::register(&mut Registry::default());
        let reconciler = Reconciler::new(store.clone(), clock.clone(), metrics);
        let caller = Self {
            store,
            clock,
            issuers,
            authorization: String::new(),
            router: Arc::new(api.router()),
            reconciler: Arc::new(reconciler),
        };
        caller.with_role(Role::Owner, &Scope::root()).await
    }

    /// The same API with a caller that has one role at one scope, and nothing else.
    pub(crate) async fn with_role(&self, role: Role, scope: &Scope) -> Self {
        let principal = self.add_principal().await;
        let permit = Permit::for_installation("test/write");
        let assignment = RoleAssignment {
            name: Uuid::new_v4().to_string(),
            scope: scope.clone(),
            issuer: Principal::BUILT_IN.to_owned(),
            principal_id: principal.id.clone(),
            principal_type: "ServicePrincipal".to_owned(),
            role,
            description: String::new(),
            created_by: "test".to_owned(),
            created_at: self.clock.now(),
        };
        let added = self.store.add_role_assignment(&permit, &assignment).await;
        added.unwrap();
        self.signed_in(&principal).await
    }

    /// The same API with a caller that has no role.
    pub(crate) async fn without_role(&self) -> Self {
        let principal = self.add_principal().await;
        self.signed_in(&principal).await
    }

    /// The same API with another `Authorization` header; empty: none.
    pub(crate) fn with_authorization(&self, authorization: &str) -> Self {
        Self {
            authorization: authorization.to_owned(),
            ..self.clone()
        }
    }

    /// The `Authorization` header of its requests.
    pub(crate) fn authorization(&self) -> &str {
        &self.authorization
    }

    async fn add_principal(&self) -> ServicePrincipal {
        let (id, now) = (Uuid::new_v4().to_string(), self.clock.now());
        let principal = ServicePrincipal {
            name: format!("principal-{id}"),
            display_name: "somebody".to_owned(),
            application_id: Uuid::new_v4().to_string(),
            id,
            created_at: now,
            updated_at: now,
        };
        let permit = Permit::for_installation("test/write");
        let put = self.store.put_service_principal(&permit, &principal).await;
        put.unwrap().0
    }

    async fn signed_in(&self, principal: &ServicePrincipal) -> Self {
        let grant = Grant {
            object_id: principal.id.clone(),
            application_id: principal.application_id.clone(),
            name: principal.display_name.clone(),
            lifetime: Duration::from_hours(1),
        };
        let built_in = self.issuers.built_in().unwrap();
        let issued = built_in.issue(self.clock.now(), grant).await.unwrap();
        self.with_authorization(&format!("Bearer {}", issued.token.as_str()))
    }

    /// With the resource group of [`super::document::GROUP`].
    pub(crate) async fn with_group(database: &Database) -> Self {
        let caller = Self::new(database).await;
        caller
            .put(GROUP, &json!({ "location": "westeurope" }))
            .await
            .assert_status(201);
        caller
    }

    /// Judges all operations, as the reconciler does.
    pub(crate) async fn settle(&self) {
        self.reconciler.pass(self.clock.now()).await.unwrap();
    }

    /// Settles, and tells how the operation of a reply ended.
    pub(crate) async fn finish(&self, reply: &Reply) -> String {
        self.settle().await;
        let status = self.get(&reply.path_in("azure-asyncoperation")).await;
        status.assert_status(200).body["status"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Names of all items of a list, page after page.
    pub(crate) async fn names(&self, path: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = self.get(&path).await;
            let items = page.assert_status(200).body["value"].as_array().unwrap();
            names.extend(
                items
                    .iter()
                    .map(|item| item["name"].as_str().unwrap().to_owned()),
            );
            next = page.body["nextLink"]
                .as_str()
                .map(|link| link.strip_prefix(ORIGIN).unwrap().to_owned());
        }
        names
    }

    /// Path and query of an absolute URL in a reply.
    pub(crate) fn path_of(url: &str) -> String {
        url.strip_prefix(ORIGIN).unwrap().to_owned()
    }

    /// Sends a request as it is, with the caller's token where it has none.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Reply {
        if !self.authorization.is_empty() && !request.headers().contains_key("authorization") {
            let own = self.authorization.parse().unwrap();
            request.headers_mut().insert("authorization", own);
        }
        let response = self.router.as_ref().clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Sends a request with the usual headers; `path` may lack the api-version.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let separator = if path.contains('?') { '&' } else { '?' };
        let uri = if path.contains("api-version=") {
            path.to_owned()
        } else {
            format!("{path}{separator}{VERSION}")
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "gateway.example:8443");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    /// The same API with a caller that signs in with client id and secret; else the reply of the token endpoint.
    pub(crate) async fn sign_in(&self, client: &Value, secret: &Value) -> Result<Self, Reply> {
        let tenant = self.issuers.tenant();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            text(client),
            text(secret),
            "https%3A%2F%2Fgateway.example%3A8443%2F%2F.default"
        );
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/{tenant}/oauth2/v2.0/token"))
            .header("host", "gateway.example:8443")
            .body(Body::from(form));
        let stranger = self.with_authorization("");
        let reply = stranger.send(request.unwrap()).await;
        match reply.body["access_token"].as_str() {
            Some(token) => Ok(self.with_authorization(&format!("Bearer {token}"))),
            None => Err(reply),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, &[], body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &[], &Value::Null).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PUT, path, &[], body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, &[], &Value::Null).await
    }
}

impl Reply {
    /// A header as text; empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Path and query of an absolute URL in a header.
    pub(crate) fn path_in(&self, header: &str) -> String {
        let url = self.header(header);
        let path = url.strip_prefix(ORIGIN);
        path.unwrap_or_else(|| {
            panic!("{header}: {url:?} does not lie below the host of the request")
        })
        .to_owned()
    }

    #[track_caller]
    pub(crate) fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    /// Checks status and ARM error code, and the shape of the error.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.body["error"]["code"], code, "{:#}", self.body);
        assert!(
            self.body["error"]["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
        assert_eq!(self.header("content-type"), "application/json");
        self
    }
}
