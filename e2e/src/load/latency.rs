//! An open loop: requests are due at a constant rate whatever the server does, and each is timed from the moment at
//! which it was due. A server that stalls pays for everything that should have happened meanwhile, which a closed loop
//! would leave out (coordinated omission).
//!
//! Threads with blocking sockets, because the timers of an asynchronous runtime are as coarse as the times measured.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::json;

use super::gate::Gate;
use super::http1::{self, Head};
use super::tally::distribution;
use super::target::Target;

/// Lead that all connections have before the first request is due.
const LEAD: Duration = Duration::from_millis(20);

/// Sends `rate` requests a second in all, spread evenly over `connections` connections, for `duration`.
///
/// # Errors
/// When a connection cannot be opened; what goes wrong later is reported as the run's error.
pub fn run(
    target: &Target,
    rate: u32,
    connections: u32,
    duration: Duration,
    gate: Gate,
) -> anyhow::Result<bool> {
    ensure!(rate > 0 && connections > 0, "rate and connections are zero");
    // Threads inherit this: the kernel may otherwise wake a sleeper 50 microseconds late. Without it the run is merely
    // less exact, for every contestant alike.
    let _unsupported = std::fs::write("/proc/self/timerslack_ns", "1");
    let tls = target.tls(None)?;
    let mut lanes = (0..connections)
        .map(|_| Lane::open(target, &tls))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for lane in &mut lanes {
        lane.ask().context("first request of a connection")?;
    }
    gate.pass()?;
    let start = Instant::now() + LEAD;
    let step = Duration::from_secs(1) / rate;
    let results: Vec<(Lane, anyhow::Result<Vec<Duration>>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0u32..)
            .zip(lanes)
            .map(|(index, mut lane)| {
                let schedule = Schedule {
                    first: start + step * index,
                    step: step * connections,
                    end: start + duration,
                };
                scope.spawn(move || {
                    let samples = lane.follow(&schedule);
                    (lane, samples)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a lane does not panic"))
            .collect()
    });
    let elapsed = start.elapsed();
    let mut samples = Vec::new();
    let mut first_error = None;
    let mut held = Vec::new();
    for (lane, result) in results {
        held.push(lane);
        match result {
            Ok(more) => samples.extend(more),
            Err(error) => {
                first_error.get_or_insert(format!("{error:#}"));
            }
        }
    }
    let failed = first_error.is_some();
    gate.finish(&json!({
        "operations": samples.len(),
        "errors": u8::from(failed),
        "first_error": first_error,
        "reconnects": held.iter().map(|lane| lane.reconnects).sum::<u32>(),
        "elapsed_seconds": elapsed.as_secs_f64(),
        "latency": distribution(samples),
    }))?;
    Ok(!failed)
}

/// When the requests of one connection are due.
struct Schedule {
    first: Instant,
    step: Duration,
    end: Instant,
}

struct Lane {
    target: Target,
    tls: Arc<ClientConfig>,
    request: Vec<u8>,
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
    closes: bool,
    reconnects: u32,
}

impl Lane {
    fn open(target: &Target, tls: &Arc<ClientConfig>) -> anyhow::Result<Self> {
        Ok(Self {
            target: target.clone(),
            tls: Arc::clone(tls),
            request: http1::get(&target.host, &target.path, false),
            stream: connect(target, tls)?,
            buffer: vec![0; 64 * 1024],
            closes: false,
            reconnects: 0,
        })
    }

    fn follow(&mut self, schedule: &Schedule) -> anyhow::Result<Vec<Duration>> {
        let mut samples = Vec::new();
        let mut due = schedule.first;
        while due < schedule.end {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.ask()?;
            samples.push(due.elapsed());
            due += schedule.step;
        }
        Ok(samples)
    }

    fn ask(&mut self) -> anyhow::Result<()> {
        if self.closes {
            self.stream = connect(&self.target, &self.tls)?;
            self.reconnects += 1;
        }
        self.stream.write_all(&self.request)?;
        self.stream.flush()?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(read > 0, "closed before the answer, or it is too long");
            filled += read;
            let Some(head) = Head::parse(&self.buffer[..filled])? else {
                continue;
            };
            self.closes = head.closes;
            match filled.cmp(&(head.length + head.body)) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Ok(()),
                std::cmp::Ordering::Greater => bail!("more bytes than announced"),
            }
        }
    }
}

fn connect(
    target: &Target,
    tls: &Arc<ClientConfig>,
) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
    let socket = TcpStream::connect(target.address).context("connect")?;
    socket.set_nodelay(true)?;
    let connection = ClientConnection::new(Arc::clone(tls), target.name()?)?;
    Ok(StreamOwned::new(connection, socket))
}
