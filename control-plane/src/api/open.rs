//! What is answered without a token: the API's own description, metadata, the token service's
//! configuration and keys, and tokens.

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use super::{
    Api, call,
    context::RequestContext,
    error::ApiError,
    metadata, openapi,
    path::OpenPath,
    token_endpoint::{self, TokenRequest},
};

/// Answers at a path that needs no token.
pub(super) async fn answer(
    api: &Api,
    context: &RequestContext,
    path: &OpenPath,
    parts: &Parts,
    body: Body,
) -> Result<Response, ApiError> {
    let base = call::base_url(api, parts)?;
    let url = format!("{base}{}", parts.uri.path());
    let issuers = &api.parts.issuers;
    let body = match path {
        OpenPath::Token(tenant) => {
            let request = TokenRequest {
                tenant,
                url,
                base,
                headers: &parts.headers,
                correlation_id: &context.correlation_id,
            };
            return Ok(token_endpoint::answer(api, &request, body).await);
        }
        OpenPath::OpenApi => return Ok(openapi::answer()),
        OpenPath::Metadata => {
            let query = call::query(&parts.uri)?;
            let version = call::find(&query, "api-version");
            metadata::endpoints(&base, issuers.tenant(), version)
        }
        OpenPath::OpenIdConfiguration => {
            let issuer = issuers.built_in().ok_or_else(switched_off)?.issuer();
            let authority = url.split("/.well-known/").next().unwrap_or_default();
            let authority = authority.strip_suffix("/v2.0").unwrap_or(authority);
            metadata::openid_configuration(authority, &base, issuer)
        }
        OpenPath::KeySet => {
            let built_in = issuers.built_in().ok_or_else(switched_off)?;
            built_in.key_set(api.parts.clock.now()).await?
        }
    };
    Ok((StatusCode::OK, Json(body)).into_response())
}

fn switched_off() -> ApiError {
    let message = "The built-in token service is switched off.";
    ApiError::not_found("TokenServiceDisabled", message)
}
