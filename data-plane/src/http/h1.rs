//! HTTP/1.0 and HTTP/1.1 towards clients.
//!
//! Our own server: what a request could mean twice (both lengths, a second Host, odd names) has to be seen to be refused, and a
//! response can go from the backend's socket to the client's without a task or a copy in between.

mod client;
mod frames;
mod relay;
mod tunnel;

use std::rc::Rc;

use crate::access_log::record::Record;
use crate::connection::stream::ClientStream;
use crate::connection::{Connection, linger};
use crate::http::framing::Decoder;
use crate::http::h1::client::{Client, HeadEnd};
use crate::http::h1::relay::relay;
use crate::http::head::{self, BodyLength, Parsed, Version};
use crate::http::plan::plan;
use crate::http::refusal::{Afterwards, Refusal};
use crate::http::reply::{self, Onward};
use crate::rewrite::ResponseField;
use crate::upstream::send::{self, Answered, Outgoing};

/// Serves requests until one of the two sides has had enough.
pub(crate) async fn serve(connection: &Rc<Connection>, stream: ClientStream) {
    let mut client = Client::new(connection, stream);
    let mut next = Next::Request;
    while next == Next::Request {
        next = match head(connection, &mut client).await {
            Ok(request) => answer(connection, &mut client, request).await,
            Err(HeadEnd::Gone) => Next::Drop,
            Err(HeadEnd::Ours) => Next::Close,
            Err(HeadEnd::Refused(refusal, record)) => {
                refuse(connection, &mut client, *record, refusal, Facts::UNKNOWN).await
            }
        };
    }
    if next == Next::Close && connection.watch.is_cut() {
        linger::close_cut(client.stream(), &[]).await;
    } else if next == Next::Close {
        linger::close(&connection.core, &connection.watch, client.stream()).await;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another request.
    Request,
    /// A close that lets the client read what it was sent.
    Close,
    /// Nothing: the connection is broken, or has become something else and ended.
    Drop,
}

/// A request whose head has been read, and admitted or not.
struct Request {
    outgoing: Result<Outgoing, Refusal>,
    facts: Facts,
    record: Record,
}

/// What stays of a head when its bytes are gone.
#[derive(Clone, Copy)]
struct Facts {
    version: Version,
    is_head: bool,
    keep_alive: bool,
    body: BodyLength,
    expects_continue: bool,
}

impl Facts {
    /// Of a head that could not be read.
    const UNKNOWN: Self = Self {
        version: Version::Http11,
        is_head: false,
        keep_alive: false,
        body: BodyLength::None,
        expects_continue: false,
    };
}

/// Waits for the head of the next request and decides about it.
async fn head(connection: &Rc<Connection>, client: &mut Client) -> Result<Request, HeadEnd> {
    let core = &connection.core;
    core.time.now();
    connection
        .watch
        .arm(core.time.deadline(core.limits.http1_idle_timeout));
    loop {
        client.more_of_head().await?;
        let mut record = Record::new(core.time.now());
        let parsed = head::parse_http1(client.buffered(), &core.limits, |head, fields| {
            let fields = || fields.iter().map(|field| (field.name, field.value));
            let facts = Facts {
                version: head.version,
                is_head: head.method == "HEAD",
                keep_alive: head.keep_alive,
                body: head.body,
                expects_continue: head.expects_continue,
            };
            // A refusal by the plan keeps what the head told, so that the reply fits it.
            Ok((plan(connection, head, fields, &mut record), facts))
        });
        match parsed {
            Ok(Parsed::Complete(len, (outgoing, facts))) => {
                record.received = u64::try_from(len).unwrap_or(0);
                client.begin_body(
                    len,
                    match facts.body {
                        BodyLength::None => Decoder::Length(0),
                        BodyLength::Bytes(length) => Decoder::Length(length),
                        BodyLength::Unknown => Decoder::CHUNKED,
                    },
                    facts.expects_continue,
                );
                return Ok(Request {
                    outgoing,
                    facts,
                    record,
                });
            }
            Ok(Parsed::Partial) => {}
            Err(refusal) => return Err(HeadEnd::Refused(refusal, Box::new(record))),
        }
    }
}

async fn answer(connection: &Rc<Connection>, client: &mut Client, request: Request) -> Next {
    let Request {
        outgoing,
        mut facts,
        mut record,
    } = request;
    let core = &connection.core;
    let served = connection.served.get() + 1;
    connection.served.set(served);
    facts.keep_alive &=
        served < core.limits.max_requests_per_connection && !connection.watch.is_draining();
    let mut outgoing = match outgoing {
        Ok(outgoing) => outgoing,
        Err(refusal) => return refuse(connection, client, record, refusal, facts).await,
    };
    let rewrites = outgoing.rewrites.take();
    let websocket = outgoing.asked.websocket;

    let mut out = core.scraps.take();
    let answered = send::send(core, &connection.watch, outgoing, client, |head, upload| {
        let keep_alive = facts.keep_alive && upload.is_done() && !connection.watch.is_draining();
        let onward = Onward::of(head, facts.version, keep_alive);
        out.clear();
        let time = &core.time;
        match &rewrites {
            None => reply::write_head(&mut out, head, reply::forwarded(head), onward, time),
            Some(rewrites) => {
                let fields = rewrites.apply(head, connection.room());
                let fields = fields.iter().filter_map(ResponseField::sent);
                reply::write_head(&mut out, head, fields, onward, time);
            }
        }
        Ok(onward)
    })
    .await;
    let Answered {
        exchange,
        facts: response,
        result: onward,
        latency,
    } = match answered {
        Ok(answered) => answered,
        Err(refusal) => {
            core.scraps.give(out);
            return refuse(connection, client, record, refusal, facts).await;
        }
    };
    record.status = response.status;
    record.server_status = Some(response.status);
    record.server_latency = Some(latency);
    record.server = Some(exchange.peer());

    if websocket && response.status == 101 {
        let copied = tunnel::run(connection, client, exchange, out, record.admitted.as_ref()).await;
        record.refusal = copied.refusal;
        record.received += copied.from_client;
        record.sent += copied.to_client;
        record.finish(connection);
        return Next::Drop;
    }
    let relayed = relay(connection, client, exchange, out, onward.delivery).await;
    record.sent += relayed.sent;
    record.received += client.body_received();
    if let Err(refusal) = relayed.result {
        // The head is on its way: all that can be told now is that the rest does not come.
        record.refusal = Some(connection.end_of(refusal));
        record.finish(connection);
        return Next::Drop;
    }
    record.finish(connection);
    if onward.keep_alive && client.end_body() {
        Next::Request
    } else {
        Next::Close
    }
}

/// Answers with a page.
async fn refuse(
    connection: &Connection,
    client: &mut Client,
    mut record: Record,
    refusal: Refusal,
    facts: Facts,
) -> Next {
    let core = &connection.core;
    let refusal = connection.end_of(refusal);
    record.refuse(refusal);
    if matches!(refusal, Refusal::ClientClosed | Refusal::TrustWithdrawn) {
        record.finish(connection);
        return Next::Drop;
    }
    let keep_alive =
        facts.keep_alive && refusal.afterwards() == Afterwards::Keep && client.end_body();
    let mut out = core.scraps.take();
    reply::write_refusal(
        &mut out,
        refusal,
        facts.version,
        keep_alive,
        facts.is_head,
        &core.time,
    );
    connection
        .watch
        .arm(core.time.deadline(core.limits.header_read_timeout));
    let written = client.write_all(&out).await;
    record.sent = u64::try_from(out.len()).unwrap_or(0);
    core.scraps.give(out);
    record.finish(connection);
    match (written, keep_alive) {
        (Err(_), _) => Next::Drop,
        (Ok(()), true) => Next::Request,
        (Ok(()), false) => Next::Close,
    }
}
