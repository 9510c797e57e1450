//! What the control plane remembers, on Postgres or on SQLite.
//!
//! SQL text exists in this module only, and each query is a function of its own. The text is portable: `$1`
//! placeholders, text ids (lower-case ARM ids), `bigint` microseconds for time.
//!
//! Every method on customer data takes a [`Permit`] and refuses what the permit was not given for. Methods of the workers' book-keeping
//! (leases, outcomes) and of the reconciler hold no customer data and take none.

use std::{fmt, sync::Arc};

use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use time::OffsetDateTime;

use crate::{permit::Permit, seal::Keyring};

pub use self::{
    audit::{AuditQuery, BrokenChain, StoredEvent},
    connect::OpenError,
    content::Content,
    error::StoreError,
    gateway::{
        Change, Committed, DeleteGateway, Listing, Page, Precondition, PutGateway, Scope,
        StoredGateway,
    },
    join_token::{Join, NewJoinToken, TokenMade},
    readiness::ReadinessPosition,
    resource_group::{DeleteResourceGroup, PutResourceGroup, ResourceGroup},
    revocation_list::{LIST_PART, ListInForce, ListInSnapshot, NewRevocationList},
    role_assignment::{Assignment, RoleAssignment},
    sealed::{Resealed, SealedBy, SealedRow, SealedTable},
    service_principal::{Credential, Proof, ServicePrincipal},
    turn::Turn,
    wake::Topic,
    worker::{InForce, Session, WantedGateway},
    worker_identity::PutWorker,
};

mod audit;
mod connect;
mod content;
mod error;
mod gateway;
mod installation;
mod join_token;
mod operation;
mod readiness;
mod resource_group;
mod revocation_list;
mod role_assignment;
mod sealed;
mod service_principal;
mod signing_key;
mod ticket_key;
mod turn;
mod wake;
mod worker;
mod worker_identity;

/// The store. Cheap to clone; clones share connections and wake-ups. `Debug` shows no URL: it may hold a password.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    /// Reads; on Postgres the same pool as `writer`.
    reader: AnyPool,
    /// Writes; on SQLite one connection, because SQLite has one writer.
    writer: AnyPool,
    database_url: Arc<str>,
    keys: Arc<Keyring>,
    wakes: Arc<wake::Wakes>,
    turns: Arc<turn::Turns>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Postgres,
    Sqlite,
}

/// A write transaction, with the wake-ups that its commit sends.
struct Writing<'a> {
    store: &'a Store,
    tx: Transaction<'static, Any>,
    topics: Vec<Topic>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("engine", &self.engine)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Answers whether the database answers; for readiness.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Closes all connections; calls that come later fail.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    async fn begin(&self) -> Result<Writing<'_>, StoreError> {
        let tx = match self.engine {
            Engine::Postgres => self.writer.begin().await?,
            // Takes the write lock at once: a transaction that reads first and writes later could be refused half-way.
            Engine::Sqlite => self.writer.begin_with("begin immediate").await?,
        };
        Ok(Writing {
            store: self,
            tx,
            topics: Vec::new(),
        })
    }

    /// Begins a write that decides by what it counts: it overlaps no other one of its kind, on any replica, so that two
    /// cannot both see room for one. They queue where writes queue for the audit anyway.
    async fn begin_alone(&self) -> Result<Writing<'_>, StoreError> {
        let mut writing = self.begin().await?;
        audit::lock_head(writing.connection()).await?;
        Ok(writing)
    }
}

impl Writing<'_> {
    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// Wakes the listeners of `topic`, on every replica, once the transaction is committed.
    fn wake(&mut self, topic: Topic) {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
        }
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        if self.store.engine == Engine::Postgres {
            for topic in &self.topics {
                wake::notify(&mut self.tx, *topic, self.store.wakes.replica()).await?;
            }
        }
        self.tx.commit().await?;
        for topic in self.topics {
            self.store.wakes.wake(topic);
        }
        Ok(())
    }
}

/// Refuses a resource that the permit was not given for.
fn check_reach<Action>(permit: &Permit<Action>, id: &str) -> Result<(), StoreError> {
    if permit.covers(id) {
        return Ok(());
    }
    Err(StoreError::OutOfReach { id: id.to_owned() })
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn instant(micros: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH.saturating_add(time::Duration::microseconds(micros))
}
