//! Metrics of operations.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use time::OffsetDateTime;

use crate::operation::{Operation, OperationError, OperationKind};

/// How operations end, and how long a change takes to be in force. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    operations: Family<Labels, Counter>,
    put_to_applied: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: Kind,
    result: Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Kind {
    DeleteGateway,
    DeleteResourceGroup,
    PutGateway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Ended {
    Failed,
    Succeeded,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            operations: Family::default(),
            put_to_applied: Histogram::new([
                0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
            ]),
        };
        registry.register(
            "operations",
            "Long-running operations that this replica ended",
            metrics.operations.clone(),
        );
        registry.register_with_unit(
            "put_to_applied",
            "From a PUT to the answer of the last worker",
            Unit::Seconds,
            metrics.put_to_applied.clone(),
        );
        metrics
    }

    pub(super) fn record_end(
        &self,
        operation: &Operation,
        error: Option<&OperationError>,
        now: OffsetDateTime,
    ) {
        let kind = match operation.kind {
            OperationKind::DeleteGateway => Kind::DeleteGateway,
            OperationKind::DeleteResourceGroup => Kind::DeleteResourceGroup,
            OperationKind::PutGateway => Kind::PutGateway,
        };
        let result = match error {
            None => Ended::Succeeded,
            Some(_) => Ended::Failed,
        };
        self.operations
            .get_or_create(&Labels { kind, result })
            .inc();
        if (kind, result) == (Kind::PutGateway, Ended::Succeeded) {
            self.put_to_applied
                .observe((now - operation.created_at).as_seconds_f64());
        }
    }
}
