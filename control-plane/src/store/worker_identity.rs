//! Worker identities: who may be a worker, and its newest certificate.

use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Listing, Page, Store, StoreError, Topic, Writing, check_reach, instant, join_token, micros,
};
use crate::{
    audit::AuditedChange,
    permit::{Permit, Read, Write},
    worker_identity::{
        IssuedCertificate, Scopes, ShownCertificate, Unauthorised, WorkerIdentity, WorkerName,
    },
};

/// A worker identity that is to be.
#[derive(Debug, Clone)]
pub struct PutWorker {
    /// The worker's id.
    pub name: WorkerName,
    /// What it may see.
    pub scopes: Scopes,
    /// When.
    pub now: OffsetDateTime,
}

impl Store {
    /// Makes an identity, or gives an existing one these scopes: a session that asks for more ends. `true`: it is new.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn put_worker(
        &self,
        permit: &Permit<Write>,
        put: PutWorker,
    ) -> Result<(WorkerIdentity, bool), StoreError> {
        check_reach(permit, "/")?;
        let scopes = scopes_text(&put)?;
        let mut writing = self.begin().await?;
        let is_new = insert(writing.connection(), &put, &scopes).await?;
        if !is_new && update_scopes(writing.connection(), &put, &scopes).await? {
            writing.wake(Topic::WorkerIdentities);
        }
        let row = find(writing.connection(), &put.name.key()).await?;
        let row = row.ok_or_else(|| not_found(&put.name))?;
        let change = AuditedChange::at(put.now);
        writing.commit_change(permit, change).await?;
        Ok((row.into_identity(put.now)?, is_new))
    }

    /// An identity by name. `now` is for what is told by time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_worker(
        &self,
        permit: &Permit<Read>,
        name: &WorkerName,
        now: OffsetDateTime,
    ) -> Result<Option<WorkerIdentity>, StoreError> {
        check_reach(permit, "/")?;
        let mut connection = self.reader.acquire().await?;
        let row = find(&mut connection, &name.key()).await?;
        row.map(|row| row.into_identity(now)).transpose()
    }

    /// All identities, in the order of their lower-case names.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_workers(
        &self,
        permit: &Permit<Read>,
        page: &Page,
        now: OffsetDateTime,
    ) -> Result<Listing<WorkerIdentity>, StoreError> {
        check_reach(permit, "/")?;
        let limit = page.limit();
        let after = page.after.as_deref().unwrap_or_default();
        let mut connection = self.reader.acquire().await?;
        let rows = list(&mut connection, after, limit).await?;
        let items = rows
            .into_iter()
            .map(|row| row.into_identity(now))
            .collect::<Result<Vec<_>, _>>()?;
        let is_full = u32::try_from(items.len()).is_ok_and(|count| count == limit);
        let next = items.last().filter(|_| is_full);
        let next = next.map(|last| last.name.key());
        Ok(Listing { items, next })
    }

    /// Forgets an identity with its token and its lease; its certificates are refused, also when one is made anew under
    /// the same name. `false`: there was none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_worker(
        &self,
        permit: &Permit<Write>,
        name: &WorkerName,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        check_reach(permit, "/")?;
        let mut writing = self.begin().await?;
        let Some(row) = find(writing.connection(), &name.key()).await? else {
            return Ok(false);
        };
        delete(writing.connection(), &row.id).await?;
        delete_lease(writing.connection(), &row.name).await?;
        writing.end_sessions();
        writing
            .commit_change(permit, AuditedChange::at(now))
            .await?;
        Ok(true)
    }

    /// Revokes an identity for good: no certificate of it is taken any more, its token is void, its session ends on
    /// whichever replica has it, and no operation waits for it. `None`: there is no such identity.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn revoke_worker(
        &self,
        permit: &Permit<Write>,
        name: &WorkerName,
        now: OffsetDateTime,
    ) -> Result<Option<WorkerIdentity>, StoreError> {
        check_reach(permit, "/")?;
        let mut writing = self.begin().await?;
        let Some(row) = find(writing.connection(), &name.key()).await? else {
            return Ok(None);
        };
        set_revoked(writing.connection(), &row.id, micros(now)).await?;
        join_token::delete(writing.connection(), &row.id).await?;
        take_lease(writing.connection(), &row.name, micros(now)).await?;
        let row = find(writing.connection(), &name.key()).await?;
        let row = row.ok_or_else(|| not_found(name))?;
        writing.end_sessions();
        writing
            .commit_change(permit, AuditedChange::at(now))
            .await?;
        row.into_identity(now).map(Some)
    }

    /// The identity that a certificate names, if the certificate may still be used.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`]; inside, why the certificate may not be used.
    pub async fn identity_of(
        &self,
        shown: &ShownCertificate,
        now: OffsetDateTime,
    ) -> Result<Result<WorkerIdentity, Unauthorised>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let Some(row) = find_by_id(&mut connection, shown.identity).await? else {
            return Ok(Err(Unauthorised::Unknown(shown.identity)));
        };
        let identity = row.into_identity(now)?;
        let checked = identity.check_certificate(now, shown);
        Ok(checked.map(|()| identity))
    }

    /// Records the certificate that replaces `shown`, which stays good until it ends or the new one is replaced.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`]; inside, why `shown` may not be used.
    pub async fn renew_certificate(
        &self,
        shown: &ShownCertificate,
        granted: &IssuedCertificate,
        now: OffsetDateTime,
    ) -> Result<Result<WorkerIdentity, Unauthorised>, StoreError> {
        let mut writing = self.begin().await?;
        // The guard makes this the only writer, on Postgres too, before anything is judged.
        let renewed = set_renewed(writing.connection(), shown, granted, micros(now)).await?;
        let Some(row) = find_by_id(writing.connection(), shown.identity).await? else {
            return Ok(Err(Unauthorised::Unknown(shown.identity)));
        };
        let identity = row.into_identity(now)?;
        if !renewed {
            let refused = identity.check_certificate(now, shown);
            // The guard and the check say the same.
            let unusable = || StoreError::corrupt(format!("worker identity {}", shown.identity));
            return refused.err().map(Err).ok_or_else(unusable);
        }
        writing.commit().await?;
        Ok(Ok(identity))
    }
}

