//! Lists in parts: `$top`, `$skiptoken` and `nextLink`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{call::Call, error::ApiError};
use crate::store::{Listing, Page};

/// The part that a request asks for.
///
/// # Errors
/// 400 for a malformed parameter.
pub(super) fn of(call: &Call) -> Result<Page, ApiError> {
    let limit = match call.parameter("$top") {
        None => Ok(DEFAULT_LIMIT),
        Some(top) => top
            .parse::<u32>()
            .ok()
            .filter(|top| *top > 0)
            .ok_or_else(|| {
                ApiError::bad_request(
                    "InvalidTopParameter",
                    "$top must be a whole number above 0.",
                )
                .target("$top")
            }),
    }?;
    let after = call.parameter("$skiptoken").map(decode).transpose()?;
    Ok(Page {
        after,
        limit: limit.min(Page::MAX),
    })
}

/// `{"value": [...], "nextLink": ...}`; the link is absolute and absent on the last part.
pub(super) fn render<T>(
    call: &Call,
    page: &Page,
    path: &str,
    listing: Listing<T>,
    item: impl Fn(T) -> Value,
) -> Value {
    let mut reply = Map::new();
    let items: Vec<Value> = listing.items.into_iter().map(item).collect();
    reply.insert("value".to_owned(), Value::Array(items));
    if let Some(next) = listing.next {
        let link = next_link(call, page, path, &next);
        reply.insert("nextLink".to_owned(), Value::String(link));
    }
    Value::Object(reply)
}

/// As [`next_link`], and repeats the named parameters of the request.
pub(super) fn next_link_with(
    call: &Call,
    page: &Page,
    path: &str,
    next: &str,
    parameters: &[&str],
) -> String {
    let mut link = next_link(call, page, path, next);
    for name in parameters {
        if let Some(value) = call.parameter(name) {
            let pair = [(*name, value)];
            let mut query = form_urlencoded::Serializer::new(String::new());
            link.push('&');
            link.push_str(&query.extend_pairs(pair).finish());
        }
    }
    link
}

/// The absolute URL of the part that begins at `next`.
pub(super) fn next_link(call: &Call, page: &Page, path: &str, next: &str) -> String {
    let token = BASE64_URL_SAFE_NO_PAD.encode(next);
    let (version, limit) = (&call.api_version, page.limit);
    call.url(&format!(
        "{path}?api-version={version}&%24top={limit}&%24skiptoken={token}"
    ))
}

/// 400: not a continuation token of this list.
pub(super) fn invalid_token() -> ApiError {
    ApiError::bad_request(
        "InvalidSkipToken",
        "$skiptoken is not one that this API gave.",
    )
    .target("$skiptoken")
}

fn decode(token: &str) -> Result<String, ApiError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        // Postgres refuses a text with NUL.
        .filter(|token| !token.contains('\0'))
        .ok_or_else(invalid_token)
}

const DEFAULT_LIMIT: u32 = 100;
