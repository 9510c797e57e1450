//! Join tokens: one for each worker identity, used once.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Store, StoreError, Topic, check_reach, micros,
    worker_identity::{self, not_found},
};
use crate::{
    audit::AuditedChange,
    enrolment::JoinRefused,
    permit::{Permit, Write},
    worker_identity::{IssuedCertificate, WorkerIdentity, WorkerName},
};

/// A join token that is to be.
#[derive(Debug, Clone)]
pub struct NewJoinToken {
    /// Of this worker.
    pub worker: WorkerName,
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
    /// Its end.
    pub expires_at: OffsetDateTime,
    /// When.
    pub now: OffsetDateTime,
}

/// What became of a new join token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenMade {
    /// It is for the identity of this id.
    For(Uuid),
    /// A revoked identity gets none.
    Revoked,
}

/// A worker with a join token.
#[derive(Debug, Clone)]
pub struct Join {
    /// The identity that the token names.
    pub identity: Uuid,
    /// SHA-256 of the secret that it holds.
    pub sha256: [u8; 32],
    /// What the worker says that it is.
    pub worker: String,
    /// SHA-256 of the public key that it wants a certificate for.
    pub key_sha256: [u8; 32],
    /// What it gets if the token is good.
    pub granted: IssuedCertificate,
    /// When.
    pub now: OffsetDateTime,
}

impl Store {
    /// Makes the join token of a worker; an earlier one is void.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn create_join_token(
        &self,
        permit: &Permit<Write>,
        new: NewJoinToken,
    ) -> Result<TokenMade, StoreError> {
        check_reach(permit, "/")?;
        let mut writing = self.begin().await?;
        let row = worker_identity::find(writing.connection(), &new.worker.key()).await?;
        let row = row.ok_or_else(|| not_found(&new.worker))?;
        if row.revoked_at.is_some() {
            return Ok(TokenMade::Revoked);
        }
        let id = Uuid::parse_str(&row.id).map_err(|error| {
            StoreError::corrupt_by(format!("worker identity {}", new.worker), error)
        })?;
        delete(writing.connection(), &row.id).await?;
        insert(writing.connection(), &row.id, &new).await?;
        let change = AuditedChange::at(new.now);
        writing.commit_change(permit, change).await?;
        Ok(TokenMade::For(id))
    }

    /// Takes a join token and records the certificate that is given for it. Certificates that the identity had before are
    /// not good any more.
    ///
    /// The same key may come again with the token until it expires: the worker may not have heard the answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`]; inside, why the token is not taken. Nothing has changed then.
    pub async fn join(
        &self,
        join: &Join,
    ) -> Result<Result<WorkerIdentity, JoinRefused>, StoreError> {
        let mut writing = self.begin().await?;
        let row = worker_identity::find_by_id(writing.connection(), join.identity).await?;
        let Some(row) = row else {
            return Ok(Err(JoinRefused::Unknown));
        };
        let id = row.id.clone();
        let identity = row.into_identity(join.now)?;
        let token = find(writing.connection(), &id).await?;
        if let Err(refused) = judge(&identity, token, join) {
            return Ok(Err(refused));
        }
        if !set_used(writing.connection(), &id, join).await? {
            return Ok(Err(JoinRefused::Used(identity.name)));
        }
        let now = micros(join.now);
        if !worker_identity::set_joined(writing.connection(), &id, &join.granted, now).await? {
            return Ok(Err(JoinRefused::Revoked(identity.name)));
        }
        writing.wake(Topic::WorkerIdentities);
        writing.commit().await?;
        Ok(Ok(identity))
    }
}

fn judge(
    identity: &WorkerIdentity,
    token: Option<TokenRow>,
    join: &Join,
) -> Result<(), JoinRefused> {
    let name = identity.name.clone();
    if identity.revoked_at.is_some() {
        return Err(JoinRefused::Revoked(name));
    }
    let Some(token) = token else {
        return Err(JoinRefused::NoToken(name));
    };
    if verify_slices_are_equal(&token.sha256, &join.sha256).is_err() {
        return Err(JoinRefused::Wrong(name));
    }
    if token.used_key.is_some_and(|used| used != join.key_sha256) {
        return Err(JoinRefused::Used(name));
    }
    if token.expires_at <= micros(join.now) {
        return Err(JoinRefused::Expired(name));
    }
    if name.as_str() != join.worker {
        return Err(JoinRefused::OtherWorker(name));
    }
    Ok(())
}

#[derive(FromRow)]
struct TokenRow {
    sha256: Vec<u8>,
    expires_at: i64,
    used_key: Option<Vec<u8>>,
}

async fn find(
    connection: &mut AnyConnection,
    identity: &str,
) -> Result<Option<TokenRow>, sqlx::Error> {
    sqlx::query_as("select sha256, expires_at, used_key from join_tokens where identity_id = $1")
        .bind(identity)
        .fetch_optional(connection)
        .await
}

pub(super) async fn delete(
    connection: &mut AnyConnection,
    identity: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from join_tokens where identity_id = $1")
        .bind(identity)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(
    connection: &mut AnyConnection,
    identity: &str,
    new: &NewJoinToken,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into join_tokens (identity_id, sha256, expires_at, created_at) values ($1, $2, $3, $4)",
    )
    .bind(identity)
    .bind(new.sha256.to_vec())
    .bind(micros(new.expires_at))
    .bind(micros(new.now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the token is still there and nobody with another key has used it meanwhile.
async fn set_used(
    connection: &mut AnyConnection,
    identity: &str,
    join: &Join,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update join_tokens set used_at = coalesce(used_at, $1), used_key = $2 \
         where identity_id = $3 and sha256 = $4 and (used_key is null or used_key = $5)",
    )
    .bind(micros(join.now))
    .bind(join.key_sha256.to_vec())
    .bind(identity)
    .bind(join.sha256.to_vec())
    .bind(join.key_sha256.to_vec())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
