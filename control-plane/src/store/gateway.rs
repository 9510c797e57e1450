//! Gateways: the document, what it compiles to, and the operation that puts it in force, written together.

use model::{GatewayId, OperationalState, ProvisioningState, ResourceGroupId, SubscriptionId};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    NewRevocationList, Store, StoreError, Topic, Writing, check_reach, content, micros,
    operation as operations, resource_group,
};
use crate::{
    audit::AuditedChange,
    compile::Compiled,
    extension::Extensions,
    operation::{Operation, OperationKind, OperationState},
    parse::SecretBlob,
    permit::{Permit, Read, Write},
};

pub(super) use self::row::GatewayRow;

mod row;

/// A gateway as stored. Holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredGateway {
    /// With the casing of its creation.
    pub id: GatewayId,
    /// Canonical document, as `parse` gave it.
    pub document: Value,
    /// What is stored beside it.
    pub extensions: Extensions,
    /// Grows by one with each accepted change.
    pub generation: i64,
    /// As in the `ETag` header: `W/"{guid}"`. Changes with each accepted write.
    pub etag: String,
    /// A GUID, the same over the life of the gateway.
    pub resource_guid: String,
    /// How far the last change has come.
    pub provisioning_state: ProvisioningState,
    /// `Starting` until the first worker has the current generation in force.
    pub operational_state: OperationalState,
    /// Whether the stop action was the last of start and stop.
    pub stopped: bool,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// All that one accepted `PUT` (or `PATCH`, start, stop, change of a child) writes.
#[derive(Debug)]
pub struct PutGateway {
    /// The gateway.
    pub id: GatewayId,
    /// `parse::Parsed::document`.
    pub document: Value,
    /// What is stored beside it, as it shall be at the next generation.
    pub extensions: Extensions,
    /// Private keys that came with the request.
    pub secrets: Vec<SecretBlob>,
    /// SHA-256 of every private key that the document refers to, used by the snapshot or not. The store drops the
    /// others.
    pub keys: Vec<[u8; 32]>,
    /// The bytes of a revocation list that `extensions` tell of, where it comes with the request.
    pub new_list: Option<NewRevocationList>,
    /// `compile::snapshot` with the trust epochs of `extensions`, or `compile::stopped` when `stopped`.
    pub compiled: Compiled,
    /// Whether the gateway shall not serve.
    pub stopped: bool,
    /// Generation of the stored document that the request was parsed against; `None`: there was none.
    pub expected_generation: Option<i64>,
    /// From the request's headers.
    pub precondition: Precondition,
    /// From the request; kept with the operation.
    pub correlation_id: String,
    /// The time of the request.
    pub now: OffsetDateTime,
    /// When silent workers make the operation fail.
    pub deadline: OffsetDateTime,
}

/// `If-Match` and `If-None-Match` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// `If-None-Match: *`: only create.
    Absent,
    /// `If-Match: "..."`: only change what has one of these ETags. Weak or strong form, with or without quotes.
    ETag(Vec<String>),
    /// `If-Match: *`: only change.
    Exists,
    /// Neither header.
    #[default]
    None,
}

/// What a put did.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// Which status the reply has.
    pub change: Change,
    /// The gateway after the put.
    pub gateway: StoredGateway,
    /// The operation that puts it in force; for an unchanged gateway the one still under way, if any.
    pub operation: Option<Operation>,
}

/// What a put did to the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new (201).
    Created,
    /// An equal document is stored and not refused: no new generation (200).
    Unchanged,
    /// It was replaced (200).
    Updated,
}

/// A request to delete a gateway.
#[derive(Debug)]
pub struct DeleteGateway {
    /// The gateway.
    pub id: GatewayId,
    /// From the request's headers.
    pub precondition: Precondition,
    /// From the request; kept with the operation.
    pub correlation_id: String,
    /// The time of the request.
    pub now: OffsetDateTime,
    /// When silent workers make the operation fail.
    pub deadline: OffsetDateTime,
}

