//! Role assignments.

use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{Store, StoreError, check_reach, instant, micros};
use crate::{
    access::{Assigned, Scope},
    audit::AuditedChange,
    permit::{Permit, Read, Write},
    principal::Principal,
    role::Role,
};

/// A role that a principal has at a scope, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// A GUID in lower case; unique at the scope.
    pub name: String,
    /// Where, and below.
    pub scope: Scope,
    /// Name of the issuer of the principal's tokens.
    pub issuer: String,
    /// The principal's id there.
    pub principal_id: String,
    /// `ServicePrincipal`, `User` or `Group`; for people.
    pub principal_type: String,
    /// What it allows.
    pub role: Role,
    /// For people; may be empty.
    pub description: String,
    /// Id of the principal that made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// What became of a new assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// It is new.
    Created,
    /// An equal one of the same name is there already.
    Exists,
    /// The name is taken by another one at the scope.
    NameTaken,
    /// The principal has the role at the scope under another name.
    RoleTaken,
}

impl Store {
    /// The roles of a principal, wherever they hold.
    ///
    /// Takes no permit: it is what permits are decided by.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn assigned_roles(&self, principal: &Principal) -> Result<Vec<Assigned>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let rows = list_by_principal(&mut connection, &principal.issuer, &principal.id).await?;
        let assigned = |row: AssignmentRow| {
            row.into_assignment().map(|one| Assigned {
                role: one.role,
                scope: one.scope,
            })
        };
        rows.into_iter().map(assigned).collect()
    }

    /// Finds an assignment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_role_assignment(
        &self,
        permit: &Permit<Read>,
        scope: &Scope,
        name: &str,
    ) -> Result<Option<RoleAssignment>, StoreError> {
        check_reach(permit, scope.key())?;
        let mut connection = self.reader.acquire().await?;
        let row = find(&mut connection, scope, name).await?;
        row.map(AssignmentRow::into_assignment).transpose()
    }

    /// Every assignment at, above or below `scope`, as far as the caller may see what it is about; above that is whoever may
    /// see `scope`. They are few: one for each principal and what it is entrusted with.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_role_assignments(
        &self,
        permit: &Permit<Read>,
        scope: &Scope,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        check_reach(permit, scope.key())?;
        let mut connection = self.reader.acquire().await?;
        let rows = list(&mut connection).await?;
        let assignments = rows.into_iter().map(AssignmentRow::into_assignment);
        let mut assignments = assignments.collect::<Result<Vec<_>, _>>()?;
        assignments.retain(|one| scope.covers(&one.scope) || one.scope.covers(scope));
        Ok(assignments)
    }

    /// Adds an assignment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn add_role_assignment(
        &self,
        permit: &Permit<Write>,
        new: &RoleAssignment,
    ) -> Result<Assignment, StoreError> {
        check_reach(permit, new.scope.key())?;
        let mut writing = self.begin_alone().await?;
        if insert(writing.connection(), new).await? {
            writing
                .commit_change(permit, AuditedChange::at(new.created_at))
                .await?;
            return Ok(Assignment::Created);
        }
        let Some(row) = find(writing.connection(), &new.scope, &new.name).await? else {
            return Ok(Assignment::RoleTaken);
        };
        let stored = row.into_assignment()?;
        let equal = (&stored.issuer, &stored.principal_id, stored.role)
            == (&new.issuer, &new.principal_id, new.role);
        Ok(if equal {
            Assignment::Exists
        } else {
            Assignment::NameTaken
        })
    }

    /// Takes an assignment away; what it was, `None`: there was none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is the last assignment of `Owner` to everything: nobody could give it back.
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn delete_role_assignment(
        &self,
        permit: &Permit<Write>,
        scope: &Scope,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<Option<RoleAssignment>, StoreError> {
        check_reach(permit, scope.key())?;
        let mut writing = self.begin_alone().await?;
        let Some(row) = find(writing.connection(), scope, name).await? else {
            return Ok(None);
        };
        let stored = row.into_assignment()?;
        delete(writing.connection(), scope, name).await?;
        let owned = stored.role == Role::Owner && stored.scope == Scope::root();
        if owned && count_owners(writing.connection()).await? == 0 {
            return Err(StoreError::Conflict {
                id: format!("role assignment {name}"),
            });
        }
        writing
            .commit_change(permit, AuditedChange::at(now))
            .await?;
        Ok(Some(stored))
    }

    /// Whether anybody is `Owner` of everything; for the first start.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_owner(&self) -> Result<bool, StoreError> {
        let mut connection = self.reader.acquire().await?;
        Ok(count_owners(&mut connection).await? > 0)
    }
}

