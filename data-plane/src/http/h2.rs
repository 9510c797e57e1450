//! HTTP/2 towards clients: hyper speaks it, each request runs in a task of its own on the connection's core.

mod body;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::access_log::record::Record;
use crate::connection::registry::{Kind, Watch};
use crate::connection::stream::{ClientStream, Lent};
use crate::connection::{Connection, CountPanic, linger};
use crate::http::h2::body::{Body, ReceivedBody, Streaming};
use crate::http::head::check_http2;
use crate::http::plan::plan;
use crate::http::refusal::{Refusal, SERVER};
use crate::http::reply;
use crate::rewrite::ResponseField;
use crate::upstream::response::{InvalidResponse, ResponseHead};
use crate::upstream::send::{self, Answered};

/// Serves requests until the client closes, is idle for too long, or has had its number of requests.
///
/// A connection that may not go on gets a GOAWAY, and its requests are broken off.
pub(crate) async fn serve(connection: &Rc<Connection>, stream: ClientStream) {
    let lent = Lent::new(stream);
    // hyper keeps the connection to itself: what is lent comes back once it has ended, and its requests with it.
    converse(connection, lent.clone()).await;
    if connection.watch.is_cut()
        && let Some(mut stream) = lent.take_back()
    {
        linger::close_cut(&mut stream, &[]).await;
    }
}

async fn converse(connection: &Rc<Connection>, stream: Lent) {
    let core = &connection.core;
    let limits = &core.limits;
    let service = {
        let connection = Rc::clone(connection);
        // In a box: hyper and the executor move it, and it is large.
        service_fn(move |request| Box::pin(respond(Rc::clone(&connection), request)))
    };
    let mut serving = pin!(
        http2::Builder::new(Executor(Rc::clone(connection)))
            .max_concurrent_streams(limits.http2_max_streams)
            .initial_stream_window_size(limits.http2_stream_window_bytes)
            .initial_connection_window_size(limits.http2_connection_window_bytes)
            .max_pending_accept_reset_streams(limits.http2_max_pending_resets)
            .max_local_error_reset_streams(limits.http2_max_local_resets)
            .max_send_buf_size(limits.http2_send_buffer_bytes)
            .max_header_list_size(HEADER_LIST_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    let watch = &connection.watch;
    core.time.now();
    watch.arm(core.time.deadline(limits.http2_idle_timeout));
    let mut closing = false;
    poll_fn(|cx| {
        if watch.is_cut() {
            if !closing {
                serving.as_mut().graceful_shutdown();
            }
            // Once, for the GOAWAY; how it ends is of no interest any more.
            drop(serving.as_mut().poll(cx));
            return Poll::Ready(());
        }
        let expired = watch.check().is_err();
        if expired && closing {
            return Poll::Ready(());
        }
        if (expired || watch.is_draining()) && !closing {
            closing = true;
            serving.as_mut().graceful_shutdown();
            if connection.streams.get() == 0 {
                watch.arm(core.time.deadline(FAREWELL));
            }
        }
        // How a client ends its connection is of no interest.
        serving.as_mut().poll(cx).map(drop)
    })
    .await;
}

tokio::task_local! {
    /// The deadlines of the request that the task is for.
    static CURRENT: Rc<Watch>;
}

/// Runs hyper's tasks, one for each request, where the connection lives.
#[derive(Clone, Debug)]
struct Executor(Rc<Connection>);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, task: F) {
        let connection = Rc::clone(&self.0);
        tokio::task::spawn_local(async move {
            let core = &connection.core;
            let _panic = CountPanic(Rc::clone(core));
            let registered = core
                .registry
                .register(connection.origin.socket, Kind::Stream);
            let watch = registered.watch();
            let task = CURRENT.scope(Rc::clone(watch), task);
            watch.supervise(cut_when_stuck(watch, task)).await;
        });
    }
}

/// Ends a task that has let its deadline pass: while a client takes nothing, hyper asks for no more of a response, and
/// so nobody else looks at the time.
async fn cut_when_stuck(watch: &Watch, task: impl Future<Output = ()>) {
    let mut task = pin!(task);
    poll_fn(|cx| match task.as_mut().poll(cx) {
        Poll::Pending if watch.check().is_err() => Poll::Ready(()),
        polled => polled,
    })
    .await;
}

