//! Keys that sign tokens, sealed.

use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{Store, StoreError, instant, micros, sealed::SealedRow};
use crate::{
    rotation::{ID_LEN, Slot},
    token::SigningKey,
};

impl Store {
    /// The places of all keys, in order of sequence.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn signing_key_slots(&self) -> Result<Vec<Slot>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let rows = list_slots(&mut connection).await?;
        rows.into_iter().map(SlotRow::slot).collect()
    }

    /// Opens a key. `None`: it was deleted meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when it was sealed with another master key, was changed, or
    /// was sealed for another tenant, sequence or id.
    pub async fn find_signing_key(
        &self,
        tenant: &str,
        slot: &Slot,
    ) -> Result<Option<SigningKey>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let Some(sealed) = find_sealed(&mut connection, slot).await? else {
            return Ok(None);
        };
        let pkcs8 = self.keys.open(&place(tenant, slot), &sealed)?;
        let key = SigningKey::from_pkcs8(slot.id, pkcs8);
        let key = key.ok_or_else(|| StoreError::corrupt("a signing key"))?;
        Ok(Some(key))
    }

    /// Adds `key` at `slot`, unless another replica has taken the place. Returns whether it was added.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn add_signing_key(
        &self,
        tenant: &str,
        slot: &Slot,
        key: &SigningKey,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let sealed = self.keys.seal(&place(tenant, slot), key.pkcs8())?;
        let mut writing = self.begin().await?;
        let added = insert(writing.connection(), slot, sealed, now).await?;
        writing.commit().await?;
        Ok(added)
    }

    /// Deletes a key that no living token needs.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_signing_key(&self, slot: &Slot) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        delete(writing.connection(), slot).await?;
        writing.commit().await
    }
}

/// Associated data of a sealed key: it opens for this tenant, sequence and id only.
fn place(tenant: &str, slot: &Slot) -> Vec<u8> {
    [
        tenant.as_bytes(),
        b"\0signing key\0",
        &slot.sequence.to_be_bytes(),
        &slot.id,
    ]
    .concat()
}

/// Associated data of a row, whose owner is the tenant.
pub(super) fn place_of(row: &SealedRow) -> Result<Vec<u8>, StoreError> {
    let slot = SlotRow {
        sequence: row.number,
        id: row.id.clone(),
        signs_from: 0,
    };
    Ok(place(&row.owner, &slot.slot()?))
}

#[derive(FromRow)]
struct SlotRow {
    sequence: i64,
    id: Vec<u8>,
    signs_from: i64,
}

impl SlotRow {
    fn slot(self) -> Result<Slot, StoreError> {
        let id = <[u8; ID_LEN]>::try_from(self.id.as_slice());
        Ok(Slot {
            sequence: self.sequence,
            id: id.map_err(|_| StoreError::corrupt("a signing key"))?,
            used_from: instant(self.signs_from),
        })
    }
}

async fn list_slots(connection: &mut AnyConnection) -> Result<Vec<SlotRow>, sqlx::Error> {
    sqlx::query_as("select sequence, id, signs_from from signing_keys order by sequence")
        .fetch_all(connection)
        .await
}

async fn find_sealed(
    connection: &mut AnyConnection,
    slot: &Slot,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("select sealed from signing_keys where sequence = $1 and id = $2")
        .bind(slot.sequence)
        .bind(slot.id.to_vec())
        .fetch_optional(connection)
        .await
}

/// Whether the row was new.
async fn insert(
    connection: &mut AnyConnection,
    slot: &Slot,
    sealed: Vec<u8>,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into signing_keys (sequence, id, sealed, signs_from, created_at) values ($1, $2, $3, $4, $5) \
         on conflict (sequence) do nothing",
    )
    .bind(slot.sequence)
    .bind(slot.id.to_vec())
    .bind(sealed)
    .bind(micros(slot.used_from))
    .bind(micros(now))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn delete(connection: &mut AnyConnection, slot: &Slot) -> Result<(), sqlx::Error> {
    sqlx::query("delete from signing_keys where sequence = $1 and id = $2")
        .bind(slot.sequence)
        .bind(slot.id.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}
