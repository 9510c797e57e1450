//! What rules can ask about a request.

use std::borrow::Cow;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::change::Changes;
use super::client::Client;
use super::reserved::ReservedFields;
use super::rule::Source;
use super::variable::Variable;
use crate::connection::client::ClientFacts;
use crate::http::forward::Forwarded;
use crate::http::head::{Field, RequestHead};

/// A request, its connection and its client.
pub(crate) struct Request<'a> {
    head: &'a RequestHead<'a>,
    /// Without those that no client may send, and those that are meant for the gateway only: what rules see is what the
    /// backend would get.
    fields: Vec<(&'a str, &'a [u8])>,
    forwarded: &'a Forwarded<'a>,
    client: &'a Client,
    facts: Option<&'a ClientFacts>,
}

impl<'a> Request<'a> {
    pub(crate) fn new<'f: 'a>(
        head: &'a RequestHead<'a>,
        fields: impl Iterator<Item = (&'f str, &'f [u8])>,
        reserved: &ReservedFields,
        forwarded: &'a Forwarded<'a>,
        client: &'a Client,
        facts: Option<&'a ClientFacts>,
    ) -> Self {
        let is_visible = |name: &str| match Field::of(name) {
            Field::Ours => false,
            Field::Authorization | Field::Date | Field::Other | Field::UserAgent => {
                !head.connection.names(name) && !reserved.contains(name)
            }
            Field::Connection
            | Field::ContentLength
            | Field::Cookie
            | Field::Expect
            | Field::ForwardedFor
            | Field::HopByHop
            | Field::Host
            | Field::TransferEncoding
            | Field::Upgrade => !reserved.contains(name),
        };
        let mut visible = Vec::new();
        for (name, value) in fields.filter(|(name, _)| is_visible(name)) {
            visible.push((name, value));
        }
        Self {
            head,
            fields: visible,
            forwarded,
            client,
            facts,
        }
    }

    /// The value of `source`, as earlier rules have left it; empty where there is none, or not yet.
    pub(super) fn value<'s>(&'s self, source: &Source, changes: &'s Changes<'_>) -> Cow<'s, [u8]> {
        match source {
            Source::Cookie(name) => self.cookie(name).into(),
            Source::Identity(variable) => self.client.identity(*variable, self.facts).into(),
            Source::RequestHeader(name) => self.header(name, changes),
            Source::ResponseHeader(_) => Cow::default(),
            Source::Variable(variable) => self.variable(*variable),
        }
    }

    fn variable(&self, variable: Variable) -> Cow<'_, [u8]> {
        let (path, query) = self
            .head
            .target
            .split_once('?')
            .unwrap_or((self.head.target, ""));
        let tls = self.client.tls;
        let text = match variable {
            Variable::AddXForwardedForProxy => return self.add_x_forwarded_for_proxy().into(),
            Variable::CiphersUsed => tls.map_or("", |tls| tls.cipher),
            Variable::ClientIp => return shown(self.client.address.ip()),
            Variable::ClientPort => return shown(self.client.address.port()),
            Variable::ClientUser => return self.client_user().into(),
            Variable::Host => self.head.host.as_ref().map_or("", |host| &host.name),
            Variable::HttpMethod => self.head.method,
            // Not yet.
            Variable::HttpStatus => "",
            Variable::HttpVersion => self.head.version.as_str(),
            Variable::QueryString | Variable::RequestQuery => query,
            Variable::RequestScheme => self.forwarded.proto,
            Variable::RequestUri => self.head.target,
            Variable::ServerPort => return shown(self.forwarded.port),
            Variable::SslConnectionProtocol => tls.map_or("", |tls| tls.protocol),
            Variable::SslEnabled => tls.map_or("", |_| "On"),
            Variable::UriPath => path,
        };
        text.as_bytes().into()
    }

    fn header<'s>(&'s self, name: &str, changes: &'s Changes<'_>) -> Cow<'s, [u8]> {
        if let Some(change) = changes.find(name) {
            return change.value.as_deref().unwrap_or_default().into();
        }
        match Field::of(name) {
            Field::Cookie => self.joined(name, b"; "),
            Field::Host => self
                .head
                .host
                .as_ref()
                .map_or("", |host| host.raw)
                .as_bytes()
                .into(),
            Field::Ours => self.own(name),
            Field::Authorization
            | Field::Connection
            | Field::ContentLength
            | Field::Date
            | Field::Expect
            | Field::ForwardedFor
            | Field::HopByHop
            | Field::Other
            | Field::TransferEncoding
            | Field::Upgrade
            | Field::UserAgent => self.joined(name, b", "),
        }
    }

    /// A field that the gateway sets by itself, whatever the client sent.
    fn own(&self, name: &str) -> Cow<'_, [u8]> {
        match &*name.to_ascii_lowercase() {
            "x-appgw-trace-id" => self.forwarded.trace.as_bytes().into(),
            "x-forwarded-port" => shown(self.forwarded.port),
            "x-forwarded-proto" => self.forwarded.proto.as_bytes().into(),
            "x-original-host" => {
                let host = self.head.host.as_ref();
                host.map_or("", |host| host.raw).as_bytes().into()
            }
            "x-original-url" => self.head.target.as_bytes().into(),
            _ => Cow::default(),
        }
    }

    /// The values of all fields of this name as one (RFC 9110, 5.3).
    fn joined(&self, name: &str, separator: &[u8]) -> Cow<'_, [u8]> {
        let mut values = self.all(name);
        let first = values.next().unwrap_or_default();
        values.fold(first.into(), |joined: Cow<'_, [u8]>, value| {
            [&joined, separator, value].concat().into()
        })
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// The first cookie of this very name (RFC 6265, 5.4).
    fn cookie(&self, name: &str) -> &'a [u8] {
        let pairs = self
            .all("cookie")
            .flat_map(|value| value.split(|&byte| byte == b';'));
        let mut named = pairs.filter_map(|pair| {
            let pair = pair.trim_ascii();
            let at = pair.iter().position(|&byte| byte == b'=')?;
            let (found, value) = pair.split_at_checked(at)?;
            (found == name.as_bytes()).then_some(value.get(1..)?)
        });
        named.next().unwrap_or_default()
    }

    fn add_x_forwarded_for_proxy(&self) -> Vec<u8> {
        let mut out = self.joined("x-forwarded-for", b", ").into_owned();
        if !out.is_empty() {
            out.extend_from_slice(b", ");
        }
        // Writing to a vector cannot fail.
        drop(write!(out, "{}", self.client.address.ip()));
        out
    }

    /// RFC 7617: what stands before the first colon. Empty where it could not be sent on.
    fn client_user(&self) -> Vec<u8> {
        let value = self.all("authorization").next().unwrap_or_default();
        let encoded = value
            .split_at_checked(BASIC.len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BASIC))
            .map(|(_, encoded)| encoded.trim_ascii());
        let decoded = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
        let mut user = decoded.unwrap_or_default();
        match user.iter().position(|&byte| byte == b':') {
            Some(end) if !user.iter().take(end).any(u8::is_ascii_control) => user.truncate(end),
            _ => user.clear(),
        }
        user
    }
}

const BASIC: &[u8] = b"Basic ";

fn shown(value: impl ToString) -> Cow<'static, [u8]> {
    value.to_string().into_bytes().into()
}

#[cfg(test)]
mod tests;
