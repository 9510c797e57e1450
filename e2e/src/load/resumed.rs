//! Resumed handshakes, each with one request.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use rustls::HandshakeKind;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use super::gate::Gate;
use super::http1;
use super::tally::{Deadline, Tally};
use super::target::{Connector, Target};

/// Connects with the ticket of the connection before, asks once and closes, `concurrency` at a time for `duration`.
///
/// Every client has tickets of its own, and a full handshake before the gate. A handshake that was not resumed fails the run.
///
/// # Errors
/// When the load cannot start; what goes wrong on the wire is counted instead.
pub async fn run(
    target: &Target,
    concurrency: usize,
    duration: Duration,
    gate: Gate,
) -> anyhow::Result<bool> {
    let request = http1::get(&target.host, &target.path, true);
    let mut connectors = Vec::with_capacity(concurrency);
    for _ in 0..concurrency {
        let connector = target.resuming_connector()?;
        visit(&connector, &request, &mut Vec::new(), HandshakeKind::Full).await?;
        connectors.push(connector);
    }
    let tally = Rc::new(Tally::default());
    gate.pass()?;
    let start = Instant::now();
    let deadline = Deadline::after(start, duration);
    let mut tasks = JoinSet::new();
    for connector in connectors {
        let (request, tally) = (request.clone(), Rc::clone(&tally));
        tasks.spawn_local(async move {
            let mut buffer = Vec::new();
            while !deadline.has_passed() && !tally.has_failed() {
                match visit(&connector, &request, &mut buffer, HandshakeKind::Resumed).await {
                    Ok(()) => tally.operation(),
                    Err(error) => tally.error(&error),
                }
            }
        });
    }
    tasks.join_all().await;
    gate.finish(&tally.json(start.elapsed()))?;
    Ok(!tally.has_failed())
}

async fn visit(
    connector: &Connector,
    request: &[u8],
    buffer: &mut Vec<u8>,
    expected: HandshakeKind,
) -> anyhow::Result<()> {
    let mut stream = connector.connect().await?;
    http1::exchange(&mut stream, request, buffer).await?;
    let kind = stream.get_ref().1.handshake_kind();
    ensure!(
        kind == Some(expected),
        "the handshake was {kind:?}, not {expected:?}"
    );
    // The server closes; whether it says good-bye in TLS before is its own affair.
    let _closed = stream.read(buffer).await;
    Ok(())
}
