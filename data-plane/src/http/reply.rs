//! Writing response heads to HTTP/1 clients: those that backends sent, and those that the gateway makes.

use crate::access_log::json;
use crate::cores::time::CoreTime;
use crate::http::framing::Decoder;
use crate::http::head::{Field, Version};
use crate::http::refusal::{Refusal, SERVER};
use crate::upstream::response::ResponseHead;

/// How the client gets the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As it is: a length tells its end, or the end of the connection does.
    Plain,
    /// In chunks.
    Chunked,
}

/// How the response of a backend goes on to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Onward {
    pub(crate) version: Version,
    /// Whether the client's connection serves another request.
    pub(crate) keep_alive: bool,
    pub(crate) delivery: Delivery,
}

impl Onward {
    /// Decides how `head` reaches a client of `version` that wants, and may, keep its connection or not.
    pub(crate) fn of(head: &ResponseHead<'_>, version: Version, keep_alive: bool) -> Self {
        let endless = matches!(head.body, Some(Decoder::Chunked(_) | Decoder::UntilClose));
        let old = version == Version::Http10;
        Self {
            version,
            keep_alive: keep_alive && !(old && endless),
            delivery: if endless && !old {
                Delivery::Chunked
            } else {
                Delivery::Plain
            },
        }
    }
}

/// Appends the head of a backend's response with these fields.
pub(crate) fn write_head<'a>(
    out: &mut Vec<u8>,
    head: &ResponseHead<'_>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    onward: Onward,
    time: &CoreTime,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    json::number(u64::from(head.status), out);
    out.push(b' ');
    out.extend_from_slice(head.reason.as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut dated = false;
    for (name, value) in fields {
        dated |= Field::of(name) == Field::Date;
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    if !dated {
        write_date(out, time);
    }
    if head.status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        return;
    }
    if onward.delivery == Delivery::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    out.extend_from_slice(connection_field(onward.version, onward.keep_alive));
    out.extend_from_slice(b"\r\n");
}

/// The fields of a backend's response that are for the client: all but hop-by-hop ones.
pub(crate) fn forwarded<'a>(
    head: &'a ResponseHead<'_>,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let fields = head.fields.iter();
    fields
        .filter(|field| is_forwarded(head, field.name))
        .map(|field| (field.name, field.value))
}

fn is_forwarded(head: &ResponseHead<'_>, name: &str) -> bool {
    match Field::of(name) {
        Field::Connection | Field::HopByHop | Field::TransferEncoding | Field::Upgrade => false,
        // RFC 9110, 8.6: not with 1xx and 204.
        Field::ContentLength => head.status != 101 && head.status != 204,
        Field::Authorization
        | Field::Cookie
        | Field::Date
        | Field::Expect
        | Field::ForwardedFor
        | Field::Host
        | Field::Other
        | Field::Ours
        | Field::UserAgent => !head.connection.names(name),
    }
}

/// Appends a whole reply of the gateway; tells its size.
pub(crate) fn write_refusal(
    out: &mut Vec<u8>,
    refusal: Refusal,
    version: Version,
    keep_alive: bool,
    is_head: bool,
    time: &CoreTime,
) {
    let page = refusal.page();
    out.extend_from_slice(b"HTTP/1.1 ");
    json::number(u64::from(refusal.status()), out);
    out.push(b' ');
    out.extend_from_slice(refusal.reason_phrase().as_bytes());
    out.extend_from_slice(b"\r\nServer: ");
    out.extend_from_slice(SERVER.as_bytes());
    out.extend_from_slice(b"\r\n");
    write_date(out, time);
    out.extend_from_slice(b"Content-Type: text/html\r\nContent-Length: ");
    json::number(u64::try_from(page.len()).unwrap_or(0), out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(connection_field(version, keep_alive));
    out.extend_from_slice(b"\r\n");
    if !is_head {
        out.extend_from_slice(page.as_bytes());
    }
}

fn connection_field(version: Version, keep_alive: bool) -> &'static [u8] {
    match (keep_alive, version) {
        (false, _) => b"Connection: close\r\n",
        (true, Version::Http10) => b"Connection: keep-alive\r\n",
        (true, Version::Http11 | Version::Http2) => b"",
    }
}

fn write_date(out: &mut Vec<u8>, time: &CoreTime) {
    out.extend_from_slice(b"Date: ");
    time.write_date(out);
    out.extend_from_slice(b"\r\n");
}
