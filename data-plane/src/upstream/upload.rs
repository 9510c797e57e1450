//! The request on its way to a backend: the head, then the body as it comes from the client.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use crate::http::head::BodyLength;
use crate::http::refusal::Refusal;

/// Where a request body comes from.
pub(crate) trait RequestBody {
    /// The payload that is there, waiting for some; empty at the end of the body.
    ///
    /// # Errors
    /// What to answer; the body cannot be continued.
    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Result<&[u8], Refusal>>;

    /// Takes note that `len` bytes of it have been used.
    fn consume(&mut self, len: usize);
}

/// A request that is being written.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The head, and then pieces of the framed body.
    out: Vec<u8>,
    written: usize,
    body: BodyLength,
    /// Nothing more comes behind what is in `out`.
    ended: bool,
    /// All of it has been handed to the backend's connection.
    done: bool,
    started: bool,
}

/// Why an upload cannot go on.
#[derive(Debug)]
pub(crate) enum UploadError {
    /// The client's side broke.
    Client(Refusal),
    /// The backend takes no more.
    Upstream,
}

impl Upload {
    pub(crate) fn new(head: Vec<u8>, body: BodyLength) -> Self {
        Self {
            out: head,
            written: 0,
            ended: body == BodyLength::None,
            body,
            done: false,
            started: false,
        }
    }

    /// Whether the backend's connection has taken the whole request. Until then it carries no other.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether it is the backend that does not take what is there.
    pub(crate) fn waits_for_upstream(&self) -> bool {
        !self.done && (self.ended || self.written < self.out.len())
    }

    /// Whether the backend may have seen a byte of it.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// Gives the head back, whole: the body has not been begun.
    pub(crate) fn into_head(self) -> Vec<u8> {
        self.out
    }

    /// Writes until all is written, or one of the two sides has to be waited for.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
        source: &mut impl RequestBody,
    ) -> Poll<Result<(), UploadError>> {
        loop {
            while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
                let sent = ready!(Pin::new(&mut *stream).poll_write(cx, rest))
                    .map_err(|_| UploadError::Upstream)?;
                if sent == 0 {
                    return Poll::Ready(Err(UploadError::Upstream));
                }
                self.started = true;
                self.written += sent;
            }
            if self.ended {
                ready!(pin!(stream).poll_flush(cx)).map_err(|_| UploadError::Upstream)?;
                self.done = true;
                return Poll::Ready(Ok(()));
            }
            self.out.clear();
            self.written = 0;
            self.collect(cx, source)?;
            if self.out.is_empty() && !self.ended {
                // What the connection holds back does not wait for the client.
                ready!(pin!(stream).poll_flush(cx)).map_err(|_| UploadError::Upstream)?;
                return Poll::Pending;
            }
        }
    }

    /// Frames what is there of the body, as far as one write's worth: a client that sends it byte by byte shall not make us
    /// write it so.
    fn collect(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl RequestBody,
    ) -> Result<(), UploadError> {
        while !self.ended && self.out.len() < LARGEST_PIECE {
            let Poll::Ready(payload) = source.poll_payload(cx) else {
                break;
            };
            let taken = self.frame(payload.map_err(UploadError::Client)?)?;
            source.consume(taken);
        }
        Ok(())
    }

    /// Appends a piece of the body to `out`; tells how much of `payload` it took.
    fn frame(&mut self, payload: &[u8]) -> Result<usize, UploadError> {
        let taken = payload.len().min(LARGEST_PIECE);
        let piece = payload.get(..taken).unwrap_or_default();
        match &mut self.body {
            BodyLength::None => {}
            BodyLength::Bytes(left) => {
                // The decoder of the client's side counts too; this is what stands on the wire.
                *left = u64::try_from(taken)
                    .ok()
                    .and_then(|taken| left.checked_sub(taken))
                    .ok_or(UploadError::Client(Refusal::InvalidBody))?;
                if piece.is_empty() && *left > 0 {
                    return Err(UploadError::Client(Refusal::InvalidBody));
                }
                self.ended = *left == 0;
                self.out.extend_from_slice(piece);
            }
            BodyLength::Unknown if piece.is_empty() => {
                self.ended = true;
                self.out.extend_from_slice(b"0\r\n\r\n");
            }
            BodyLength::Unknown => {
                write_chunk(&mut self.out, piece);
            }
        }
        Ok(taken)
    }
}

