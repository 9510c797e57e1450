//! Full mutual TLS handshakes, each with one request.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use super::gate::Gate;
use super::http1;
use super::tally::{Deadline, Tally};
use super::target::{Connector, Target};

/// Connects, asks once and closes, `concurrency` at a time for `duration`.
///
/// # Errors
/// When the load cannot start; what goes wrong on the wire is counted instead.
pub async fn run(
    target: &Target,
    concurrency: usize,
    duration: Duration,
    gate: Gate,
) -> anyhow::Result<bool> {
    let connector = target.connector(None)?;
    let request = http1::get(&target.host, &target.path, true);
    let tally = Rc::new(Tally::default());
    gate.pass()?;
    let start = Instant::now();
    let deadline = Deadline::after(start, duration);
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency {
        let (connector, request, tally) = (connector.clone(), request.clone(), Rc::clone(&tally));
        tasks.spawn_local(async move {
            let mut buffer = Vec::new();
            while !deadline.has_passed() && !tally.has_failed() {
                match visit(&connector, &request, &mut buffer).await {
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

async fn visit(connector: &Connector, request: &[u8], buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut stream = connector.connect().await?;
    http1::exchange(&mut stream, request, buffer).await?;
    // The server closes; whether it says good-bye in TLS before is its own affair.
    let _closed = stream.read(buffer).await;
    Ok(())
}
