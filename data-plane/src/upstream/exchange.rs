//! One request and its response on one backend connection.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustls_pki_types::ServerName;
use tokio::io::AsyncReadExt;

use crate::cores::core::Core;
use crate::http::framing::{Decoder, Step};
use crate::http::refusal::Refusal;
use crate::upstream::pool::Pool;
use crate::upstream::response::{self, Asked, Facts, InvalidResponse, Parsed, ResponseHead};
use crate::upstream::stream::UpstreamStream;
use crate::upstream::upload::{RequestBody, Upload, UploadError};

/// One request and its response. The connection goes back to its pool at the end, or is closed.
#[derive(Debug)]
pub(crate) struct Exchange {
    core: Rc<Core>,
    place: Place,
    stream: Option<UpstreamStream>,
    upload: Upload,
    /// Bytes from the backend, used up to `start`.
    inbox: Vec<u8>,
    start: usize,
    body: Option<Decoder>,
    reusable: bool,
    /// Whether the backend has sent anything.
    heard: bool,
    peer: SocketAddr,
}

/// Which pool a connection belongs to, and where in it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) pool: Rc<Pool>,
    pub(crate) endpoint: usize,
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// Why an exchange failed.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// The client's side broke.
    Client(Refusal),
    /// The backend closed before it had sent a byte of its response.
    ClosedEarly,
    /// The backend closed in the middle.
    Closed,
    /// What the backend sent cannot be forwarded.
    Invalid,
}

impl From<InvalidResponse> for ExchangeError {
    fn from(InvalidResponse: InvalidResponse) -> Self {
        Self::Invalid
    }
}

impl Exchange {
    pub(crate) fn new(
        core: &Rc<Core>,
        place: Place,
        stream: UpstreamStream,
        upload: Upload,
    ) -> Self {
        Self {
            core: Rc::clone(core),
            place,
            peer: stream.address(),
            stream: Some(stream),
            upload,
            inbox: Vec::new(),
            start: 0,
            body: None,
            reusable: false,
            heard: false,
        }
    }

