//! Many writers of one gateway: one truth, no lost update, and every operation ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use e2e::arm::gateway_id;
use e2e::deployment::{Database, Deployment};
use e2e::document::{self, Listener};
use e2e::port;
use serde_json::json;

const WRITERS: usize = 50;

#[test]
fn fifty_concurrent_puts_on_sqlite_leave_one_truth() {
    check(&Database::Sqlite);
}

#[test]
fn fifty_concurrent_puts_on_postgres_leave_one_truth() {
    check(&Database::Postgres(postgres_database("concurrent_puts")));
}

fn check(database: &Database) {
    let deployment = Deployment::start(database, 1);
    let id = gateway_id("many", "gw");
    deployment.arm.put_group("many");
    let mut body = document::gateway(
        &id,
        "",
        deployment.backend_port,
        &[Listener::http("web", port::free())],
    );
    body["properties"]["sslCertificates"] = json!([]);
    deployment.arm.put_in_force(&id, &body);

    // Without If-Match the last one wins, whichever it is, and each operation says how it ended.
    let ends = in_parallel(|writer| {
        let mut body = body.clone();
        body["properties"]["backendHttpSettingsCollection"][0]["properties"]["requestTimeout"] =
            json!(writer + 1);
        let answer = deployment.arm.request("PUT", &id, &[], Some(&body));
        assert_eq!(answer.status, 200, "{answer:#?}");
        match answer.header("azure-asyncoperation") {
            Some(_) => deployment.arm.operation(&answer)["status"].to_string(),
            None => answer.body["properties"]["provisioningState"].to_string(),
        }
    });
    assert!(
        ends.iter()
            .all(|end| end == "\"Succeeded\"" || end == "\"Canceled\""),
        "{ends:?}"
    );
    assert!(ends.contains(&"\"Succeeded\"".to_owned()), "{ends:?}");

    // With If-Match each writer adds its own tag on top of what it has read: none may be lost.
    let retries = AtomicUsize::new(0);
    in_parallel(|writer| {
        loop {
            let read = deployment.arm.request("GET", &id, &[], None);
            let etag = read.body["etag"].as_str().expect("etag").to_owned();
            let mut body = read.body;
            body["tags"][format!("writer-{writer}")] = json!("here");
            let answer =
                deployment
                    .arm
                    .request("PUT", &id, &[&format!("If-Match: {etag}")], Some(&body));
            match answer.status {
                200 => return String::new(),
                412 => retries.fetch_add(1, Ordering::Relaxed),
                _ => panic!("{answer:#?}"),
            };
        }
    });
    let end = deployment.arm.request("GET", &id, &[], None).body;
    let tags: BTreeSet<String> = end["tags"]
        .as_object()
        .expect("tags")
        .keys()
        .cloned()
        .collect();
    let wanted: BTreeSet<String> = (0..WRITERS)
        .map(|writer| format!("writer-{writer}"))
        .collect();
    assert_eq!(tags, wanted, "after {retries:?} retries");
}

/// Runs `write` for every writer, all at once.
fn in_parallel(write: impl Fn(usize) -> String + Sync) -> Vec<String> {
    let write = &write;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(writer)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("writer"))
            .collect()
    })
}

/// A new, empty database on the server of the test run.
fn postgres_database(name: &str) -> String {
    let url = std::env::var("PORTCULLIS_TEST_POSTGRES_URL")
        .expect("PORTCULLIS_TEST_POSTGRES_URL is set by `cargo xtask test`, which starts a Postgres for the tests");
    let name = format!("e2e_{name}_{}", std::process::id());
    let created = std::process::Command::new("psql")
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