/// Which gateways a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of a resource group.
    ResourceGroup(ResourceGroupId),
    /// Those of a subscription.
    Subscription(SubscriptionId),
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// [`Listing::next`] of the part before; `None`: the first part.
    pub after: Option<String>,
    /// At most so many items; 1 to [`Page::MAX`], other values are moved there.
    pub limit: u32,
}

/// A part of a list and where the next one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// In order of their ids.
    pub items: Vec<T>,
    /// Continuation token; `None`: this was the last part.
    pub next: Option<String>,
}

impl Page {
    /// Largest page.
    pub const MAX: u32 = 500;

    pub(super) fn limit(&self) -> u32 {
        self.limit.clamp(1, Self::MAX)
    }

    pub(super) fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }
}

impl<T> Listing<T> {
    /// `items` holds one more than `limit` when there is more.
    pub(super) fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Self { items, next }
    }
}

impl Precondition {
    fn holds(&self, current: Option<&str>) -> bool {
        match (self, current) {
            (Self::None, _) | (Self::Absent, None) | (Self::Exists, Some(_)) => true,
            (Self::Absent, Some(_)) | (Self::Exists | Self::ETag(_), None) => false,
            (Self::ETag(wanted), Some(current)) => {
                wanted.iter().any(|etag| opaque(etag) == opaque(current))
            }
        }
    }

    fn check(&self, id: &GatewayId, current: Option<&str>) -> Result<(), StoreError> {
        if self.holds(current) {
            return Ok(());
        }
        Err(StoreError::Precondition {
            id: id.to_string(),
            current: current.map(str::to_owned),
        })
    }
}

