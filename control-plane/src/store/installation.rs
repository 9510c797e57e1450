//! Who this installation is.

use sqlx::AnyConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoreError, micros};

impl Store {
    /// The tenant id of this installation, a GUID; made when it is asked for the first time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn tenant(&self, now: OffsetDateTime) -> Result<String, StoreError> {
        let mut writing = self.begin().await?;
        insert(writing.connection(), &Uuid::new_v4().to_string(), now).await?;
        let tenant = find(writing.connection()).await?;
        writing.commit().await?;
        Ok(tenant)
    }
}

/// Of several replicas the first one decides.
async fn insert(
    connection: &mut AnyConnection,
    tenant: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into installation (id, tenant_id, created_at) values (1, $1, $2) on conflict (id) do nothing",
    )
    .bind(tenant)
    .bind(micros(now))
    .execute(connection)
    .await?;
    Ok(())
}

async fn find(connection: &mut AnyConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select tenant_id from installation where id = 1")
        .fetch_one(connection)
        .await
}
