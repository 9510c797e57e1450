//! Wake-ups: within the process by `watch`, across replicas by Postgres `NOTIFY`.
//!
//! A wake-up says only that something changed; whoever wakes reads the state again. It may be lost (a connection that
//! broke), so every listener also has a timer.

use std::{convert::Infallible, time::Duration};

use sqlx::{AnyConnection, postgres::PgListener};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Engine, Store};
use crate::telemetry::Chain;

/// Mean pause before a lost connection is made again.
const RETRY: Duration = Duration::from_secs(2);

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What workers shall serve.
    Gateways,
    /// What the reconciler judges: operations that began, outcomes, leases.
    Facts,
    /// Operations that ended.
    Operations,
    /// Worker identities: revoked, deleted, joined anew, with other scopes.
    WorkerIdentities,
}

#[derive(Debug)]
pub(super) struct Wakes {
    /// Names this process in notifications, which it need not hear itself.
    replica: String,
    gateways: watch::Sender<()>,
    facts: watch::Sender<()>,
    operations: watch::Sender<()>,
    worker_identities: watch::Sender<()>,
}

impl Store {
    /// Reports every later change of `topic`, from this process and from other replicas that
    /// [`Store::run_listener`] hears. Several changes may be reported as one.
    pub fn watch(&self, topic: Topic) -> watch::Receiver<()> {
        self.wakes.sender(topic).subscribe()
    }

    /// Passes the wake-ups of other replicas on until `shutdown`; a lost connection is made again. On SQLite there are
    /// no other replicas.
    pub async fn run_listener(&self, shutdown: CancellationToken) {
        if self.engine == Engine::Sqlite {
            shutdown.cancelled().await;
            return;
        }
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                Err(error) = self.listen() => {
                    tracing::warn!(error = %Chain(&error), "wake-ups of other replicas are not heard");
                }
            }
            let pause = RETRY.mul_f64(0.5 + fastrand::f64());
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Never ends well.
    async fn listen(&self) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect(&self.database_url).await?;
        listener.listen_all(Topic::ALL.map(Topic::channel)).await?;
        // What was missed before the connection stood.
        self.wakes.wake_all();
        loop {
            match listener.try_recv().await? {
                Some(heard) if heard.payload() == self.wakes.replica => {}
                Some(heard) => self.wakes.wake_channel(heard.channel()),
                // The connection broke and stands again; what came in between is lost.
                None => self.wakes.wake_all(),
            }
        }
    }
}

impl Topic {
    const ALL: [Self; 4] = [
        Self::Gateways,
        Self::Facts,
        Self::Operations,
        Self::WorkerIdentities,
    ];

    fn channel(self) -> &'static str {
        match self {
            Self::Gateways => "portcullis_gateways",
            Self::Facts => "portcullis_facts",
            Self::Operations => "portcullis_operations",
            Self::WorkerIdentities => "portcullis_worker_identities",
        }
    }
}

impl Wakes {
    pub(super) fn new() -> Self {
        Self {
            replica: Uuid::new_v4().to_string(),
            gateways: watch::Sender::new(()),
            facts: watch::Sender::new(()),
            operations: watch::Sender::new(()),
            worker_identities: watch::Sender::new(()),
        }
    }

    pub(super) fn replica(&self) -> &str {
        &self.replica
    }

    pub(super) fn wake(&self, topic: Topic) {
        self.sender(topic).send_replace(());
    }

    fn wake_all(&self) {
        for topic in Topic::ALL {
            self.wake(topic);
        }
    }

    fn wake_channel(&self, channel: &str) {
        for topic in Topic::ALL.into_iter().filter(|t| t.channel() == channel) {
            self.wake(topic);
        }
    }

    fn sender(&self, topic: Topic) -> &watch::Sender<()> {
        match topic {
            Topic::Gateways => &self.gateways,
            Topic::Facts => &self.facts,
            Topic::Operations => &self.operations,
            Topic::WorkerIdentities => &self.worker_identities,
        }
    }
}

/// Tells the other replicas when the transaction commits.
pub(super) async fn notify(
    connection: &mut AnyConnection,
    topic: Topic,
    replica: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_notify($1, $2)")
        .bind(topic.channel())
        .bind(replica)
        .execute(connection)
        .await?;
    Ok(())
}
