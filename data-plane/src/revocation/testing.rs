//! Web servers that answer as a test wants, right or wrong.

pub(super) mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request as the server got it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// What the server does with a request.
#[derive(Clone)]
pub(super) enum Play {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends the first bytes at once, the others one by one with a pause before each.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Sends the first bytes, then this many zeros.
    Flood(Vec<u8>, usize),
    /// Says nothing, ever.
    Silence,
}

/// A server on a port of its own, until it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Asked {
    pub(super) fn method(&self) -> &str {
        self.head.split(' ').next().expect("a method")
    }

    pub(super) fn target(&self) -> &str {
        self.head.split(' ').nth(1).expect("a target")
    }
}

impl Play {
    /// Status 200 with a length.
    pub(super) fn ok(media_type: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        Self::Send([head.as_bytes(), body].concat())
    }

    /// Nothing but a status.
    pub(super) fn status(status: &str) -> Self {
        Self::Send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    }
}

impl Server {
    pub(super) async fn start(play: impl Fn(&Asked) -> Play + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (play, log) = (Arc::new(play), Arc::clone(&asked));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut conversations = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("accepted");
                let (play, log) = (Arc::clone(&play), Arc::clone(&log));
                conversations.spawn(async move {
                    // The other side may go whenever it likes.
                    drop(converse(stream, &*play, &log).await);
                });
            }
        });
        Self {
            address,
            asked,
            _tasks: tasks,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    play: &(dyn Fn(&Asked) -> Play + Send + Sync),
    log: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let Some(asked) = read(&mut stream).await? else {
        return Ok(());
    };
    let play = play(&asked);
    log.lock().expect("not poisoned").push(asked);
    match play {
        Play::Send(bytes) => stream.write_all(&bytes).await?,
        Play::Drip(first, rest, pause) => {
            stream.write_all(&first).await?;
            for byte in rest {
                tokio::time::sleep(pause).await;
                stream.write_all(&[byte]).await?;
            }
        }
        Play::Flood(first, zeros) => {
            stream.write_all(&first).await?;
            let part = vec![0; 64 * 1024];
            for _ in 0..zeros / part.len() {
                stream.write_all(&part).await?;
            }
        }
        Play::Silence => std::future::pending().await,
    }
    stream.shutdown().await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head in UTF-8");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().expect("a length"))
    });
    let length: usize = length.unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let body = bytes[end..].to_vec();
    Ok(Some(Asked { head, body }))
}
