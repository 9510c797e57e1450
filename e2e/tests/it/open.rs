//! Live connections of a client, one of each kind.

use std::time::Duration;

use e2e::client::{Client, Http1, Http2, WebSocket};

/// One connection of each kind, with a backend behind them that speaks WebSocket.
pub(crate) struct Open {
    http1: Http1,
    http2: Http2,
    websocket: WebSocket,
}

/// Status of the close frame for a violation of the server's policy (RFC 6455, 7.4.1).
const POLICY_VIOLATION: u16 = 1008;

impl Open {
    /// Opens them; all carry a request.
    pub(crate) async fn by(client: &Client) -> Self {
        let mut open = Self {
            http1: client.connect().await.expect("HTTP/1.1"),
            http2: client.connect_http2().await.expect("HTTP/2"),
            websocket: client.connect_websocket("/").await.expect("WebSocket"),
        };
        open.go_on().await;
        open
    }

    /// All connections still carry requests.
    pub(crate) async fn go_on(&mut self) {
        assert_eq!(self.http1.get("/").await.expect("HTTP/1.1").status, 200);
        assert_eq!(self.http2.get("/").await.expect("HTTP/2").status, 200);
        self.websocket.echo().await.expect("WebSocket");
    }

    /// Waits for the end of all connections, each in its way.
    ///
    /// # Panics
    ///
    /// When they do not end within `limit`.
    pub(crate) async fn ends_within(&mut self, limit: Duration) {
        let ends = tokio::time::timeout(limit, self.ends());
        ends.await
            .unwrap_or_else(|_| panic!("not cut within {limit:?}"));
    }

    async fn ends(&mut self) {
        let rest = self.http1.closed().await;
        assert!(rest.is_empty(), "{rest:?}");
        assert!(self.http2.closed().await, "no GOAWAY");
        assert_eq!(self.websocket.closed().await, Some(POLICY_VIOLATION));
    }
}
