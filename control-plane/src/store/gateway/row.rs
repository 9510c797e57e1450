//! The queries on the table `gateways`.

use model::{GatewayId, OperationalState, ProvisioningState};
use sqlx::{AnyConnection, FromRow};

use super::{PutGateway, Scope, StoredGateway};
use crate::{
    extension::Extensions,
    store::{StoreError, instant},
};

/// A row, with the hash of its snapshot and the number of workers where that is in force.
#[derive(Debug, Clone, FromRow)]
pub(in crate::store) struct GatewayRow {
    pub(in crate::store) id: String,
    pub(in crate::store) display_id: String,
    subscription: String,
    resource_group: String,
    name: String,
    document: String,
    extensions: String,
    pub(in crate::store) generation: i64,
    pub(super) etag: String,
    resource_guid: String,
    provisioning_state: String,
    stopped: i64,
    created_at: i64,
    updated_at: i64,
    pub(super) deleted_at: Option<i64>,
    pub(super) snapshot_sha256: Option<Vec<u8>>,
    in_force: i64,
}

impl GatewayRow {
    /// The row of a gateway that does not exist yet.
    pub(super) fn new(put: &PutGateway, resource_guid: String, etag: String, now: i64) -> Self {
        Self {
            id: put.id.key(),
            display_id: put.id.to_string(),
            subscription: put.id.subscription().as_str().to_ascii_lowercase(),
            resource_group: put.id.group().key(),
            name: put.id.name().as_str().to_owned(),
            document: put.document.to_string(),
            extensions: put.extensions.to_json(),
            generation: 1,
            etag,
            resource_guid,
            provisioning_state: ProvisioningState::Updating.as_str().to_owned(),
            stopped: i64::from(put.stopped),
            created_at: now,
            updated_at: now,
            deleted_at: None,
            snapshot_sha256: Some(put.compiled.sha256.to_vec()),
            in_force: 0,
        }
    }

    /// The row at the next generation.
    pub(super) fn replaced(self, put: &PutGateway, etag: String, now: i64) -> Self {
        let same = self.snapshot_sha256.as_deref() == Some(&put.compiled.sha256);
        Self {
            document: put.document.to_string(),
            extensions: put.extensions.to_json(),
            generation: self.generation + 1,
            etag,
            provisioning_state: ProvisioningState::Updating.as_str().to_owned(),
            stopped: i64::from(put.stopped),
            updated_at: now,
            snapshot_sha256: Some(put.compiled.sha256.to_vec()),
            in_force: if same { self.in_force } else { 0 },
            ..self
        }
    }

    pub(super) fn into_stored(self) -> Result<StoredGateway, StoreError> {
        let corrupt = || StoreError::corrupt(self.display_id.clone());
        let operational_state = match (self.stopped != 0, self.in_force > 0) {
            (true, _) => OperationalState::Stopped,
            (false, true) => OperationalState::Running,
            (false, false) => OperationalState::Starting,
        };
        Ok(StoredGateway {
            id: GatewayId::parse(&self.display_id).map_err(|_| corrupt())?,
            provisioning_state: provisioning_state(&self.provisioning_state).ok_or_else(corrupt)?,
            document: serde_json::from_str(&self.document)
                .map_err(|error| StoreError::corrupt_by(self.display_id.clone(), error))?,
            extensions: Extensions::from_json(&self.extensions)
                .map_err(|error| StoreError::corrupt_by(self.display_id.clone(), error))?,
            generation: self.generation,
            etag: self.etag,
            resource_guid: self.resource_guid,
            operational_state,
            stopped: self.stopped != 0,
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
        })
    }
}

fn provisioning_state(word: &str) -> Option<ProvisioningState> {
    [
        ProvisioningState::Deleting,
        ProvisioningState::Failed,
        ProvisioningState::Succeeded,
        ProvisioningState::Updating,
    ]
    .into_iter()
    .find(|state| state.as_str() == word)
}

