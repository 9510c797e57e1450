//! The client's side of an HTTP/1 connection: bytes in, heads and bodies out of them.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::access_log::record::Record;
use crate::connection::Connection;
use crate::connection::stream::ClientStream;
use crate::http::framing::{Decoder, Step};
use crate::http::refusal::Refusal;
use crate::upstream::upload::RequestBody;

/// A client and what it has sent but we have not used.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Rc<Connection>,
    stream: ClientStream,
    inbox: Vec<u8>,
    start: usize,
    /// The body that is being received.
    body: Decoder,
    body_received: u64,
    /// What is left to write of `100 Continue`.
    interim: &'static [u8],
    /// Bytes of the next head that have been looked at.
    scanned: usize,
    /// The first byte of the next head has come: the header deadline runs.
    head_begun: bool,
}

/// Why there is no next head.
#[derive(Debug)]
pub(crate) enum HeadEnd {
    /// The client has gone.
    Gone,
    /// The client was idle for too long, or is asked to go.
    Ours,
    /// What came is no head.
    Refused(Refusal, Box<Record>),
}

impl Client {
    pub(crate) fn new(connection: &Rc<Connection>, stream: ClientStream) -> Self {
        Self {
            connection: Rc::clone(connection),
            stream,
            inbox: Vec::new(),
            start: 0,
            body: Decoder::Length(0),
            body_received: 0,
            interim: &[],
            scanned: 0,
            head_begun: false,
        }
    }

    pub(crate) fn stream(&mut self) -> &mut ClientStream {
        &mut self.stream
    }

    /// What has been received and not used.
    pub(crate) fn buffered(&self) -> &[u8] {
        self.inbox.get(self.start..).unwrap_or_default()
    }

    /// Returns when it is worth parsing [`Self::buffered`] as a head: at the first bytes, and then when the end of a
    /// head has come, so that a head that drips in is not parsed over and over.
    pub(crate) async fn more_of_head(&mut self) -> Result<(), HeadEnd> {
        let connection = Rc::clone(&self.connection);
        let core = &connection.core;
        loop {
            let len = self.buffered().len();
            if len > 0 && !self.head_begun {
                self.head_begun = true;
                connection
                    .watch
                    .arm(core.time.deadline(core.limits.header_read_timeout));
            }
            if len > self.scanned {
                let seen = std::mem::replace(&mut self.scanned, len);
                let news = self
                    .buffered()
                    .get(seen.saturating_sub(2)..)
                    .unwrap_or_default();
                if seen == 0 || ends_a_head(news) {
                    return Ok(());
                }
            }
            if len >= core.limits.max_header_bytes {
                let refusal = if self.buffered().contains(&b'\n') {
                    Refusal::HeadersTooLarge
                } else {
                    Refusal::UriTooLong
                };
                return Err(self.refused(refusal));
            }
            let read = poll_fn(|cx| {
                if connection.watch.is_cut() {
                    return Poll::Ready(Err(HeadEnd::Ours));
                }
                if connection.watch.check().is_err() {
                    return Poll::Ready(Err(self.head_expired()));
                }
                if connection.watch.is_draining() && !self.head_begun {
                    return Poll::Ready(Err(HeadEnd::Ours));
                }
                self.poll_fill(cx).map_err(|_| HeadEnd::Gone)
            })
            .await?;
            core.time.now();
            if read == 0 {
                return Err(HeadEnd::Gone);
            }
        }
    }

    /// Uses the head of `len` bytes; its body comes next.
    pub(crate) fn begin_body(&mut self, len: usize, body: Decoder, expects_continue: bool) {
        self.start += len;
        self.body = body;
        self.body_received = 0;
        self.interim = if expects_continue { CONTINUE } else { &[] };
        self.scanned = 0;
        self.head_begun = false;
    }

    /// Payload of the body received so far.
    pub(crate) fn body_received(&self) -> u64 {
        self.body_received
    }

    /// The final response begins: there is no `100 Continue` any more.
    pub(crate) fn forget_interim(&mut self) {
        self.interim = &[];
    }

    /// Whether the body has been received to its end, so that what follows is another request.
    pub(crate) fn end_body(&mut self) -> bool {
        self.body.is_at_end()
    }

    /// # Errors
    /// The client is gone, or takes nothing for too long.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let expired = |_| io::Error::from(io::ErrorKind::TimedOut);
        self.connection.watch.race(writing).await.map_err(expired)?
    }

    /// Reads once. A buffer is held only while there is something in it.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let buffers = &self.connection.core.buffers;
        if self.start == self.inbox.len() {
            self.inbox.clear();
            self.start = 0;
        }
        if self.inbox.capacity() == 0 {
            self.inbox = buffers.take();
        } else if self.inbox.len() == self.inbox.capacity() && self.start > 0 {
            self.inbox.drain(..self.start);
            self.start = 0;
        }
        let read = pin!(self.stream.read_buf(&mut self.inbox)).poll(cx);
        if self.inbox.is_empty() {
            buffers.give(std::mem::take(&mut self.inbox));
        }
        read
    }

    /// Takes what is buffered: the bytes behind the head, after a switch of protocols.
    pub(crate) fn take_buffered(&mut self) -> Vec<u8> {
        let rest = self.buffered().to_vec();
        self.start = self.inbox.len();
        rest
    }

    fn head_expired(&self) -> HeadEnd {
        if self.head_begun {
            self.refused(Refusal::HeaderTimeout)
        } else {
            HeadEnd::Ours
        }
    }

    fn refused(&self, refusal: Refusal) -> HeadEnd {
        HeadEnd::Refused(
            refusal,
            Box::new(Record::new(self.connection.core.time.now())),
        )
    }
}

impl RequestBody for Client {
    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Result<&[u8], Refusal>> {
        loop {
            let buffered = self.inbox.get(self.start..).unwrap_or_default();
            match self.body.step(buffered).map_err(|_| Refusal::InvalidBody)? {
                Step::Payload { skip, len } => {
                    self.interim = &[];
                    self.start += skip;
                    let payload = self.inbox.get(self.start..self.start + len);
                    return Poll::Ready(Ok(payload.unwrap_or_default()));
                }
                Step::End { skip } => {
                    self.start += skip;
                    return Poll::Ready(Ok(&[]));
                }
                Step::More { skip } => self.start += skip,
            }
            while !self.interim.is_empty() {
                let wrote = ready!(Pin::new(&mut self.stream).poll_write(cx, self.interim));
                let wrote = wrote.map_err(|_| Refusal::ClientClosed)?;
                self.interim = self.interim.get(wrote..).unwrap_or_default();
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Refusal::ClientClosed)),
                Ok(_) => {}
            }
        }
    }

    fn consume(&mut self, len: usize) {
        self.start += len;
        self.body.consumed(len);
        self.body_received += u64::try_from(len).unwrap_or(0);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection
            .core
            .buffers
            .give(std::mem::take(&mut self.inbox));
    }
}

/// Whether an empty line is among `bytes`. A head may end all of its lines with a bare line feed (RFC 9112,
/// 2.2), as those do that people type.
fn ends_a_head(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
