//! Host names, patterns and paths.

use std::net::IpAddr;

use rustls_pki_types::{DnsName, ServerName};

/// Longest DNS name.
const MAX_NAME: usize = 253;

/// A lower-case host pattern with `*` and `?`.
pub(super) fn pattern(text: &str) -> Result<Box<str>, String> {
    let allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '*' | '?')
    };
    if text.is_empty() || text.len() > MAX_NAME || !text.chars().all(allowed) {
        return Err(format!(
            "`{}` is not a lower-case host name or pattern",
            text.escape_debug()
        ));
    }
    Ok(text.into())
}

/// An IP literal without brackets, or a DNS name.
pub(super) fn endpoint(text: &str) -> Result<&str, String> {
    if text.parse::<IpAddr>().is_ok() || DnsName::try_from(text).is_ok() {
        return Ok(text);
    }
    Err(format!(
        "`{}` is neither an IP address nor a DNS name",
        text.escape_debug()
    ))
}

/// A name that a certificate can be verified for.
pub(super) fn server_name(text: &str) -> Result<Box<str>, String> {
    match ServerName::try_from(text) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err(format!(
            "`{}` is not a name that a certificate can have",
            text.escape_debug()
        )),
    }
}

/// A value for the Host header: a name or address, with or without port.
pub(super) fn authority(text: &str) -> Result<Box<str>, String> {
    match text.parse::<http::uri::Authority>() {
        Ok(authority) if !text.contains('@') && !authority.host().is_empty() => Ok(text.into()),
        Ok(_) | Err(_) => Err(format!("`{}` is not a host", text.escape_debug())),
    }
}

/// Empty, or a path that starts and ends with `/`.
pub(super) fn path_prefix(text: &str) -> Result<Box<str>, String> {
    let is_path = |text: &str| {
        let parsed = text.parse::<http::uri::PathAndQuery>();
        parsed.is_ok_and(|parsed| parsed.query().is_none() && parsed.path() == text)
    };
    if text.is_empty() || (text.starts_with('/') && text.ends_with('/') && is_path(text)) {
        return Ok(text.into());
    }
    Err(format!(
        "`{}` is not a path that starts and ends with /",
        text.escape_debug()
    ))
}

/// 1 to 65535.
pub(super) fn port(number: u32) -> Result<u16, String> {
    u16::try_from(number)
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| format!("{number} is not a port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T, E>(
        parse: impl Fn(&'static str) -> Result<T, E>,
        good: &[&'static str],
        bad: &[&'static str],
    ) {
        for text in good {
            assert!(parse(text).is_ok(), "{text:?} should be good");
        }
        for text in bad {
            assert!(parse(text).is_err(), "{text:?} should be bad");
        }
    }

    #[test]
    fn patterns_are_lower_case_names_with_wildcards() {
        check(
            pattern,
            &["example.com", "*.example.com", "a?c.x_y-z"],
            &["", "Example.com", "a b", "a:1", "ä.de", "a/b"],
        );
        assert!(pattern(&"a".repeat(254)).is_err());
    }

    #[test]
    fn endpoints_are_addresses_or_names() {
        check(
            endpoint,
            &["192.0.2.1", "2001:db8::1", "backend", "a.example"],
            &["", "[::1]", "a b", "a:80", "-.x", "http://x"],
        );
    }

    #[test]
    fn hosts_have_no_user_and_no_path() {
        check(
            authority,
            &["a.example", "a.example:8080", "[::1]:80"],
            &["", "u@a", "a/b", "a b", ":80"],
        );
    }

    #[test]
    fn path_prefixes_are_whole_segments() {
        check(
            path_prefix,
            &["", "/", "/a/", "/a/b/"],
            &["a/", "/a", "/a?/", "/a#/", "/ä /", "/a b/"],
        );
    }

    #[test]
    fn ports_are_not_zero() {
        assert_eq!(port(1), Ok(1));
        assert_eq!(port(65_535), Ok(65_535));
        assert!(port(0).is_err() && port(65_536).is_err());
    }
}
