//! Operations end here: recorded facts are judged by a pure function, on wake-up and on a timer.
//!
//! The task keeps nothing in memory, so every replica runs one, and any of them ends any operation, also after a crash.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use self::{
    metrics::Metrics,
    settle::{REFUSED, REMAINING, Refusal, SILENT, Verdict, WorkerFacts, settle, settle_group},
};
use crate::{
    clock::Clock,
    operation::{Operation, OperationError, OperationKind},
    store::{Store, StoreError, Topic},
    telemetry::Chain,
};

mod metrics;
mod settle;

/// Makes up for lost wake-ups, and notices deadlines and leases that ran out.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often old rows are forgotten.
const SWEEP_TICKS: u32 = 600;

/// How long an operation can be asked for after its end, and a worker is remembered after its lease.
const MEMORY: time::Duration = time::Duration::days(7);

/// After a start, or a time without database, leases may have run out that workers are about to renew. For so long no
/// operation that began before ends well because of that.
const GRACE: time::Duration = time::Duration::seconds(10);

/// Ends operations.
#[derive(Debug)]
pub struct Reconciler {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    /// Since when this process and the database have been up.
    steady_since: OffsetDateTime,
}

impl Reconciler {
    /// Makes one; [`Reconciler::run`] does the work.
    pub fn new(store: Store, clock: Clock, metrics: Metrics) -> Self {
        Self {
            steady_since: clock.now(),
            store,
            clock,
            metrics,
        }
    }

    /// Works until `shutdown`. A database that is away is logged and tried again.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut facts = self.store.watch(Topic::Facts);
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0_u32;
        loop {
            let ticked = tokio::select! {
                () = shutdown.cancelled() => return,
                changed = facts.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    false
                }
                _ = timer.tick() => true,
            };
            facts.mark_unchanged();
            let now = self.clock.now();
            if let Err(error) = self.pass(now).await {
                self.steady_since = self.clock.now();
                tracing::warn!(
                    error = %Chain(&error),
                    "operations cannot be judged"
                );
            }
            if ticked {
                let sweep = ticks.is_multiple_of(SWEEP_TICKS);
                ticks = ticks.wrapping_add(1);
                if let Err(error) = self.tidy(now, sweep).await {
                    tracing::warn!(
                        error = %Chain(&error),
                        "the store cannot be tidied"
                    );
                }
            }
        }
    }

    /// Judges every open operation once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn pass(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let mut first_error = Ok(());
        for operation in self.store.open_operations().await? {
            // What is wrong with one operation holds no other one up.
            let ended = self.end_if_over(now, &operation).await;
            first_error = first_error.and(ended);
        }
        first_error
    }

    async fn end_if_over(
        &self,
        now: OffsetDateTime,
        operation: &Operation,
    ) -> Result<(), StoreError> {
        let error = match self.judge(now, operation).await? {
            Verdict::Pending => return Ok(()),
            Verdict::Succeeded if self.is_too_early(now, operation) => return Ok(()),
            Verdict::Succeeded => None,
            Verdict::Failed(error) => Some(error),
        };
        let ended = self.store.end_operation(operation, error.as_ref(), now);
        if !ended.await? {
            return Ok(());
        }
        self.metrics.record_end(operation, error.as_ref(), now);
        let (operation_id, resource_id) = (&operation.id, &operation.resource_id);
        let (kind, generation) = (operation.kind.as_str(), operation.generation);
        match error {
            None => {
                tracing::info!(
                    operation_id,
                    resource_id,
                    kind,
                    generation,
                    "operation succeeded"
                );
            }
            Some(OperationError { code, message, .. }) => {
                tracing::warn!(
                    operation_id,
                    resource_id,
                    kind,
                    generation,
                    code,
                    reason = message,
                    "operation failed"
                );
            }
        }
        Ok(())
    }

    fn is_too_early(&self, now: OffsetDateTime, operation: &Operation) -> bool {
        operation.created_at < self.steady_since && now < self.steady_since + GRACE
    }

    async fn judge(
        &self,
        now: OffsetDateTime,
        operation: &Operation,
    ) -> Result<Verdict, StoreError> {
        match operation.kind {
            OperationKind::DeleteResourceGroup => {
                let left = self.store.count_gateways(&operation.resource_key).await?;
                Ok(settle_group(now, operation, left))
            }
            OperationKind::DeleteGateway | OperationKind::PutGateway => {
                let facts = self.store.worker_facts(operation, now).await?;
                Ok(settle(now, operation, &facts))
            }
        }
    }

    /// Finishes deletions whose operation failed when the last worker has removed the gateway after all; forgets old rows.
    async fn tidy(&self, now: OffsetDateTime, sweep: bool) -> Result<(), StoreError> {
        for left in self.store.leftovers().await? {
            if self.judge(now, &left).await? == Verdict::Succeeded {
                self.store.remove(&left).await?;
                tracing::info!(
                    resource_id = left.resource_id,
                    "removed after its deletion had failed"
                );
            }
        }
        if sweep {
            let operations = self.store.forget_operations(now - MEMORY).await?;
            let workers = self.store.forget_workers(now - MEMORY).await?;
            tracing::debug!(operations, workers, "forgot old rows");
        }
        Ok(())
    }
}
