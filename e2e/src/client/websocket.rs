//! A connection that was upgraded to WebSocket.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Http1;

/// An upgraded connection, with a backend behind it that sends back what it gets.
pub struct WebSocket {
    stream: BufReader<TlsStream<TcpStream>>,
}

/// First byte of a close frame: final, opcode 8 (RFC 6455, 5.5.1).
const CLOSE: u8 = 0x88;
/// A text frame `hi` of a client, masked with zeros (RFC 6455, 5.2).
const HELLO: [u8; 8] = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];

impl WebSocket {
    pub(super) async fn upgrade(mut connection: Http1, path: &str) -> io::Result<Self> {
        let reply = connection
            .request(
                path,
                &[
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                ],
            )
            .await?;
        if reply.status != 101 {
            return Err(io::Error::other(format!("{reply:?}")));
        }
        Ok(Self {
            stream: connection.into_stream(),
        })
    }

    /// Sends a frame and waits for it to come back.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or something else comes back.
    pub async fn echo(&mut self) -> io::Result<()> {
        self.stream.get_mut().write_all(&HELLO).await?;
        self.stream.get_mut().flush().await?;
        let mut back = [0; HELLO.len()];
        self.stream.read_exact(&mut back).await?;
        if back == HELLO {
            Ok(())
        } else {
            Err(io::Error::other(format!("{back:?} came back")))
        }
    }

    /// Waits until the connection is closed, and returns the code of the close frame before that, if there was one.
    pub async fn closed(&mut self) -> Option<u16> {
        let mut rest = Vec::new();
        // However it ends, it ends.
        let _end = self.stream.read_to_end(&mut rest).await;
        match *rest.as_slice() {
            [CLOSE, _, high, low, ..] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}
