//! Bodies of HTTP/2 messages, as hyper wants them: one type each way, nothing boxed twice.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use crate::connection::registry::Watch;
use crate::http::h2::Turn;
use crate::http::refusal::Refusal;
use crate::upstream::exchange::Exchange;
use crate::upstream::send;
use crate::upstream::upload::RequestBody;

/// The body of a response.
#[derive(Debug)]
pub(super) enum Body {
    Empty,
    /// A page of the gateway.
    Page(Option<Bytes>),
    /// What a backend sends.
    Streaming(Box<Streaming>),
}

/// The response of a backend under way. What is left of the request goes on meanwhile.
#[derive(Debug)]
pub(super) struct Streaming {
    /// `None` once the body is over.
    turn: Option<Turn>,
    watch: Rc<Watch>,
    exchange: Option<Exchange>,
    source: ReceivedBody,
}

/// The rest of a response does not come: the stream is reset.
#[derive(Debug, thiserror::Error)]
#[error("the response was broken off: {}", .0.label())]
pub(super) struct BrokenOff(Refusal);

impl Streaming {
    /// The body of a response whose head has come.
    pub(super) fn begin(
        turn: Turn,
        watch: Rc<Watch>,
        exchange: Exchange,
        source: ReceivedBody,
    ) -> Body {
        let mut streaming = Self {
            turn: Some(turn),
            watch,
            exchange: Some(exchange),
            source,
        };
        streaming.progress();
        streaming.end_if_finished();
        if streaming.exchange.is_none() {
            return Body::Empty;
        }
        Body::Streaming(Box::new(streaming))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match ready!(self.poll_bytes(cx)) {
            Ok(Some(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Ok(None) => Poll::Ready(None),
            Err(refusal) => {
                self.exchange = None;
                if let Some(mut turn) = self.turn.take() {
                    turn.record.refusal = Some(refusal);
                    turn.end();
                }
                Poll::Ready(Some(Err(BrokenOff(refusal))))
            }
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Refusal>> {
        if self.watch.check().is_err() {
            return Poll::Ready(Err(Refusal::UpstreamTimeout));
        }
        loop {
            let Some(exchange) = &mut self.exchange else {
                return Poll::Ready(Ok(None));
            };
            exchange
                .drive_upload(cx, &mut self.source)
                .map_err(send::refusal)?;
            let payload = exchange.payload().map_err(send::refusal)?;
            if !payload.is_empty() {
                let bytes = Bytes::copy_from_slice(payload);
                exchange.consume(bytes.len());
                if let Some(turn) = &mut self.turn {
                    turn.record.sent += u64::try_from(bytes.len()).unwrap_or(0);
                }
                self.progress();
                self.end_if_finished();
                return Poll::Ready(Ok(Some(bytes)));
            }
            if exchange.is_finished() {
                self.end_if_finished();
                return Poll::Ready(Ok(None));
            }
            ready!(exchange.poll_more(cx)).map_err(send::refusal)?;
        }
    }

    /// Ends the exchange with the last byte, so that the last frame can say that it is the last.
    fn end_if_finished(&mut self) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        // Reads the framing behind the payload; broken framing shows at the next poll.
        let at_end = exchange.payload().is_ok_and(<[u8]>::is_empty) && exchange.is_finished();
        if at_end && let Some(exchange) = self.exchange.take() {
            exchange.finish();
            if let Some(mut turn) = self.turn.take() {
                turn.record.received = self.source.received;
                turn.end();
            }
        }
    }

    fn progress(&self) {
        if let Some(turn) = &self.turn {
            let core = &turn.connection.core;
            self.watch
                .arm(core.time.deadline(core.limits.stream_idle_timeout));
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Page(page) => Poll::Ready(page.take().map(|page| Ok(Frame::data(page)))),
            Self::Streaming(streaming) => streaming.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Page(page) => page.is_none(),
            Self::Streaming(streaming) => streaming.exchange.is_none() && streaming.turn.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Page(page) => {
                let len = page.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(len).unwrap_or(0))
            }
            Self::Streaming(_) => SizeHint::default(),
        }
    }
}

/// The body of a request, as hyper delivers it.
#[derive(Debug)]
pub(super) struct ReceivedBody {
    incoming: Incoming,
    piece: Bytes,
    received: u64,
}

impl ReceivedBody {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self {
            incoming,
            piece: Bytes::new(),
            received: 0,
        }
    }
}

impl RequestBody for ReceivedBody {
    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Result<&[u8], Refusal>> {
        while self.piece.is_empty() {
            match ready!(pin!(&mut self.incoming).poll_frame(cx)) {
                None => break,
                Some(Err(_)) => return Poll::Ready(Err(Refusal::ClientClosed)),
                // Trailers are dropped, as in HTTP/1.
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
            }
        }
        Poll::Ready(Ok(&self.piece))
    }

    fn consume(&mut self, len: usize) {
        self.piece.advance(len.min(self.piece.len()));
        self.received += u64::try_from(len).unwrap_or(0);
    }
}
