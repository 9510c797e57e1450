//! One core: what its connections share, and the loop that follows commands and sweeps.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access_log::Sink;
use crate::connection::interned::Interned;
use crate::connection::registry::Registry;
use crate::connection::round::Round;
use crate::cores::overload::Overload;
use crate::cores::time::CoreTime;
use crate::cores::withdrawals::Withdrawals;
use crate::cores::{Command, EndProcessOnPanic, ProxySettings};
use crate::limits::Limits;
use crate::listener::accept;
use crate::metrics::CoreMetrics;
use crate::readiness_report::ReadinessReports;
use crate::revocation::Revocation;
use crate::upstream::pool::Pools;

/// What the connections of one core share. Never leaves its thread.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) limits: Limits,
    pub(crate) instance: Arc<str>,
    pub(crate) revocation: Revocation,
    pub(crate) time: CoreTime,
    pub(crate) registry: Registry,
    /// Of the paths that connections rest on.
    pub(crate) certificates: Interned,
    pub(crate) pools: Pools,
    /// For what is read.
    pub(crate) buffers: Buffers,
    /// For heads and log lines.
    pub(crate) scraps: Buffers,
    pub(crate) log: Sink,
    pub(crate) metrics: Arc<CoreMetrics>,
    pub(crate) shared: Shared,
}

/// What all cores have in common.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) connections: Gate,
    pub(crate) handshakes: Gate,
    pub(crate) overload: Arc<Overload>,
    pub(crate) readiness_reports: ReadinessReports,
    pub(crate) withdrawals: Arc<Withdrawals>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            connections: Gate::default(),
            handshakes: Gate::default(),
            overload: Arc::new(Overload::new(Instant::now())),
            readiness_reports: ReadinessReports::default(),
            withdrawals: Arc::default(),
        }
    }
}

/// Counts what is inside, over all cores, and lets in no more than a maximum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<AtomicUsize>);

/// A place inside a [`Gate`], given back on drop.
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Gate {
    /// One more, unless `maximum` are inside.
    pub(crate) fn enter(&self, maximum: usize) -> Option<Permit> {
        let permit = Permit(Arc::clone(&self.0));
        (self.0.fetch_add(1, Ordering::Relaxed) < maximum).then_some(permit)
    }

    /// How many are inside.
    pub(crate) fn inside(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Buffers that are not in use: a connection holds one only while it has bytes to keep.
#[derive(Debug)]
pub(crate) struct Buffers {
    free: RefCell<Vec<Vec<u8>>>,
    bytes: usize,
}

impl Buffers {
    fn of(bytes: usize) -> Self {
        Self {
            free: RefCell::default(),
            bytes,
        }
    }

    /// An empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| Vec::with_capacity(self.bytes))
    }

    /// Takes a buffer back, or frees it if it has grown or there are enough.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        let mut free = self.free.borrow_mut();
        if buffer.capacity() == self.bytes && free.len() < BUFFERS {
            buffer.clear();
            free.push(buffer);
        }
    }
}

