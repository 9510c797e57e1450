//! The threads that serve traffic: one single-threaded runtime each, sharing nothing on the request path.
//!
//! The kernel spreads connections over them (`SO_REUSEPORT`); a connection and all of its requests stay on one core.

pub(crate) mod core;
pub(crate) mod overload;
pub(crate) mod time;
pub(crate) mod withdrawals;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};

use crate::access_log::Log;
use crate::clock::Clock;
use crate::cores::core::Core;
use crate::limits::Limits;
use crate::listener::socket::Accepting;
use crate::metrics::Metrics;
use crate::revocation::Revocation;
use crate::settings::AccessLog;

/// What the request path needs to know, fixed for the life of the process.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// Serving threads, each with its own runtime.
    pub threads: NonZeroUsize,
    /// Limits and time-outs.
    pub limits: Limits,
    /// Where the access log goes.
    pub access_log: AccessLog,
    /// This worker's name, `instanceId` in the access log.
    pub instance: Arc<str>,
    /// Stamps access log lines.
    pub clock: Clock,
    /// Knows which client certificates have been revoked.
    pub revocation: Revocation,
}

/// Why the serving threads could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The access log cannot be written.
    #[error("cannot open the access log {path}")]
    AccessLog {
        /// The file.
        path: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A thread or its runtime could not be made.
    #[error("cannot start a serving thread")]
    Thread(#[source] std::io::Error),
}

/// What a core is told to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Accept from this socket.
    Add(Accepting, oneshot::Sender<()>),
    /// Stop accepting from the sockets with these numbers, and drain their connections.
    Remove {
        sockets: Arc<[u64]>,
        drain: Duration,
        done: oneshot::Sender<()>,
    },
    /// Look whether the connections of clients may go on, because of what the worker has known since `known`.
    Recheck { known: Instant },
    /// Stop accepting, drain everything, end.
    Shutdown { drain: Duration },
}

/// The running cores. They end at once when it is dropped.
#[derive(Debug)]
pub(crate) struct Cores {
    handles: Vec<Handle>,
    /// Writes until the last core has ended.
    log: Log,
}

#[derive(Debug)]
struct Handle {
    commands: mpsc::Sender<Command>,
    thread: Option<std::thread::JoinHandle<()>>,
    ended: oneshot::Receiver<()>,
}

impl Cores {
    /// Starts the threads and the access log's writer.
    pub(crate) fn start(settings: &ProxySettings, metrics: &Metrics) -> Result<Self, StartError> {
        let log = Log::start(&settings.access_log, metrics)?;
        let handles = (0..settings.threads.get())
            .map(|number| Handle::start(number, settings.clone(), metrics, &log))
            .collect::<Result<_, _>>()?;
        Ok(Self { handles, log })
    }

    pub(crate) fn count(&self) -> usize {
        self.handles.len()
    }

    /// Gives each core its socket and waits until all of them accept.
    pub(crate) async fn add(&self, sockets: Vec<Accepting>) {
        let mut added = Vec::with_capacity(sockets.len());
        for (handle, socket) in self.handles.iter().zip(sockets) {
            let (done, accepting) = oneshot::channel();
            handle.send(Command::Add(socket, done)).await;
            added.push(accepting);
        }
        for accepting in added {
            // An error means that the core has ended, which ends the process.
            drop(accepting.await);
        }
    }

    /// Closes sockets on all cores; their connections drain in the background. Waits until the addresses are free.
    pub(crate) async fn remove(&self, sockets: Arc<[u64]>, drain: Duration) {
        let mut removed = Vec::with_capacity(self.handles.len());
        for handle in &self.handles {
            let (done, closed) = oneshot::channel();
            let sockets = Arc::clone(&sockets);
            handle
                .send(Command::Remove {
                    sockets,
                    drain,
                    done,
                })
                .await;
            removed.push(closed);
        }
        for closed in removed {
            drop(closed.await);
        }
    }

    /// Has all cores look whether the connections of clients may go on.
    pub(crate) async fn recheck(&self, known: Instant) {
        for handle in &self.handles {
            handle.send(Command::Recheck { known }).await;
        }
    }

    /// Drains all cores and waits for their threads, then for the last line of the access log.
    pub(crate) async fn shutdown(mut self, drain: Duration) {
        for handle in &self.handles {
            handle.send(Command::Shutdown { drain }).await;
        }
        for handle in &mut self.handles {
            drop((&mut handle.ended).await);
        }
        let threads: Vec<_> = self
            .handles
            .iter_mut()
            .filter_map(|handle| handle.thread.take())
            .collect();
        let log = self.log;
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                drop(thread.join());
            }
            log.finish();
        });
        drop(ended.await);
    }
}

impl Handle {
    fn start(
        number: usize,
        settings: ProxySettings,
        metrics: &Metrics,
        log: &Log,
    ) -> Result<Self, StartError> {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (end, ended) = oneshot::channel();
        let (metrics, shared, sink) = (metrics.core(number), metrics.shared(), log.sink());
        let thread = std::thread::Builder::new()
            .name(format!("core-{number}"))
            .spawn(move || {
                let _guard = EndProcessOnPanic;
                match Builder::new_current_thread()
                    .enable_io()
                    .enable_time()
                    .build_local(LocalOptions::default())
                {
                    Ok(runtime) => {
                        runtime.block_on(Core::run(settings, metrics, shared, sink, inbox));
                    }
                    Err(error) => tracing::error!(%error, "a serving thread has no runtime"),
                }
                drop(end);
            })
            .map_err(StartError::Thread)?;
        Ok(Self {
            commands,
            thread: Some(thread),
            ended,
        })
    }

    async fn send(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            tracing::error!("a serving thread has ended");
        }
    }
}

/// A core that panicked would leave its share of the connections hanging: better a restart.
struct EndProcessOnPanic;

impl Drop for EndProcessOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a serving thread panicked");
            std::process::abort();
        }
    }
}

/// Commands that may wait for one core.
const COMMANDS: usize = 64;