async fn respond(
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let core = &connection.core;
    let mut turn = Turn::begin(&connection);
    // hyper runs requests in tasks of the executor and nowhere else.
    let watch = CURRENT
        .try_with(Rc::clone)
        .unwrap_or_else(|_| Rc::clone(&connection.watch));
    let (parts, incoming) = request.into_parts();
    let planned = check_http2(&parts, !incoming.is_end_stream(), &core.limits).and_then(|head| {
        let fields = || {
            parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()))
        };
        plan(&connection, &head, fields, &mut turn.record)
    });
    drop(parts);
    let mut outgoing = match planned {
        Ok(outgoing) => outgoing,
        Err(refusal) => return Ok(refuse(turn, &watch, refusal)),
    };
    let rewrites = outgoing.rewrites.take();
    let mut source = ReceivedBody::new(incoming);
    let answered = send::send(
        core,
        &watch,
        outgoing,
        &mut source,
        |head, _| match &rewrites {
            None => render(head, reply::forwarded(head)),
            Some(rewrites) => {
                let fields = rewrites.apply(head, connection.room());
                render(head, fields.iter().filter_map(ResponseField::sent))
            }
        },
    )
    .await;
    let Answered {
        exchange,
        facts,
        result: mut response,
        latency,
    } = match answered {
        Ok(answered) => answered,
        Err(refusal) => return Ok(refuse(turn, &watch, refusal)),
    };
    turn.record.status = facts.status;
    turn.record.server_status = Some(facts.status);
    turn.record.server_latency = Some(latency);
    turn.record.server = Some(exchange.peer());
    *response.body_mut() = Streaming::begin(turn, watch, exchange, source);
    Ok(response)
}

/// One request from its head to the last byte of its response. Whatever way it ends, the connection and the log hear of it.
#[derive(Debug)]
struct Turn {
    connection: Rc<Connection>,
    record: Record,
    ended: bool,
}

impl Turn {
    fn begin(connection: &Rc<Connection>) -> Self {
        let core = &connection.core;
        let record = Record::new(core.time.now());
        connection.streams.set(connection.streams.get() + 1);
        connection.watch.disarm();
        let served = connection.served.get() + 1;
        connection.served.set(served);
        let limits = &core.limits;
        if served >= limits.max_requests_per_connection {
            connection.watch.start_draining();
        }
        // What may have been on its way while GOAWAY was, and as much again.
        let grace = 2 * u64::from(limits.http2_max_streams);
        if served > limits.max_requests_per_connection.saturating_add(grace) {
            connection.watch.abort();
        }
        Self {
            connection: Rc::clone(connection),
            record,
            ended: false,
        }
    }

    /// Ends as it should.
    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let connection = &self.connection;
        let core = &connection.core;
        let now = core.time.now();
        connection
            .streams
            .set(connection.streams.get().saturating_sub(1));
        if connection.streams.get() == 0 {
            connection
                .watch
                .arm(core.time.deadline(core.limits.http2_idle_timeout));
        }
        let mut record = std::mem::replace(&mut self.record, Record::new(now));
        if !self.ended && record.refusal.is_none() {
            // Reset by the client, or cut with the connection.
            let refusal = connection.end_of(Refusal::ClientClosed);
            record.refusal = Some(refusal);
            if record.status == 0 {
                record.status = refusal.status();
            }
            if refusal == Refusal::ClientClosed {
                cut_reset_flood(connection);
            }
        }
        record.finish(connection);
    }
}

/// Cuts a connection most of whose requests break off: each costs the client two frames, and a backend a request. h2 counts
/// only those that were reset before it handed them on.
fn cut_reset_flood(connection: &Connection) {
    let core = &connection.core;
    let broken_off = connection.broken_off.get() + 1;
    connection.broken_off.set(broken_off);
    let allowed = u64::try_from(core.limits.http2_max_pending_resets).unwrap_or(u64::MAX);
    if broken_off == allowed.max(connection.served.get() / 2) + 1 {
        core.metrics.reset_floods.add(1);
        tracing::info!(client = %connection.client_text, broken_off, "connection cut: the client keeps breaking off its requests");
        connection.watch.abort();
    }
}

/// The response that the client gets, without its body.
fn render<'a>(
    head: &ResponseHead<'_>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Response<Body>, InvalidResponse> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::from_u16(head.status).map_err(|_| InvalidResponse)?;
    let headers = response.headers_mut();
    headers.reserve(head.fields.len());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidResponse)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| InvalidResponse)?;
        headers.append(name, value);
    }
    Ok(response)
}

/// A reply of the gateway. The client has as long for it as for a head of its own.
fn refuse(mut turn: Turn, watch: &Watch, refusal: Refusal) -> Response<Body> {
    turn.record.refuse(refusal);
    let core = &turn.connection.core;
    watch.arm(core.time.deadline(core.limits.header_read_timeout));
    // Other refusals concern one stream; what is wrong with it says nothing about the connection.
    if refusal.concerns_the_client() {
        turn.connection.watch.start_draining();
    }
    let page = refusal.page();
    turn.record.sent = u64::try_from(page.len()).unwrap_or(0);
    turn.end();
    let mut response = Response::new(Body::Page(Some(page.into())));
    *response.status_mut() =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static(SERVER));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// All fields of one request, uncompressed (defaults of the edge profile).
const HEADER_LIST_BYTES: u32 = 64 * 1024;
/// How long a client may take to close after GOAWAY when nothing is under way.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(5);