    /// The address of the backend.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(crate) fn upload(&self) -> &Upload {
        &self.upload
    }

    /// Ends the attempt and gives the head of the request back.
    pub(crate) fn into_head(mut self) -> Vec<u8> {
        let upload = std::mem::replace(
            &mut self.upload,
            Upload::new(Vec::new(), crate::http::head::BodyLength::None),
        );
        upload.into_head()
    }

    /// Sends the request and waits for the head of the response, which is given to `use_head`. A response may come before
    /// the request has been sent; then the rest is sent while the response is read.
    ///
    /// `on_sent` is called once, when the last byte of the request has been written.
    pub(crate) fn poll_head<T>(
        &mut self,
        cx: &mut Context<'_>,
        asked: Asked,
        source: &mut impl RequestBody,
        mut use_head: impl FnMut(&ResponseHead<'_>, &Upload) -> Result<T, InvalidResponse>,
        mut on_sent: impl FnMut(),
    ) -> Poll<Result<(Facts, T), ExchangeError>> {
        if !self.upload.is_done() {
            self.drive_upload(cx, source)?;
            if self.upload.is_done() {
                on_sent();
            }
        }
        loop {
            let buffered = self.inbox.get(self.start..).unwrap_or_default();
            if !buffered.is_empty() {
                let upload = &self.upload;
                match response::parse(buffered, asked, |head| use_head(head, upload))? {
                    Parsed::Partial => {}
                    Parsed::Informational(len) => {
                        self.start += len;
                        continue;
                    }
                    Parsed::Final(len, facts, result) => {
                        self.start += len;
                        self.body = facts.body;
                        self.reusable = facts.reusable;
                        return Poll::Ready(Ok((facts, result)));
                    }
                }
            }
            match ready!(self.poll_fill(cx)) {
                Ok(read) if read > 0 => self.heard = true,
                Ok(_) | Err(_) if self.heard => return Poll::Ready(Err(ExchangeError::Closed)),
                Ok(_) | Err(_) => return Poll::Ready(Err(ExchangeError::ClosedEarly)),
            }
        }
    }

    /// Goes on sending the request while something else is waited for.
    ///
    /// # Errors
    /// The client's side broke. That the backend takes no more is no error: its response counts.
    pub(crate) fn drive_upload(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl RequestBody,
    ) -> Result<(), ExchangeError> {
        let Some(stream) = self.stream.as_mut().filter(|_| !self.upload.is_done()) else {
            return Ok(());
        };
        match self.upload.poll(cx, stream, source) {
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
            Poll::Ready(Err(UploadError::Client(refusal))) => Err(ExchangeError::Client(refusal)),
            Poll::Ready(Err(UploadError::Upstream)) => {
                self.reusable = false;
                Ok(())
            }
        }
    }

    /// The payload that has been read and not consumed; may be empty although the body goes on.
    ///
    /// # Errors
    /// [`ExchangeError::Invalid`]: the framing is broken.
    pub(crate) fn payload(&mut self) -> Result<&[u8], ExchangeError> {
        let Some(body) = &mut self.body else {
            return Ok(&[]);
        };
        let buffered = self.inbox.get(self.start..).unwrap_or_default();
        match body.step(buffered) {
            Ok(Step::Payload { skip, len }) => {
                self.start += skip;
                Ok(buffered.get(skip..skip + len).unwrap_or_default())
            }
            Ok(Step::More { skip } | Step::End { skip }) => {
                self.start += skip;
                Ok(&[])
            }
            Err(_) => Err(ExchangeError::Invalid),
        }
    }

    /// Takes note that `len` bytes of [`Self::payload`] have been used.
    pub(crate) fn consume(&mut self, len: usize) {
        self.start += len;
        if let Some(body) = &mut self.body {
            body.consumed(len);
        }
    }

    /// Whether the whole body has been consumed.
    pub(crate) fn is_finished(&self) -> bool {
        self.body.is_none_or(|body| body.is_at_end())
    }

    /// Reads more of the body.
    ///
    /// # Errors
    /// [`ExchangeError::Closed`] where the body is not over. One without a length is over with an orderly close only: after a
    /// reset, or over TLS without `close_notify`, it may have been cut (RFC 9112, 9.8).
    pub(crate) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ExchangeError>> {
        let read = ready!(self.poll_fill(cx)).map_err(|_| ExchangeError::Closed)?;
        if read == 0 {
            if self.body != Some(Decoder::UntilClose) {
                return Poll::Ready(Err(ExchangeError::Closed));
            }
            self.body = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the exchange after the whole response: the connection serves again if nothing stands against it.
    pub(crate) fn finish(mut self) {
        self.give_back();
    }

    /// Takes the connection out, with the bytes that came behind the head: after a switch of protocols.
    pub(crate) fn into_stream(mut self) -> Option<(UpstreamStream, Vec<u8>)> {
        let rest = self.inbox.get(self.start..).unwrap_or_default().to_vec();
        self.stream.take().map(|stream| (stream, rest))
    }

    fn give_back(&mut self) {
        let clean = self.reusable
            && self.upload.is_done()
            && self.is_finished()
            && self.start == self.inbox.len();
        if clean && let Some(stream) = self.stream.take() {
            let place = &mut self.place;
            place
                .pool
                .give(&self.core, place.endpoint, stream, place.server_name.take());
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Ok(0));
        };
        if self.inbox.capacity() == 0 {
            self.inbox = self.core.buffers.take();
        } else if self.start == self.inbox.len() {
            self.inbox.clear();
            self.start = 0;
        } else if self.inbox.len() == self.inbox.capacity() && self.start > 0 {
            self.inbox.drain(..self.start);
            self.start = 0;
        }
        pin!(stream.read_buf(&mut self.inbox)).poll(cx)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.core.buffers.give(std::mem::take(&mut self.inbox));
    }
}
