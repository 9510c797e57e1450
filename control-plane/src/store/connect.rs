//! Opening a database and bringing its schema up to date.

use std::{sync::Arc, time::Duration};

use sqlx::{
    AnyConnection, AnyPool, Executor,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
    migrate::Migrator,
};

use super::{Engine, Store, turn::Turns, wake::Wakes};
use crate::seal::Keyring;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

const POSTGRES_CONNECTIONS: u32 = 16;
const SQLITE_READERS: u32 = 4;

/// How long a call waits for a free connection before it fails as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database does not answer or refuses the login.
    #[error("cannot connect to the database")]
    Connect(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Not a URL of a database that is supported.
    #[error("database url: expected postgres://... or sqlite://{{file}}")]
    Url,
}

impl Store {
    /// Connects, and migrates the schema.
    ///
    /// `database_url`: `postgres://user@host/database` or `sqlite://{file}`; the file is created when absent.
    ///
    /// # Errors
    /// [`OpenError`]; its text holds no part of the URL.
    pub async fn open(database_url: &str, keys: Keyring) -> Result<Self, OpenError> {
        install_default_drivers();
        let (engine, reader, writer) = match database_url.split_once(':') {
            Some(("postgres" | "postgresql", _)) => {
                let pool = postgres_pool(database_url).await?;
                (Engine::Postgres, pool.clone(), pool)
            }
            Some(("sqlite", _)) => {
                let writer = sqlite_pool(database_url, 1).await?;
                let reader = sqlite_pool(database_url, SQLITE_READERS).await?;
                (Engine::Sqlite, reader, writer)
            }
            _ => return Err(OpenError::Url),
        };
        MIGRATIONS.run(&writer).await.map_err(OpenError::Migrate)?;
        Ok(Self {
            engine,
            reader,
            writer,
            database_url: database_url.into(),
            keys: Arc::new(keys),
            wakes: Arc::new(Wakes::new()),
            turns: Arc::new(Turns::new()),
        })
    }
}

async fn postgres_pool(url: &str) -> Result<AnyPool, OpenError> {
    let options: AnyConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
    AnyPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(OpenError::Connect)
}

async fn sqlite_pool(url: &str, connections: u32) -> Result<AnyPool, OpenError> {
    let url = if url.contains('?') {
        url.to_owned()
    } else {
        format!("{url}?mode=rwc")
    };
    let options: AnyConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| Box::pin(prepare_sqlite(connection)))
        .connect_with(options)
        .await
        .map_err(OpenError::Connect)
}

/// `synchronous = full`: a commit that was answered survives a power failure.
async fn prepare_sqlite(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for pragma in [
        "pragma busy_timeout = 5000",
        "pragma journal_mode = wal",
        "pragma synchronous = full",
        "pragma foreign_keys = on",
    ] {
        connection.execute(pragma).await?;
    }
    Ok(())
}
