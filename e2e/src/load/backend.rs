//! A static HTTP/1.1 server that costs next to nothing, so that the proxy in front of it is what is measured.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task;

/// Longest request head.
const HEAD_LIMIT: usize = 64 * 1024;

/// Serves `/100`, `/10k` and `/1m` (bodies of that many bytes) and `/port` (its own port as text) until the process is
/// killed; anything else is 404. Requests have no body.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn run(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}"))?;
    let answers = Rc::new(Answers::new(address.port()));
    loop {
        // Out of file descriptors, for example: whoever waits in the queue waits on.
        let Ok((stream, _)) = listener.accept().await else {
            task::yield_now().await;
            continue;
        };
        stream.set_nodelay(true)?;
        let answers = Rc::clone(&answers);
        // A connection that ends with an error has lost its client; that is the client's to report.
        task::spawn_local(async move { serve(stream, &answers).await.ok() });
    }
}

struct Answers {
    found: [(&'static [u8], Vec<u8>); 4],
    not_found: Vec<u8>,
}

impl Answers {
    fn new(port: u16) -> Self {
        let body = |length| answer("200 OK", &vec![b'x'; length]);
        Self {
            found: [
                (b"GET /100 ", body(100)),
                (b"GET /10k ", body(10 * 1024)),
                (b"GET /1m ", body(1024 * 1024)),
                (b"GET /port ", answer("200 OK", port.to_string().as_bytes())),
            ],
            not_found: answer("404 Not Found", b"not found"),
        }
    }

    fn find(&self, request: &[u8]) -> &[u8] {
        let found = self
            .found
            .iter()
            .find(|(start, _)| request.starts_with(start));
        found.map_or(&self.not_found, |(_, answer)| answer)
    }
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        while let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            stream.write_all(answers.find(&buffer)).await?;
            buffer.drain(..end + 4);
        }
        if buffer.len() > HEAD_LIMIT || stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}
