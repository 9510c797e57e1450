//! Resource groups.

use std::collections::BTreeMap;

use model::{ResourceGroupId, SubscriptionId};
use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Change, Listing, Page, Store, StoreError, Topic, check_reach, gateway, instant, micros,
    operation,
};
use crate::{
    audit::AuditedChange,
    operation::{Operation, OperationKind, OperationState},
    permit::{Permit, Read, Write},
};

/// A resource group as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroup {
    /// With the casing of its creation.
    pub id: ResourceGroupId,
    /// Normal form, `westeurope`.
    pub location: String,
    /// ARM tags.
    pub tags: BTreeMap<String, String>,
    /// Whether its deletion has begun.
    pub deleting: bool,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// A request to create or replace a resource group.
#[derive(Debug)]
pub struct PutResourceGroup {
    /// The group.
    pub id: ResourceGroupId,
    /// Normal form.
    pub location: String,
    /// Replace all tags.
    pub tags: BTreeMap<String, String>,
    /// The time of the request.
    pub now: OffsetDateTime,
}

/// A request to delete a resource group with all its gateways.
#[derive(Debug)]
pub struct DeleteResourceGroup {
    /// The group.
    pub id: ResourceGroupId,
    /// From the request; kept with the operation.
    pub correlation_id: String,
    /// The time of the request.
    pub now: OffsetDateTime,
    /// When silent workers make the operation fail.
    pub deadline: OffsetDateTime,
}

impl Store {
    /// Finds a resource group; one that is being deleted is found until its last gateway is gone. Who may see something in
    /// a group may know whether the group exists.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_resource_group(
        &self,
        permit: &Permit<Read>,
        id: &ResourceGroupId,
    ) -> Result<Option<ResourceGroup>, StoreError> {
        check_touch(permit, &id.key())?;
        let mut connection = self.reader.acquire().await?;
        let row = find(&mut connection, &id.key()).await?;
        row.map(GroupRow::into_group).transpose()
    }

    /// Lists the resource groups of a subscription that the caller may see, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_resource_groups(
        &self,
        permit: &Permit<Read>,
        subscription: &SubscriptionId,
        page: &Page,
    ) -> Result<Listing<ResourceGroup>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let subscription = subscription.as_str().to_ascii_lowercase();
        let (mut after, limit) = (page.after().to_owned(), page.limit());
        let mut groups = Vec::new();
        while groups.len() <= limit as usize {
            let rows = list(&mut connection, &subscription, &after, limit + 1).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in rows.into_iter().filter(|row| permit.covers(&row.id)) {
                groups.push(row.into_group()?);
            }
        }
        Ok(Listing::cut(groups, limit, |group| group.id.key()))
    }

    /// Ids of the subscriptions that have a resource group or a role assignment in them and in which the caller may see
    /// something, in lower case and in order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_subscriptions(
        &self,
        permit: &Permit<Read>,
    ) -> Result<Vec<String>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let ids = list_subscriptions(&mut connection).await?;
        let mut ids: Vec<String> = ids
            .into_iter()
            .filter_map(|id| Some(id.split('/').nth(2)?.to_owned()))
            .filter(|id| permit.touches(&format!("/subscriptions/{id}")))
            .collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Creates a resource group or replaces its tags.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while it is being deleted; [`StoreError::Conflict`] when it is in another location.
    pub async fn put_resource_group(
        &self,
        permit: &Permit<Write>,
        put: PutResourceGroup,
    ) -> Result<(Change, ResourceGroup), StoreError> {
        let key = put.id.key();
        check_reach(permit, &key)?;
        let mut writing = self.begin().await?;
        let inserted = insert(writing.connection(), &put).await?;
        let change = match (inserted, update(writing.connection(), &put).await?) {
            (true, _) => Change::Created,
            (false, true) => Change::Updated,
            (false, false) => {
                check_alive(writing.connection(), &put.id).await?;
                return Err(StoreError::Conflict {
                    id: put.id.to_string(),
                });
            }
        };
        let row = find(writing.connection(), &key).await?;
        let group = found(row, &put.id)?.into_group()?;
        writing
            .commit_change(permit, AuditedChange::at(put.now))
            .await?;
        Ok((change, group))
    }

    /// Marks a resource group and its gateways as deleted; the group goes with its last gateway. `None`: there was none.
    /// A deletion that is under way is returned as it is; one that failed is begun again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a write of a gateway came between.
    pub async fn delete_resource_group(
        &self,
        permit: &Permit<Write>,
        delete: DeleteResourceGroup,
    ) -> Result<Option<Operation>, StoreError> {
        let key = delete.id.key();
        check_reach(permit, &key)?;
        let mut writing = self.begin().await?;
        let Some(row) = find(writing.connection(), &key).await? else {
            return Ok(None);
        };
        if row.deleted_at.is_some()
            && let Some(operation) = operation::unfinished(writing.connection(), &key)
                .await?
                .pop()
        {
            return Ok(Some(operation));
        }
        mark_deleted(writing.connection(), &key, micros(delete.now)).await?;
        for row in gateway::alive_in_group(&mut writing, &key).await? {
            let correlation = &delete.correlation_id;
            gateway::begin_delete(&mut writing, row, correlation, delete.now, delete.deadline)
                .await?;
        }
        let operation = Operation {
            id: Uuid::new_v4().to_string(),
            resource_key: row.id,
            resource_id: row.display_id,
            kind: OperationKind::DeleteResourceGroup,
            generation: 0,
            state: OperationState::InProgress,
            error: None,
            correlation_id: delete.correlation_id,
            created_at: delete.now,
            deadline: delete.deadline,
            ended_at: None,
        };
        operation::begin(writing.connection(), &operation).await?;
        writing.wake(Topic::Facts);
        writing
            .commit_change(permit, AuditedChange::at(delete.now))
            .await?;
        Ok(Some(operation))
    }

    /// How many gateways a resource group still has, by its key.
    pub(crate) async fn count_gateways(&self, group: &str) -> Result<i64, StoreError> {
        let mut connection = self.reader.acquire().await?;
        Ok(count_gateways(&mut connection, group).await?)
    }
}

