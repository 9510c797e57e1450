//! The request head that a backend gets.

use std::ops::Range;

use crate::access_log::json;
use crate::http::head::{BodyLength, Field, RequestHead};
use crate::rewrite::{Changes, ReservedFields};
use crate::snapshot::{Upstream, UpstreamHost};
use crate::trace_id::TraceId;

/// What the gateway tells the backend about the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forwarded<'a> {
    /// `ip:port`, IPv6 addresses in brackets (Azure).
    pub(crate) client: &'a str,
    pub(crate) proto: &'static str,
    /// The frontend port.
    pub(crate) port: u16,
    pub(crate) trace: &'a TraceId,
}

/// All that makes a request of one client that of one backend.
#[derive(Clone, Copy)]
pub(crate) struct Outbound<'a> {
    pub(crate) forwarded: &'a Forwarded<'a>,
    pub(crate) upstream: &'a Upstream,
    /// Name of the endpoint that will get the request.
    pub(crate) endpoint: &'a str,
    /// The Host that a rule has set, in place of the upstream's.
    pub(crate) host: Option<&'a str>,
    /// What no client may send.
    pub(crate) reserved: &'a ReservedFields,
    pub(crate) changes: &'a Changes<'a>,
}

impl Outbound<'_> {
    /// Whether the client's fields of this name go on.
    fn keeps(&self, name: &str) -> bool {
        !self.reserved.contains(name) && !self.changes.concern(name)
    }
}

