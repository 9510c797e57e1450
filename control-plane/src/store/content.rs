//! What a gateway is made of besides its document: sealed private keys, certificate lists, the compiled snapshot.

use std::collections::HashSet;

use proto::config::v1::BlobKind;
use sqlx::{AnyConnection, FromRow};
use zeroize::Zeroizing;

use super::{
    ListInSnapshot, PutGateway, Store, StoreError, check_reach, gateway::GatewayRow, micros,
    revocation_list,
};
use crate::{
    compile::Blob,
    parse::SecretBlob,
    permit::{Permit, Read},
    seal::Keyring,
};

/// A private key ready to be written.
pub(super) struct Sealed {
    sha256: [u8; 32],
    envelope: Vec<u8>,
}

/// A snapshot and the names of what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// SHA-256 of `snapshot`.
    pub sha256: [u8; 32],
    /// Encoded `GatewaySnapshot`.
    pub snapshot: Vec<u8>,
    /// Certificate lists that the snapshot refers to.
    pub blobs: Vec<[u8; 32]>,
    /// Private keys that the snapshot refers to.
    pub keys: Vec<[u8; 32]>,
    /// Revocation lists that the snapshot refers to.
    pub revocation_lists: Vec<ListInSnapshot>,
}

impl Store {
    /// Loads the snapshot of one generation; `None` when a newer generation has replaced it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_content(
        &self,
        permit: &Permit<Read>,
        gateway: &str,
        generation: i64,
    ) -> Result<Option<Content>, StoreError> {
        check_reach(permit, gateway)?;
        let mut connection = self.reader.acquire().await?;
        let Some(row) = find_snapshot(&mut connection, gateway, generation).await? else {
            return Ok(None);
        };
        let blobs = blob_hashes(&mut connection, gateway).await?;
        let keys = snapshot_secret_hashes(&mut connection, gateway).await?;
        let revocation_lists = revocation_list::in_snapshot(&mut connection, gateway).await?;
        Ok(Some(Content {
            sha256: sha256(row.sha256, gateway)?,
            snapshot: row.bytes,
            blobs: hashes(blobs, gateway)?,
            keys: hashes(keys, gateway)?,
            revocation_lists,
        }))
    }

    /// Finds a certificate list of a gateway by its hash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_blob(
        &self,
        permit: &Permit<Read>,
        gateway: &str,
        sha256: &[u8; 32],
    ) -> Result<Option<Blob>, StoreError> {
        check_reach(permit, gateway)?;
        let mut connection = self.reader.acquire().await?;
        let Some(row) = find_blob(&mut connection, gateway, sha256).await? else {
            return Ok(None);
        };
        let kind = i32::try_from(row.kind).ok();
        let kind = kind.and_then(|kind| BlobKind::try_from(kind).ok());
        Ok(Some(Blob {
            sha256: *sha256,
            kind: kind.ok_or_else(|| StoreError::corrupt(gateway))?,
            bytes: row.bytes,
        }))
    }

    /// Opens a private key of a gateway. The bytes are wiped when dropped; they must not be stored or logged.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when the key was sealed with another master key, was
    /// changed, or was sealed for another gateway or fingerprint.
    pub async fn find_private_key(
        &self,
        permit: &Permit<Read>,
        gateway: &str,
        sha256: &[u8; 32],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        check_reach(permit, gateway)?;
        let mut connection = self.reader.acquire().await?;
        let Some(envelope) = find_secret(&mut connection, gateway, sha256).await? else {
            return Ok(None);
        };
        Ok(Some(self.keys.open(&place(gateway, sha256), &envelope)?))
    }
}

/// Seals the private keys of a request for their place in the store.
pub(super) fn seal(
    keys: &Keyring,
    gateway: &str,
    secrets: &[SecretBlob],
) -> Result<Vec<Sealed>, StoreError> {
    let seal = |secret: &SecretBlob| {
        Ok(Sealed {
            sha256: secret.sha256,
            envelope: keys.seal(&place(gateway, &secret.sha256), secret.pkcs8.expose())?,
        })
    };
    secrets.iter().map(seal).collect()
}

/// Makes the stored content that of `put`: adds what is new, drops what is no longer referred to.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    row: &GatewayRow,
    put: &PutGateway,
    sealed: Vec<Sealed>,
) -> Result<(), StoreError> {
    let now = micros(put.now);
    let stored = hashes(secret_hashes(connection, &row.id).await?, &row.id)?;
    replace_secrets(connection, row, put, sealed, &stored).await?;
    let stored = hashes(blob_hashes(connection, &row.id).await?, &row.id)?;
    let wanted: HashSet<_> = put.compiled.blobs.iter().map(|blob| blob.sha256).collect();
    for sha256 in stored.iter().filter(|sha256| !wanted.contains(*sha256)) {
        delete_blob(connection, &row.id, sha256).await?;
    }
    for blob in &put.compiled.blobs {
        if !stored.contains(&blob.sha256) {
            insert_blob(connection, &row.id, blob, now).await?;
        }
    }
    revocation_list::replace(connection, row, put).await?;
    delete_snapshots(connection, &row.id).await?;
    insert_snapshot(connection, row, put, now).await?;
    Ok(())
}

