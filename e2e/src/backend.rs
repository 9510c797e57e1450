//! A backend in the test itself, which writes down what it gets and speaks WebSocket.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// A running backend; it ends when it is dropped.
pub struct Backend {
    port: u16,
    seen: Arc<Seen>,
    _runtime: Runtime,
}

/// What came.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

impl Backend {
    /// Starts on a port of loopback that the kernel chooses.
    ///
    /// # Panics
    ///
    /// When it cannot start.
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("runtime");
        let bind = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(bind).expect("listener");
        let port = listener.local_addr().expect("address").port();
        let seen = Arc::new(Seen::default());
        runtime.spawn(accept(listener, Arc::clone(&seen)));
        Self {
            port,
            seen,
            _runtime: runtime,
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it has taken.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The heads of all requests since the last call, to the byte.
    pub fn take_heads(&self) -> Vec<String> {
        let mut heads = self
            .seen
            .heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heads)
    }
}

async fn accept(listener: TcpListener, seen: Arc<Seen>) {
    while let Ok((stream, _)) = listener.accept().await {
        seen.connections.fetch_add(1, Ordering::SeqCst);
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            // A gateway may close when it likes.
            let _end = serve(stream, &seen).await;
        });
    }
}

/// Answers requests without bodies, one after the other.
async fn serve(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        while let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head: Vec<u8> = bytes.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head).into_owned();
            let upgrade = head.to_ascii_lowercase().contains("upgrade: websocket");
            seen.heads
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(head);
            if upgrade {
                stream.write_all(SWITCH).await?;
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await?;
                return Ok(());
            }
            stream.write_all(ANSWER).await?;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
}
