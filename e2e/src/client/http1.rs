//! HTTP/1.1 on one kept connection.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// One connection. Nothing is retried: a broken connection is an error.
pub struct Http1 {
    stream: BufReader<TlsStream<TcpStream>>,
    host: String,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: String,
}

impl Reply {
    /// The value of a field, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }
}

impl Http1 {
    pub(super) fn new(stream: TlsStream<TcpStream>, host: &str) -> Self {
        Self {
            // Small: there may be thousands.
            stream: BufReader::with_capacity(1024, stream),
            host: host.to_owned(),
        }
    }

    /// Whether the handshake resumed a session.
    pub fn resumed(&self) -> bool {
        super::resumed(self.stream.get_ref())
    }

    /// One GET.
    ///
    /// # Errors
    ///
    /// When the connection breaks or the answer makes no sense.
    pub async fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.request(path, &[]).await
    }

    /// One GET with more header lines.
    pub(super) async fn request(&mut self, path: &str, lines: &[&str]) -> io::Result<Reply> {
        self.send(path, lines).await?;
        let mut reply = self.head().await?;
        let length = match reply.header("content-length") {
            Some(length) => length.parse().map_err(io::Error::other)?,
            None if reply.status == 101 => 0,
            None => return Err(io::Error::other("no Content-Length")),
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        reply.body = String::from_utf8_lossy(&body).into_owned();
        Ok(reply)
    }

    /// Waits until the server closes the connection, and returns what it sent before.
    pub async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // However it ends, it ends.
        let _end = self.stream.read_to_end(&mut rest).await;
        rest
    }

    pub(super) fn into_stream(self) -> BufReader<TlsStream<TcpStream>> {
        self.stream
    }

    async fn send(&mut self, path: &str, lines: &[&str]) -> io::Result<()> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for line in lines {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        self.stream.get_mut().flush().await
    }

    async fn head(&mut self) -> io::Result<Reply> {
        let mut reply = Reply {
            status: 0,
            headers: Vec::new(),
            body: String::new(),
        };
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                return Ok(reply);
            }
            match line.split_once(": ") {
                _ if reply.status == 0 => {
                    let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
                    reply.status = code.ok_or_else(|| io::Error::other(line.to_owned()))?;
                }
                Some((name, value)) => {
                    let name = name.to_ascii_lowercase();
                    reply.headers.push((name, value.to_owned()));
                }
                None => return Err(io::Error::other(line.to_owned())),
            }
        }
    }
}
