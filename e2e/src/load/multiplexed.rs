//! HTTP/2: many requests at a time on a few connections.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::{self, JoinSet};

use super::gate::Gate;
use super::tally::{Deadline, Tally};
use super::target::{Connector, Target};

type Sender = SendRequest<Empty<Bytes>>;

/// Keeps `streams` requests going on each of `connections` connections for `duration`.
///
/// # Errors
/// When a connection cannot be opened; what goes wrong later is counted instead.
pub async fn run(
    target: &Target,
    connections: usize,
    streams: usize,
    duration: Duration,
    gate: Gate,
) -> anyhow::Result<bool> {
    let connector = target.connector(Some("h2"))?;
    let uri = format!("https://{}{}", target.host, target.path);
    let mut senders = Vec::new();
    for _ in 0..connections {
        let mut sender = open(&connector).await?;
        ask(&mut sender, &uri)
            .await
            .context("first request of a connection")?;
        senders.push(sender);
    }
    let tally = Rc::new(Tally::default());
    gate.pass()?;
    let start = Instant::now();
    let deadline = Deadline::after(start, duration);
    let mut tasks = JoinSet::new();
    for sender in &senders {
        for _ in 0..streams {
            let (mut sender, tally) = (sender.clone(), Rc::clone(&tally));
            let uri = uri.clone();
            tasks.spawn_local(async move {
                while !deadline.has_passed() && !tally.has_failed() {
                    match ask(&mut sender, &uri).await {
                        Ok(()) => tally.operation(),
                        Err(error) => tally.error(&error),
                    }
                }
            });
        }
    }
    tasks.join_all().await;
    gate.finish(&tally.json(start.elapsed()))?;
    Ok(!tally.has_failed())
}

async fn open(connector: &Connector) -> anyhow::Result<Sender> {
    let stream = connector.connect().await?;
    ensure!(
        stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        "the server does not speak HTTP/2"
    );
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(8 << 20)
        .handshake(TokioIo::new(stream))
        .await?;
    // When it ends with an error, so do the requests on it, and those are counted.
    task::spawn(async move { connection.await.ok() });
    Ok(sender)
}

async fn ask(sender: &mut Sender, uri: &str) -> anyhow::Result<()> {
    let request = Request::get(uri)
        .header("user-agent", "load")
        .header("accept", "*/*")
        .body(Empty::new())?;
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    ensure!(
        answer.status() == StatusCode::OK,
        "answered {}",
        answer.status()
    );
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(())
}