impl Core {
    /// Serves until told to shut down, or until whoever gives commands has gone.
    pub(crate) async fn run(
        settings: ProxySettings,
        core_metrics: Arc<CoreMetrics>,
        shared: Shared,
        log: Sink,
        mut inbox: mpsc::Receiver<Command>,
    ) {
        let core = Rc::new(Self {
            time: CoreTime::new(settings.clock),
            registry: Registry::default(),
            certificates: Interned::default(),
            pools: Pools::default(),
            buffers: Buffers::of(BUFFER_BYTES),
            scraps: Buffers::of(SCRAP_BYTES),
            log,
            metrics: core_metrics,
            shared,
            limits: settings.limits,
            revocation: settings.revocation,
            instance: settings.instance,
        });
        let mut acceptors = Acceptors::default();
        let mut sweep = tokio::time::interval(core.sweep_interval());
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut changes = core.revocation.changes();
        let mut round: Option<Round> = None;
        loop {
            let command = tokio::select! {
                command = inbox.recv() => command,
                _ = sweep.tick() => {
                    core.sweep();
                    continue;
                }
                Ok(()) = changes.changed() => {
                    round = Some(Round::begin(round, core.time.now()));
                    continue;
                }
                () = tokio::task::yield_now(), if round.is_some() => {
                    round = round.and_then(|round| round.go_on(&core));
                    continue;
                }
            };
            match command {
                Some(Command::Recheck { known }) => {
                    round = Some(Round::begin(round, known));
                }
                Some(Command::Add(accepting, done)) => {
                    acceptors.add(&core, accepting);
                    // Nobody waits any more when the worker is being dropped.
                    let _ = done.send(());
                }
                Some(Command::Remove {
                    sockets,
                    drain,
                    done,
                }) => {
                    for &socket in &*sockets {
                        acceptors.remove(socket).await;
                        core.registry.drain(Some(socket), core.time.deadline(drain));
                    }
                    // Nobody waits any more when the worker is being dropped.
                    let _ = done.send(());
                }
                Some(Command::Shutdown { drain }) => {
                    acceptors.remove_all().await;
                    core.time.now();
                    core.registry.drain(None, core.time.deadline(drain));
                    break;
                }
                None => return,
            }
        }
        while core.registry.connections() > 0 {
            tokio::time::sleep(DRAIN_POLL).await;
            core.sweep();
            if changes.has_changed().unwrap_or(false) {
                changes.mark_unchanged();
                round = Some(Round::begin(round, core.time.now()));
            }
            round = round.and_then(|round| round.go_on(&core));
        }
        core.log.flush();
    }

    /// How often deadlines are looked at: every second, or more often where a limit is shorter than some seconds.
    fn sweep_interval(&self) -> Duration {
        let shortest = [
            self.limits.handshake_timeout,
            self.limits.header_read_timeout,
            self.limits.request_receive_timeout,
            self.limits.stream_idle_timeout,
            self.limits.http1_idle_timeout,
            self.limits.http2_idle_timeout,
            self.limits.upstream_connect_timeout,
            self.limits.drain_deadline,
        ]
        .into_iter()
        .min()
        .unwrap_or(SWEEP);
        (shortest / 5).clamp(SHORTEST_SWEEP, SWEEP)
    }

    fn sweep(&self) {
        self.time.refresh();
        let now = self.time.coarse();
        self.registry.sweep(now);
        self.sweep_trust();
        self.pools.sweep(now, &self.limits);
        self.shared.overload.tell(self.time.now(), &self.limits);
        self.shared.withdrawals.tell(self.time.now());
        self.log.flush();
    }

    /// Looks at the connections whose time is over, which may have become longer since.
    fn sweep_trust(&self) {
        let now = self.time.unix();
        for connection in self.registry.outlived(now) {
            connection.recheck(self.time.now());
        }
    }
}

#[derive(Debug, Default)]
struct Acceptors(HashMap<u64, (CancellationToken, JoinHandle<()>)>);

impl Acceptors {
    fn add(&mut self, core: &Rc<Core>, accepting: crate::listener::socket::Accepting) {
        let (number, stop) = (accepting.number, CancellationToken::new());
        let accept = accept::run(Rc::clone(core), accepting, stop.clone());
        let task = tokio::task::spawn_local(async move {
            // A socket that nobody accepts from would swallow its share of the connections.
            let _guard = EndProcessOnPanic;
            accept.await;
        });
        self.0.insert(number, (stop, task));
    }

    /// Returns when the socket is closed.
    async fn remove(&mut self, number: u64) {
        if let Some((stop, task)) = self.0.remove(&number) {
            stop.cancel();
            // The task ends the process if it panics.
            drop(task.await);
        }
    }

    async fn remove_all(&mut self) {
        let numbers: Vec<_> = self.0.keys().copied().collect();
        for number in numbers {
            self.remove(number).await;
        }
    }
}

/// Room for a large TLS record and then some; also the most that is read at a time.
const BUFFER_BYTES: usize = 32 * 1024;
/// Room for most heads.
const SCRAP_BYTES: usize = 2 * 1024;
/// Free buffers kept by one core.
const BUFFERS: usize = 64;
const SWEEP: Duration = Duration::from_secs(1);
const SHORTEST_SWEEP: Duration = Duration::from_millis(10);
const DRAIN_POLL: Duration = Duration::from_millis(10);
