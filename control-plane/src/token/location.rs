//! URLs of issuers, taken apart.

use std::net::IpAddr;

use http::{Uri, uri::PathAndQuery};
use rustls_pki_types::ServerName;

/// Where a document of an issuer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Value of `Host`.
    pub(super) authority: String,
    /// The request target.
    pub(super) path: PathAndQuery,
}

/// Why a URL is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LocationError {
    #[error("is not a URL of the form https://host[:port]/path")]
    Malformed,
    #[error("must begin with https://")]
    Scheme,
    #[error("must begin with https://, or name a loopback address")]
    NotLoopback,
    #[error("must not hold a user name")]
    UserInfo,
    #[error("names a port that cannot be connected to")]
    Port,
}

/// Whether documents may come without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// From a loopback address: for tests.
    OnLoopback,
    Never,
}

impl Location {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// [`LocationError`].
    pub(crate) fn parse(url: &str, plain_http: PlainHttp) -> Result<Self, LocationError> {
        let uri: Uri = url.parse().map_err(|_| LocationError::Malformed)?;
        let tls = match (uri.scheme_str(), plain_http) {
            (Some("https"), _) => true,
            (Some("http"), PlainHttp::OnLoopback) => false,
            _ => return Err(LocationError::Scheme),
        };
        let authority = uri.authority().ok_or(LocationError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(LocationError::UserInfo);
        }
        let host = authority.host();
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let bare = bracketed.unwrap_or(host);
        if !tls && !is_loopback(bare) {
            return Err(LocationError::NotLoopback);
        }
        ServerName::try_from(bare).map_err(|_| LocationError::Malformed)?;
        // The parser of the crate takes what is no number for the absence of a port.
        let behind = authority.as_str().strip_prefix(host).unwrap_or_default();
        let port = match behind.strip_prefix(':') {
            None if tls => 443,
            None => 80,
            Some(digits) => digits.parse().map_err(|_| LocationError::Port)?,
        };
        if port == 0 {
            return Err(LocationError::Port);
        }
        let root = || PathAndQuery::from_static("/");
        Ok(Self {
            tls,
            host: bare.to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().cloned().unwrap_or_else(root),
        })
    }

    /// Where the issuer of that URL describes itself (OIDC Discovery 1.0 section 4).
    ///
    /// # Errors
    /// [`LocationError`]; also for a URL with a query or a fragment, which no issuer has.
    pub(crate) fn discovery(issuer: &str, plain_http: PlainHttp) -> Result<Self, LocationError> {
        if issuer.contains(['?', '#']) {
            return Err(LocationError::Malformed);
        }
        let base = issuer.trim_end_matches('/');
        Self::parse(
            &format!("{base}/.well-known/openid-configuration"),
            plain_http,
        )
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let check = |url: &str, expected: (bool, &str, u16, &str, &str)| {
            let location = Location::parse(url, PlainHttp::OnLoopback).unwrap();
            let (tls, host, port, authority, path) = expected;
            assert_eq!((location.tls, location.port), (tls, port), "{url}");
            assert_eq!(location.host, host, "{url}");
            assert_eq!(location.authority, authority, "{url}");
            assert_eq!(location.path.as_str(), path, "{url}");
        };
        check("https://a.b", (true, "a.b", 443, "a.b", "/"));
        check("https://a.b:8/k?x=1", (true, "a.b", 8, "a.b:8", "/k?x=1"));
        check("https://[::1]:8/", (true, "::1", 8, "[::1]:8", "/"));
        check(
            "http://127.0.0.1/k",
            (false, "127.0.0.1", 80, "127.0.0.1", "/k"),
        );
        check(
            "http://localhost:9",
            (false, "localhost", 9, "localhost:9", "/"),
        );
    }

    #[test]
    fn what_cannot_be_fetched_safely_is_refused() {
        let check = |url: &str, plain_http: PlainHttp, expected: LocationError| {
            assert_eq!(Location::parse(url, plain_http), Err(expected), "{url}");
        };
        let (never, loopback) = (PlainHttp::Never, PlainHttp::OnLoopback);
        check("", never, LocationError::Malformed);
        check("/k", never, LocationError::Scheme);
        check("a.b", never, LocationError::Scheme);
        check("ftp://a.b/", loopback, LocationError::Scheme);
        check("http://127.0.0.1/", never, LocationError::Scheme);
        check("http://a.b/", loopback, LocationError::NotLoopback);
        check(
            "http://localhost.a.b/",
            loopback,
            LocationError::NotLoopback,
        );
        check("https://a@b/", never, LocationError::UserInfo);
        check("https://a.b:0/", never, LocationError::Port);
        check("https://a.b:99999/", never, LocationError::Port);
        check("https://a.b:/", never, LocationError::Port);
    }

    #[test]
    fn discovery_is_below_the_issuer() {
        let check = |issuer: &str, expected: Option<&str>| {
            let found = Location::discovery(issuer, PlainHttp::Never).ok();
            let path = found.as_ref().map(|found| found.path.as_str());
            assert_eq!(path, expected, "{issuer}");
        };
        let root = Some("/.well-known/openid-configuration");
        check("https://a.b", root);
        check("https://a.b/", root);
        check(
            "https://a.b/t/v2.0",
            Some("/t/v2.0/.well-known/openid-configuration"),
        );
        check("https://a.b/?x", None);
        check("https://a.b/#x", None);
    }
}
