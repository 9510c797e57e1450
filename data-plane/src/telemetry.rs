//! Logging of the program and the metrics of everything but the request path.

use std::error::Error;
use std::fmt;
use std::io::IsTerminal;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// Counts what happens to configuration. Cloning shares the counters.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Snapshots received, by what became of them.
    pub(crate) snapshots: Family<SnapshotLabels, Counter>,
    /// Sum of the generations in force; one gateway's generation where a worker serves one.
    pub(crate) generation: Gauge<u64, AtomicU64>,
    /// Gateways in force.
    pub(crate) gateways: Gauge,
    /// Connections to the control plane that ended or could not be made, by reason.
    pub(crate) reconnects: Family<ReconnectLabels, Counter>,
    /// 1 while the configuration stream is up.
    pub(crate) connected: Gauge,
    /// Writes of the sealed state, by outcome.
    pub(crate) state_writes: Family<StateWriteLabels, Counter>,
}

/// An error with all its causes, for a log line: the shapes of `tracing_subscriber` do not all write them.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SnapshotOutcome {
    Applied,
    Rejected,
    Removed,
    Unchanged,
    Stale,
}

/// Why the configuration stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Disconnect {
    /// The connection could not be made.
    Connect,
    /// The control plane ended the stream in good order.
    Closed,
    /// The transport broke or keep-alive failed.
    Transport,
    /// The control plane refused the worker.
    Refused,
    /// The control plane said what the protocol does not allow.
    Protocol,
}

/// Whether the state reached the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WriteOutcome {
    Written,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SnapshotLabels {
    pub(crate) outcome: SnapshotOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReconnectLabels {
    pub(crate) reason: Disconnect,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StateWriteLabels {
    pub(crate) outcome: WriteOutcome,
}

impl Metrics {
    /// Makes the counters and names them in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "config_snapshots",
            "Snapshots received, by outcome",
            metrics.snapshots.clone(),
        );
        registry.register(
            "config_generation",
            "Sum of the generations in force",
            metrics.generation.clone(),
        );
        registry.register(
            "config_gateways",
            "Gateways in force",
            metrics.gateways.clone(),
        );
        registry.register(
            "config_stream_disconnects",
            "Ends of the configuration stream and failed connects, by reason",
            metrics.reconnects.clone(),
        );
        registry.register(
            "config_stream_connected",
            "1 while the stream is up",
            metrics.connected.clone(),
        );
        registry.register(
            "state_writes",
            "Writes of the sealed state, by outcome",
            metrics.state_writes.clone(),
        );
        metrics
    }

    pub(crate) fn count_snapshot(&self, outcome: SnapshotOutcome) {
        self.snapshots
            .get_or_create(&SnapshotLabels { outcome })
            .inc();
    }

    pub(crate) fn count_disconnect(&self, reason: Disconnect) {
        self.reconnects
            .get_or_create(&ReconnectLabels { reason })
            .inc();
    }

    pub(crate) fn count_state_write(&self, outcome: WriteOutcome) {
        self.state_writes
            .get_or_create(&StateWriteLabels { outcome })
            .inc();
    }
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl EncodeLabelValue for SnapshotOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let label = match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
            Self::Stale => "stale",
        };
        label.encode(encoder)
    }
}

impl EncodeLabelValue for Disconnect {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let label = match self {
            Self::Connect => "connect",
            Self::Closed => "closed",
            Self::Transport => "transport",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
        };
        label.encode(encoder)
    }
}

impl EncodeLabelValue for WriteOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let label = match self {
            Self::Written => "written",
            Self::Failed => "failed",
        };
        label.encode(encoder)
    }
}

/// A registry whose metrics start with `portcullis_worker_`.
pub fn registry() -> Registry {
    Registry::with_prefix("portcullis_worker")
}

/// Sends log lines to standard error from now on. A second call changes nothing: whoever embeds the worker may have
/// set up logging before.
pub fn init(settings: &LogSettings) {
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _already_set = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Human => builder
            .with_ansi(std::io::stderr().is_terminal())
            .try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Caused {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn an_error_is_logged_with_all_its_causes() {
        let error = ["no such file", "a.pem cannot be read", "no certificate"]
            .into_iter()
            .fold(None, |source, text| Some(Box::new(Caused { text, source })))
            .expect("an error");
        assert_eq!(
            Chain(&*error).to_string(),
            "no certificate: a.pem cannot be read: no such file"
        );
    }
}
