//! Where requests go.

use std::net::IpAddr;
use std::sync::Arc;

use crate::certificate::TrustedRootCertificate;
use crate::child::child;
use crate::draft;
use crate::name::ResourceName;
use crate::port::{Port, RequestTimeout};

/// How many targets a pool may have.
pub const TARGET_LIMIT: usize = 1200;

/// A backend address pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendAddressPool {
    /// Its name.
    pub name: ResourceName,
    /// In document order, at most [`TARGET_LIMIT`].
    pub addresses: Vec<BackendAddress>,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackendAddress {
    /// An IP literal.
    Ip(IpAddr),
    /// A DNS name.
    Fqdn(DnsName),
}

/// A DNS name in lower case: letters, digits, `-` and `_` in parts of 1 to 63, at most 253 together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

/// The text is not a DNS name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a DNS name")]
pub struct InvalidDnsName(String);

/// Backend HTTP settings with all that they refer to.
#[derive(Debug, Clone)]
pub struct BackendHttpSettings {
    pub(crate) name: ResourceName,
    pub(crate) port: Port,
    pub(crate) request_timeout: RequestTimeout,
    pub(crate) host: BackendHost,
    pub(crate) path: Option<PathPrefix>,
    pub(crate) protocol: BackendProtocol,
}

/// The Host that backends see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendHost {
    /// The client's.
    OfClient,
    /// This one (`hostName`).
    Fixed(DnsName),
    /// The target's own (`pickHostNameFromBackendAddress`).
    OfTarget,
}

/// What is spoken to backends.
#[derive(Debug, Clone)]
pub enum BackendProtocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS; the backend's certificate is always verified.
    Https {
        /// Empty: the public roots.
        roots: Vec<Arc<TrustedRootCertificate>>,
        /// The name to send and to verify (`sniName`); `None`: the Host that the backend sees.
        server_name: Option<DnsName>,
    },
}

/// A path that begins and ends with `/` and is more than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix(String);

/// The text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {0:?} must hold printable ASCII characters without blanks, '?' and '#'")]
pub struct InvalidPath(String);

impl DnsName {
    /// Takes a DNS name in any case; one final dot is dropped.
    ///
    /// # Errors
    /// [`InvalidDnsName`].
    pub fn parse(text: &str) -> Result<Self, InvalidDnsName> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
        if name.len() <= 253 && name.split('.').all(label) {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err(InvalidDnsName(text.chars().take(100).collect()))
        }
    }

    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PathPrefix {
    /// Takes a path with or without its slashes; `None` for one that changes nothing.
    ///
    /// # Errors
    /// [`InvalidPath`].
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidPath> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'?' && byte != b'#';
        if text.len() > 1024 || !text.bytes().all(allowed) {
            return Err(InvalidPath(text.chars().take(100).collect()));
        }
        let inner = text.trim_matches('/');
        Ok(if inner.is_empty() {
            None
        } else {
            Some(Self(format!("/{inner}/")))
        })
    }

    /// With both slashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BackendHttpSettings {
    /// Their name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// The port of every target.
    pub fn port(&self) -> Port {
        self.port
    }

    /// How long a target may take to begin its answer.
    pub fn request_timeout(&self) -> RequestTimeout {
        self.request_timeout
    }

    /// The Host that targets see.
    pub fn host(&self) -> &BackendHost {
        &self.host
    }

    /// What is put before the request's path.
    pub fn path(&self) -> Option<&PathPrefix> {
        self.path.as_ref()
    }

    /// What is spoken.
    pub fn protocol(&self) -> &BackendProtocol {
        &self.protocol
    }
}

child!(BackendAddressPool, BACKEND_ADDRESS_POOLS, 100);
child!(
    draft::BackendHttpSettings,
    BACKEND_HTTP_SETTINGS_COLLECTION,
    100
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_get_their_slashes() {
        for (text, path) in [
            ("", None),
            ("/", None),
            ("a", Some("/a/")),
            ("/a/b", Some("/a/b/")),
            ("/a/", Some("/a/")),
        ] {
            assert_eq!(
                PathPrefix::parse(text)
                    .unwrap()
                    .as_ref()
                    .map(PathPrefix::as_str),
                path,
                "{text}"
            );
        }
        for bad in ["/a b", "/a?b", "/a#b", "/é", "/a\r\nb"] {
            assert!(PathPrefix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dns_names_are_checked_and_lowered() {
        assert_eq!(
            DnsName::parse("Backend_1.Local.").unwrap().as_str(),
            "backend_1.local"
        );
        for bad in [
            "",
            ".",
            "a..b",
            "a b",
            "http://a",
            "a:80",
            "é",
            &"x".repeat(64),
        ] {
            assert!(DnsName::parse(bad).is_err(), "{bad}");
        }
    }
}