/// Appends `payload`, not empty, as one chunk.
pub(crate) fn write_chunk(out: &mut Vec<u8>, payload: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut shift = usize::BITS - payload.len().leading_zeros();
    shift = shift.div_ceil(4) * 4;
    while shift > 0 {
        shift -= 4;
        out.extend(HEX.get(payload.len() >> shift & 15));
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Payload of one chunk, and about what one write takes.
const LARGEST_PIECE: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use tokio::io::AsyncReadExt;

    /// A body that is all there.
    struct Whole(&'static [u8]);

    impl RequestBody for Whole {
        fn poll_payload(&mut self, _: &mut Context<'_>) -> Poll<Result<&[u8], Refusal>> {
            Poll::Ready(Ok(self.0))
        }

        fn consume(&mut self, len: usize) {
            self.0 = &self.0[len..];
        }
    }

    /// A backend that has not read the end of a request may take the next one on the connection for it.
    #[tokio::test]
    async fn an_upload_is_done_when_the_backend_has_all_of_it() {
        for (body, framed) in [
            (BodyLength::Bytes(11), "hello world"),
            (BodyLength::Unknown, "b\r\nhello world\r\n0\r\n\r\n"),
        ] {
            let (mut gateway, mut backend) = tokio::io::duplex(6);
            let mut upload = Upload::new(b"head".to_vec(), body);
            let mut source = Whole(b"hello world");
            let mut received = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            while upload.poll(&mut cx, &mut gateway, &mut source).is_pending() {
                assert!(!upload.is_done(), "after {received:?}");
                backend.read_buf(&mut received).await.unwrap();
            }
            assert!(upload.is_done());
            drop(gateway);
            backend.read_to_end(&mut received).await.unwrap();
            assert_eq!(
                String::from_utf8(received).unwrap(),
                format!("head{framed}")
            );
        }
    }

    /// A body that comes byte by byte, and a backend's connection that counts how often it is written to.
    struct Bytewise(usize);

    impl RequestBody for Bytewise {
        fn poll_payload(&mut self, _: &mut Context<'_>) -> Poll<Result<&[u8], Refusal>> {
            Poll::Ready(Ok(if self.0 > 0 { b"x" } else { b"" }))
        }

        fn consume(&mut self, len: usize) {
            self.0 -= len;
        }
    }

    #[derive(Default)]
    struct Written {
        bytes: Vec<u8>,
        writes: usize,
    }

    impl AsyncWrite for Written {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            self.bytes.extend_from_slice(bytes);
            self.writes += 1;
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn small_chunks_are_written_together() {
        let mut gateway = Written::default();
        let mut upload = Upload::new(b"head".to_vec(), BodyLength::Unknown);
        let mut cx = Context::from_waker(Waker::noop());
        let done = upload.poll(&mut cx, &mut gateway, &mut Bytewise(10_000));
        assert!(done.is_ready());
        assert!(gateway.bytes.ends_with(b"1\r\nx\r\n0\r\n\r\n"));
        assert_eq!(gateway.bytes.len(), 4 + 10_000 * 6 + 5);
        assert!(gateway.writes < 10, "{} writes", gateway.writes);
    }

    /// A body of which nothing comes.
    struct Never;

    impl RequestBody for Never {
        fn poll_payload(&mut self, _: &mut Context<'_>) -> Poll<Result<&[u8], Refusal>> {
            Poll::Pending
        }

        fn consume(&mut self, _: usize) {}
    }

    #[tokio::test]
    async fn what_is_there_goes_out_while_more_is_waited_for() {
        let (gateway, mut backend) = tokio::io::duplex(64);
        let mut gateway = tokio::io::BufWriter::new(gateway);
        let mut upload = Upload::new(b"head".to_vec(), BodyLength::Unknown);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(upload.poll(&mut cx, &mut gateway, &mut Never).is_pending());
        let mut received = [0; 4];
        let reading = backend.read_exact(&mut received);
        let arrived = tokio::time::timeout(std::time::Duration::from_secs(5), reading).await;
        assert!(arrived.is_ok_and(|read| read.is_ok()));
    }

    #[test]
    fn chunk_sizes_are_hexadecimal() {
        for len in [1, 15, 16, 255, 256, 4096, 70_000] {
            let mut out = Vec::new();
            write_chunk(&mut out, &vec![b'x'; len]);
            assert!(out.starts_with(format!("{len:x}\r\nx").as_bytes()), "{len}");
            assert!(out.ends_with(b"x\r\n"));
        }
    }
}
