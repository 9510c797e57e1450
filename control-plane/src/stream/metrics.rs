//! Metrics of the configuration stream.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Sessions, answers and bytes of the configuration stream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(super) sessions: Gauge,
    pub(super) unanswered: Gauge,
    pub(super) blob_bytes: Counter,
    pub(super) ticket_keys: Counter,
    answers: Family<AnswerLabels, Counter>,
    ends: Family<EndLabels, Counter>,
    enrolments: Family<EnrolmentLabels, Counter>,
    answer_time: Histogram,
    behind: Family<WorkerLabels, Gauge>,
}

/// What a worker answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Answer {
    Ack,
    MissingBlobs,
    Nack,
    /// Of a nonce that is not open.
    Stale,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum End {
    /// The worker closed it.
    Closed,
    /// The connection broke.
    Lost,
    /// The worker broke the protocol.
    Refused,
    /// A newer connection of the same worker.
    Replaced,
    /// This replica stops.
    Shutdown,
    /// The database was away or its content unusable.
    Store,
    /// The worker's identity does not allow it.
    Unauthorised,
}

/// What became of a request for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Enrolment {
    /// A worker joined.
    Joined,
    /// A certificate was renewed.
    Renewed,
    /// Token, certificate or request were not taken.
    Refused,
    /// Too many attempts.
    Throttled,
    /// Through no fault of the worker.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    reason: End,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EnrolmentLabels {
    outcome: Enrolment,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerLabels {
    worker_id: String,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            sessions: Gauge::default(),
            unanswered: Gauge::default(),
            blob_bytes: Counter::default(),
            ticket_keys: Counter::default(),
            answers: Family::default(),
            ends: Family::default(),
            enrolments: Family::default(),
            answer_time: Histogram::new([
                0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
            ]),
            behind: Family::default(),
        };
        let Self {
            sessions,
            unanswered,
            blob_bytes,
            ticket_keys,
            answers,
            ends,
            enrolments,
            answer_time,
            behind,
        } = metrics.clone();
        registry.register("sessions", "Workers that are connected", sessions);
        registry.register(
            "unanswered",
            "Configurations that were sent and not answered yet",
            unanswered,
        );
        registry.register_with_unit("blob", "Sent to workers", Unit::Bytes, blob_bytes);
        registry.register(
            "ticket_keys",
            "Keys of session tickets that this replica made",
            ticket_keys,
        );
        registry.register("answers", "What workers answered", answers);
        registry.register("session_ends", "Sessions that ended", ends);
        registry.register(
            "enrolments",
            "What workers got that asked for a certificate",
            enrolments,
        );
        registry.register_with_unit(
            "answer",
            "From sending a configuration to its acknowledgement",
            Unit::Seconds,
            answer_time,
        );
        registry.register(
            "gateways_behind",
            "Gateways whose newest generation is not in force on the worker",
            behind,
        );
        metrics
    }

    pub(super) fn record_answer(&self, answer: Answer) {
        self.answers.get_or_create(&AnswerLabels { answer }).inc();
    }

    pub(super) fn record_answer_time(&self, after: Duration) {
        self.answer_time.observe(after.as_secs_f64());
    }

    /// Says for how many gateways the newest generation is not in force on a connected worker.
    pub(super) fn set_behind(&self, worker: &str, gateways: usize) {
        let gateways = i64::try_from(gateways).unwrap_or(i64::MAX);
        self.behind
            .get_or_create(&WorkerLabels::of(worker))
            .set(gateways);
    }

    /// Says nothing more of a worker that is not connected.
    pub(super) fn forget_worker(&self, worker: &str) {
        self.behind.remove(&WorkerLabels::of(worker));
    }

    pub(super) fn record_end(&self, reason: End) {
        self.ends.get_or_create(&EndLabels { reason }).inc();
    }

    pub(super) fn record_enrolment(&self, outcome: Enrolment) {
        let labels = EnrolmentLabels { outcome };
        self.enrolments.get_or_create(&labels).inc();
    }
}

impl WorkerLabels {
    fn of(worker: &str) -> Self {
        Self {
            worker_id: worker.to_owned(),
        }
    }
}