async fn replace_secrets(
    connection: &mut AnyConnection,
    row: &GatewayRow,
    put: &PutGateway,
    sealed: Vec<Sealed>,
    stored: &[[u8; 32]],
) -> Result<(), StoreError> {
    let wanted: HashSet<_> = put.keys.iter().chain(&put.compiled.keys).collect();
    for sha256 in stored.iter().filter(|sha256| !wanted.contains(sha256)) {
        delete_secret(connection, &row.id, sha256).await?;
    }
    let mut known: HashSet<_> = stored.iter().copied().collect();
    for secret in sealed {
        if wanted.contains(&secret.sha256) && known.insert(secret.sha256) {
            insert_secret(connection, &row.id, &secret, micros(put.now)).await?;
        }
    }
    if !wanted.iter().all(|sha256| known.contains(*sha256)) {
        let what = format!("{}: a private key is missing", row.display_id);
        return Err(StoreError::corrupt(what));
    }
    unmark_secrets(connection, &row.id).await?;
    for sha256 in &put.compiled.keys {
        mark_secret(connection, &row.id, sha256).await?;
    }
    Ok(())
}

/// Associated data of a sealed key: it opens for this gateway and this fingerprint only.
pub(super) fn place(gateway: &str, sha256: &[u8; 32]) -> Vec<u8> {
    [gateway.as_bytes(), b"\0", sha256].concat()
}

pub(super) fn sha256(bytes: Vec<u8>, gateway: &str) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::corrupt(format!("{gateway}: a hash")))
}

fn hashes(rows: Vec<Vec<u8>>, gateway: &str) -> Result<Vec<[u8; 32]>, StoreError> {
    rows.into_iter().map(|row| sha256(row, gateway)).collect()
}

#[derive(FromRow)]
struct SnapshotRow {
    sha256: Vec<u8>,
    bytes: Vec<u8>,
}

#[derive(FromRow)]
struct BlobRow {
    kind: i64,
    bytes: Vec<u8>,
}

async fn find_snapshot(
    connection: &mut AnyConnection,
    gateway: &str,
    generation: i64,
) -> Result<Option<SnapshotRow>, sqlx::Error> {
    sqlx::query_as("select sha256, bytes from snapshots where gateway_id = $1 and generation = $2")
        .bind(gateway)
        .bind(generation)
        .fetch_optional(connection)
        .await
}

async fn insert_snapshot(
    connection: &mut AnyConnection,
    row: &GatewayRow,
    put: &PutGateway,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into snapshots (gateway_id, generation, sha256, bytes, created_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(&row.id)
    .bind(row.generation)
    .bind(put.compiled.sha256.to_vec())
    .bind(put.compiled.snapshot.clone())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_snapshots(
    connection: &mut AnyConnection,
    gateway: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from snapshots where gateway_id = $1")
        .bind(gateway)
        .execute(connection)
        .await?;
    Ok(())
}

async fn blob_hashes(
    connection: &mut AnyConnection,
    gateway: &str,
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("select sha256 from blobs where gateway_id = $1 order by sha256")
        .bind(gateway)
        .fetch_all(connection)
        .await
}

async fn find_blob(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
) -> Result<Option<BlobRow>, sqlx::Error> {
    sqlx::query_as("select kind, bytes from blobs where gateway_id = $1 and sha256 = $2")
        .bind(gateway)
        .bind(sha256.to_vec())
        .fetch_optional(connection)
        .await
}

async fn insert_blob(
    connection: &mut AnyConnection,
    gateway: &str,
    blob: &Blob,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into blobs (gateway_id, sha256, kind, bytes, created_at) values ($1, $2, $3, $4, $5) \
         on conflict (gateway_id, sha256) do nothing",
    )
    .bind(gateway)
    .bind(blob.sha256.to_vec())
    .bind(i64::from(i32::from(blob.kind)))
    .bind(blob.bytes.clone())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_blob(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from blobs where gateway_id = $1 and sha256 = $2")
        .bind(gateway)
        .bind(sha256.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

async fn secret_hashes(
    connection: &mut AnyConnection,
    gateway: &str,
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("select sha256 from secrets where gateway_id = $1 order by sha256")
        .bind(gateway)
        .fetch_all(connection)
        .await
}

async fn snapshot_secret_hashes(
    connection: &mut AnyConnection,
    gateway: &str,
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar(
        "select sha256 from secrets where gateway_id = $1 and in_snapshot = 1 order by sha256",
    )
    .bind(gateway)
    .fetch_all(connection)
    .await
}

async fn unmark_secrets(connection: &mut AnyConnection, gateway: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update secrets set in_snapshot = 0 where gateway_id = $1 and in_snapshot = 1")
        .bind(gateway)
        .execute(connection)
        .await?;
    Ok(())
}

async fn mark_secret(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
) -> Result<(), sqlx::Error> {
    sqlx::query("update secrets set in_snapshot = 1 where gateway_id = $1 and sha256 = $2")
        .bind(gateway)
        .bind(sha256.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

async fn find_secret(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("select sealed from secrets where gateway_id = $1 and sha256 = $2")
        .bind(gateway)
        .bind(sha256.to_vec())
        .fetch_optional(connection)
        .await
}

async fn insert_secret(
    connection: &mut AnyConnection,
    gateway: &str,
    secret: &Sealed,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into secrets (gateway_id, sha256, sealed, in_snapshot, created_at) values ($1, $2, $3, 0, $4)",
    )
    .bind(gateway)
    .bind(secret.sha256.to_vec())
    .bind(secret.envelope.clone())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_secret(
    connection: &mut AnyConnection,
    gateway: &str,
    sha256: &[u8; 32],
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from secrets where gateway_id = $1 and sha256 = $2")
        .bind(gateway)
        .bind(sha256.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}
