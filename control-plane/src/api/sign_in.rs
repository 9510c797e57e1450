//! Who calls: from the bearer token of a request to a principal (RFC 6750).

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Api, error::ApiError};
use crate::{
    principal::Principal,
    token::{Refused, Verified},
};

/// The principal that a request's token speaks for.
///
/// # Errors
/// 401 with a challenge when there is no good token; 503 when the keys of its issuer are away.
pub(super) async fn caller(api: &Api, headers: &HeaderMap) -> Result<Principal, ApiError> {
    let Some(token) = bearer(headers) else {
        api.parts.metrics.count_sign_in("absent");
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(challenge(
            api,
            "AuthenticationFailed",
            message,
            "invalid_request",
        ));
    };
    let now = api.parts.clock.now();
    let verified = match api.parts.issuers.verify(now, token).await {
        Ok(verified) => verified,
        Err(refused) => return Err(not_taken(api, refused)),
    };
    let principal = principal(verified);
    if !still_exists(api, &principal).await? {
        api.parts.metrics.count_sign_in("unknown_principal");
        let message = "The service principal of the access token does not exist any more.";
        return Err(challenge(
            api,
            "InvalidAuthenticationToken",
            message,
            "invalid_token",
        ));
    }
    api.parts.metrics.count_sign_in("accepted");
    Ok(principal)
}

/// A token outlives its service principal by minutes; its rights must not.
async fn still_exists(api: &Api, principal: &Principal) -> Result<bool, ApiError> {
    if principal.issuer != Principal::BUILT_IN {
        return Ok(true);
    }
    Ok(api.store().has_service_principal(&principal.id).await?)
}

fn principal(verified: Verified) -> Principal {
    let name = verified.name.clone();
    Principal {
        issuer: verified.issuer.as_str().to_owned(),
        name: name.unwrap_or_else(|| verified.subject.clone()),
        id: verified.subject,
        application: verified.application,
    }
}

/// The token; the scheme's name matches in any case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

fn not_taken(api: &Api, refused: Refused) -> ApiError {
    api.parts.metrics.count_sign_in(refused.label());
    tracing::info!(reason = refused.label(), "an access token is refused");
    match refused {
        Refused::KeysUnavailable => {
            let message =
                "The keys of the access token's issuer are not available at the moment. Try again.";
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                message,
            )
            .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        }
        Refused::Expired => {
            let message = "The access token has expired.";
            challenge(api, "ExpiredAuthenticationToken", message, "invalid_token")
        }
        Refused::Audience => {
            let message = "The access token is for another audience.";
            challenge(
                api,
                "InvalidAuthenticationTokenAudience",
                message,
                "invalid_token",
            )
        }
        _ => {
            let message = "The access token is invalid.";
            challenge(api, "InvalidAuthenticationToken", message, "invalid_token")
        }
    }
}

/// Says where tokens are to be had, as ARM does.
fn challenge(api: &Api, code: &'static str, message: &str, error: &str) -> ApiError {
    let mut challenge = format!("Bearer error=\"{error}\", error_description=\"{message}\"");
    if let Some(url) = &api.parts.public_url {
        let tenant = api.parts.issuers.tenant();
        challenge = format!(
            "Bearer authorization_uri=\"{url}/{tenant}\", error=\"{error}\", error_description=\"{message}\""
        );
    }
    let challenge =
        HeaderValue::from_str(&challenge).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    ApiError::unauthorized(code, message, challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, token: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        assert_eq!(bearer(&headers), token, "{value}");
    }

    #[test]
    fn only_bearer_tokens_are_taken() {
        check("Bearer abc", Some("abc"));
        check("bearer  abc ", Some("abc"));
        check("Basic abc", None);
        check("Bearer", None);
        check("abc", None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
