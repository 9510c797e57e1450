//! The token endpoint: client credentials for a token (RFC 6749 section 4.4), by password or assertion (RFC 7523).

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Api;
use crate::{
    credential::{Assertion, Password},
    store::{Credential, Proof, ServicePrincipal, StoreError},
    telemetry::Chain,
    token::Grant,
};

/// What a client may say. Others are ignored, as RFC 6749 section 3.2 demands.
#[derive(Default, Deserialize)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    client_assertion_type: Option<String>,
    client_assertion: Option<Zeroizing<String>>,
    scope: Option<String>,
    resource: Option<String>,
}

/// A request to the token endpoint, besides its body.
pub(super) struct TokenRequest<'a> {
    /// As in the path.
    pub(super) tenant: &'a str,
    /// The URL of this endpoint as the client wrote it.
    pub(super) url: String,
    /// The API's base URL.
    pub(super) base: String,
    /// Of the request.
    pub(super) headers: &'a HeaderMap,
    /// For the log.
    pub(super) correlation_id: &'a str,
}

/// Why no token is issued (RFC 6749 section 5.2), with Entra's number for it where clients know one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denied {
    Busy,
    Form,
    Grant,
    Client,
    Scope,
    Tenant,
    Unavailable,
    Off,
}

/// Answers a request for a token.
pub(super) async fn answer(api: &Api, request: &TokenRequest<'_>, body: Body) -> Response {
    match issue(api, request, body).await {
        Ok(response) => response,
        Err(denied) => denied.respond(request.correlation_id),
    }
}

async fn issue(api: &Api, request: &TokenRequest<'_>, body: Body) -> Result<Response, Denied> {
    let built_in = api.parts.issuers.built_in().ok_or(Denied::Off)?;
    if !is_tenant(request.tenant, built_in.tenant()) {
        return Err(Denied::Tenant);
    }
    let form = Form::read(request.headers, body).await?;
    if form.grant_type.as_deref() != Some("client_credentials") {
        return Err(Denied::Grant);
    }
    form.check_resource(&[request.base.as_str(), built_in.audience()])?;
    let principal = authenticate(api, request, form).await?;
    let grant = Grant {
        object_id: principal.id.clone(),
        application_id: principal.application_id.clone(),
        name: principal.display_name.clone(),
        lifetime: built_in.lifetime(),
    };
    let issued = built_in.issue(api.parts.clock.now(), grant).await;
    let issued = issued.map_err(|error| unavailable(&error))?;
    tracing::info!(
        principal = principal.id,
        application = principal.application_id,
        "signed in"
    );
    let seconds = issued.expires_in.as_secs();
    let body = Json(json!({
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": issued.token.as_str(),
    }));
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    Ok((headers, body).into_response())
}

impl Form {
    async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Denied> {
        let collected = timeout(BODY_DEADLINE, Limited::new(body, MAX_FORM).collect()).await;
        let bytes = match collected {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(_)) | Err(_) => return Err(Denied::Form),
        };
        let uri = format!(
            "/?{}",
            std::str::from_utf8(&bytes).map_err(|_| Denied::Form)?
        );
        let uri = uri.parse().map_err(|_| Denied::Form)?;
        let axum::extract::Query(mut form) =
            axum::extract::Query::<Self>::try_from_uri(&uri).map_err(|_| Denied::Form)?;
        if let Some((client, secret)) = basic(headers)? {
            form.client_id = Some(client);
            form.client_secret = Some(secret);
        }
        Ok(form)
    }

    /// `scope` is `{resource}/.default` (v2.0), `resource` the same without the end (v1.0). Slashes at the end do not
    /// count: az writes two of them.
    fn check_resource(&self, known: &[&str]) -> Result<(), Denied> {
        let trim = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
        let asked = match (&self.scope, &self.resource) {
            (Some(scope), _) => {
                let mut resources = scope
                    .split_ascii_whitespace()
                    .filter(|scope| !PROTOCOL_SCOPES.contains(scope));
                let first = resources.next().ok_or(Denied::Scope)?;
                if resources.next().is_some() {
                    return Err(Denied::Scope);
                }
                first.strip_suffix("/.default").ok_or(Denied::Scope)?
            }
            (None, Some(resource)) => resource.as_str(),
            (None, None) => return Ok(()),
        };
        let fits = known.iter().any(|known| trim(known) == trim(asked));
        fits.then_some(()).ok_or(Denied::Scope)
    }
}

/// Finds out who the client is, in the same time and with the same words whether it does not exist or shows the wrong
/// secret.
async fn authenticate(
    api: &Api,
    request: &TokenRequest<'_>,
    form: Form,
) -> Result<ServicePrincipal, Denied> {
    match (form.client_secret, form.client_assertion) {
        (Some(secret), None) => {
            let client = form.client_id.ok_or(Denied::Form)?;
            by_password(api, &client, secret).await
        }
        (None, Some(text)) => {
            if form.client_assertion_type.as_deref() != Some(JWT_BEARER) {
                return Err(Denied::Form);
            }
            by_assertion(api, request, form.client_id.as_deref(), &text).await
        }
        (None, None) | (Some(_), Some(_)) => Err(Denied::Form),
    }
}

