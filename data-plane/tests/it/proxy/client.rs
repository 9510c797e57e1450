//! A client that sends exactly the bytes that a test wants.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A response as the client got it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A connection, plain or TLS.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    buffered: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            buffered: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// As [`Self::send`], where the other side may have closed.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        self.stream.write_all(bytes.as_ref()).await.map_err(text)?;
        self.stream.flush().await.map_err(text)
    }

    /// The response, or what stands against one.
    pub(crate) async fn try_reply(&mut self) -> Result<Reply, String> {
        loop {
            // A head and all of its body in one piece is more than these tests need.
            if self.buffered.windows(4).any(|four| four == b"\r\n\r\n") {
                return Ok(self.reply().await);
            }
            match self.stream.read_buf(&mut self.buffered).await {
                Ok(0) => return Err("the connection ended".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Sends a GET and reads the response.
    pub(crate) async fn get(&mut self, host: &str, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        self.reply().await
    }

    /// Sends bytes and reads the response.
    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Reply {
        self.send(bytes).await;
        self.reply().await
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        self.read_reply(false).await.expect("a response")
    }

    /// The response to a HEAD.
    pub(crate) async fn reply_without_body(&mut self) -> Reply {
        self.read_reply(true).await.expect("a response")
    }

    /// The response, or nothing where the connection ends first.
    pub(crate) async fn read_reply(&mut self, bodiless: bool) -> Option<Reply> {
        loop {
            if let Some(end) = self
                .buffered
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
            {
                let head = String::from_utf8(self.buffered[..end + 4].to_vec()).unwrap();
                let rest = &self.buffered[end + 4..];
                let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
                let body = if bodiless || status < 200 || status == 204 || status == 304 {
                    Some((Vec::new(), 0))
                } else if let Some(length) = field(&head, "content-length") {
                    let length: usize = length.parse().unwrap();
                    (rest.len() >= length).then(|| (rest[..length].to_vec(), length))
                } else if field(&head, "transfer-encoding").is_some() {
                    decode_chunks(rest)
                } else {
                    self.buffered.drain(..end + 4);
                    let body = self.rest().await;
                    return Some(Reply { head, body });
                };
                if let Some((body, used)) = body {
                    self.buffered.drain(..end + 4 + used);
                    return Some(Reply { head, body });
                }
            }
            if self.more().await == 0 {
                return None;
            }
        }
    }

    /// Everything until the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.buffered)
    }

    /// The next `len` bytes.
    pub(crate) async fn some(&mut self, len: usize) -> Vec<u8> {
        while self.buffered.len() < len && self.more().await > 0 {}
        self.buffered.drain(..len).collect()
    }

    /// Everything up to these bytes and with them.
    pub(crate) async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            let mut places = self.buffered.windows(end.len());
            if let Some(place) = places.position(|part| part == end) {
                return self.buffered.drain(..place + end.len()).collect();
            }
            assert!(self.more().await > 0, "the connection ended");
        }
    }

    /// Whether the other side closes, without a byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffered.is_empty() && self.more().await == 0
    }

    async fn more(&mut self) -> usize {
        let reading = self.stream.read_buf(&mut self.buffered);
        match tokio::time::timeout(Duration::from_secs(10), reading).await {
            Ok(read) => read.unwrap_or(0),
            Err(tokio::time::error::Elapsed { .. }) => panic!(
                "nothing comes after {:?}",
                String::from_utf8_lossy(&self.buffered)
            ),
        }
    }
}

/// The value of a field of a head.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// A chunked body and how many bytes it took, once it is complete.
pub(crate) fn decode_chunks(mut wire: &[u8]) -> Option<(Vec<u8>, usize)> {
    let whole = wire.len();
    let mut body = Vec::new();
    loop {
        let end = wire.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&wire[..end]).unwrap(), 16).unwrap();
        wire = &wire[end + 2..];
        if wire.len() < size + 2 {
            return None;
        }
        body.extend_from_slice(&wire[..size]);
        wire = &wire[size + 2..];
        if size == 0 {
            return Some((body, whole - wire.len()));
        }
    }
}
