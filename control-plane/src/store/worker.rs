//! Workers: their leases, what they shall serve, and what they said about it.

use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{Store, StoreError, Topic, check_reach, instant, micros};
use crate::{
    operation::Operation,
    permit::{Permit, Read},
    reconcile::{Refusal, WorkerFacts},
    subscription::Subscription,
};

/// One connection of a worker. It owns the worker's lease until a newer connection takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id of the worker.
    pub worker: String,
    /// Names the connection; unique.
    pub id: String,
    /// Version of the worker's program.
    pub version: String,
    /// What the worker serves.
    pub subscription: Subscription,
}

/// What a worker said at connection time to have in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Key of the gateway.
    pub gateway: String,
    /// SHA-256 of its snapshot.
    pub sha256: [u8; 32],
}

/// What workers shall do with a gateway, newest generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGateway {
    /// Lower-case ARM id.
    pub key: String,
    /// With the casing of its creation.
    pub id: String,
    /// Told apart from an earlier gateway of the same name by this.
    pub resource_guid: String,
    /// Grows with each change.
    pub generation: i64,
    /// SHA-256 of the snapshot to serve; `None`: stop serving it.
    pub sha256: Option<[u8; 32]>,
}

impl Store {
    /// Begins a session: takes the worker's lease, from an older connection if need be, and forgets what the worker said
    /// before, except that what it still has in force and is still wanted is recorded as applied.
    ///
    /// Returns the gateways that were so recorded.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_session(
        &self,
        session: &Session,
        in_force: &[InForce],
        now: OffsetDateTime,
        lease_until: OffsetDateTime,
    ) -> Result<Vec<WantedGateway>, StoreError> {
        let mut writing = self.begin().await?;
        upsert_worker(writing.connection(), session, now, lease_until).await?;
        delete_outcomes(writing.connection(), &session.worker).await?;
        let mut recorded = Vec::new();
        for in_force in in_force {
            let Some(row) = find_wanted(writing.connection(), in_force).await? else {
                continue;
            };
            let wanted = row.into_wanted()?;
            upsert_applied(writing.connection(), session, &wanted, micros(now)).await?;
            recorded.push(wanted);
        }
        writing.wake(Topic::Facts);
        writing.commit().await?;
        Ok(recorded)
    }

    /// Moves the lease; `false`: a newer connection of the same worker has taken over, and this one has to end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn renew_lease(
        &self,
        session: &Session,
        lease_until: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        let owned = set_lease(writing.connection(), session, micros(lease_until)).await?;
        writing.commit().await?;
        Ok(owned)
    }

    /// Ends the lease, unless a newer connection has it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_session(
        &self,
        session: &Session,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        set_lease(writing.connection(), session, micros(now)).await?;
        writing.wake(Topic::Facts);
        writing.commit().await
    }

    /// Records that the worker has `wanted` in force (or has removed it). Ignored when the session has lost its lease or
    /// the gateway is no longer the same one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record_applied(
        &self,
        session: &Session,
        wanted: &WantedGateway,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        let written = upsert_applied(writing.connection(), session, wanted, micros(now)).await;
        if unless_gone(written)? {
            writing.wake(Topic::Facts);
            writing.commit().await?;
        }
        Ok(())
    }

    /// Records that the worker has refused `wanted`. Ignored as [`Store::record_applied`] is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record_refused(
        &self,
        session: &Session,
        wanted: &WantedGateway,
        refusal: &Refusal,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        let written =
            upsert_refused(writing.connection(), session, wanted, refusal, micros(now)).await;
        if unless_gone(written)? {
            writing.wake(Topic::Facts);
            writing.commit().await?;
        }
        Ok(())
    }

    /// What workers shall serve or remove, all gateways, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn wanted_gateways(
        &self,
        permit: &Permit<Read>,
    ) -> Result<Vec<WantedGateway>, StoreError> {
        check_reach(permit, "/")?;
        let mut connection = self.reader.acquire().await?;
        let rows = list_wanted(&mut connection).await?;
        rows.into_iter().map(WantedRow::into_wanted).collect()
    }

    /// The facts of the workers with a live lease that subscribe to the operation's gateway.
    pub(crate) async fn worker_facts(
        &self,
        operation: &Operation,
        now: OffsetDateTime,
    ) -> Result<Vec<WorkerFacts>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let rows = list_facts(&mut connection, operation, micros(now)).await?;
        let mut facts = Vec::with_capacity(rows.len());
        for row in rows {
            let subscription: Subscription = serde_json::from_str(&row.subscription)
                .map_err(|error| StoreError::corrupt_by(format!("worker {}", row.id), error))?;
            if subscription.covers(&operation.resource_key) {
                facts.push(row.into_facts());
            }
        }
        Ok(facts)
    }

    /// Forgets workers whose lease ended before `before`.
    pub(crate) async fn forget_workers(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let mut writing = self.begin().await?;
        let forgotten = delete_workers(writing.connection(), micros(before)).await?;
        writing.commit().await?;
        Ok(forgotten)
    }
}

