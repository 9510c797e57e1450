//! One request after the other on connections that stay open.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use super::gate::Gate;
use super::http1;
use super::tally::{Deadline, Tally};
use super::target::{Connector, Target};

/// Asks on `connections` connections for `duration`. Connections are opened, and used once, before the start.
///
/// # Errors
/// When a connection cannot be opened; what goes wrong later is counted instead.
pub async fn run(
    target: &Target,
    connections: usize,
    duration: Duration,
    gate: Gate,
) -> anyhow::Result<bool> {
    let connector = target.connector(None)?;
    let mut lanes = Vec::new();
    for _ in 0..connections {
        let mut lane = Lane::open(&connector, target).await?;
        lane.ask(&Tally::default())
            .await
            .context("first request of a connection")?;
        lanes.push(lane);
    }
    let tally = Rc::new(Tally::default());
    gate.pass()?;
    let start = Instant::now();
    let deadline = Deadline::after(start, duration);
    let mut tasks = JoinSet::new();
    for mut lane in lanes {
        let tally = Rc::clone(&tally);
        tasks.spawn_local(async move {
            while !deadline.has_passed() && !tally.has_failed() {
                match lane.ask(&tally).await {
                    Ok(()) => tally.operation(),
                    Err(error) => tally.error(&error),
                }
            }
            lane
        });
    }
    let lanes = tasks.join_all().await;
    gate.finish(&tally.json(start.elapsed()))?;
    drop(lanes);
    Ok(!tally.has_failed())
}

struct Lane {
    connector: Connector,
    request: Vec<u8>,
    stream: TlsStream<TcpStream>,
    closes: bool,
    buffer: Vec<u8>,
}

impl Lane {
    async fn open(connector: &Connector, target: &Target) -> anyhow::Result<Self> {
        Ok(Self {
            connector: connector.clone(),
            request: http1::get(&target.host, &target.path, false),
            stream: connector.connect().await?,
            closes: false,
            buffer: Vec::new(),
        })
    }

    async fn ask(&mut self, tally: &Tally) -> anyhow::Result<()> {
        if self.closes {
            self.stream = self.connector.connect().await?;
            tally.reconnect();
        }
        let head = http1::exchange(&mut self.stream, &self.request, &mut self.buffer).await?;
        self.closes = head.closes;
        Ok(())
    }
}
