//! Keeps the newest wanted state of all gateways for the sessions.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::MissedTickBehavior,
};

use crate::{
    permit::Permit,
    store::{Store, StoreError, Topic, WantedGateway},
    telemetry::Chain,
};

/// Makes up for lost wake-ups.
const INTERVAL: Duration = Duration::from_secs(2);

/// All gateways by their keys.
pub(super) type Wanted = BTreeMap<String, Arc<WantedGateway>>;

/// What sessions see; `None` until it was read for the first time.
pub(super) type Published = Option<Arc<Wanted>>;

/// Asks for a read that begins after the asking; the answer comes when it was published, or could not be made.
pub(super) type Refresh = mpsc::Sender<oneshot::Sender<()>>;

pub(super) struct Publisher {
    store: Store,
    wanted: watch::Sender<Published>,
    refreshes: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Publisher {
    pub(super) fn new(
        store: Store,
        wanted: watch::Sender<Published>,
        refreshes: mpsc::Receiver<oneshot::Sender<()>>,
    ) -> Self {
        Self {
            store,
            wanted,
            refreshes,
        }
    }

    /// Re-reads the wanted state on each wake-up, when asked to, and on a timer; never ends while the store lives.
    pub(super) async fn run(mut self) {
        let mut topic = self.store.watch(Topic::Gateways);
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                changed = topic.changed() => if changed.is_err() { return },
                Some(asking) = self.refreshes.recv() => waiting.push(asking),
                _ = timer.tick() => {}
            }
            topic.mark_unchanged();
            while let Ok(asking) = self.refreshes.try_recv() {
                waiting.push(asking);
            }
            if let Err(error) = self.publish().await {
                tracing::warn!(
                    error = %Chain(&error),
                    "what workers shall serve cannot be read"
                );
            }
            for asking in waiting.drain(..) {
                let _gone_meanwhile = asking.send(());
            }
        }
    }

    async fn publish(&self) -> Result<(), StoreError> {
        let gateways = self
            .store
            .wanted_gateways(&Permit::for_control_plane())
            .await?;
        let read: Wanted = gateways
            .into_iter()
            .map(|gateway| (gateway.key.clone(), Arc::new(gateway)))
            .collect();
        self.wanted.send_if_modified(|published| {
            let changed = published.as_deref() != Some(&read);
            if changed {
                *published = Some(Arc::new(read));
            }
            changed
        });
        Ok(())
    }
}
