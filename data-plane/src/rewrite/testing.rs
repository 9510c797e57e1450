//! What the tests of rewriting need.

use std::cell::RefCell;
use std::net::SocketAddr;

use super::change::{LeaveOut, Room};
use super::client::{Client, TlsNames};
use super::request::Request;
use super::reserved::ReservedFields;
use super::rule::{Condition, HeaderAction, Part, Source};
use super::variable::Variable;
use super::{IdentityVariable, Pattern};
use crate::connection::client::ClientFacts;
use crate::http::forward::Forwarded;
use crate::http::head::{Parsed, parse_http1};
use crate::limits::Limits;
use crate::trace_id::TraceId;

/// Remembers which fields were left out.
#[derive(Default)]
pub(crate) struct Told(RefCell<Vec<String>>);

impl Told {
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    pub(crate) fn room(&self) -> Room<'_> {
        Room {
            max_bytes: 16 * 1024,
            owner: self,
        }
    }
}

impl LeaveOut for Told {
    fn left_out(&self, name: &str, _bytes: usize) {
        self.0.borrow_mut().push(name.to_owned());
    }
}

/// Reads a request of a client at 192.0.2.7:5000 over TLS and gives it to `run`.
pub(crate) fn with_request<T>(
    request: &str,
    reserved: &[&str],
    facts: Option<&ClientFacts>,
    run: impl FnOnce(&Request<'_>) -> T,
) -> T {
    let tls = TlsNames {
        protocol: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
    };
    let client = Client::new(SocketAddr::from(([192, 0, 2, 7], 5000)), Some(tls));
    let reserved = ReservedFields::new(reserved.iter().copied());
    let trace = TraceId::random();
    let parsed = parse_http1(request.as_bytes(), &Limits::default(), |head, fields| {
        let forwarded = Forwarded {
            client: "192.0.2.7:5000",
            proto: "https",
            port: 443,
            trace: &trace,
        };
        let fields = fields.iter().map(|field| (field.name, field.value));
        let request = Request::new(head, fields, &reserved, &forwarded, &client, facts);
        Ok(run(&request))
    });
    match parsed {
        Ok(Parsed::Complete(_, result)) => result,
        other => panic!("{request:?} {:?}", other.map(|_| ())),
    }
}

/// Reads `var_..`, `http_req_..` and `http_resp_..`.
pub(crate) fn source(text: &str) -> Source {
    if let Some(name) = text.strip_prefix("http_req_") {
        return Source::RequestHeader(name.into());
    }
    if let Some(name) = text.strip_prefix("http_resp_") {
        return Source::ResponseHeader(name.into());
    }
    let name = text.strip_prefix("var_").unwrap();
    if let Some(name) = name.strip_prefix("cookie_") {
        return Source::Cookie(name.into());
    }
    Variable::parse(name)
        .map(Source::Variable)
        .or_else(|| IdentityVariable::parse(name).map(Source::Identity))
        .unwrap()
}

pub(crate) fn condition(variable: &str, pattern: &str, negate: bool) -> Condition {
    Condition {
        source: source(variable),
        pattern: Pattern::new(pattern, false).unwrap(),
        negate,
        captures: true,
    }
}

/// A value of text and `{..}` sources; `{0_1}` is a capture, `{m1}` one of the matcher.
pub(crate) fn action(name: &str, value: &str) -> HeaderAction {
    let mut parts = Vec::new();
    let mut rest = value;
    while let Some((text, opened)) = rest.split_once('{') {
        let (token, after) = opened.split_once('}').unwrap();
        parts.push(Part::Text(text.into()));
        parts.push(match token.split_once('_') {
            None => Part::MatcherCapture(token.strip_prefix('m').unwrap().parse().unwrap()),
            Some((condition, group)) if condition.parse::<usize>().is_ok() => Part::Capture {
                condition: condition.parse().unwrap(),
                group: group.parse().unwrap(),
            },
            Some(_) => Part::Source(source(token)),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.into()));
    }
    HeaderAction {
        name: name.into(),
        matcher: None,
        value: parts,
    }
}
