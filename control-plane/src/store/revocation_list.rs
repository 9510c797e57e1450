//! The bytes of uploaded revocation lists, in parts.

use std::{collections::HashSet, fmt};

use bytes::Bytes;
use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{
    PutGateway, Store, StoreError, check_reach, content::sha256, gateway::GatewayRow, micros,
};
use crate::{
    extension::{Extensions, RevocationList},
    permit::{Permit, Read},
};

/// Of one part, in bytes; as much as a message of the configuration stream carries.
pub const LIST_PART: usize = 256 * 1024;

/// The DER of a list that comes with a request. `Debug` shows its hash and size.
#[derive(Clone)]
pub struct NewRevocationList {
    /// SHA-256 of `der`.
    pub sha256: [u8; 32],
    /// The whole list.
    pub der: Bytes,
}

/// A list that a snapshot refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListInSnapshot {
    /// SHA-256 of its DER.
    pub sha256: [u8; 32],
    /// Of its DER, in bytes.
    pub size: u64,
}

/// A list that workers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListInForce {
    /// Of the gateway, with the casing of its creation.
    pub gateway_id: String,
    /// What is known about it.
    pub list: RevocationList,
}

impl ListInForce {
    /// When it expires.
    pub fn next_update(&self) -> OffsetDateTime {
        let seconds = i64::try_from(self.list.head.next_update.as_secs()).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Tells it from others.
    pub fn key(&self) -> (String, [u8; 32]) {
        (self.gateway_id.clone(), self.list.head.sha256)
    }
}

impl fmt::Debug for NewRevocationList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NewRevocationList")
            .field("sha256", &hex::encode(self.sha256))
            .field("size", &self.der.len())
            .finish()
    }
}

impl Store {
    /// The lists that the current snapshots of all gateways refer to.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn lists_in_force(
        &self,
        permit: &Permit<Read>,
    ) -> Result<Vec<ListInForce>, StoreError> {
        check_reach(permit, "/")?;
        let mut connection = self.reader.acquire().await?;
        let mut lists = Vec::new();
        for gateway in list_gateways(&mut connection).await? {
            let used = in_snapshot(&mut connection, &gateway.id).await?;
            let extensions = Extensions::from_json(&gateway.extensions)
                .map_err(|error| StoreError::corrupt_by(gateway.display_id.clone(), error))?;
            let is_used =
                |list: &&RevocationList| used.iter().any(|used| used.sha256 == list.head.sha256);
            let own = extensions.revocation_lists().iter().filter(is_used);
            lists.extend(own.map(|list| ListInForce {
                gateway_id: gateway.display_id.clone(),
                list: list.clone(),
            }));
        }
        Ok(lists)
    }

    /// A part of a list of a gateway: [`LIST_PART`] bytes from `position` times as many on, fewer at the end. `None`: there
    /// is no such part, or no such list any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_list_part(
        &self,
        permit: &Permit<Read>,
        gateway: &str,
        sha256: &[u8; 32],
        position: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        check_reach(permit, gateway)?;
        let mut connection = self.reader.acquire().await?;
        Ok(find_part(&mut connection, gateway, sha256, position).await?)
    }
}

/// The lists that the current snapshot refers to, in the order of their hashes.
pub(super) async fn in_snapshot(
    connection: &mut AnyConnection,
    gateway: &str,
) -> Result<Vec<ListInSnapshot>, StoreError> {
    let rows = list_rows(connection, gateway).await?;
    let rows = rows.into_iter().filter(|row| row.in_snapshot != 0);
    rows.map(|row| {
        Ok(ListInSnapshot {
            size: u64::try_from(row.size).unwrap_or_default(),
            sha256: sha256(row.sha256, gateway)?,
        })
    })
    .collect()
}

