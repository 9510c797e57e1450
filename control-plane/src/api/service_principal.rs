//! `Portcullis.Security/servicePrincipals`: the principals of the built-in token service, and their credentials.
//!
//! In Azure they are objects of Microsoft Graph; the names of the actions are Graph's.

use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use model::ResourceName;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    Api,
    call::{Call, RequestBody},
    error::ApiError,
    path::CredentialAction,
    reply,
    role_assignment::last_owner,
};
use crate::{
    credential::Password,
    parse::{self, WantedCredential},
    store::{Credential, Proof, ServicePrincipal, StoreError},
};

/// Answers at `/providers/Portcullis.Security/servicePrincipals`. Credentials are shown one by one only.
pub(super) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let found = api.store().list_service_principals(call.read()).await?;
    let value: Vec<Value> = found.iter().map(|one| render(one, None)).collect();
    Ok(reply::resource(StatusCode::OK, json!({ "value": value })))
}

/// Answers at `/providers/Portcullis.Security/servicePrincipals/{name}`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    name: &ResourceName,
) -> Result<Response, ApiError> {
    match *call.method() {
        Method::PUT => {
            let (body, _room) = body.json(api).await?;
            let display_name = parse::service_principal(&body)?;
            put(api, call, name, display_name).await
        }
        Method::DELETE => delete(api, call, name).await,
        _ => {
            let (principal, credentials) = load(api, call, name).await?;
            let body = render(&principal, Some(&credentials));
            Ok(reply::resource(StatusCode::OK, body))
        }
    }
}

/// Answers at `/providers/Portcullis.Security/servicePrincipals/{name}/addPassword` and the like.
pub(super) async fn act(
    api: &Api,
    call: &Call,
    body: RequestBody,
    name: &ResourceName,
    action: CredentialAction,
) -> Result<Response, ApiError> {
    let (body, _room) = body.json(api).await?;
    match action {
        CredentialAction::AddPassword => {
            add_password(api, call, name, parse::new_password(&body)?).await
        }
        CredentialAction::AddKey => add_key(api, call, name, parse::new_certificate(&body)?).await,
        CredentialAction::RemoveKey | CredentialAction::RemovePassword => {
            let id = parse::credential_id(&body)?;
            remove(api, call, name, &id).await
        }
    }
}

async fn put(
    api: &Api,
    call: &Call,
    name: &ResourceName,
    display_name: Option<String>,
) -> Result<Response, ApiError> {
    let now = api.parts.clock.now();
    let wanted = ServicePrincipal {
        id: Uuid::new_v4().to_string(),
        name: name.as_str().to_ascii_lowercase(),
        display_name: display_name.unwrap_or_else(|| name.to_string()),
        application_id: Uuid::new_v4().to_string(),
        created_at: now,
        updated_at: now,
    };
    let (stored, new) = api
        .store()
        .put_service_principal(call.write()?, &wanted)
        .await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(reply::resource(status, render(&stored, None)))
}

async fn delete(api: &Api, call: &Call, name: &ResourceName) -> Result<Response, ApiError> {
    let now = api.parts.clock.now();
    let deleted = api
        .store()
        .delete_service_principal(call.write()?, name.as_str(), now)
        .await;
    match deleted {
        Ok(true) => Ok(reply::empty(StatusCode::OK)),
        Ok(false) => Ok(reply::empty(StatusCode::NO_CONTENT)),
        Err(StoreError::Conflict { .. }) => Err(last_owner()),
        Err(error) => Err(error.into()),
    }
}

/// The only reply that ever holds a password.
async fn add_password(
    api: &Api,
    call: &Call,
    name: &ResourceName,
    wanted: WantedCredential,
) -> Result<Response, ApiError> {
    let turn = api.load.sign_in().await?;
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let password = Password::generate()?;
        password.hash().map(|hash| (password, hash))
    });
    let (password, hash) = made
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)?;
    let hint = password.hint();
    let credential = credential(api, wanted, Proof::Password { hash, hint })?;
    add(api, call, name, &credential).await?;
    let mut body = rendered(&credential);
    if let Value::Object(members) = &mut body {
        let secret = password.reveal().to_owned();
        members.insert("secretText".to_owned(), Value::String(secret));
    }
    let mut response = reply::resource(StatusCode::OK, body);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn add_key(
    api: &Api,
    call: &Call,
    name: &ResourceName,
    mut wanted: WantedCredential,
) -> Result<Response, ApiError> {
    let missing = || ApiError::internal("a certificate credential without certificate");
    let der = wanted.certificate.take().ok_or_else(missing)?;
    let credential = credential(api, wanted, Proof::Certificate { der })?;
    add(api, call, name, &credential).await?;
    Ok(reply::resource(StatusCode::OK, rendered(&credential)))
}