impl Writing<'_> {
    /// Ends sessions that their identities do not allow any more, and judges operations without them.
    fn end_sessions(&mut self) {
        self.wake(Topic::WorkerIdentities);
        self.wake(Topic::Facts);
    }
}

/// ARM id of an identity, for errors.
pub(super) fn not_found(name: &WorkerName) -> StoreError {
    StoreError::NotFound {
        id: format!("/providers/Portcullis.Security/workers/{name}"),
    }
}

fn scopes_text(put: &PutWorker) -> Result<String, StoreError> {
    serde_json::to_string(&put.scopes)
        .map_err(|error| StoreError::corrupt_by(format!("worker identity {}", put.name), error))
}

#[derive(FromRow)]
pub(super) struct IdentityRow {
    pub(super) id: String,
    pub(super) name: String,
    scopes: String,
    serial: Option<String>,
    not_after: Option<i64>,
    previous_serial: Option<String>,
    last_seen_at: Option<i64>,
    pub(super) revoked_at: Option<i64>,
    created_at: i64,
    token_expires_at: Option<i64>,
    token_used_at: Option<i64>,
    lease_until: Option<i64>,
}

impl IdentityRow {
    pub(super) fn into_identity(self, now: OffsetDateTime) -> Result<WorkerIdentity, StoreError> {
        let what = || format!("worker identity {}", self.id);
        let scopes = serde_json::from_str(&self.scopes)
            .map_err(|error| StoreError::corrupt_by(what(), error))?;
        let name =
            WorkerName::parse(&self.name).map_err(|error| StoreError::corrupt_by(what(), error))?;
        let id =
            Uuid::parse_str(&self.id).map_err(|error| StoreError::corrupt_by(what(), error))?;
        let certificate = self.serial.zip(self.not_after);
        // A lease that runs was renewed a moment ago.
        let in_session = self.lease_until.map(|until| until.min(micros(now)));
        let token_ends = self.token_expires_at.filter(|end| *end > micros(now));
        Ok(WorkerIdentity {
            id,
            name,
            scopes,
            certificate: certificate.map(|(serial, not_after)| IssuedCertificate {
                serial,
                not_after: instant(not_after),
            }),
            previous_serial: self.previous_serial,
            last_seen_at: self.last_seen_at.max(in_session).map(instant),
            revoked_at: self.revoked_at.map(instant),
            join_token_expires_at: token_ends
                .filter(|_| self.token_used_at.is_none())
                .map(instant),
            created_at: instant(self.created_at),
        })
    }
}

