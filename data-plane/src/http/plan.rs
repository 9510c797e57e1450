//! What is decided about a request between its head and its first byte towards a backend. Nothing here waits.

use std::rc::Rc;

use crate::access_log::record::Record;
use crate::connection::Connection;
use crate::http::forward::{self, Forwarded};
use crate::http::head::RequestHead;
use crate::http::refusal::Refusal;
use crate::route::{Admitted, NotAdmitted};
use crate::snapshot::UpstreamHost;
use crate::upstream::response::Asked;
use crate::upstream::send::Outgoing;

/// Admits and routes a request, and writes the head that the backend will get.
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
    let admitted = admit(connection, head)?;
    let record_admitted = record.admitted.insert(admitted);
    let route = record_admitted
        .virtual_host()
        .route
        .as_ref()
        .ok_or(Refusal::NoRoute)?;
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
        proto: if connection.authenticated.is_some() {
            "https"
        } else {
            "http"
        },
        port: connection.frontend_port,
        trace: &record.trace,
    };
    let mut out = connection.core.scraps.take();
    let host = forward::write_head(&mut out, head, fields, &forwarded, upstream, &endpoint.name);
    let host_is_endpoint = match upstream.host {
        UpstreamHost::Endpoint => true,
        UpstreamHost::Client => head.host.is_none(),
        UpstreamHost::Fixed(_) => false,
    };
    let client_host = match (&upstream.tls, &head.host) {
        (Some(_), Some(host)) => Some(Box::from(&*host.name)),
        (Some(_), None) | (None, _) => None,
    };
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
    })
}

fn admit(connection: &Connection, head: &RequestHead<'_>) -> Result<Admitted, Refusal> {
    let site = connection.origin.site.load();
    let host = head.host.as_ref().map(|host| &*host.name);
    let now = connection.core.time.unix();
    site.admit(connection.authenticated.as_ref(), host, now)
        .map_err(refusal)
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