/// `false` when the gateway went away while the row was being written, which breaks its foreign key.
pub(super) fn unless_gone(written: Result<(), sqlx::Error>) -> Result<bool, sqlx::Error> {
    match written {
        Ok(()) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => Ok(false),
        Err(error) => Err(error),
    }
}

#[derive(FromRow)]
struct WantedRow {
    id: String,
    display_id: String,
    resource_guid: String,
    generation: i64,
    deleted_at: Option<i64>,
    sha256: Option<Vec<u8>>,
}

impl WantedRow {
    fn into_wanted(self) -> Result<WantedGateway, StoreError> {
        let sha256 = match (self.deleted_at, self.sha256) {
            (Some(_), _) => None,
            (None, stored) => {
                let sha256 = stored.and_then(|sha256| sha256.try_into().ok());
                let corrupt = || StoreError::corrupt(format!("{}: snapshot", self.display_id));
                Some(sha256.ok_or_else(corrupt)?)
            }
        };
        Ok(WantedGateway {
            key: self.id,
            id: self.display_id,
            resource_guid: self.resource_guid,
            generation: self.generation,
            sha256,
        })
    }
}

#[derive(FromRow)]
struct FactsRow {
    id: String,
    subscription: String,
    lease_until: i64,
    applied_generation: Option<i64>,
    holds_wanted: i64,
    refused_generation: Option<i64>,
    refused_resource: Option<String>,
    refused_property: Option<String>,
    refused_reason: Option<String>,
}

impl FactsRow {
    fn into_facts(self) -> WorkerFacts {
        WorkerFacts {
            worker: self.id,
            lease_until: instant(self.lease_until),
            applied_generation: self.applied_generation,
            holds_wanted: self.holds_wanted != 0,
            refused: self.refused_generation.map(|generation| Refusal {
                generation,
                resource: self.refused_resource.unwrap_or_default(),
                property: self.refused_property.unwrap_or_default(),
                reason: self.refused_reason.unwrap_or_default(),
            }),
        }
    }
}

