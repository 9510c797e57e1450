//! Operations: beginning, superseding, waiting for their end, ending them.

use std::time::Duration;

use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{Store, StoreError, Topic, instant, micros};
use crate::{
    operation::{Operation, OperationError, OperationKind, OperationState},
    permit::{Permit, Read},
};

impl Store {
    /// Finds an operation. When it is in progress, waits for its end, but no longer than `wait`.
    ///
    /// One of a resource that the permit was not given for is not found.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_operation(
        &self,
        permit: &Permit<Read>,
        id: &str,
        wait: Duration,
    ) -> Result<Option<Operation>, StoreError> {
        let mut ends = self.watch(Topic::Operations);
        let until = tokio::time::Instant::now() + wait;
        loop {
            ends.mark_unchanged();
            let found = self.read_operation(id).await?;
            let found = found.filter(|operation| permit.covers(&operation.resource_key));
            if found.as_ref().is_none_or(Operation::is_over) {
                return Ok(found);
            }
            match tokio::time::timeout_at(until, ends.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Ok(found),
            }
        }
    }

    /// The operations that are in progress, oldest first.
    pub(crate) async fn open_operations(&self) -> Result<Vec<Operation>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let rows = list_in_progress(&mut connection).await?;
        rows.into_iter().map(OperationRow::into_operation).collect()
    }

    /// Ends an operation that is still in progress and writes the gateway's provisioning state (for a deletion that
    /// succeeded: removes the gateway), in one transaction. `false`: someone else has ended it.
    pub(crate) async fn end_operation(
        &self,
        operation: &Operation,
        error: Option<&OperationError>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let state = match error {
            None => OperationState::Succeeded,
            Some(_) => OperationState::Failed,
        };
        let mut writing = self.begin().await?;
        // The resource first, as in every other transaction: no two of them can wait for each other.
        match (operation.kind, error) {
            (OperationKind::DeleteGateway, None) => {
                delete_gateway(writing.connection(), operation).await?;
                writing.wake(Topic::Gateways);
                writing.wake(Topic::Facts);
            }
            (OperationKind::DeleteResourceGroup, None) => {
                delete_group(writing.connection(), &operation.resource_key).await?;
            }
            (OperationKind::DeleteResourceGroup, Some(_)) => {}
            (OperationKind::DeleteGateway | OperationKind::PutGateway, _) => {
                set_provisioning_state(writing.connection(), operation, state).await?;
            }
        }
        if !end(writing.connection(), &operation.id, state, error, now).await? {
            return Ok(false);
        }
        writing.wake(Topic::Operations);
        writing.commit().await?;
        Ok(true)
    }

    /// Forgets operations that ended before `before`.
    pub(crate) async fn forget_operations(
        &self,
        before: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let mut writing = self.begin().await?;
        let forgotten = delete_ended(writing.connection(), micros(before)).await?;
        writing.commit().await?;
        Ok(forgotten)
    }

    /// What is marked as deleted while no operation is under way for it, each as the operation that would remove it.
    pub(crate) async fn leftovers(&self) -> Result<Vec<Operation>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let mut left = Vec::new();
        for row in list_left_gateways(&mut connection).await? {
            left.push(row.into_removal(OperationKind::DeleteGateway));
        }
        for row in list_left_groups(&mut connection).await? {
            left.push(row.into_removal(OperationKind::DeleteResourceGroup));
        }
        Ok(left)
    }

    /// Removes one of the [`Store::leftovers`].
    pub(crate) async fn remove(&self, left: &Operation) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        match left.kind {
            OperationKind::DeleteGateway => delete_gateway(writing.connection(), left).await?,
            OperationKind::DeleteResourceGroup => {
                delete_group(writing.connection(), &left.resource_key).await?;
            }
            OperationKind::PutGateway => {}
        }
        writing.wake(Topic::Gateways);
        writing.commit().await
    }

    async fn read_operation(&self, id: &str) -> Result<Option<Operation>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let row = find(&mut connection, id).await?;
        row.map(OperationRow::into_operation).transpose()
    }
}

/// Inserts `operation`; unfinished ones of the same resource end as superseded by it. Returns whether there were any.
pub(super) async fn begin(
    connection: &mut AnyConnection,
    operation: &Operation,
) -> Result<bool, StoreError> {
    let superseded = unfinished(connection, &operation.resource_key).await?;
    for old in &superseded {
        let error = OperationError::superseded(&old.id, &operation.id);
        let now = operation.created_at;
        end(
            connection,
            &old.id,
            OperationState::Canceled,
            Some(&error),
            now,
        )
        .await?;
    }
    insert(connection, operation).await?;
    Ok(!superseded.is_empty())
}

/// The operations of a resource that are in progress, oldest first.
pub(super) async fn unfinished(
    connection: &mut AnyConnection,
    resource_key: &str,
) -> Result<Vec<Operation>, StoreError> {
    let rows = list_unfinished(connection, resource_key).await?;
    rows.into_iter().map(OperationRow::into_operation).collect()
}

#[derive(FromRow)]
struct OperationRow {
    id: String,
    resource_id: String,
    display_id: String,
    kind: String,
    generation: i64,
    state: String,
    error: Option<String>,
    correlation_id: String,
    created_at: i64,
    deadline: i64,
    ended_at: Option<i64>,
}

