//! Full TLS handshakes, each with one GET, whose answer is known beforehand: by refusal or not.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::gate::Gate;
use super::http1;
use super::tally::Tally;
use super::target::{Connector, Target};

/// How a client is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Answer {
    /// By an alert of TLS.
    Alert,
    /// By status 400.
    BadRequest,
    /// By status 200.
    Served,
}

/// Runs [`knock`] and prints what came of it.
///
/// # Errors
/// When the load cannot start; what goes wrong on the wire is counted instead.
pub async fn run(
    target: &Target,
    expected: Answer,
    count: u64,
    concurrency: usize,
    gate: Gate,
) -> anyhow::Result<bool> {
    gate.pass()?;
    let start = Instant::now();
    let tally = knock(target, expected, count, concurrency).await?;
    gate.finish(&tally.json(start.elapsed()))?;
    Ok(!tally.has_failed())
}

/// Connects, asks once and closes, `count` times and `concurrency` at a time. Any other answer than the expected one is an
/// error, and the last thing that happens.
///
/// # Errors
/// When the load cannot start; what goes wrong on the wire is counted instead.
///
/// # Panics
/// Outside a [`LocalSet`](tokio::task::LocalSet).
pub async fn knock(
    target: &Target,
    expected: Answer,
    count: u64,
    concurrency: usize,
) -> anyhow::Result<Rc<Tally>> {
    let connector = target.connector(None)?;
    let request = http1::get(&target.host, &target.path, true);
    let (tally, left) = (Rc::new(Tally::default()), Rc::new(Cell::new(count)));
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency {
        let (connector, request) = (connector.clone(), request.clone());
        let (tally, left) = (Rc::clone(&tally), Rc::clone(&left));
        tasks.spawn_local(async move {
            let mut buffer = Vec::new();
            while left.get() > 0 && !tally.has_failed() {
                left.set(left.get() - 1);
                match visit(&connector, &request, &mut buffer).await {
                    Ok(answer) if answer == expected => tally.operation(),
                    Ok(answer) => tally.error(&anyhow::anyhow!("answered by {answer:?}")),
                    Err(error) => tally.error(&error),
                }
            }
        });
    }
    tasks.join_all().await;
    Ok(tally)
}

async fn visit(
    connector: &Connector,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Answer> {
    buffer.clear();
    match ask(connector, request, buffer).await {
        Err(error) if is_alert(&error) => return Ok(Answer::Alert),
        Err(error) if buffer.is_empty() => return Err(error),
        // Whether the server says good-bye in TLS before it closes is its own affair.
        Ok(()) | Err(_) => {}
    }
    ensure!(buffer.starts_with(b"HTTP/1.1 "), "no answer");
    match buffer.get(9..12).context("no status")? {
        b"200" => Ok(Answer::Served),
        b"400" => Ok(Answer::BadRequest),
        other => bail!("answered {:?}", String::from_utf8_lossy(other)),
    }
}

/// In TLS 1.3 a client hears of a refusal after its own handshake is over.
async fn ask(connector: &Connector, request: &[u8], buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut stream = connector.connect().await?;
    stream.write_all(request).await?;
    stream.flush().await?;
    stream.read_to_end(buffer).await?;
    Ok(())
}

fn is_alert(error: &anyhow::Error) -> bool {
    let cause = error.chain().find_map(|cause| cause.downcast_ref());
    let inner = cause.and_then(io::Error::get_ref);
    let inner = inner.and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}
