//! Many connections that have been used once and then do nothing.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::gate::Gate;
use super::http1;
use super::tally::Tally;
use super::target::Target;

/// How many connections are being opened at a time.
const OPENING: usize = 32;

/// Opens `connections` connections, uses each once, and holds them until told.
///
/// # Errors
/// When the load cannot start; what goes wrong on the wire is counted instead.
pub async fn run(target: &Target, connections: usize, gate: Gate) -> anyhow::Result<bool> {
    let connector = target.connector(None)?;
    let request = http1::get(&target.host, &target.path, false);
    let tally = Rc::new(Tally::default());
    let turns = Arc::new(Semaphore::new(OPENING));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (connector, request) = (connector.clone(), request.clone());
        let (tally, turns) = (Rc::clone(&tally), Arc::clone(&turns));
        tasks.spawn_local(async move {
            let _turn = turns.acquire().await;
            let opened = async {
                let mut stream = connector.connect().await?;
                http1::exchange(&mut stream, &request, &mut Vec::new()).await?;
                anyhow::Ok(stream)
            };
            match opened.await {
                Ok(stream) => {
                    tally.operation();
                    Some(stream)
                }
                Err(error) => {
                    tally.error(&error);
                    None
                }
            }
        });
    }
    let held = tasks.join_all().await;
    let result = tally.json(start.elapsed());
    gate.pass()?;
    gate.finish(&result)?;
    drop(held);
    Ok(!tally.has_failed())
}
