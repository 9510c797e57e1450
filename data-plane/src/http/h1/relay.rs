//! A response on its way from the backend's socket to the client's.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use crate::connection::Connection;
use crate::connection::stream::ClientStream;
use crate::http::h1::client::Client;
use crate::http::refusal::Refusal;
use crate::http::reply::Delivery;
use crate::upstream::exchange::Exchange;
use crate::upstream::send::refusal;
use crate::upstream::upload::write_chunk;

/// How a response went.
#[derive(Debug)]
pub(crate) struct Relayed {
    /// Bytes written to the client, head included.
    pub(crate) sent: u64,
    pub(crate) result: Result<(), Refusal>,
}

/// Writes the head in `out`, then the body as it comes; what is left of the request goes on meanwhile.
///
/// Head and the first of the body leave in one write. The backend is read no faster than the client takes.
pub(crate) async fn relay(
    connection: &Rc<Connection>,
    client: &mut Client,
    exchange: Exchange,
    out: Vec<u8>,
    delivery: Delivery,
) -> Relayed {
    client.forget_interim();
    let mut relay = Relay {
        connection,
        client,
        exchange,
        out,
        written: 0,
        sent: 0,
        delivery,
        coalesced: false,
        ended: delivery == Delivery::Plain,
    };
    relay.progress();
    let result = poll_fn(|cx| relay.poll(cx)).await;
    if result.is_ok() {
        relay.exchange.finish();
    }
    connection.core.scraps.give(relay.out);
    Relayed {
        sent: relay.sent,
        result,
    }
}

struct Relay<'a> {
    connection: &'a Connection,
    client: &'a mut Client,
    exchange: Exchange,
    /// The head, or chunks, of which `written` bytes are gone.
    out: Vec<u8>,
    written: usize,
    sent: u64,
    delivery: Delivery,
    /// The one attempt to have body behind the head has been made.
    coalesced: bool,
    /// The last chunk is in `out`.
    ended: bool,
}

impl Relay<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        loop {
            if self.connection.watch.check().is_err() {
                return Poll::Ready(Err(self.expired()));
            }
            if self.delivery == Delivery::Chunked {
                self.fill_chunks()?;
            }
            let payload_len = self.payload()?.len();
            let out_len = self.out.len() - self.written;
            let nothing = out_len == 0 && payload_len == 0;
            let wants_body = payload_len == 0 && !self.coalesced && !self.ended();
            if nothing || wants_body {
                self.coalesced = true;
                if nothing && self.ended() {
                    return self.flush(cx);
                }
                match self.exchange.poll_more(cx) {
                    Poll::Ready(more) => more.map_err(refusal)?,
                    Poll::Pending if nothing => return self.wait(cx),
                    // The head goes alone.
                    Poll::Pending => {}
                }
                continue;
            }
            let out = self.out.get(self.written..).unwrap_or_default();
            let payload = match self.delivery {
                Delivery::Plain => self.exchange.payload().map_err(refusal)?,
                Delivery::Chunked => &[],
            };
            let wrote = match poll_write(self.client.stream(), cx, out, payload) {
                Poll::Ready(Ok(wrote)) if wrote > 0 => wrote,
                Poll::Ready(_) => return Poll::Ready(Err(Refusal::ClientClosed)),
                Poll::Pending => return self.wait(cx),
            };
            let of_out = wrote.min(out_len);
            self.written += of_out;
            self.exchange.consume((wrote - of_out).min(payload_len));
            if self.written == self.out.len() {
                self.out.clear();
                self.written = 0;
            }
            self.sent += u64::try_from(wrote).unwrap_or(0);
            self.progress();
        }
    }

    /// What goes out as it came in.
    fn payload(&mut self) -> Result<&[u8], Refusal> {
        match self.delivery {
            Delivery::Plain => self.exchange.payload().map_err(refusal),
            Delivery::Chunked => Ok(&[]),
        }
    }

    /// Turns what has come into chunks, as far as one write's worth.
    fn fill_chunks(&mut self) -> Result<(), Refusal> {
        while self.out.len() < ONE_WRITE {
            let payload = self.exchange.payload().map_err(refusal)?;
            if payload.is_empty() {
                break;
            }
            let len = payload.len();
            write_chunk(&mut self.out, payload);
            self.exchange.consume(len);
        }
        if self.exchange.is_finished() && !self.ended {
            self.out.extend_from_slice(b"0\r\n\r\n");
            self.ended = true;
        }
        Ok(())
    }

    fn ended(&self) -> bool {
        self.ended && self.exchange.is_finished()
    }

    /// Nothing can be done about the response now; perhaps about the request.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.exchange
            .drive_upload(cx, self.client)
            .map_err(refusal)?;
        match self.flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        let flushed = ready!(Pin::new(self.client.stream()).poll_flush(cx));
        Poll::Ready(flushed.map_err(|_| Refusal::ClientClosed))
    }

    fn progress(&self) {
        let core = &self.connection.core;
        let deadline = core.time.deadline(core.limits.stream_idle_timeout);
        self.connection.watch.arm(deadline);
    }

    fn expired(&self) -> Refusal {
        if self.written < self.out.len() {
            Refusal::ClientClosed
        } else {
            Refusal::UpstreamTimeout
        }
    }
}

fn poll_write(
    stream: &mut ClientStream,
    cx: &mut Context<'_>,
    out: &[u8],
    payload: &[u8],
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    match (out, payload) {
        (_, []) => stream.poll_write(cx, out),
        ([], _) => stream.poll_write(cx, payload),
        (_, _) => stream.poll_write_vectored(cx, &[IoSlice::new(out), IoSlice::new(payload)]),
    }
}

/// Chunks collected before they are written.
const ONE_WRITE: usize = 16 * 1024;
