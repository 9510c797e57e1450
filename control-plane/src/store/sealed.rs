//! Everything in the database that is sealed with a master key, in one list: what rotation of that key has to go through.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe, FromRow};

use super::{Store, StoreError, content, signing_key, ticket_key};
use crate::seal::{KeyId, KeyUse};

/// A table with a column `sealed`, and how the envelopes in it are found and bound to their rows.
#[derive(Debug, Clone, Copy)]
pub struct SealedTable {
    /// Its name.
    pub name: &'static str,
    /// Selects `owner`, `number`, `id` of the rows whose envelope does not begin with `$1`.
    list: &'static str,
    /// Selects the envelope of the row of owner `$1`, number `$2` and id `$3`.
    find: &'static str,
    /// Sets the envelope of that row to `$4`, if it is still `$5`.
    update: &'static str,
    /// Associated data of the row's envelope.
    place: fn(&SealedRow) -> Result<Vec<u8>, StoreError>,
}

/// The row of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SealedRow {
    /// Gateway or tenant.
    pub(super) owner: String,
    /// Sequence; 0 where the table has none.
    pub(super) number: i64,
    /// Hash or random id.
    pub(super) id: Vec<u8>,
}

/// How many envelopes one key sealed in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBy {
    /// The key; `None`: these are no envelopes.
    pub key: Option<KeyId>,
    /// What it is for this process.
    pub usage: KeyUse,
    /// The table.
    pub table: &'static str,
    /// How many.
    pub envelopes: u64,
}

/// What became of some envelopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Sealed anew.
    pub done: usize,
    /// Could not be opened: changed, moved from another row, or sealed with a key that was not given.
    pub refused: usize,
}

impl SealedTable {
    /// All tables with a column `sealed`. A test compares them with the schema.
    pub const ALL: [Self; 3] = [
        Self {
            name: "secrets",
            list: "select gateway_id as owner, cast(0 as bigint) as number, sha256 as id from secrets \
                   where substr(sealed, 1, 9) <> $1 order by gateway_id, sha256",
            find: "select sealed from secrets where gateway_id = $1 and $2 = 0 and sha256 = $3",
            update: "update secrets set sealed = $4 \
                     where gateway_id = $1 and $2 = 0 and sha256 = $3 and sealed = $5",
            place: |row| {
                let sha256 = content::sha256(row.id.clone(), &row.owner)?;
                Ok(content::place(&row.owner, &sha256))
            },
        },
        Self {
            name: "signing_keys",
            list: "select i.tenant_id as owner, k.sequence as number, k.id as id from signing_keys k, installation i \
                   where substr(k.sealed, 1, 9) <> $1 order by k.sequence",
            find: "select k.sealed from signing_keys k, installation i \
                   where i.tenant_id = $1 and k.sequence = $2 and k.id = $3",
            update: "update signing_keys set sealed = $4 \
                     where exists (select 1 from installation where tenant_id = $1) \
                     and sequence = $2 and id = $3 and sealed = $5",
            place: signing_key::place_of,
        },
        Self {
            name: "ticket_keys",
            list: "select gateway_id as owner, sequence as number, id from ticket_keys \
                   where substr(sealed, 1, 9) <> $1 order by gateway_id, sequence",
            find: "select sealed from ticket_keys where gateway_id = $1 and sequence = $2 and id = $3",
            update: "update ticket_keys set sealed = $4 \
                     where gateway_id = $1 and sequence = $2 and id = $3 and sealed = $5",
            place: ticket_key::place_of,
        },
    ];

    fn heads(&self) -> String {
        format!(
            "select substr(sealed, 1, 9) as head, count(*) as envelopes from {} group by 1",
            self.name
        )
    }
}

impl Store {
    /// The master key that seals.
    pub fn current_master_key(&self) -> KeyId {
        self.keys.current()
    }

    /// Which keys sealed what is in the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn sealed_by(&self) -> Result<Vec<SealedBy>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let mut found = Vec::new();
        for table in SealedTable::ALL {
            let mut keys: BTreeMap<Option<KeyId>, u64> = BTreeMap::new();
            for row in list_heads(&mut connection, &table).await? {
                let envelopes = u64::try_from(row.envelopes).unwrap_or_default();
                *keys.entry(KeyId::of_envelope(&row.head).ok()).or_default() += envelopes;
            }
            found.extend(keys.into_iter().map(|(key, envelopes)| SealedBy {
                key,
                usage: key.map_or(KeyUse::Missing, |key| self.keys.usage(key)),
                table: table.name,
                envelopes,
            }));
        }
        Ok(found)
    }

    /// The rows of a table whose envelopes are not under the current master key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn not_under_current_key(
        &self,
        table: &SealedTable,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let head = self.keys.current().head();
        Ok(list_rows(&mut connection, table, &head).await?)
    }

    /// Seals the envelopes of some rows with the current master key, in one transaction. Rows that are gone, or that
    /// another replica has written meanwhile, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`]; an envelope that cannot be opened is counted, not an error.
    pub async fn reseal(
        &self,
        table: &SealedTable,
        rows: &[SealedRow],
    ) -> Result<Resealed, StoreError> {
        let mut outcome = Resealed::default();
        let mut writing = self.begin().await?;
        for row in rows {
            let Some(old) = find_sealed(writing.connection(), table, row).await? else {
                continue;
            };
            let place = (table.place)(row);
            match place.and_then(|place| Ok(self.keys.reseal(&place, &old)?)) {
                Ok(None) => {}
                Ok(Some(new)) => {
                    let written = update(writing.connection(), table, row, new, old).await?;
                    outcome.done += usize::from(written);
                }
                Err(_closed) => outcome.refused += 1,
            }
        }
        writing.commit().await?;
        Ok(outcome)
    }
}

#[derive(FromRow)]
struct HeadRow {
    head: Vec<u8>,
    envelopes: i64,
}

async fn list_heads(
    connection: &mut AnyConnection,
    table: &SealedTable,
) -> Result<Vec<HeadRow>, sqlx::Error> {
    // The name is one of a list in this file.
    sqlx::query_as(AssertSqlSafe(table.heads()))
        .fetch_all(connection)
        .await
}

async fn list_rows(
    connection: &mut AnyConnection,
    table: &SealedTable,
    head: &[u8],
) -> Result<Vec<SealedRow>, sqlx::Error> {
    sqlx::query_as(table.list)
        .bind(head.to_vec())
        .fetch_all(connection)
        .await
}

async fn find_sealed(
    connection: &mut AnyConnection,
    table: &SealedTable,
    row: &SealedRow,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar(table.find)
        .bind(&row.owner)
        .bind(row.number)
        .bind(row.id.clone())
        .fetch_optional(connection)
        .await
}

/// Whether the row still had the old envelope.
async fn update(
    connection: &mut AnyConnection,
    table: &SealedTable,
    row: &SealedRow,
    new: Vec<u8>,
    old: Vec<u8>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(table.update)
        .bind(&row.owner)
        .bind(row.number)
        .bind(row.id.clone())
        .bind(new)
        .bind(old)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
