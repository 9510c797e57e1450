//! Keys of TLS session tickets, sealed.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    Store, StoreError, WantedGateway, check_reach, instant, micros, sealed::SealedRow,
    worker::unless_gone,
};
use crate::{
    permit::{Permit, Read},
    rotation::{ID_LEN, Slot},
    ticket_key::{SECRET_LEN, TicketKey},
};

impl Store {
    /// The places of all keys, by the key of their gateway, in order of sequence.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn ticket_key_slots(&self) -> Result<BTreeMap<String, Vec<Slot>>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let mut slots: BTreeMap<String, Vec<Slot>> = BTreeMap::new();
        for row in list_slots(&mut connection).await? {
            let slot = row.slot()?;
            slots.entry(row.gateway_id).or_default().push(slot);
        }
        Ok(slots)
    }

    /// The places of one gateway's keys, in order of sequence.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn ticket_key_slots_of(&self, gateway: &str) -> Result<Vec<Slot>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let rows = list_slots_of(&mut connection, gateway).await?;
        rows.iter().map(SlotRow::slot).collect()
    }

    /// Opens a key. `None`: it was deleted meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when it was sealed with another master key, was changed, or
    /// was sealed for another gateway or id.
    pub async fn find_ticket_key(
        &self,
        permit: &Permit<Read>,
        gateway: &str,
        slot: &Slot,
    ) -> Result<Option<TicketKey>, StoreError> {
        check_reach(permit, gateway)?;
        let mut connection = self.reader.acquire().await?;
        let Some(sealed) = find_sealed(&mut connection, gateway, slot).await? else {
            return Ok(None);
        };
        let opened = self.keys.open(&place(gateway, &slot.id), &sealed)?;
        if opened.len() != SECRET_LEN {
            return Err(StoreError::corrupt(format!("{gateway}: a ticket key")));
        }
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        secret.copy_from_slice(&opened);
        Ok(Some(TicketKey {
            id: slot.id,
            secret,
        }))
    }

    /// Adds the next key of a gateway, unless another replica has done so or the gateway is no longer the same one.
    /// Returns whether it was added.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn add_ticket_key(
        &self,
        gateway: &WantedGateway,
        sequence: i64,
        seals_from: OffsetDateTime,
        key: &TicketKey,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let sealed = self
            .keys
            .seal(&place(&gateway.key, &key.id), key.secret.as_slice())?;
        let row = NewRow {
            gateway,
            sequence,
            id: key.id,
            sealed,
            seals_from: micros(seals_from),
            now: micros(now),
        };
        let mut writing = self.begin().await?;
        let mut added = false;
        let written = insert(writing.connection(), row).await;
        if unless_gone(written.map(|inserted| added = inserted))? {
            writing.commit().await?;
        }
        Ok(added)
    }

    /// Deletes a key that no living ticket needs.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_ticket_key(&self, gateway: &str, slot: &Slot) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        delete(writing.connection(), gateway, slot).await?;
        writing.commit().await
    }
}

/// Associated data of a sealed key: it opens for this gateway and id only. That of private keys is longer.
fn place(gateway: &str, id: &[u8; ID_LEN]) -> Vec<u8> {
    [gateway.as_bytes(), b"\0ticket key\0", id].concat()
}

/// Associated data of a row, whose owner is the gateway.
pub(super) fn place_of(row: &SealedRow) -> Result<Vec<u8>, StoreError> {
    let id = row.id.as_slice().try_into();
    let id = id.map_err(|_| StoreError::corrupt(format!("{}: a ticket key", row.owner)))?;
    Ok(place(&row.owner, id))
}

#[derive(FromRow)]
struct SlotRow {
    gateway_id: String,
    sequence: i64,
    id: Vec<u8>,
    seals_from: i64,
}

impl SlotRow {
    fn slot(&self) -> Result<Slot, StoreError> {
        let id = self.id.as_slice().try_into();
        Ok(Slot {
            sequence: self.sequence,
            id: id
                .map_err(|_| StoreError::corrupt(format!("{}: a ticket key", self.gateway_id)))?,
            used_from: instant(self.seals_from),
        })
    }
}

struct NewRow<'a> {
    gateway: &'a WantedGateway,
    sequence: i64,
    id: [u8; ID_LEN],
    sealed: Vec<u8>,
    seals_from: i64,
    now: i64,
}

async fn list_slots(connection: &mut AnyConnection) -> Result<Vec<SlotRow>, sqlx::Error> {
    sqlx::query_as(
        "select gateway_id, sequence, id, seals_from from ticket_keys order by gateway_id, sequence",
    )
    .fetch_all(connection)
    .await
}

async fn list_slots_of(
    connection: &mut AnyConnection,
    gateway: &str,
) -> Result<Vec<SlotRow>, sqlx::Error> {
    sqlx::query_as(
        "select gateway_id, sequence, id, seals_from from ticket_keys where gateway_id = $1 order by sequence",
    )
    .bind(gateway)
    .fetch_all(connection)
    .await
}

async fn find_sealed(
    connection: &mut AnyConnection,
    gateway: &str,
    slot: &Slot,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar(
        "select sealed from ticket_keys where gateway_id = $1 and sequence = $2 and id = $3",
    )
    .bind(gateway)
    .bind(slot.sequence)
    .bind(slot.id.to_vec())
    .fetch_optional(connection)
    .await
}

/// Whether the row was new.
async fn insert(connection: &mut AnyConnection, row: NewRow<'_>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into ticket_keys (gateway_id, sequence, id, sealed, seals_from, created_at) \
         select g.id, $1, $2, $3, $4, $5 from gateways g \
         where g.id = $6 and g.resource_guid = $7 and g.deleted_at is null \
         on conflict (gateway_id, sequence) do nothing",
    )
    .bind(row.sequence)
    .bind(row.id.to_vec())
    .bind(row.sealed)
    .bind(row.seals_from)
    .bind(row.now)
    .bind(&row.gateway.key)
    .bind(&row.gateway.resource_guid)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn delete(
    connection: &mut AnyConnection,
    gateway: &str,
    slot: &Slot,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from ticket_keys where gateway_id = $1 and sequence = $2 and id = $3")
        .bind(gateway)
        .bind(slot.sequence)
        .bind(slot.id.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}