async fn by_password(
    api: &Api,
    client: &str,
    secret: Zeroizing<String>,
) -> Result<ServicePrincipal, Denied> {
    let found = find(api, client).await?;
    let now = api.parts.clock.now();
    let hashes: Vec<String> = match &found {
        Some((_, credentials)) => credentials
            .iter()
            .filter(|credential| credential.is_good(now))
            .filter_map(|credential| match &credential.proof {
                Proof::Password { hash, .. } => Some(hash.clone()),
                Proof::Certificate { .. } => None,
            })
            .collect(),
        None => Vec::new(),
    };
    // Whoever makes up client ids queues with others who do, and not before those who have a password.
    let turn = if hashes.is_empty() {
        api.load.stranger().await
    } else {
        api.load.sign_in().await
    };
    let turn = turn.map_err(|_busy| Denied::Busy)?;
    let matching = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if hashes.is_empty() {
            Password::matches_nobody(&secret);
        }
        hashes.iter().any(|hash| Password::matches(&secret, hash))
    });
    let matching = matching.await.map_err(|_panicked| Denied::Unavailable)?;
    match found {
        Some((principal, _)) if matching => Ok(principal),
        _ => {
            tracing::info!(
                application = shown(client),
                reason = "password",
                "sign-in refused"
            );
            Err(Denied::Client)
        }
    }
}

async fn by_assertion(
    api: &Api,
    request: &TokenRequest<'_>,
    client: Option<&str>,
    text: &str,
) -> Result<ServicePrincipal, Denied> {
    let refuse = |client: &str, reason: &dyn ToString| {
        let reason = reason.to_string();
        tracing::info!(application = shown(client), reason, "sign-in refused");
        Denied::Client
    };
    let assertion = Assertion::parse(text).map_err(|error| refuse("", &error))?;
    let client = client.unwrap_or_else(|| assertion.client());
    let Some((principal, credentials)) = find(api, client).await? else {
        return Err(refuse(client, &"unknown client"));
    };
    let now = api.parts.clock.now();
    let certificate = credentials
        .iter()
        .find_map(|credential| match &credential.proof {
            Proof::Certificate { der } if credential.is_good(now) && assertion.names(der) => {
                Some(der)
            }
            _ => None,
        });
    let certificate =
        certificate.ok_or_else(|| refuse(client, &"no certificate of this client"))?;
    let audiences = [request.url.clone(), request.base.clone()];
    assertion
        .verify(now, &principal.application_id, &audiences, certificate)
        .map_err(|error| refuse(client, &error))?;
    let fresh = api
        .store()
        .use_assertion(&assertion.sha256(), assertion.ends_at(), now)
        .await
        .map_err(|error| unavailable(&error))?;
    if fresh {
        Ok(principal)
    } else {
        Err(refuse(client, &"the assertion was used before"))
    }
}

async fn find(
    api: &Api,
    client: &str,
) -> Result<Option<(ServicePrincipal, Vec<Credential>)>, Denied> {
    // Postgres refuses a text with NUL.
    if client.len() > MAX_CLIENT || client.contains('\0') {
        return Ok(None);
    }
    let found = api.store().find_application(client).await;
    found.map_err(|error| unavailable(&error))
}

impl Denied {
    /// Status, `error`, Entra's number and what to do about it.
    fn parts(self) -> (StatusCode, &'static str, u32, &'static str) {
        match self {
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                90_033,
                "Too many clients sign in at the moment. Try again.",
            ),
            Self::Client => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                7_000_215,
                "Invalid client: its id, secret or assertion is wrong or has expired.",
            ),
            Self::Form => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                900_144,
                "The body must be a form with grant_type, client_id, and either client_secret or client_assertion with \
                 client_assertion_type.",
            ),
            Self::Grant => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                70_003,
                "Only grant_type=client_credentials is supported.",
            ),
            Self::Off => (
                StatusCode::BAD_REQUEST,
                "unauthorized_client",
                700_016,
                "The built-in token service is switched off: get tokens from one of the configured issuers.",
            ),
            Self::Scope => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                500_011,
                "The scope must be the URL of this API followed by /.default.",
            ),
            Self::Tenant => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                90_002,
                "The tenant was not found: it is the tenantId that the control plane tells at its start.",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                90_033,
                "The token service is not available at the moment. Try again.",
            ),
        }
    }

    fn respond(self, correlation_id: &str) -> Response {
        let (status, error, number, description) = self.parts();
        let body = Json(json!({
            "error": error,
            "error_description": format!("AADSTS{number}: {description}"),
            "error_codes": [number],
            "correlation_id": correlation_id,
        }));
        let mut response = (status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

/// Clients write the tenant's id, or a word for whichever there is.
fn is_tenant(sent: &str, own: &str) -> bool {
    [own, "adfs", "common", "organizations"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(sent))
}

/// `client_secret_basic` (RFC 6749 section 2.3.1); `None`: the request does not use it.
fn basic(headers: &HeaderMap) -> Result<Option<(String, Zeroizing<String>)>, Denied> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Denied::Form)?;
    let encoded = text
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .map(|(_, encoded)| encoded.trim());
    let decoded = BASE64_STANDARD
        .decode(encoded.ok_or(Denied::Form)?)
        .map_err(|_| Denied::Form)?;
    let decoded = Zeroizing::new(String::from_utf8(decoded).map_err(|_| Denied::Form)?);
    let (client, secret) = decoded.split_once(':').ok_or(Denied::Form)?;
    Ok(Some((client.to_owned(), Zeroizing::new(secret.to_owned()))))
}

fn unavailable(error: &StoreError) -> Denied {
    tracing::error!(error = %Chain(error), "nobody can sign in");
    Denied::Unavailable
}

/// A client id for the log: what is no GUID may be a secret in the wrong place.
fn shown(client: &str) -> &str {
    if uuid::Uuid::parse_str(client).is_ok() {
        client
    } else {
        "(no client id)"
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const PROTOCOL_SCOPES: [&str; 3] = ["openid", "profile", "offline_access"];
const BODY_DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
const MAX_FORM: usize = 64 * 1024;
const MAX_CLIENT: usize = 128;
