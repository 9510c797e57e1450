//! Changes of one header field.

use super::field::{FieldName, InvalidFieldName};
use super::pattern::Pattern;
use super::template::Template;
use crate::backend::DnsName;

/// Sets a header field, or removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderChange {
    name: FieldName,
    value: Template,
    matcher: Option<Matcher>,
}

/// Which of several fields of one name is meant: those whose value matches, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// What the value is matched with.
    pub pattern: Pattern,
    /// Whether those are meant that do not match.
    pub negate: bool,
}

/// Where a field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On the way to the backend.
    Request,
    /// On the way to the client.
    Response,
}

/// The field cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeaderChange {
    /// It frames the message or is meant for one hop, so it belongs to the gateway.
    #[error("header {0} belongs to the gateway and cannot be rewritten")]
    Gateway(FieldName),
    /// The Host that is set is none.
    #[error("{0:?} is not a host")]
    Host(String),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] InvalidFieldName),
    /// It must be there.
    #[error("header {0} cannot be removed")]
    NotRemovable(FieldName),
}

/// What frames a message, or is meant for the next hop only (RFC 9110, 7.6.1); and what Azure does not rewrite:
/// `Connection`, `Upgrade`, `X-Original-Host`.
const OF_THE_GATEWAY: &[&str] = &[
    "Connection",
    "Content-Length",
    "Expect",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "X-Original-Host",
];

impl HeaderChange {
    /// Takes the name of a field that may be rewritten.
    ///
    /// # Errors
    /// [`InvalidHeaderChange::Name`] and [`InvalidHeaderChange::Gateway`].
    pub fn name_on(side: Side, name: &str) -> Result<FieldName, InvalidHeaderChange> {
        let name = match side {
            Side::Request => FieldName::of_request(name)?,
            Side::Response => FieldName::of_response(name)?,
        };
        if OF_THE_GATEWAY.iter().any(|known| name.is(known)) {
            return Err(InvalidHeaderChange::Gateway(name));
        }
        Ok(name)
    }

    /// Joins a name of [`Self::name_on`] with what the field is to hold.
    ///
    /// # Errors
    /// [`InvalidHeaderChange::NotRemovable`] for `Host` (Azure refuses that, too) and for the `Date` of responses, which an
    /// origin server has to send (RFC 9110, 6.6.1); [`InvalidHeaderChange::Host`].
    pub fn new(
        side: Side,
        name: FieldName,
        value: Template,
        matcher: Option<Matcher>,
    ) -> Result<Self, InvalidHeaderChange> {
        let host = side == Side::Request && name.is("Host");
        let date = side == Side::Response && name.is("Date");
        if (host || date) && value.is_empty() {
            return Err(InvalidHeaderChange::NotRemovable(name));
        }
        if let Some(text) = value.as_text().filter(|text| host && !is_host(text)) {
            return Err(InvalidHeaderChange::Host(text.chars().take(100).collect()));
        }
        Ok(Self {
            name,
            value,
            matcher,
        })
    }

    /// The name of the field.
    pub fn name(&self) -> &FieldName {
        &self.name
    }

    /// What it is to hold; empty: it is removed.
    pub fn value(&self) -> &Template {
        &self.value
    }

    /// Which of several fields is meant; `None`: all.
    pub fn matcher(&self) -> Option<&Matcher> {
        self.matcher.as_ref()
    }
}

/// A name or an address, perhaps with a port.
fn is_host(text: &str) -> bool {
    let port = |port: &str| {
        !port.is_empty()
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    };
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(address, rest)| {
            address.parse::<std::net::Ipv6Addr>().is_ok()
                && (rest.is_empty() || rest.strip_prefix(':').is_some_and(port))
        });
    }
    let (name, number) = text
        .split_once(':')
        .map_or((text, None), |(name, number)| (name, Some(number)));
    DnsName::parse(name).is_ok() && number.is_none_or(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::template::Scope;

    fn change(side: Side, name: &str, value: &str) -> Result<HeaderChange, InvalidHeaderChange> {
        let scope = Scope {
            side,
            conditions: &[],
            matcher: None,
        };
        let name = HeaderChange::name_on(side, name)?;
        HeaderChange::new(side, name, Template::parse(value, scope).unwrap(), None)
    }

    #[test]
    fn what_belongs_to_the_gateway_cannot_be_rewritten() {
        for name in OF_THE_GATEWAY {
            for side in [Side::Request, Side::Response] {
                for value in ["", "x"] {
                    let refused = change(side, &name.to_ascii_uppercase(), value);
                    assert!(
                        matches!(refused, Err(InvalidHeaderChange::Gateway(_))),
                        "{name}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_host_can_be_set_and_not_removed() {
        for good in [
            "a.example",
            "a.example:8080",
            "127.0.0.1",
            "[::1]:80",
            "{var_host}",
            "{var_host}:1",
        ] {
            assert!(change(Side::Request, "hOsT", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a/b",
            "a:b",
            "a:",
            "a:65536",
            "[::1",
            "*.example",
            "user@a.example",
        ] {
            assert!(change(Side::Request, "hOsT", bad).is_err(), "{bad}");
        }
        assert!(change(Side::Response, "Host", "").is_ok());
    }

    #[test]
    fn a_response_keeps_a_date() {
        assert!(change(Side::Response, "date", "").is_err());
        assert!(change(Side::Response, "date", "x").is_ok());
        assert!(change(Side::Request, "date", "").is_ok());
    }
}
