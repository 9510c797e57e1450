//! URLs out of certificates and policies, taken apart.

use std::net::IpAddr;

use http::Uri;
use http::uri::PathAndQuery;
use rustls_pki_types::ServerName;

/// Where a responder or a distribution point is.
///
/// Any port may be named: responders of private CAs run on all sorts of ports, and it is the address that decides what is
/// reached (see [`Guard`](super::network::Guard)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// A name, or an address without brackets.
    pub(super) host: Box<str>,
    pub(super) port: u16,
    /// Value of `Host`.
    pub(super) authority: Box<str>,
    /// The request target.
    pub(super) path: PathAndQuery,
}

/// Why a URL is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LocationError {
    #[error("it is not a URL")]
    Malformed,
    #[error("it is longer than {MAX_URL} bytes")]
    TooLong,
    #[error("it is neither http nor https")]
    Scheme,
    #[error("it holds a user name")]
    UserInfo,
    #[error("it has no host")]
    Host,
    #[error("its port cannot be connected to")]
    Port,
}

/// Longer ones are not worth a request; GET requests in the path fit many times.
const MAX_URL: usize = 4096;

impl Location {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// [`LocationError`]: it is not used, whatever it means.
    pub(super) fn parse(url: &str) -> Result<Self, LocationError> {
        if url.len() > MAX_URL {
            return Err(LocationError::TooLong);
        }
        let uri: Uri = url.parse().map_err(|_| LocationError::Malformed)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(LocationError::Scheme),
        };
        let authority = uri.authority().ok_or(LocationError::Host)?;
        if authority.as_str().contains('@') {
            return Err(LocationError::UserInfo);
        }
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            return Err(LocationError::Host);
        }
        // The parser of the crate takes what is no number for the absence of a port.
        let behind = authority.as_str().strip_prefix(authority.host());
        let port = match behind.unwrap_or_default().strip_prefix(':') {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(digits) => digits.parse().map_err(|_| LocationError::Port)?,
        };
        if port == 0 {
            return Err(LocationError::Port);
        }
        let root = || PathAndQuery::from_static("/");
        Ok(Self {
            tls,
            host: host.into(),
            port,
            authority: authority.as_str().into(),
            path: uri.path_and_query().cloned().unwrap_or_else(root),
        })
    }

    /// The address, where the host is one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The name that a TLS certificate must have.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, LocationError> {
        ServerName::try_from(self.host.to_string()).map_err(|_| LocationError::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let check = |url: &str, expected: (bool, &str, u16, &str, &str)| {
            let location = Location::parse(url).expect(url);
            let (tls, host, port, authority, path) = expected;
            assert_eq!((location.tls, location.port), (tls, port), "{url}");
            assert_eq!(&*location.host, host, "{url}");
            assert_eq!(&*location.authority, authority, "{url}");
            assert_eq!(location.path.as_str(), path, "{url}");
        };
        check(
            "http://ocsp.example",
            (false, "ocsp.example", 80, "ocsp.example", "/"),
        );
        check(
            "https://ocsp.example/a?b",
            (true, "ocsp.example", 443, "ocsp.example", "/a?b"),
        );
        check(
            "HTTP://ocsp.example:8080/",
            (false, "ocsp.example", 8080, "ocsp.example:8080", "/"),
        );
        check(
            "http://[2001:db8::1]:81/x",
            (false, "2001:db8::1", 81, "[2001:db8::1]:81", "/x"),
        );
        check(
            "http://192.0.2.1/x#y",
            (false, "192.0.2.1", 80, "192.0.2.1", "/x"),
        );
    }

    // T-46
    #[test]
    fn what_is_no_plain_web_address_is_refused() {
        let long = format!("http://a/{}", "x".repeat(MAX_URL));
        let check = |url: &str, expected: LocationError| {
            assert_eq!(Location::parse(url), Err(expected), "{url}");
        };
        check("", LocationError::Malformed);
        check("ocsp.example", LocationError::Scheme);
        check("/path", LocationError::Scheme);
        check("file:///etc/passwd", LocationError::Malformed);
        check("ldap://ca.example/cn=x", LocationError::Scheme);
        check("gopher://ca.example:70/x", LocationError::Scheme);
        check("http://", LocationError::Malformed);
        check("http://user@ca.example/", LocationError::UserInfo);
        check("http://user:word@ca.example/", LocationError::UserInfo);
        check("http://ca.example:0/", LocationError::Port);
        check("http://ca.example:65536/", LocationError::Port);
        check("http://ca.example/a b", LocationError::Malformed);
        check("http://ca.example/\r\nx: y", LocationError::Malformed);
        check(&long, LocationError::TooLong);
    }
}
