//! The host of a request in its one canonical form.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// A host as the client wrote it, and as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    /// As received.
    pub(crate) raw: &'a str,
    /// In lower case, without port and trailing dot; IPv6 literals in brackets, shortest form.
    pub(crate) name: Cow<'a, str>,
    /// The port, if one was given.
    pub(crate) port: Option<u16>,
}

/// Not a host: empty, with user information, or with bytes that no host name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid host")]
pub(crate) struct InvalidHost;

impl<'a> Host<'a> {
    /// Reads the value of a Host field or an authority (RFC 3986, 3.2.2 and 3.2.3, without user information and without
    /// percent-encoding, which no client sends and which two parsers could read differently).
    pub(crate) fn parse(raw: &'a [u8]) -> Result<Self, InvalidHost> {
        let raw = std::str::from_utf8(raw).map_err(|_| InvalidHost)?;
        if raw.starts_with('[') {
            return Self::parse_v6(raw);
        }
        let (name, port) = match raw.split_once(':') {
            Some((name, port)) => (name, Some(parse_port(port)?)),
            None => (raw, None),
        };
        Ok(Self {
            raw,
            name: canonical_name(name)?,
            port,
        })
    }

    fn parse_v6(raw: &'a str) -> Result<Self, InvalidHost> {
        let (literal, rest) = raw
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .ok_or(InvalidHost)?;
        let address: Ipv6Addr = literal.parse().map_err(|_| InvalidHost)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if rest.is_empty() => None,
            None => return Err(InvalidHost),
        };
        Ok(Self {
            raw,
            name: Cow::Owned(format!("[{address}]")),
            port,
        })
    }

    /// Whether both name the same place.
    pub(crate) fn agrees_with(&self, other: &Host<'_>) -> bool {
        self.name == other.name && self.port == other.port
    }
}

/// A DNS name, or an IPv4 address, in canonical form.
pub(crate) fn canonical_name(name: &str) -> Result<Cow<'_, str>, InvalidHost> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let valid = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if name.len() > LONGEST_NAME || !name.split('.').all(valid) {
        return Err(InvalidHost);
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(Cow::Owned(name.to_ascii_lowercase()));
    }
    Ok(Cow::Borrowed(name))
}

fn parse_port(port: &str) -> Result<u16, InvalidHost> {
    // `parse` alone would take a sign.
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidHost);
    }
    port.parse().map_err(|_| InvalidHost)
}

/// RFC 1035, 2.3.4, without the trailing dot.
const LONGEST_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_host_has_one_canonical_form() {
        let check = |raw: &str, expected: Option<(&str, Option<u16>)>| {
            let parsed = Host::parse(raw.as_bytes());
            let parsed = parsed.as_ref().ok().map(|host| (&*host.name, host.port));
            assert_eq!(parsed, expected, "{raw:?}");
        };
        check("contoso.com", Some(("contoso.com", None)));
        check("Contoso.COM", Some(("contoso.com", None)));
        check("contoso.com.", Some(("contoso.com", None)));
        check("CONTOSO.com.:8443", Some(("contoso.com", Some(8443))));
        check("contoso.com:443", Some(("contoso.com", Some(443))));
        check(
            "xn--bcher-kva.example",
            Some(("xn--bcher-kva.example", None)),
        );
        check("a_b.example", Some(("a_b.example", None)));
        check("localhost", Some(("localhost", None)));
        check("127.0.0.1:80", Some(("127.0.0.1", Some(80))));
        check("[::1]", Some(("[::1]", None)));
        check("[0:0:0:0:0:0:0:1]:443", Some(("[::1]", Some(443))));
        check("[2001:DB8::A]", Some(("[2001:db8::a]", None)));
        for invalid in [
            "",
            ".",
            "..",
            "contoso.com..",
            ".contoso.com",
            "a..b",
            "contoso.com:",
            "contoso.com:x",
            "contoso.com:+80",
            "contoso.com:65536",
            "contoso.com:80:80",
            "user@contoso.com",
            "user:pw@contoso.com",
            "contoso.com/x",
            "contoso.com?x",
            "contoso.com#x",
            "contoso.com\\x",
            "contoso com",
            " contoso.com",
            "contoso.com ",
            "contoso%2ecom",
            "bücher.example",
            "contoso.com,evil.org",
            "contoso.com\t",
            "contoso.com\0",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]:",
            "[contoso.com]",
            "[fe80::1%eth0]",
            "*",
            "*.contoso.com",
        ] {
            check(invalid, None);
        }
        check(&format!("{}.com", "a".repeat(250)), None);
    }

    #[test]
    fn hosts_agree_by_name_and_port() {
        let check = |one: &str, other: &str, expected: bool| {
            let (one, other) = (
                Host::parse(one.as_bytes()).unwrap(),
                Host::parse(other.as_bytes()).unwrap(),
            );
            assert_eq!(one.agrees_with(&other), expected, "{one:?} {other:?}");
        };
        check("contoso.com", "CONTOSO.com.", true);
        check("contoso.com", "contoso.com:443", false);
        check("contoso.com", "contoso.org", false);
    }
}