/// What every reading query selects.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select g.id, g.display_id, g.subscription, g.resource_group, g.name, g.document, g.extensions, g.generation, g.etag, \
             g.resource_guid, g.provisioning_state, g.stopped, g.created_at, g.updated_at, g.deleted_at, \
             s.sha256 as snapshot_sha256, \
             (select count(*) from outcomes o where o.gateway_id = g.id and o.applied_sha256 = s.sha256) as in_force \
             from gateways g left join snapshots s on s.gateway_id = g.id and s.generation = g.generation ",
            $rest
        )
    };
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<Option<GatewayRow>, sqlx::Error> {
    sqlx::query_as(select!("where g.id = $1"))
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// Those of `scope` whose ids come after `after`.
pub(super) async fn list(
    connection: &mut AnyConnection,
    scope: &Scope,
    after: &str,
    limit: u32,
) -> Result<Vec<GatewayRow>, sqlx::Error> {
    match scope {
        Scope::ResourceGroup(group) => list_by_group(connection, &group.key(), after, limit).await,
        Scope::Subscription(subscription) => {
            let subscription = subscription.as_str().to_ascii_lowercase();
            list_by_subscription(connection, &subscription, after, limit).await
        }
    }
}

async fn list_by_group(
    connection: &mut AnyConnection,
    group: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<GatewayRow>, sqlx::Error> {
    sqlx::query_as(select!(
        "where g.resource_group = $1 and g.id > $2 order by g.id limit $3"
    ))
    .bind(group)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
}

async fn list_by_subscription(
    connection: &mut AnyConnection,
    subscription: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<GatewayRow>, sqlx::Error> {
    sqlx::query_as(select!(
        "where g.subscription = $1 and g.id > $2 order by g.id limit $3"
    ))
    .bind(subscription)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
}

pub(super) async fn list_alive_by_group(
    connection: &mut AnyConnection,
    group: &str,
) -> Result<Vec<GatewayRow>, sqlx::Error> {
    sqlx::query_as(select!(
        "where g.resource_group = $1 and g.deleted_at is null order by g.id"
    ))
    .bind(group)
    .fetch_all(connection)
    .await
}

/// Whether the row was new.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    row: &GatewayRow,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into gateways (id, display_id, subscription, resource_group, name, document, extensions, generation, \
         etag, resource_guid, provisioning_state, stopped, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict (id) do nothing",
    )
    .bind(&row.id)
    .bind(&row.display_id)
    .bind(&row.subscription)
    .bind(&row.resource_group)
    .bind(&row.name)
    .bind(&row.document)
    .bind(&row.extensions)
    .bind(row.generation)
    .bind(&row.etag)
    .bind(&row.resource_guid)
    .bind(&row.provisioning_state)
    .bind(row.stopped)
    .bind(row.created_at)
    .bind(row.updated_at)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the stored row was still of the generation before.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    row: &GatewayRow,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update gateways set document = $1, generation = $2, etag = $3, provisioning_state = $4, stopped = $5, \
         updated_at = $6, extensions = $7 where id = $8 and generation = $9 and resource_guid = $10 \
         and deleted_at is null",
    )
    .bind(&row.document)
    .bind(row.generation)
    .bind(&row.etag)
    .bind(&row.provisioning_state)
    .bind(row.stopped)
    .bind(row.updated_at)
    .bind(&row.extensions)
    .bind(&row.id)
    .bind(row.generation - 1)
    .bind(&row.resource_guid)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the stored row was still of the same generation.
pub(super) async fn mark_deleted(
    connection: &mut AnyConnection,
    row: &GatewayRow,
    etag: &str,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update gateways set generation = $1, etag = $2, provisioning_state = 'Deleting', updated_at = $3, \
         deleted_at = $4 where id = $5 and generation = $6 and resource_guid = $7",
    )
    .bind(row.generation + 1)
    .bind(etag)
    .bind(now)
    .bind(now)
    .bind(&row.id)
    .bind(row.generation)
    .bind(&row.resource_guid)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