#[derive(FromRow)]
struct AssignmentRow {
    scope: String,
    name: String,
    issuer: String,
    principal_id: String,
    principal_type: String,
    role: String,
    description: String,
    created_by: String,
    created_at: i64,
}

impl AssignmentRow {
    fn into_assignment(self) -> Result<RoleAssignment, StoreError> {
        let corrupt = || StoreError::corrupt(format!("role assignment {}", self.name));
        Ok(RoleAssignment {
            role: Role::find(&self.role).ok_or_else(corrupt)?,
            scope: Scope::of(&self.scope),
            name: self.name,
            issuer: self.issuer,
            principal_id: self.principal_id,
            principal_type: self.principal_type,
            description: self.description,
            created_by: self.created_by,
            created_at: instant(self.created_at),
        })
    }
}

async fn find(
    connection: &mut AnyConnection,
    scope: &Scope,
    name: &str,
) -> Result<Option<AssignmentRow>, sqlx::Error> {
    sqlx::query_as("select * from role_assignments where scope = $1 and name = $2")
        .bind(scope.key())
        .bind(name)
        .fetch_optional(connection)
        .await
}

async fn list(connection: &mut AnyConnection) -> Result<Vec<AssignmentRow>, sqlx::Error> {
    sqlx::query_as("select * from role_assignments order by scope, name")
        .fetch_all(connection)
        .await
}

async fn list_by_principal(
    connection: &mut AnyConnection,
    issuer: &str,
    principal: &str,
) -> Result<Vec<AssignmentRow>, sqlx::Error> {
    sqlx::query_as("select * from role_assignments where issuer = $1 and principal_id = $2")
        .bind(issuer)
        .bind(principal)
        .fetch_all(connection)
        .await
}

/// Whether the row was new.
async fn insert(connection: &mut AnyConnection, new: &RoleAssignment) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into role_assignments (scope, name, issuer, principal_id, principal_type, role, description, \
         created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
    )
    .bind(new.scope.key())
    .bind(&new.name)
    .bind(&new.issuer)
    .bind(&new.principal_id)
    .bind(&new.principal_type)
    .bind(new.role.id())
    .bind(&new.description)
    .bind(&new.created_by)
    .bind(micros(new.created_at))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn delete(
    connection: &mut AnyConnection,
    scope: &Scope,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from role_assignments where scope = $1 and name = $2")
        .bind(scope.key())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes away all roles of a principal.
///
/// # Errors
/// [`StoreError::Conflict`] when nobody would be `Owner` of everything.
pub(super) async fn delete_of(
    connection: &mut AnyConnection,
    issuer: &str,
    principal: &str,
) -> Result<(), StoreError> {
    let before = count_owners(connection).await?;
    sqlx::query("delete from role_assignments where issuer = $1 and principal_id = $2")
        .bind(issuer)
        .bind(principal)
        .execute(&mut *connection)
        .await?;
    if before > 0 && count_owners(connection).await? == 0 {
        return Err(StoreError::Conflict {
            id: format!("the last owner, {principal}"),
        });
    }
    Ok(())
}

/// Assignments of `Owner` to everything.
async fn count_owners(connection: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from role_assignments where scope = '' and role = $1")
        .bind(Role::Owner.id())
        .fetch_one(connection)
        .await
}
