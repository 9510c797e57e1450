//! Writes the state behind the back of the configuration stream: an answer to the control plane never waits for the
//! disk, and of several states that pile up only the newest is written.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::{task, time};
use tracing::{debug, error};

use super::{Saved, StateStore};
use crate::telemetry::{Chain, Metrics, WriteOutcome};

/// Takes states to be written. Dropping it ends the task once the last one is on disk.
#[derive(Debug)]
pub(crate) struct Saver(watch::Sender<Arc<Saved>>);

/// The writing half.
pub(crate) struct Writer {
    store: StateStore,
    states: watch::Receiver<Arc<Saved>>,
    metrics: Metrics,
}

const RETRY: Duration = Duration::from_secs(5);

/// Connects a [`Saver`] with the [`Writer`] that is to be run.
pub(crate) fn channel(store: StateStore, metrics: Metrics) -> (Saver, Writer) {
    let (sender, states) = watch::channel(Arc::default());
    (
        Saver(sender),
        Writer {
            store,
            states,
            metrics,
        },
    )
}

impl Saver {
    /// Has `saved` written soon.
    pub(crate) fn save(&self, saved: Saved) {
        self.0.send_replace(Arc::new(saved));
    }
}

impl Writer {
    /// Writes until the [`Saver`] is gone and its last state is written, or could not be.
    pub(crate) async fn run(mut self) {
        let mut failed = false;
        loop {
            let retry = time::sleep(RETRY);
            let changed = tokio::select! {
                changed = self.states.changed() => changed,
                () = retry, if failed => Ok(()),
            };
            if changed.is_err() {
                return;
            }
            let saved = Arc::clone(&self.states.borrow_and_update());
            failed = !self.write(saved).await;
        }
    }

    async fn write(&self, saved: Arc<Saved>) -> bool {
        let store = self.store.clone();
        let gateways = saved.gateways.len();
        let outcome = task::spawn_blocking(move || store.save(&saved)).await;
        let written = match outcome {
            Ok(Ok(())) => {
                debug!(gateways, "state written");
                true
            }
            Ok(Err(error)) => {
                error!(
                    error = %Chain(&error),
                    "state cannot be written"
                );
                false
            }
            Err(error) => {
                error!(%error, "writing the state broke down");
                false
            }
        };
        self.metrics.count_state_write(if written {
            WriteOutcome::Written
        } else {
            WriteOutcome::Failed
        });
        written
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::settings::{StateKey, StateSettings};
    use crate::state::SavedGateway;

    #[tokio::test]
    async fn the_last_state_is_on_disk_when_the_writer_ends() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let key = StateKey::new(Zeroizing::new([1; 32]));
        let store = StateStore::new(
            &StateSettings {
                directory: directory.path().to_owned(),
                key,
            },
            "w1",
        );
        let (saver, writer) = channel(store.clone(), Metrics::default());
        for generation in 1..=20 {
            let gateway = SavedGateway {
                id: "/gw".to_owned(),
                generation,
                snapshot: [0; 32],
            };
            saver.save(Saved {
                gateways: vec![gateway],
                blobs: Vec::new(),
            });
        }
        drop(saver);
        writer.run().await;
        assert_eq!(store.load().expect("loaded").gateways[0].generation, 20);
    }
}
