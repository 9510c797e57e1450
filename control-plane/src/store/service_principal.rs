//! Service principals and how they prove who they are.

use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{Store, StoreError, check_reach, instant, micros};
use crate::{
    audit::AuditedChange,
    permit::{Permit, Read, Write},
    principal::Principal,
};

/// A principal that the control plane keeps itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePrincipal {
    /// Object id, a GUID in lower case: the principal of role assignments.
    pub id: String,
    /// The name in its path, in lower case.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// Client id, a GUID in lower case: who signs in.
    pub application_id: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When its display name last changed.
    pub updated_at: OffsetDateTime,
}

/// What a service principal shows to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// A GUID in lower case.
    pub id: String,
    /// For people; may be empty.
    pub display_name: String,
    /// What it is checked by.
    pub proof: Proof,
    /// From then on it is good.
    pub starts_at: OffsetDateTime,
    /// From then on it is not.
    pub ends_at: OffsetDateTime,
}

/// What a credential is checked by. Nothing in it signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A certificate, whose key signs assertions.
    Certificate {
        /// DER.
        der: Vec<u8>,
    },
    /// A password.
    Password {
        /// Argon2id in PHC form.
        hash: String,
        /// Its first characters.
        hint: String,
    },
}

impl Credential {
    /// Whether it signs in at this time.
    pub fn is_good(&self, now: OffsetDateTime) -> bool {
        (self.starts_at..self.ends_at).contains(&now)
    }
}

impl Store {
    /// Finds a service principal by the name in its path.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_service_principal(
        &self,
        permit: &Permit<Read>,
        name: &str,
    ) -> Result<Option<(ServicePrincipal, Vec<Credential>)>, StoreError> {
        check_reach(permit, "/")?;
        let mut connection = self.reader.acquire().await?;
        let Some(row) = find_by_name(&mut connection, &name.to_ascii_lowercase()).await? else {
            return Ok(None);
        };
        let credentials = credentials_of(&mut connection, &row.id).await?;
        Ok(Some((row.into_principal(), credentials)))
    }

    /// Every service principal, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_service_principals(
        &self,
        permit: &Permit<Read>,
    ) -> Result<Vec<ServicePrincipal>, StoreError> {
        check_reach(permit, "/")?;
        let mut connection = self.reader.acquire().await?;
        let rows = list(&mut connection).await?;
        Ok(rows.into_iter().map(PrincipalRow::into_principal).collect())
    }

    /// Finds whom a client id names, with the credentials that sign in for it.
    ///
    /// Takes no permit: it is how callers get one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_application(
        &self,
        application: &str,
    ) -> Result<Option<(ServicePrincipal, Vec<Credential>)>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let key = application.to_ascii_lowercase();
        let Some(row) = find_by_application(&mut connection, &key).await? else {
            return Ok(None);
        };
        let credentials = credentials_of(&mut connection, &row.id).await?;
        Ok(Some((row.into_principal(), credentials)))
    }

    /// Whether a principal of the built-in issuer still exists.
    ///
    /// Takes no permit: it is asked before one is given.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_service_principal(&self, id: &str) -> Result<bool, StoreError> {
        let mut connection = self.reader.acquire().await?;
        Ok(count_by_id(&mut connection, id).await? > 0)
    }

    /// Makes a service principal, or changes the display name of the one with this name; the one that is stored, and
    /// whether it is new. `principal.name` is in lower case.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn put_service_principal(
        &self,
        permit: &Permit<Write>,
        principal: &ServicePrincipal,
    ) -> Result<(ServicePrincipal, bool), StoreError> {
        check_reach(permit, "/")?;
        let mut writing = self.begin_alone().await?;
        let new = insert(writing.connection(), principal).await?;
        if !new {
            rename(writing.connection(), principal).await?;
        }
        let row = find_by_name(writing.connection(), &principal.name).await?;
        let stored = row
            .ok_or_else(|| StoreError::corrupt("a service principal that was just written"))?
            .into_principal();
        writing
            .commit_change(permit, AuditedChange::at(principal.updated_at))
            .await?;
        Ok((stored, new))
    }

    /// Deletes a service principal with its credentials and role assignments; `false`: there was none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when nobody would be `Owner` of everything; [`StoreError::Unavailable`].
    pub async fn delete_service_principal(
        &self,
        permit: &Permit<Write>,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        check_reach(permit, "/")?;
        let mut writing = self.begin_alone().await?;
        let Some(row) = find_by_name(writing.connection(), &name.to_ascii_lowercase()).await?
        else {
            return Ok(false);
        };
        super::role_assignment::delete_of(writing.connection(), Principal::BUILT_IN, &row.id)
            .await?;
        delete(writing.connection(), &row.id).await?;
        writing
            .commit_change(permit, AuditedChange::at(now))
            .await?;
        Ok(true)
    }

    /// Adds a credential to a service principal that exists; `false`: it does not, or has too many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn add_credential(
        &self,
        permit: &Permit<Write>,
        principal: &ServicePrincipal,
        credential: &Credential,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        check_reach(permit, "/")?;
        let mut writing = self.begin_alone().await?;
        if !insert_credential(writing.connection(), &principal.id, credential, micros(now)).await? {
            return Ok(false);
        }
        writing
            .commit_change(permit, AuditedChange::at(now))
            .await?;
        Ok(true)
    }

    /// Takes a credential away; `false`: there was none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_credential(
        &self,
        permit: &Permit<Write>,
        principal: &ServicePrincipal,
        credential: &str,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        check_reach(permit, "/")?;
        let mut writing = self.begin_alone().await?;
        if !delete_credential(writing.connection(), &principal.id, credential).await? {
            return Ok(false);
        }
        writing
            .commit_change(permit, AuditedChange::at(now))
            .await?;
        Ok(true)
    }

    /// Notes that an assertion was used; `false`: it was used before. Forgets those that ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn use_assertion(
        &self,
        sha256: &[u8; 32],
        ends_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut writing = self.begin().await?;
        forget_assertions(writing.connection(), micros(now)).await?;
        let new = insert_assertion(writing.connection(), sha256, micros(ends_at)).await?;
        writing.commit().await?;
        Ok(new)
    }
}