/// Refuses a group in which the permit was given for nothing.
fn check_touch(permit: &Permit<Read>, group: &str) -> Result<(), StoreError> {
    if permit.touches(group) {
        return Ok(());
    }
    Err(StoreError::OutOfReach {
        id: group.to_owned(),
    })
}

/// Fails when a gateway cannot be written into the group.
pub(super) async fn check_alive(
    connection: &mut AnyConnection,
    id: &ResourceGroupId,
) -> Result<(), StoreError> {
    let row = found(find(connection, &id.key()).await?, id)?;
    if row.deleted_at.is_some() {
        return Err(StoreError::Busy { id: id.to_string() });
    }
    Ok(())
}

fn found(row: Option<GroupRow>, id: &ResourceGroupId) -> Result<GroupRow, StoreError> {
    row.ok_or_else(|| StoreError::NotFound { id: id.to_string() })
}

/// Ids of groups and scopes of assignments, each with its subscription in it.
async fn list_subscriptions(connection: &mut AnyConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("select id from resource_groups union select scope from role_assignments")
        .fetch_all(connection)
        .await
}

#[derive(FromRow)]
struct GroupRow {
    id: String,
    display_id: String,
    location: String,
    tags: String,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
}

impl GroupRow {
    fn into_group(self) -> Result<ResourceGroup, StoreError> {
        let id = ResourceGroupId::parse(&self.display_id)
            .map_err(|_| StoreError::corrupt(self.display_id.clone()))?;
        let tags = serde_json::from_str(&self.tags)
            .map_err(|error| StoreError::corrupt_by(self.display_id, error))?;
        Ok(ResourceGroup {
            id,
            location: self.location,
            tags,
            deleting: self.deleted_at.is_some(),
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
        })
    }
}

async fn find(connection: &mut AnyConnection, id: &str) -> Result<Option<GroupRow>, sqlx::Error> {
    sqlx::query_as(
        "select id, display_id, location, tags, created_at, updated_at, deleted_at from resource_groups where id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await
}

async fn list(
    connection: &mut AnyConnection,
    subscription: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<GroupRow>, sqlx::Error> {
    sqlx::query_as(
        "select id, display_id, location, tags, created_at, updated_at, deleted_at from resource_groups \
         where subscription = $1 and id > $2 order by id limit $3",
    )
    .bind(subscription)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
}

/// Whether the group was new.
async fn insert(
    connection: &mut AnyConnection,
    put: &PutResourceGroup,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "insert into resource_groups (id, display_id, subscription, name, location, tags, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing",
    )
    .bind(put.id.key())
    .bind(put.id.to_string())
    .bind(put.id.subscription().as_str().to_ascii_lowercase())
    .bind(put.id.name().as_str().to_owned())
    .bind(&put.location)
    .bind(tags_text(put)?)
    .bind(micros(put.now))
    .bind(micros(put.now))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the group is there, in this location, and not being deleted.
async fn update(
    connection: &mut AnyConnection,
    put: &PutResourceGroup,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update resource_groups set tags = $1, updated_at = $2 where id = $3 and location = $4 and deleted_at is null",
    )
    .bind(tags_text(put)?)
    .bind(micros(put.now))
    .bind(put.id.key())
    .bind(&put.location)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn tags_text(put: &PutResourceGroup) -> Result<String, StoreError> {
    serde_json::to_string(&put.tags)
        .map_err(|error| StoreError::corrupt_by(put.id.to_string(), error))
}

/// Keeps the group from being deleted until the transaction ends; whether it is there and not being deleted.
pub(super) async fn lock_alive(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update resource_groups set updated_at = updated_at where id = $1 and deleted_at is null",
    )
    .bind(id)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn mark_deleted(
    connection: &mut AnyConnection,
    id: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("update resource_groups set deleted_at = $1, updated_at = $2 where id = $3")
        .bind(now)
        .bind(now)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn count_gateways(connection: &mut AnyConnection, group: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from gateways where resource_group = $1")
        .bind(group)
        .fetch_one(connection)
        .await
}
