//! `If-Match` and `If-None-Match`.

use http::{HeaderMap, HeaderName, header};

use super::error::ApiError;
use crate::store::Precondition;

/// Reads both headers; repeated ones count as one list (RFC 9110, section 5.3).
///
/// # Errors
/// 400 for a malformed list, for both headers at once, and for `If-None-Match` with anything but `*`.
pub(super) fn of(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let if_match = list(headers, &header::IF_MATCH)?;
    let if_none_match = list(headers, &header::IF_NONE_MATCH)?;
    match (if_match, if_none_match) {
        (None, None) => Ok(Precondition::None),
        (Some(etags), None) if is_any(&etags) => Ok(Precondition::Exists),
        (Some(etags), None) => Ok(Precondition::ETag(etags)),
        (None, Some(etags)) if is_any(&etags) => Ok(Precondition::Absent),
        (None, Some(_)) => Err(invalid("If-None-Match takes only '*'.", "If-None-Match")),
        (Some(_), Some(_)) => Err(invalid(
            "If-Match and If-None-Match exclude each other.",
            "If-Match",
        )),
    }
}

fn list(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Vec<String>>, ApiError> {
    let mut etags = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_not_ascii| malformed(name))?;
        etags.extend(
            text.split(',')
                .map(str::trim)
                .filter(|etag| !etag.is_empty())
                .map(str::to_owned),
        );
    }
    match (headers.contains_key(name), etags.is_empty()) {
        (false, _) => Ok(None),
        (true, true) => Err(malformed(name)),
        (true, false) => Ok(Some(etags)),
    }
}

fn is_any(etags: &[String]) -> bool {
    etags.iter().any(|etag| etag == "*")
}

fn malformed(name: &HeaderName) -> ApiError {
    invalid(
        "The header must hold '*' or a list of ETags.",
        name.as_str(),
    )
}

fn invalid(message: &str, target: &str) -> ApiError {
    ApiError::bad_request("InvalidHeaderValue", message).target(target)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_headers_become_one_precondition() {
        check(&[], Some(Precondition::None));
        check(&[("if-match", "*")], Some(Precondition::Exists));
        check(&[("if-none-match", " * ")], Some(Precondition::Absent));
        let two = Precondition::ETag(vec!["W/\"a\"".to_owned(), "\"b\"".to_owned()]);
        check(&[("if-match", "W/\"a\", \"b\"")], Some(two.clone()));
        check(&[("if-match", "W/\"a\""), ("if-match", "\"b\"")], Some(two));
        check(&[("if-match", "")], None);
        check(&[("if-none-match", "\"a\"")], None);
        check(&[("if-match", "*"), ("if-none-match", "*")], None);
    }

    fn check(headers: &[(&'static str, &'static str)], expected: Option<Precondition>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(of(&map).ok(), expected, "{headers:?}");
    }
}