/// All columns of [`IdentityRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select i.id, i.name, i.scopes, i.serial, i.not_after, i.previous_serial, i.last_seen_at, i.revoked_at, \
             i.created_at, t.expires_at as token_expires_at, t.used_at as token_used_at, w.lease_until \
             from worker_identities i left join join_tokens t on t.identity_id = i.id \
             left join workers w on w.id = i.name ",
            $rest
        )
    };
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    key: &str,
) -> Result<Option<IdentityRow>, sqlx::Error> {
    sqlx::query_as(select!("where i.name_key = $1"))
        .bind(key)
        .fetch_optional(connection)
        .await
}

pub(super) async fn find_by_id(
    connection: &mut AnyConnection,
    id: Uuid,
) -> Result<Option<IdentityRow>, sqlx::Error> {
    sqlx::query_as(select!("where i.id = $1"))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
}

async fn list(
    connection: &mut AnyConnection,
    after: &str,
    limit: u32,
) -> Result<Vec<IdentityRow>, sqlx::Error> {
    sqlx::query_as(select!(
        "where i.name_key > $1 order by i.name_key limit $2"
    ))
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
}

/// Whether the identity was new.
async fn insert(
    connection: &mut AnyConnection,
    put: &PutWorker,
    scopes: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into worker_identities (id, name_key, name, scopes, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict (name_key) do nothing",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(put.name.key())
    .bind(put.name.as_str())
    .bind(scopes)
    .bind(micros(put.now))
    .bind(micros(put.now))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the scopes were others.
async fn update_scopes(
    connection: &mut AnyConnection,
    put: &PutWorker,
    scopes: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update worker_identities set scopes = $1, updated_at = $2 where name_key = $3 and scopes <> $4",
    )
    .bind(scopes)
    .bind(micros(put.now))
    .bind(put.name.key())
    .bind(scopes)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn delete(connection: &mut AnyConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from worker_identities where id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn set_revoked(
    connection: &mut AnyConnection,
    id: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update worker_identities set revoked_at = $1, updated_at = $2 where id = $3 and revoked_at is null",
    )
    .bind(now)
    .bind(now)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records a certificate that was issued for a join token; no earlier one is good any more.
pub(super) async fn set_joined(
    connection: &mut AnyConnection,
    id: &str,
    granted: &IssuedCertificate,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update worker_identities set serial = $1, not_after = $2, previous_serial = null, \
         joined_at = coalesce(joined_at, $3), last_seen_at = $4, updated_at = $5 where id = $6 and revoked_at is null",
    )
    .bind(&granted.serial)
    .bind(micros(granted.not_after))
    .bind(now)
    .bind(now)
    .bind(now)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the certificate that asks is still good.
async fn set_renewed(
    connection: &mut AnyConnection,
    shown: &ShownCertificate,
    granted: &IssuedCertificate,
    now: i64,
) -> Result<bool, sqlx::Error> {
    if micros(shown.not_after) <= now {
        return Ok(false);
    }
    let done = sqlx::query(
        "update worker_identities set serial = $1, not_after = $2, previous_serial = $3, last_seen_at = $4, \
         updated_at = $5 where id = $6 and revoked_at is null and (serial = $7 or previous_serial = $8)",
    )
    .bind(&granted.serial)
    .bind(micros(granted.not_after))
    .bind(&shown.serial)
    .bind(now)
    .bind(now)
    .bind(shown.identity.to_string())
    .bind(&shown.serial)
    .bind(&shown.serial)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The lease ends and belongs to no session, so that none can renew it.
async fn take_lease(
    connection: &mut AnyConnection,
    worker: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update workers set session = '', lease_until = case when lease_until > $1 then $2 else lease_until end \
         where id = $3",
    )
    .bind(now)
    .bind(now)
    .bind(worker)
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_lease(connection: &mut AnyConnection, worker: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from workers where id = $1")
        .bind(worker)
        .execute(connection)
        .await?;
    Ok(())
}