impl Store {
    /// Finds a gateway; one that is being deleted is found until no worker serves it any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_gateway(
        &self,
        permit: &Permit<Read>,
        id: &GatewayId,
    ) -> Result<Option<StoredGateway>, StoreError> {
        check_reach(permit, &id.key())?;
        let mut connection = self.reader.acquire().await?;
        let row = row::find(&mut connection, &id.key()).await?;
        row.map(GatewayRow::into_stored).transpose()
    }

    /// Lists the gateways that the caller may see, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_gateways(
        &self,
        permit: &Permit<Read>,
        scope: &Scope,
        page: &Page,
    ) -> Result<Listing<StoredGateway>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let (mut after, limit) = (page.after().to_owned(), page.limit());
        let mut gateways = Vec::new();
        while gateways.len() <= limit as usize {
            let rows = row::list(&mut connection, scope, &after, limit + 1).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in rows.into_iter().filter(|row| permit.covers(&row.id)) {
                gateways.push(row.into_stored()?);
            }
        }
        Ok(Listing::cut(gateways, limit, |gateway| gateway.id.key()))
    }

    /// Stores a gateway and begins the operation that puts it in force, in one transaction.
    ///
    /// The generation grows by one and an unfinished operation of the gateway is superseded. A put that changes
    /// nothing, of a gateway that no worker refused, does neither.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]: no such resource group. [`StoreError::Busy`]: gateway or group is being deleted.
    /// [`StoreError::Precondition`]. [`StoreError::Conflict`]: the generation is not the expected one; read, parse and
    /// put again. [`StoreError::Corrupt`]: the document refers to a key that is neither stored nor given.
    pub async fn put_gateway(
        &self,
        permit: &Permit<Write>,
        put: PutGateway,
    ) -> Result<Committed, StoreError> {
        let key = put.id.key();
        check_reach(permit, &key)?;
        let sealed = content::seal(&self.keys, &key, &put.secrets)?;
        let mut writing = self.begin().await?;
        resource_group::check_alive(writing.connection(), put.id.group()).await?;
        let current = row::find(writing.connection(), &key).await?;
        check_writable(&put.id, current.as_ref())?;
        put.precondition
            .check(&put.id, current.as_ref().map(|row| row.etag.as_str()))?;
        if current.as_ref().map(|row| row.generation) != put.expected_generation {
            return Err(conflict(&put.id));
        }
        if let Some(unchanged) = unchanged(&mut writing, &put, current.as_ref()).await? {
            return Ok(unchanged);
        }
        let change = match &current {
            None => Change::Created,
            Some(_) => Change::Updated,
        };
        let row = write_row(&mut writing, &put, current).await?;
        content::replace(writing.connection(), &row, &put, sealed).await?;
        let operation = begin_put(&mut writing, &put, &row).await?;
        writing.wake(Topic::Gateways);
        writing.wake(Topic::Facts);
        let audited = AuditedChange {
            at: put.now,
            before: put.expected_generation,
            after: Some(row.generation),
        };
        writing.commit_change(permit, audited).await?;
        Ok(Committed {
            change,
            gateway: row.into_stored()?,
            operation: Some(operation),
        })
    }

    /// Marks a gateway as deleted and begins the operation that removes it from the workers; the row goes when they have
    /// done so. `None`: there was none. A deletion that is under way is returned as it is; one that failed is begun again.
    ///
    /// # Errors
    /// [`StoreError::Precondition`]; [`StoreError::Conflict`] when another write came between.
    pub async fn delete_gateway(
        &self,
        permit: &Permit<Write>,
        delete: DeleteGateway,
    ) -> Result<Option<Operation>, StoreError> {
        let key = delete.id.key();
        check_reach(permit, &key)?;
        let mut writing = self.begin().await?;
        let Some(row) = row::find(writing.connection(), &key).await? else {
            return Ok(None);
        };
        delete.precondition.check(&delete.id, Some(&row.etag))?;
        if row.deleted_at.is_some()
            && let Some(operation) = operations::unfinished(writing.connection(), &key)
                .await?
                .pop()
        {
            return Ok(Some(operation));
        }
        let correlation = &delete.correlation_id;
        let audited = AuditedChange {
            at: delete.now,
            before: Some(row.generation),
            after: None,
        };
        let operation =
            begin_delete(&mut writing, row, correlation, delete.now, delete.deadline).await?;
        writing.commit_change(permit, audited).await?;
        Ok(Some(operation))
    }
}

/// Marks the gateway as deleted and begins its removal from the workers.
pub(super) async fn begin_delete(
    writing: &mut Writing<'_>,
    row: GatewayRow,
    correlation_id: &str,
    now: OffsetDateTime,
    deadline: OffsetDateTime,
) -> Result<Operation, StoreError> {
    let generation = row.generation + 1;
    let etag = new_etag();
    if !row::mark_deleted(writing.connection(), &row, &etag, micros(now)).await? {
        return Err(StoreError::Conflict { id: row.display_id });
    }
    let operation = Operation {
        id: Uuid::new_v4().to_string(),
        resource_key: row.id,
        resource_id: row.display_id,
        kind: OperationKind::DeleteGateway,
        generation,
        state: OperationState::InProgress,
        error: None,
        correlation_id: correlation_id.to_owned(),
        created_at: now,
        deadline,
        ended_at: None,
    };
    operations::begin(writing.connection(), &operation).await?;
    writing.wake(Topic::Gateways);
    writing.wake(Topic::Facts);
    writing.wake(Topic::Operations);
    Ok(operation)
}

/// The keys of a resource group's gateways that nobody deletes yet.
pub(super) async fn alive_in_group(
    writing: &mut Writing<'_>,
    group: &str,
) -> Result<Vec<GatewayRow>, StoreError> {
    Ok(row::list_alive_by_group(writing.connection(), group).await?)
}

fn check_writable(id: &GatewayId, current: Option<&GatewayRow>) -> Result<(), StoreError> {
    if current.is_some_and(|row| row.deleted_at.is_some()) {
        return Err(StoreError::Busy { id: id.to_string() });
    }
    Ok(())
}

