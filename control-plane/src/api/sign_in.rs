//! Who calls: from the bearer token of a request to a principal (RFC 6750).

use http::{HeaderMap, HeaderValue, StatusCode, header};
use uuid::Uuid;

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
    let Some(principal) = principal(verified) else {
        return Err(not_taken(api, Refused::Malformed));
    };
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

/// `None`: an id that no role assignment can have. GUIDs count without case, as there. The other texts are for people:
/// issuers let users choose them.
fn principal(verified: Verified) -> Option<Principal> {
    let id = match Uuid::parse_str(&verified.subject) {
        Ok(id) => id.to_string(),
        Err(_other) => verified.subject,
    };
    if id.is_empty() || id.len() > MAX_TEXT || id.chars().any(char::is_control) {
        return None;
    }
    let name = verified.name.map(|name| shown(&name));
    Some(Principal {
        issuer: verified.issuer.as_str().to_owned(),
        name: name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| id.clone()),
        application: verified.application.map(|application| shown(&application)),
        id,
    })
}

/// So much of a text as fits into logs, messages and the audit.
fn shown(text: &str) -> String {
    let visible = text.chars().filter(|character| !character.is_control());
    visible.take(MAX_TEXT / 4).collect()
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

/// Bytes of a principal's id, as in role assignments.
const MAX_TEXT: usize = 256;

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::token::IssuerName;

    fn named(subject: &str, name: &str) -> Option<Principal> {
        principal(Verified {
            issuer: IssuerName::built_in(),
            subject: subject.to_owned(),
            application: None,
            name: Some(name.to_owned()),
            tenant: None,
            expires_at: OffsetDateTime::UNIX_EPOCH,
        })
    }

    #[test]
    fn what_an_issuer_says_of_a_principal_is_made_fit_to_store_and_show() {
        let guid = "ABCDEFAB-1111-1111-1111-111111111111";
        assert_eq!(named(guid, "n").unwrap().id, guid.to_lowercase());
        assert_eq!(named("user|1", "a\0b\nc").unwrap().name, "abc");
        assert_eq!(named("user|1", "\n").unwrap().name, "user|1");
        assert_eq!(
            named("u", &"é".repeat(300)).unwrap().name.chars().count(),
            64
        );
        for unfit in ["", "a\0", "a\n", &"x".repeat(257)] {
            assert_eq!(named(unfit, "n"), None, "{unfit:?}");
        }
    }

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