impl OperationRow {
    fn into_operation(self) -> Result<Operation, StoreError> {
        let corrupt = || StoreError::corrupt(format!("operation {}", self.id));
        let error = self.error.as_deref().map(serde_json::from_str);
        Ok(Operation {
            kind: OperationKind::parse(&self.kind).ok_or_else(corrupt)?,
            state: OperationState::parse(&self.state).ok_or_else(corrupt)?,
            error: error.transpose().map_err(|_| corrupt())?,
            resource_key: self.resource_id,
            resource_id: self.display_id,
            generation: self.generation,
            correlation_id: self.correlation_id,
            created_at: instant(self.created_at),
            deadline: instant(self.deadline),
            ended_at: self.ended_at.map(instant),
            id: self.id,
        })
    }
}

#[derive(FromRow)]
struct LeftRow {
    id: String,
    display_id: String,
    generation: i64,
    deleted_at: i64,
}

impl LeftRow {
    fn into_removal(self, kind: OperationKind) -> Operation {
        Operation {
            id: String::new(),
            resource_key: self.id,
            resource_id: self.display_id,
            kind,
            generation: self.generation,
            state: OperationState::InProgress,
            error: None,
            correlation_id: String::new(),
            created_at: instant(self.deleted_at),
            deadline: instant(self.deleted_at),
            ended_at: None,
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, resource_id, display_id, kind, generation, state, error, correlation_id, created_at, deadline, \
             ended_at from operations ",
            $rest
        )
    };
}

async fn find(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<Option<OperationRow>, sqlx::Error> {
    sqlx::query_as(select!("where id = $1"))
        .bind(id)
        .fetch_optional(connection)
        .await
}

async fn list_in_progress(
    connection: &mut AnyConnection,
) -> Result<Vec<OperationRow>, sqlx::Error> {
    sqlx::query_as(select!(
        "where state = 'InProgress' order by created_at, id"
    ))
    .fetch_all(connection)
    .await
}

async fn list_unfinished(
    connection: &mut AnyConnection,
    resource: &str,
) -> Result<Vec<OperationRow>, sqlx::Error> {
    sqlx::query_as(select!(
        "where resource_id = $1 and state = 'InProgress' order by created_at, id"
    ))
    .bind(resource)
    .fetch_all(connection)
    .await
}

async fn list_left_gateways(connection: &mut AnyConnection) -> Result<Vec<LeftRow>, sqlx::Error> {
    sqlx::query_as(
        "select id, display_id, generation, deleted_at from gateways g where deleted_at is not null and not exists \
         (select 1 from operations o where o.resource_id = g.id and o.state = 'InProgress') order by id",
    )
    .fetch_all(connection)
    .await
}

async fn list_left_groups(connection: &mut AnyConnection) -> Result<Vec<LeftRow>, sqlx::Error> {
    sqlx::query_as(
        "select id, display_id, 0 as generation, deleted_at from resource_groups g where deleted_at is not null and \
         not exists (select 1 from operations o where o.resource_id = g.id and o.state = 'InProgress') order by id",
    )
    .fetch_all(connection)
    .await
}

async fn insert(connection: &mut AnyConnection, operation: &Operation) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into operations (id, resource_id, display_id, kind, generation, state, correlation_id, created_at, \
         deadline) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&operation.id)
    .bind(&operation.resource_key)
    .bind(&operation.resource_id)
    .bind(operation.kind.as_str())
    .bind(operation.generation)
    .bind(operation.state.as_str())
    .bind(&operation.correlation_id)
    .bind(micros(operation.created_at))
    .bind(micros(operation.deadline))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether it was still in progress.
async fn end(
    connection: &mut AnyConnection,
    id: &str,
    state: OperationState,
    error: Option<&OperationError>,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let error = error.map(serde_json::to_string).transpose();
    let error = error.map_err(|error| StoreError::corrupt_by("an operation's error", error))?;
    let done = sqlx::query(
        "update operations set state = $1, error = $2, ended_at = $3 where id = $4 and state = 'InProgress'",
    )
    .bind(state.as_str())
    .bind(error)
    .bind(micros(now))
    .bind(id)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn set_provisioning_state(
    connection: &mut AnyConnection,
    operation: &Operation,
    state: OperationState,
) -> Result<(), sqlx::Error> {
    sqlx::query("update gateways set provisioning_state = $1 where id = $2 and generation = $3")
        .bind(state.as_str())
        .bind(&operation.resource_key)
        .bind(operation.generation)
        .execute(connection)
        .await?;
    Ok(())
}

async fn delete_gateway(
    connection: &mut AnyConnection,
    operation: &Operation,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from gateways where id = $1 and generation = $2 and deleted_at is not null",
    )
    .bind(&operation.resource_key)
    .bind(operation.generation)
    .execute(connection)
    .await?;
    Ok(())
}

/// Leaves a group that holds gateways: the caller may have judged an earlier group of that name.
async fn delete_group(connection: &mut AnyConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from resource_groups where id = $1 and deleted_at is not null and not exists \
         (select 1 from gateways where resource_group = $1)",
    )
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_ended(connection: &mut AnyConnection, before: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("delete from operations where state <> 'InProgress' and ended_at < $1")
        .bind(before)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
