//! Databases on the Postgres server of the test run.

use std::process::Command;

/// A new, empty database on the server of the test run.
pub(crate) fn new_database(name: &str) -> String {
    let url = std::env::var("PORTCULLIS_TEST_POSTGRES_URL")
        .expect("PORTCULLIS_TEST_POSTGRES_URL is set by `cargo xtask test`, which starts a Postgres for the tests");
    let name = format!("e2e_{name}_{}", std::process::id());
    let created = Command::new("psql")
        .args([
            "--quiet",
            "--no-psqlrc",
            "--command",
            &format!("create database {name}"),
            &url,
        ])
        .output()
        .expect("run psql");
    assert!(created.status.success(), "{created:?}");
    let (server, query) = url
        .split_once('?')
        .map_or((url.as_str(), None), |(server, query)| {
            (server, Some(query))
        });
    let (server, _database) = server.rsplit_once('/').expect("a database in the URL");
    query.map_or_else(
        || format!("{server}/{name}"),
        |query| format!("{server}/{name}?{query}"),
    )
}
