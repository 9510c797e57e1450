//! A fresh database for each test: a file of SQLite, or a database of its own on a real Postgres server.

use std::{future::Future, path::PathBuf};

use control_plane::{
    seal::{Keyring, MASTER_KEY_LEN, MasterKey},
    store::Store,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

/// URL of a Postgres server where the login may create databases.
const POSTGRES: &str = "PORTCULLIS_TEST_POSTGRES_URL";

/// Defines each contract test once for SQLite and once for Postgres.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::database::on_sqlite(super::$name).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::database::on_postgres(super::$name).await;
            })+
        }
    };
}
pub(crate) use on_both_databases;

/// Where the stores of a test live.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    url: String,
}

impl Database {
    /// Opens the database once more, as another replica or as a restarted process does.
    pub(crate) async fn open(&self) -> Store {
        self.open_with_keys(7, &[]).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Opens it with another master key.
    pub(crate) async fn open_with_other_key(&self) -> Store {
        self.open_with_keys(8, &[]).await
    }

    /// Opens it with this current master key and these previous ones.
    pub(crate) async fn open_with_keys(&self, current: u8, previous: &[u8]) -> Store {
        let key = |byte: u8| MasterKey::new(&[byte; MASTER_KEY_LEN]).unwrap();
        let keys = Keyring::new(key(current), previous.iter().copied().map(key).collect());
        Store::open(&self.url, keys).await.unwrap()
    }
}

pub(crate) async fn on_sqlite<F>(test: fn(Database) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let folder = TempDir::new().unwrap();
    let file: PathBuf = folder.path().join("portcullis.db");
    let url = format!("sqlite://{}", file.display());
    test(Database { url }).await;
}

pub(crate) async fn on_postgres<F>(test: fn(Database) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(server) = std::env::var(POSTGRES) else {
        panic!("{POSTGRES} is not set: run `cargo xtask test`, which starts a Postgres server");
    };
    let name = format!("portcullis_test_{}", uuid::Uuid::new_v4().simple());
    administer(&server, format!("create database {name}")).await;
    let url = with_database(&server, &name);
    let outcome = tokio::spawn(test(Database { url })).await;
    administer(&server, format!("drop database {name} with (force)")).await;
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}

async fn administer(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}

/// The server's URL with another database name.
fn with_database(server: &str, name: &str) -> String {
    let (base, parameters) = match server.split_once('?') {
        Some((base, parameters)) => (base, format!("?{parameters}")),
        None => (server, String::new()),
    };
    let authority = base.find("://").map_or(0, |index| index + 3);
    let end = base[authority..]
        .find('/')
        .map_or(base.len(), |slash| authority + slash);
    format!("{}/{name}{parameters}", &base[..end])
}