fn conflict(id: &GatewayId) -> StoreError {
    StoreError::Conflict { id: id.to_string() }
}

/// The answer to a put that changes nothing. A put of what was refused or not answered is a retry, hence a change.
async fn unchanged(
    writing: &mut Writing<'_>,
    put: &PutGateway,
    current: Option<&GatewayRow>,
) -> Result<Option<Committed>, StoreError> {
    let Some(row) = current else {
        return Ok(None);
    };
    let stored = row.clone().into_stored()?;
    let equal = stored.document == put.document
        && stored.extensions == put.extensions
        && stored.stopped == put.stopped
        && row.snapshot_sha256.as_deref() == Some(&put.compiled.sha256)
        && stored.provisioning_state != ProvisioningState::Failed;
    if !equal {
        return Ok(None);
    }
    let operation = operations::unfinished(writing.connection(), &row.id).await?;
    Ok(Some(Committed {
        change: Change::Unchanged,
        gateway: stored,
        operation: operation.into_iter().next_back(),
    }))
}

/// Inserts or replaces the row under the generation guard, which also locks it for the rest of the transaction.
async fn write_row(
    writing: &mut Writing<'_>,
    put: &PutGateway,
    current: Option<GatewayRow>,
) -> Result<GatewayRow, StoreError> {
    let now = micros(put.now);
    let (row, written) = match current {
        None => {
            let row = GatewayRow::new(put, Uuid::new_v4().to_string(), new_etag(), now);
            let group = put.id.group().key();
            let written = resource_group::lock_alive(writing.connection(), &group).await?
                && row::insert(writing.connection(), &row).await?;
            (row, written)
        }
        Some(current) => {
            let row = current.replaced(put, new_etag(), now);
            let written = row::replace(writing.connection(), &row).await?;
            (row, written)
        }
    };
    if written {
        Ok(row)
    } else {
        Err(conflict(&put.id))
    }
}

async fn begin_put(
    writing: &mut Writing<'_>,
    put: &PutGateway,
    row: &GatewayRow,
) -> Result<Operation, StoreError> {
    let operation = Operation {
        id: Uuid::new_v4().to_string(),
        resource_key: row.id.clone(),
        resource_id: row.display_id.clone(),
        kind: OperationKind::PutGateway,
        generation: row.generation,
        state: OperationState::InProgress,
        error: None,
        correlation_id: put.correlation_id.clone(),
        created_at: put.now,
        deadline: put.deadline,
        ended_at: None,
    };
    if operations::begin(writing.connection(), &operation).await? {
        writing.wake(Topic::Operations);
    }
    Ok(operation)
}

fn new_etag() -> String {
    format!("W/\"{}\"", Uuid::new_v4())
}

/// What two ETags are compared by.
fn opaque(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(precondition: &Precondition, current: Option<&str>, holds: bool) {
        assert_eq!(
            precondition.holds(current),
            holds,
            "{precondition:?} {current:?}"
        );
    }

    #[test]
    fn preconditions_hold_as_arm_says() {
        let current = Some("W/\"a\"");
        check(&Precondition::None, None, true);
        check(&Precondition::None, current, true);
        check(&Precondition::Absent, None, true);
        check(&Precondition::Absent, current, false);
        check(&Precondition::Exists, None, false);
        check(&Precondition::Exists, current, true);
        for (etag, holds) in [
            ("W/\"a\"", true),
            ("\"a\"", true),
            ("a", true),
            ("W/\"b\"", false),
        ] {
            check(&Precondition::ETag(vec![etag.to_owned()]), current, holds);
            check(&Precondition::ETag(vec![etag.to_owned()]), None, false);
        }
        let several = Precondition::ETag(vec!["\"x\"".to_owned(), "\"a\"".to_owned()]);
        check(&several, current, true);
    }
}