async fn upsert_worker(
    connection: &mut AnyConnection,
    session: &Session,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
) -> Result<(), StoreError> {
    let subscription = serde_json::to_string(&session.subscription)
        .map_err(|error| StoreError::corrupt_by(format!("worker {}", session.worker), error))?;
    sqlx::query(
        "insert into workers (id, session, version, subscription, connected_at, lease_until) \
         values ($1, $2, $3, $4, $5, $6) on conflict (id) do update set session = excluded.session, \
         version = excluded.version, subscription = excluded.subscription, connected_at = excluded.connected_at, \
         lease_until = excluded.lease_until",
    )
    .bind(&session.worker)
    .bind(&session.id)
    .bind(&session.version)
    .bind(subscription)
    .bind(micros(now))
    .bind(micros(lease_until))
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_outcomes(connection: &mut AnyConnection, worker: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from outcomes where worker_id = $1")
        .bind(worker)
        .execute(connection)
        .await?;
    Ok(())
}

/// The gateway whose wanted snapshot is the one in force.
async fn find_wanted(
    connection: &mut AnyConnection,
    in_force: &InForce,
) -> Result<Option<WantedRow>, sqlx::Error> {
    sqlx::query_as(
        "select g.id, g.display_id, g.resource_guid, g.generation, g.deleted_at, s.sha256 from gateways g \
         join snapshots s on s.gateway_id = g.id and s.generation = g.generation \
         where g.id = $1 and g.deleted_at is null and s.sha256 = $2",
    )
    .bind(&in_force.gateway)
    .bind(in_force.sha256.to_vec())
    .fetch_optional(connection)
    .await
}

/// Whether the session still owns the worker's row.
async fn set_lease(
    connection: &mut AnyConnection,
    session: &Session,
    until: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("update workers set lease_until = $1 where id = $2 and session = $3")
        .bind(until)
        .bind(&session.worker)
        .bind(&session.id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn upsert_applied(
    connection: &mut AnyConnection,
    session: &Session,
    wanted: &WantedGateway,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into outcomes (worker_id, gateway_id, applied_generation, applied_sha256, applied_at) \
         select w.id, g.id, $1, $2, $3 from workers w, gateways g \
         where w.id = $4 and w.session = $5 and g.id = $6 and g.resource_guid = $7 and g.generation >= $8 \
         on conflict (worker_id, gateway_id) do update set applied_generation = excluded.applied_generation, \
         applied_sha256 = excluded.applied_sha256, applied_at = excluded.applied_at",
    )
    .bind(wanted.generation)
    .bind(wanted.sha256.map(|sha256| sha256.to_vec()))
    .bind(now)
    .bind(&session.worker)
    .bind(&session.id)
    .bind(&wanted.key)
    .bind(&wanted.resource_guid)
    .bind(wanted.generation)
    .execute(connection)
    .await?;
    Ok(())
}

async fn upsert_refused(
    connection: &mut AnyConnection,
    session: &Session,
    wanted: &WantedGateway,
    refusal: &Refusal,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into outcomes (worker_id, gateway_id, refused_generation, refused_resource, refused_property, \
         refused_reason, refused_at) \
         select w.id, g.id, $1, $2, $3, $4, $5 from workers w, gateways g \
         where w.id = $6 and w.session = $7 and g.id = $8 and g.resource_guid = $9 and g.generation >= $10 \
         on conflict (worker_id, gateway_id) do update set refused_generation = excluded.refused_generation, \
         refused_resource = excluded.refused_resource, refused_property = excluded.refused_property, \
         refused_reason = excluded.refused_reason, refused_at = excluded.refused_at",
    )
    .bind(refusal.generation)
    .bind(&refusal.resource)
    .bind(&refusal.property)
    .bind(&refusal.reason)
    .bind(now)
    .bind(&session.worker)
    .bind(&session.id)
    .bind(&wanted.key)
    .bind(&wanted.resource_guid)
    .bind(wanted.generation)
    .execute(connection)
    .await?;
    Ok(())
}

async fn list_wanted(connection: &mut AnyConnection) -> Result<Vec<WantedRow>, sqlx::Error> {
    sqlx::query_as(
        "select g.id, g.display_id, g.resource_guid, g.generation, g.deleted_at, s.sha256 from gateways g \
         left join snapshots s on s.gateway_id = g.id and s.generation = g.generation order by g.id",
    )
    .fetch_all(connection)
    .await
}

async fn list_facts(
    connection: &mut AnyConnection,
    operation: &Operation,
    now: i64,
) -> Result<Vec<FactsRow>, sqlx::Error> {
    sqlx::query_as(
        "select w.id, w.subscription, w.lease_until, o.applied_generation, \
         (case when o.applied_sha256 = s.sha256 then 1 else 0 end) as holds_wanted, \
         o.refused_generation, o.refused_resource, o.refused_property, o.refused_reason \
         from workers w left join outcomes o on o.worker_id = w.id and o.gateway_id = $1 \
         left join snapshots s on s.gateway_id = $2 and s.generation = $3 \
         where w.lease_until > $4 order by w.id",
    )
    .bind(&operation.resource_key)
    .bind(&operation.resource_key)
    .bind(operation.generation)
    .bind(now)
    .fetch_all(connection)
    .await
}

async fn delete_workers(connection: &mut AnyConnection, before: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("delete from workers where lease_until < $1")
        .bind(before)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