async fn add(
    api: &Api,
    call: &Call,
    name: &ResourceName,
    credential: &Credential,
) -> Result<(), ApiError> {
    let (principal, _) = load(api, call, name).await?;
    let now = api.parts.clock.now();
    let added = api
        .store()
        .add_credential(call.write()?, &principal, credential, now)
        .await?;
    if added {
        return Ok(());
    }
    let message = "A service principal has at most 10 credentials: remove one first.";
    Err(ApiError::new(
        StatusCode::CONFLICT,
        "TooManyCredentials",
        message,
    ))
}

async fn remove(
    api: &Api,
    call: &Call,
    name: &ResourceName,
    id: &str,
) -> Result<Response, ApiError> {
    let (principal, _) = load(api, call, name).await?;
    let now = api.parts.clock.now();
    let removed = api
        .store()
        .delete_credential(call.write()?, &principal, id, now)
        .await?;
    if removed {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let message = format!("There is no credential '{id}'.");
    Err(ApiError::not_found("CredentialNotFound", message).target("keyId"))
}

fn credential(api: &Api, wanted: WantedCredential, proof: Proof) -> Result<Credential, ApiError> {
    let now = api.parts.clock.now();
    let ends_at = wanted.ends_at.unwrap_or(now + DEFAULT_LIFETIME);
    if ends_at <= now || ends_at > now + MAX_LIFETIME {
        let message = "Property endDateTime must lie ahead, by two years at most.";
        return Err(ApiError::bad_request("InvalidPropertyValue", message).target("endDateTime"));
    }
    Ok(Credential {
        id: Uuid::new_v4().to_string(),
        display_name: wanted.display_name,
        proof,
        starts_at: now,
        ends_at,
    })
}

async fn load(
    api: &Api,
    call: &Call,
    name: &ResourceName,
) -> Result<(ServicePrincipal, Vec<Credential>), ApiError> {
    let found = api
        .store()
        .find_service_principal(call.read(), name.as_str())
        .await?;
    found.ok_or_else(|| {
        let message = format!("The service principal '{name}' was not found.");
        ApiError::not_found("ResourceNotFound", message)
    })
}

fn render(principal: &ServicePrincipal, credentials: Option<&[Credential]>) -> Value {
    let mut properties = json!({
        "displayName": principal.display_name,
        "appId": principal.application_id,
        "principalId": principal.id,
        "createdAt": time(principal.created_at),
        "updatedAt": time(principal.updated_at),
    });
    if let (Value::Object(members), Some(credentials)) = (&mut properties, credentials) {
        let of = |password: bool| {
            let of_kind =
                |one: &&Credential| matches!(one.proof, Proof::Password { .. }) == password;
            Value::Array(credentials.iter().filter(of_kind).map(rendered).collect())
        };
        members.insert("passwordCredentials".to_owned(), of(true));
        members.insert("keyCredentials".to_owned(), of(false));
    }
    json!({
        "id": format!("/providers/Portcullis.Security/servicePrincipals/{}", principal.name),
        "name": principal.name,
        "type": "Portcullis.Security/servicePrincipals",
        "properties": properties,
    })
}

fn rendered(credential: &Credential) -> Value {
    let mut body = json!({
        "keyId": credential.id,
        "displayName": credential.display_name,
        "startDateTime": time(credential.starts_at),
        "endDateTime": time(credential.ends_at),
    });
    if let Value::Object(members) = &mut body {
        let (name, value) = match &credential.proof {
            Proof::Password { hint, .. } => ("hint", json!(hint)),
            Proof::Certificate { der } => (
                "sha256",
                json!(hex::encode(crate::certificate::sha256(der))),
            ),
        };
        members.insert(name.to_owned(), value);
    }
    body
}

fn time(at: OffsetDateTime) -> Value {
    json!(at.format(&Rfc3339).ok())
}

const DEFAULT_LIFETIME: Duration = Duration::days(365);
const MAX_LIFETIME: Duration = Duration::days(731);
