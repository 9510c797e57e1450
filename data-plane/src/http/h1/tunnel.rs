//! A connection after a switch of protocols (WebSocket): bytes both ways until both sides have ended.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::connection::{Connection, linger};
use crate::cores::core::Buffers;
use crate::http::h1::client::Client;
use crate::http::h1::frames::{CLOSE, Frames};
use crate::http::plan;
use crate::http::refusal::Refusal;
use crate::route::{Admitted, NotAdmitted};
use crate::upstream::exchange::Exchange;

/// Bytes that went through.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    pub(crate) from_client: u64,
    pub(crate) to_client: u64,
    /// Why the gateway ended it.
    pub(crate) refusal: Option<Refusal>,
}

/// Writes the head in `out`, then passes bytes on until both sides have ended, one breaks, or nothing moves for too long.
///
/// No byte passes once the client would have to prove itself again; it is told with a close frame, if that can be put between
/// two frames of the backend. When its listener is gone, it drains like others.
///
/// Differs from Azure: the time without a byte is bounded by the stream idle timeout, not by the backend's request timeout.
pub(crate) async fn run(
    connection: &Rc<Connection>,
    client: &mut Client,
    exchange: Exchange,
    out: Vec<u8>,
    admitted: Option<&Admitted>,
) -> Copied {
    let core = &connection.core;
    let mut copied = Copied::default();
    let Some((mut upstream, rest)) = exchange.into_stream() else {
        return copied;
    };
    let mut down = Pipe {
        frames: Some(Frames::after(out.len())),
        ..Pipe::holding(out)
    };
    down.bytes.extend_from_slice(&rest);
    let mut up = Pipe::holding(client.take_buffered());
    let stream = client.stream();
    let mut moved = u64::MAX;
    poll_fn(|cx| {
        if connection.watch.is_cut() {
            copied.refusal = Some(Refusal::TrustWithdrawn);
            return Poll::Ready(());
        }
        if connection.watch.check().is_err() {
            return Poll::Ready(());
        }
        if let Err(refusal) = go_on(connection, admitted) {
            copied.refusal = Some(refusal);
            return Poll::Ready(());
        }
        let upward = up.poll(cx, &core.buffers, stream, &mut upstream);
        let downward = down.poll(cx, &core.buffers, &mut upstream, stream);
        if moved != up.moved + down.moved {
            moved = up.moved + down.moved;
            connection
                .watch
                .arm(core.time.deadline(core.limits.stream_idle_timeout));
        }
        match (upward, downward) {
            (Poll::Ready(Err(_)), _)
            | (_, Poll::Ready(Err(_)))
            | (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(()),
            (Poll::Pending, _) | (_, Poll::Pending) => Poll::Pending,
        }
    })
    .await;
    if copied.refusal.is_some() && down.is_between_frames() {
        linger::close_cut(stream, &CLOSE).await;
    }
    copied.from_client = up.moved;
    copied.to_client = down.moved;
    copied
}

/// Whether what was admitted when it began still is.
fn go_on(connection: &Connection, admitted: Option<&Admitted>) -> Result<(), Refusal> {
    let (core, site) = (&connection.core, connection.origin.site.load());
    let admitted = admitted.ok_or(Refusal::NoSuchHost)?;
    match connection.admit_still(&site, admitted) {
        Ok(()) => Ok(()),
        Err(NotAdmitted::NoSuchHost | NotAdmitted::OtherListener) => {
            let deadline = core.time.deadline(core.limits.drain_deadline);
            connection.watch.abort_at(deadline);
            Ok(())
        }
        Err(
            error @ (NotAdmitted::PolicyChanged
            | NotAdmitted::CertificateExpired
            | NotAdmitted::ClientRefused(_)),
        ) => Err(plan::refusal(error)),
    }
}

/// One direction.
#[derive(Debug)]
struct Pipe {
    bytes: Vec<u8>,
    start: usize,
    moved: u64,
    state: State,
    /// Of what goes to the client.
    frames: Option<Frames>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The source has ended; the destination is to be told.
    Ending,
    Ended,
}

impl Pipe {
    fn holding(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            start: 0,
            moved: 0,
            state: State::Open,
            frames: None,
        }
    }

    /// Whether a frame of our own may follow what has gone out.
    fn is_between_frames(&self) -> bool {
        self.state == State::Open && self.frames.as_ref().is_some_and(Frames::is_between)
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &Buffers,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        loop {
            while let Some(rest) = self.bytes.get(self.start..).filter(|rest| !rest.is_empty()) {
                let wrote = ready!(Pin::new(&mut *to).poll_write(cx, rest))?;
                if wrote == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                if let Some(frames) = &mut self.frames {
                    frames.pass(rest.get(..wrote).unwrap_or_default());
                }
                self.start += wrote;
                self.moved += u64::try_from(wrote).unwrap_or(0);
            }
            match self.state {
                State::Open => {}
                State::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.state = State::Ended;
                    return Poll::Ready(Ok(()));
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() == 0 {
                self.bytes = buffers.take();
            }
            match pin!(from.read_buf(&mut self.bytes)).poll(cx)? {
                Poll::Ready(0) => self.state = State::Ending,
                Poll::Ready(_) => {}
                Poll::Pending => {
                    buffers.give(std::mem::take(&mut self.bytes));
                    return match pin!(to).poll_flush(cx) {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}
