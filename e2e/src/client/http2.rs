//! HTTP/2 on one connection.

use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use super::Reply;
use super::tap::{Heard, Tap};

/// One connection.
pub struct Http2 {
    host: String,
    resumed: bool,
    requests: SendRequest<Empty<Bytes>>,
    /// Ends when the connection does.
    connection: JoinHandle<()>,
    heard: Heard,
}

/// Length of a frame's head (RFC 9113, 4.1).
const FRAME_HEAD: usize = 9;
/// Type of GOAWAY (RFC 9113, 6.8).
const GOAWAY: u8 = 7;

impl Http2 {
    pub(super) async fn begin(stream: TlsStream<TcpStream>, host: &str) -> io::Result<Self> {
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("the server did not choose HTTP/2"));
        }
        let resumed = super::resumed(&stream);
        let (stream, heard) = Tap::on(stream);
        let (requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let connection = tokio::spawn(async move {
            // However it ends, it ends.
            let _end = connection.await;
        });
        Ok(Self {
            host: host.to_owned(),
            resumed,
            requests,
            connection,
            heard,
        })
    }

    /// Whether the handshake resumed a session.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// One GET.
    ///
    /// # Errors
    ///
    /// When the connection or the stream breaks.
    pub async fn get(&mut self, path: &str) -> io::Result<Reply> {
        let request = Request::get(format!("https://{}{path}", self.host));
        let request = request.body(Empty::new()).map_err(io::Error::other)?;
        self.requests.ready().await.map_err(io::Error::other)?;
        let answer = self.requests.send_request(request).await;
        read(answer.map_err(io::Error::other)?).await
    }

    /// Waits until the connection is closed, and tells whether the server said GOAWAY before that.
    pub async fn closed(&mut self) -> bool {
        let _end = (&mut self.connection).await;
        says_goaway(&self.heard.bytes())
    }
}

async fn read(answer: Response<Incoming>) -> io::Result<Reply> {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Whether a GOAWAY is among the frames.
fn says_goaway(mut frames: &[u8]) -> bool {
    while let Some((head, rest)) = frames.split_at_checked(FRAME_HEAD) {
        if head[3] == GOAWAY {
            return true;
        }
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        frames = rest.get(length..).unwrap_or_default();
    }
    false
}
