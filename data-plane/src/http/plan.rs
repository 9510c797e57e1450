//! What is decided about a request between its head and its first byte towards a backend. Nothing here waits.

use std::rc::Rc;

use crate::access_log::record::Record;
use crate::connection::Connection;
use crate::http::forward::{self, Forwarded, Outbound};
use crate::http::head::RequestHead;
use crate::http::host::Host;
use crate::http::refusal::Refusal;
use crate::rewrite::{self, Changes, Request};
use crate::route::NotAdmitted;
use crate::snapshot::UpstreamHost;
use crate::upstream::response::Asked;
use crate::upstream::send::Outgoing;

/// Admits, routes and rewrites a request, and writes the head that the backend will get.
///
/// The configuration is loaded once: one request sees one version of it.
///
/// # Errors
/// The refusal to answer with. `record` knows what was decided until then.
pub(crate) fn plan<'a, F: Iterator<Item = (&'a str, &'a [u8])>>(
    connection: &Connection,
    head: &RequestHead<'_>,
    fields: impl Fn() -> F,
    record: &mut Record,
) -> Result<Outgoing, Refusal> {
    record.read_head(connection, head);
    let site = connection.origin.site.load();
    let host = head.host.as_ref().map(|host| &*host.name);
    let authenticated = connection.authenticated.as_ref();
    let admitted = connection.admit(&site, host).map_err(refusal)?;
    let virtual_host = record.admitted.insert(admitted).virtual_host();
    let route = virtual_host.route.as_ref().ok_or(Refusal::NoRoute)?;
    let upstream = &route.upstream;
    // Differs from Azure: it resolves the dots before it puts the override path in front.
    if !upstream.path_prefix.is_empty() && forward::climbs(head.target) {
        return Err(Refusal::InvalidUri);
    }
    let pool = connection.core.pools.find(upstream);
    let turn = pool.turn().ok_or(Refusal::NoEndpoints)?;
    let endpoint = pool.endpoint(turn).ok_or(Refusal::NoEndpoints)?;

    let forwarded = Forwarded {
        client: &connection.client_text,
        proto: if authenticated.is_some() {
            "https"
        } else {
            "http"
        },
        port: connection.frontend_port,
        trace: &record.trace,
    };
    let reserved = &site.bind().reserved_fields;
    let mut changes = Changes::default();
    let facts = authenticated.and_then(|authenticated| authenticated.client.as_deref());
    let client_auth = virtual_host
        .tls
        .as_ref()
        .and_then(|tls| tls.client_auth.as_ref());
    if let (Some(client_auth), Some(facts)) = (client_auth, facts) {
        let (wanted, room) = (client_auth.identity_headers, connection.room());
        connection.client.tell(wanted, facts, &mut changes, room);
    }
    let mut rewrites = None;
    if let Some(rules) = &route.rewrites {
        let client = &connection.client;
        let request = Request::new(head, fields(), reserved, &forwarded, client, facts);
        rewrites = rewrite::on_request(rules, &request, &mut changes, connection.room());
    }
    let rewritten_host = rewritten_host(&changes)?;
    let outbound = Outbound {
        forwarded: &forwarded,
        upstream,
        endpoint: &endpoint.name,
        host: rewritten_host.as_ref().map(|host| host.raw),
        reserved,
        changes: &changes,
    };
    let mut out = connection.core.scraps.take();
    let host = forward::write_head(&mut out, head, fields, &outbound);
    let host_is_endpoint = rewritten_host.is_none()
        && match upstream.host {
            UpstreamHost::Endpoint => true,
            UpstreamHost::Client => head.host.is_none(),
            UpstreamHost::Fixed(_) => false,
        };
    let client_host = rewritten_host.as_ref().or(head.host.as_ref());
    let client_host = client_host
        .filter(|_| upstream.tls.is_some())
        .map(|host| Box::from(&*host.name));
    record.sends_host(out.get(host.clone()).unwrap_or_default());
    Ok(Outgoing {
        endpoint: turn,
        head: out,
        host,
        host_is_endpoint,
        client_host,
        body: head.body,
        asked: Asked {
            head: head.method == "HEAD",
            websocket: head.websocket,
        },
        // RFC 9110, 9.2.2.
        idempotent: matches!(head.method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE"),
        pool: Rc::clone(&pool),
        rewrites,
    })
}

/// The Host that a rule has set, if it did and did not leave it empty.
///
/// # Errors
/// [`Refusal::InvalidHost`]: rules made it from what the client sent, and it is none.
fn rewritten_host<'a>(changes: &'a Changes<'_>) -> Result<Option<Host<'a>>, Refusal> {
    let value = changes
        .find("host")
        .and_then(|change| change.value.as_deref());
    value
        .map(|value| Host::parse(value).map_err(|_| Refusal::InvalidHost))
        .transpose()
}

/// What a request that is not admitted gets.
pub(crate) fn refusal(error: NotAdmitted) -> Refusal {
    match error {
        NotAdmitted::NoSuchHost => Refusal::NoSuchHost,
        NotAdmitted::OtherListener => Refusal::Misdirected,
        NotAdmitted::PolicyChanged => Refusal::PolicyChanged,
        NotAdmitted::CertificateExpired => Refusal::CertificateExpired,
        NotAdmitted::ClientRefused(class) => class.into(),
    }
}