/// Makes the stored lists those of `put`: adds what is new, drops what is no longer referred to. What stays is not
/// touched, whatever its size.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    row: &GatewayRow,
    put: &PutGateway,
) -> Result<(), StoreError> {
    let lists = put.extensions.revocation_lists();
    let wanted: HashSet<_> = lists.iter().map(|list| list.head.sha256).collect();
    let used: HashSet<_> = put.compiled.revocation_lists.iter().collect();
    let mut missing = wanted.clone();
    for stored in list_rows(connection, &row.id).await? {
        let (in_snapshot, name) = (stored.in_snapshot, sha256(stored.sha256, &row.id)?);
        missing.remove(&name);
        if !wanted.contains(&name) {
            delete(connection, &row.id, &name).await?;
        } else if used.contains(&name) != (in_snapshot != 0) {
            mark(connection, &row.id, &name, used.contains(&name)).await?;
        }
    }
    if let Some(list) = &put.new_list
        && missing.remove(&list.sha256)
    {
        let is_used = used.contains(&list.sha256);
        insert(connection, row, list, is_used, micros(put.now)).await?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("{}: a revocation list is missing", row.display_id);
    Err(StoreError::corrupt(what))
}

#[derive(FromRow)]
struct GatewayOfLists {
    id: String,
    display_id: String,
    extensions: String,
}

#[derive(FromRow)]
struct ListRow {
    sha256: Vec<u8>,
    size: i64,
    in_snapshot: i64,
}

/// The gateways whose snapshots refer to lists.
async fn list_gateways(connection: &mut AnyConnection) -> Result<Vec<GatewayOfLists>, sqlx::Error> {
    sqlx::query_as(
        "select g.id, g.display_id, g.extensions from gateways g where g.deleted_at is null and exists \
         (select 1 from revocation_lists l where l.gateway_id = g.id and l.in_snapshot = 1) order by g.id",
    )
    .fetch_all(connection)
    .await
}

async fn list_rows(
    connection: &mut AnyConnection,
    gateway: &str,
) -> Result<Vec<ListRow>, sqlx::Error> {
    sqlx::query_as(
        "select sha256, size, in_snapshot from revocation_lists where gateway_id = $1 order by sha256",
    )
    .bind(gateway)
    .fetch_all(connection)
    .await
}

async fn find_part(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
    position: i64,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar(
        "select bytes from revocation_list_parts where gateway_id = $1 and sha256 = $2 and position = $3",
    )
    .bind(gateway)
    .bind(sha256.to_vec())
    .bind(position)
    .fetch_optional(connection)
    .await
}

async fn insert(
    connection: &mut AnyConnection,
    row: &GatewayRow,
    list: &NewRevocationList,
    in_snapshot: bool,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into revocation_lists (gateway_id, sha256, size, in_snapshot, created_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(&row.id)
    .bind(list.sha256.to_vec())
    .bind(i64::try_from(list.der.len()).unwrap_or(i64::MAX))
    .bind(i64::from(in_snapshot))
    .bind(now)
    .execute(&mut *connection)
    .await?;
    for (position, bytes) in (0_i64..).zip(list.der.chunks(LIST_PART)) {
        insert_part(connection, row, list, position, bytes).await?;
    }
    Ok(())
}

async fn insert_part(
    connection: &mut AnyConnection,
    row: &GatewayRow,
    list: &NewRevocationList,
    position: i64,
    bytes: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into revocation_list_parts (gateway_id, sha256, position, bytes) values ($1, $2, $3, $4)",
    )
    .bind(&row.id)
    .bind(list.sha256.to_vec())
    .bind(position)
    .bind(bytes.to_vec())
    .execute(connection)
    .await?;
    Ok(())
}

async fn mark(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
    in_snapshot: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update revocation_lists set in_snapshot = $1 where gateway_id = $2 and sha256 = $3",
    )
    .bind(i64::from(in_snapshot))
    .bind(gateway)
    .bind(sha256.to_vec())
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from revocation_lists where gateway_id = $1 and sha256 = $2")
        .bind(gateway)
        .bind(sha256.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}