/// Appends the head to `out`; tells where in `out` the value of `Host` stands.
///
/// Hop-by-hop fields are left out, and so are client-sent copies of the fields that the gateway sets: by itself, or on any
/// route by a rule, whether it does so for this request or not.
pub(crate) fn write_head<'a, F: Iterator<Item = (&'a str, &'a [u8])>>(
    out: &mut Vec<u8>,
    head: &RequestHead<'_>,
    fields: impl Fn() -> F,
    outbound: &Outbound<'_>,
) -> Range<usize> {
    out.extend_from_slice(head.method.as_bytes());
    out.push(b' ');
    write_target(out, &outbound.upstream.path_prefix, head.target);
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    let start = out.len();
    out.extend_from_slice(host(head, outbound).as_bytes());
    let host = start..out.len();
    out.extend_from_slice(b"\r\n");

    let mut cookies = false;
    let mut forwarded_for = false;
    for (name, value) in fields() {
        match Field::of(name) {
            Field::Authorization | Field::Date | Field::Other | Field::UserAgent => {
                if !head.connection.names(name) && outbound.keeps(name) {
                    write_field(out, name, value);
                }
            }
            Field::ContentLength => write_length(out, head.body),
            Field::Cookie => cookies = outbound.keeps(name),
            Field::ForwardedFor => forwarded_for = !outbound.reserved.contains(name),
            Field::Connection
            | Field::Expect
            | Field::HopByHop
            | Field::Host
            | Field::Ours
            | Field::TransferEncoding
            | Field::Upgrade => {}
        }
    }
    if cookies {
        // HTTP/2 clients may send one field for each cookie (RFC 9113, 8.2.3).
        write_joined(out, b"Cookie: ", b"; ", fields(), Field::Cookie);
        out.extend_from_slice(b"\r\n");
    }
    if !outbound.changes.concern(FORWARDED_FOR) {
        out.extend_from_slice(b"X-Forwarded-For: ");
        if forwarded_for {
            write_joined(out, b"", b", ", fields(), Field::ForwardedFor);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(outbound.forwarded.client.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    write_own(out, head, outbound);
    for (name, value) in outbound.changes.set() {
        if Field::of(name) != Field::Host {
            write_field(out, name, value);
        }
    }
    if head.body == BodyLength::Unknown {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    out.extend_from_slice(if head.websocket {
        b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    } else {
        b"Connection: keep-alive\r\n\r\n"
    });
    host
}

const FORWARDED_FOR: &str = "x-forwarded-for";

/// What the gateway tells the backend by itself, as far as no rule says otherwise.
fn write_own(out: &mut Vec<u8>, head: &RequestHead<'_>, outbound: &Outbound<'_>) {
    let (forwarded, changes) = (outbound.forwarded, outbound.changes);
    let own = |out: &mut Vec<u8>, name: &str, value: &[u8]| {
        if !changes.concern(name) {
            write_field(out, name, value);
        }
    };
    own(out, "X-Forwarded-Proto", forwarded.proto.as_bytes());
    if !changes.concern("X-Forwarded-Port") {
        out.extend_from_slice(b"X-Forwarded-Port: ");
        json::number(u64::from(forwarded.port), out);
        out.extend_from_slice(b"\r\n");
    }
    if let Some(host) = &head.host {
        own(out, "X-Original-Host", host.raw.as_bytes());
    }
    own(out, "X-Original-URL", head.target.as_bytes());
    own(out, "X-AppGW-Trace-Id", forwarded.trace.as_bytes());
}

/// The Host that the upstream sees.
fn host<'a>(head: &'a RequestHead<'_>, outbound: &'a Outbound<'_>) -> &'a str {
    match (outbound.host, &outbound.upstream.host, &head.host) {
        (Some(host), _, _) => host,
        (None, UpstreamHost::Client, Some(host)) => host.raw,
        // HTTP/1.0 without a host.
        (None, UpstreamHost::Client, None) | (None, UpstreamHost::Endpoint, _) => outbound.endpoint,
        (None, UpstreamHost::Fixed(name), _) => name,
    }
}

/// Whether a path has a segment `..`, as any backend might read it: percent-encoded, between backslashes, or with
/// parameters. Such a path would lead out of an override path.
pub(crate) fn climbs(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    if !path.contains("..") && !path.contains('%') {
        return false;
    }
    let path = path
        .to_ascii_lowercase()
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%5c", "/")
        .replace('\\', "/");
    path.split('/')
        .any(|segment| segment.split(';').next() == Some(".."))
}

/// The override path of a basic rule is put before the whole path (Azure, "override backend path").
fn write_target(out: &mut Vec<u8>, prefix: &str, target: &str) {
    if prefix.is_empty() || target == "*" {
        out.extend_from_slice(target.as_bytes());
    } else {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(target.strip_prefix('/').unwrap_or(target).as_bytes());
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The length that was understood, not as it was spelled: to some parsers, a leading zero makes a number octal. What has no
/// body, by whatever the client's protocol tells that, is not announced with one.
fn write_length(out: &mut Vec<u8>, body: BodyLength) {
    let length = match body {
        BodyLength::None => 0,
        BodyLength::Bytes(length) => length,
        // The chunks tell.
        BodyLength::Unknown => return,
    };
    out.extend_from_slice(b"Content-Length: ");
    json::number(length, out);
    out.extend_from_slice(b"\r\n");
}

fn write_joined<'a>(
    out: &mut Vec<u8>,
    start: &[u8],
    separator: &[u8],
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    wanted: Field,
) {
    out.extend_from_slice(start);
    let values = fields.filter(|(name, _)| Field::of(name) == wanted);
    for (position, (_, value)) in values.enumerate() {
        if position > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::{Parsed, parse_http1};
    use crate::limits::Limits;
    use std::time::Duration;

    fn upstream(host: UpstreamHost, prefix: &str) -> Upstream {
        Upstream {
            key: "key".into(),
            pool: "pool".into(),
            settings: "settings".into(),
            endpoints: vec!["10.0.0.1".into()],
            port: 80,
            request_timeout: Duration::from_secs(20),
            tls: None,
            host,
            path_prefix: prefix.into(),
        }
    }

    fn forward(request: &str, upstream: &Upstream) -> String {
        let trace = TraceId::random();
        let mut out = Vec::new();
        let parsed = parse_http1(request.as_bytes(), &Limits::default(), |head, fields| {
            let forwarded = Forwarded {
                client: "192.0.2.7:5000",
                proto: "https",
                port: 443,
                trace: &trace,
            };
            let fields = || fields.iter().map(|field| (field.name, field.value));
            let outbound = Outbound {
                forwarded: &forwarded,
                upstream,
                endpoint: "backend.example",
                host: None,
                reserved: &ReservedFields::default(),
                changes: &Changes::default(),
            };
            let host = write_head(&mut out, head, fields, &outbound);
            let host = String::from_utf8(out[host].to_vec()).unwrap();
            assert!(String::from_utf8_lossy(&out).contains(&format!("\r\nHost: {host}\r\n")));
            Ok(())
        });
        assert!(
            matches!(parsed, Ok(Parsed::Complete(_, ()))),
            "{request:?} {parsed:?}"
        );
        let out = String::from_utf8(out).unwrap();
        out.replace(std::str::from_utf8(trace.as_bytes()).unwrap(), "TRACE")
    }

    #[test]
    fn the_backend_gets_what_azure_sends() {
        let request = "GET /a?b=c HTTP/1.1\r\nHost: Shop.Example:8443\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
        assert_eq!(
            forward(request, &upstream(UpstreamHost::Client, "")),
            "GET /a?b=c HTTP/1.1\r\nHost: Shop.Example:8443\r\nUser-Agent: test\r\nAccept: */*\r\n\
             X-Forwarded-For: 192.0.2.7:5000\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\
             X-Original-Host: Shop.Example:8443\r\nX-Original-URL: /a?b=c\r\nX-AppGW-Trace-Id: TRACE\r\n\
             Connection: keep-alive\r\n\r\n"
        );
    }

    #[test]
    fn fields_of_the_gateway_replace_those_of_the_client() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 1.2.3.4\r\nX-FORWARDED-PROTO: http\r\nX-Forwarded-Port: 1\r\n\
                       X-Forwarded-For: 5.6.7.8\r\nX-Original-Host: b\r\nX-Original-URL: /z\r\nX-AppGW-Trace-Id: forged\r\n\r\n";
        let forwarded = forward(request, &upstream(UpstreamHost::Client, ""));
        assert!(
            forwarded.contains("X-Forwarded-For: 1.2.3.4, 5.6.7.8, 192.0.2.7:5000\r\n"),
            "{forwarded}"
        );
        for gone in ["http\r\n", "Port: 1\r\n", "Host: b\r\n", "/z", "forged"] {
            assert!(!forwarded.contains(gone), "{gone} in {forwarded}");
        }
    }

    #[test]
    fn hop_by_hop_fields_stay_behind() {
        let request = "POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Private\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\n\
                       Proxy-Connection: keep-alive\r\nX-Private: 1\r\nUpgrade: other\r\nHTTP2-Settings: x\r\nExpect: 100-continue\r\n\
                       Transfer-Encoding: chunked\r\n\r\n";
        let forwarded = forward(request, &upstream(UpstreamHost::Client, "")).to_ascii_lowercase();
        for gone in [
            "keep-alive:",
            "te:",
            "trailer:",
            "proxy-connection",
            "x-private",
            "upgrade",
            "http2",
            "expect",
        ] {
            assert!(
                !forwarded.contains(&format!("\r\n{gone}")),
                "{gone} in {forwarded}"
            );
        }
        assert_eq!(forwarded.matches("transfer-encoding: chunked").count(), 1);
        assert_eq!(forwarded.matches("connection:").count(), 1);
    }

    #[test]
    fn a_length_is_spelled_anew() {
        for (spelled, expected) in [("0011", "11"), ("00", "0"), ("7", "7")] {
            let request =
                format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {spelled}\r\n\r\n");
            let forwarded = forward(&request, &upstream(UpstreamHost::Client, ""));
            let field = format!("\r\nContent-Length: {expected}\r\n");
            assert!(forwarded.contains(&field), "{forwarded}");
        }
    }

    #[test]
    fn cookies_become_one_field() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX: y\r\nCookie: b=2\r\n\r\n";
        let forwarded = forward(request, &upstream(UpstreamHost::Client, ""));
        assert!(
            forwarded.contains("\r\nCookie: a=1; b=2\r\n"),
            "{forwarded}"
        );
    }

    #[test]
    fn the_host_and_the_path_follow_the_backend_settings() {
        let check = |host, prefix, expected: &str| {
            let forwarded = forward(
                "GET /home/?q HTTP/1.1\r\nHost: client.example\r\n\r\n",
                &upstream(host, prefix),
            );
            assert!(forwarded.starts_with(expected), "{forwarded}");
        };
        check(
            UpstreamHost::Endpoint,
            "",
            "GET /home/?q HTTP/1.1\r\nHost: backend.example\r\n",
        );
        check(
            UpstreamHost::Fixed("fixed.example".into()),
            "",
            "GET /home/?q HTTP/1.1\r\nHost: fixed.example\r\n",
        );
        check(
            UpstreamHost::Client,
            "/override/",
            "GET /override/home/?q HTTP/1.1\r\nHost: client.example\r\n",
        );
    }

    #[test]
    fn a_websocket_request_keeps_its_upgrade() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n\r\n";
        let forwarded = forward(request, &upstream(UpstreamHost::Client, ""));
        assert!(
            forwarded.ends_with("\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
            "{forwarded}"
        );
    }
}