#[derive(FromRow)]
struct PrincipalRow {
    id: String,
    name: String,
    display_name: String,
    application_id: String,
    created_at: i64,
    updated_at: i64,
}

impl PrincipalRow {
    fn into_principal(self) -> ServicePrincipal {
        ServicePrincipal {
            id: self.id,
            name: self.name,
            display_name: self.display_name,
            application_id: self.application_id,
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
        }
    }
}

#[derive(FromRow)]
struct CredentialRow {
    id: String,
    display_name: String,
    password_hash: Option<String>,
    hint: Option<String>,
    certificate: Option<Vec<u8>>,
    starts_at: i64,
    ends_at: i64,
}

impl CredentialRow {
    fn into_credential(self) -> Result<Credential, StoreError> {
        let proof = match (self.password_hash, self.hint, self.certificate) {
            (Some(hash), Some(hint), None) => Proof::Password { hash, hint },
            (None, None, Some(der)) => Proof::Certificate { der },
            _ => return Err(StoreError::corrupt(format!("credential {}", self.id))),
        };
        Ok(Credential {
            id: self.id,
            display_name: self.display_name,
            proof,
            starts_at: instant(self.starts_at),
            ends_at: instant(self.ends_at),
        })
    }
}

async fn find_by_name(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<PrincipalRow>, sqlx::Error> {
    sqlx::query_as("select * from service_principals where name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await
}

async fn find_by_application(
    connection: &mut AnyConnection,
    application: &str,
) -> Result<Option<PrincipalRow>, sqlx::Error> {
    sqlx::query_as("select * from service_principals where application_id = $1")
        .bind(application)
        .fetch_optional(connection)
        .await
}

async fn list(connection: &mut AnyConnection) -> Result<Vec<PrincipalRow>, sqlx::Error> {
    sqlx::query_as("select * from service_principals order by name")
        .fetch_all(connection)
        .await
}

async fn count_by_id(connection: &mut AnyConnection, id: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from service_principals where id = $1")
        .bind(id)
        .fetch_one(connection)
        .await
}

/// Whether the row was new.
async fn insert(
    connection: &mut AnyConnection,
    principal: &ServicePrincipal,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into service_principals (id, name, display_name, application_id, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict (name) do nothing",
    )
    .bind(&principal.id)
    .bind(&principal.name)
    .bind(&principal.display_name)
    .bind(&principal.application_id)
    .bind(micros(principal.created_at))
    .bind(micros(principal.updated_at))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn rename(
    connection: &mut AnyConnection,
    principal: &ServicePrincipal,
) -> Result<(), sqlx::Error> {
    sqlx::query("update service_principals set display_name = $1, updated_at = $2 where name = $3")
        .bind(&principal.display_name)
        .bind(micros(principal.updated_at))
        .bind(&principal.name)
        .execute(connection)
        .await?;
    Ok(())
}

async fn delete(connection: &mut AnyConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from service_principals where id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn credentials_of(
    connection: &mut AnyConnection,
    principal: &str,
) -> Result<Vec<Credential>, StoreError> {
    let rows: Vec<CredentialRow> = sqlx::query_as(
        "select id, display_name, password_hash, hint, certificate, starts_at, ends_at from credentials \
         where principal_id = $1 order by created_at, id",
    )
    .bind(principal)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(CredentialRow::into_credential)
        .collect()
}

/// Whether the principal exists and has room for it.
async fn insert_credential(
    connection: &mut AnyConnection,
    principal: &str,
    credential: &Credential,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let (hash, hint, certificate) = match &credential.proof {
        Proof::Certificate { der } => (None, None, Some(der.clone())),
        Proof::Password { hash, hint } => (Some(hash.clone()), Some(hint.clone()), None),
    };
    let done = sqlx::query(
        "insert into credentials (id, principal_id, display_name, password_hash, hint, certificate, starts_at, ends_at, \
         created_at) select $1, p.id, $2, $3, $4, $5, $6, $7, $8 from service_principals p where p.id = $9 \
         and (select count(*) from credentials c where c.principal_id = p.id) < $10",
    )
    .bind(&credential.id)
    .bind(&credential.display_name)
    .bind(hash)
    .bind(hint)
    .bind(certificate)
    .bind(micros(credential.starts_at))
    .bind(micros(credential.ends_at))
    .bind(now)
    .bind(principal)
    .bind(MAX_CREDENTIALS)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether there was one.
async fn delete_credential(
    connection: &mut AnyConnection,
    principal: &str,
    credential: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("delete from credentials where principal_id = $1 and id = $2")
        .bind(principal)
        .bind(credential)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn forget_assertions(connection: &mut AnyConnection, now: i64) -> Result<(), sqlx::Error> {
    sqlx::query("delete from used_assertions where ends_at < $1")
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether it was new.
async fn insert_assertion(
    connection: &mut AnyConnection,
    sha256: &[u8; 32],
    ends_at: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into used_assertions (id, ends_at) values ($1, $2) on conflict (id) do nothing",
    )
    .bind(sha256.to_vec())
    .bind(ends_at)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Each password that is tried against a principal costs as many hashes as it has passwords.
const MAX_CREDENTIALS: i64 = 10;
