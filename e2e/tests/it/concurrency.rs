//! Many writers of one gateway: one truth, no lost update, and every operation ends.

use std::thread;

use e2e::arm::gateway_id;
use e2e::deployment::{Database, Deployment};
use e2e::document::{self, Listener};
use e2e::port;
use serde_json::{Value, json};

use crate::postgres;

const WRITERS: usize = 50;
const EDITORS: usize = 8;

#[test]
fn fifty_concurrent_puts_on_sqlite_leave_one_truth() {
    check(&Database::Sqlite);
}

#[test]
fn fifty_concurrent_puts_on_postgres_leave_one_truth() {
    check(&Database::Postgres(postgres::new_database(
        "concurrent_puts",
    )));
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
    let ends = in_parallel(WRITERS, |writer| {
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

    // With the same If-Match exactly one of them wins.
    let etag = read(&deployment, &id)["etag"].clone();
    let statuses = in_parallel(WRITERS, |writer| {
        let mut body = body.clone();
        body["tags"] = json!({ "winner": writer.to_string() });
        put_if_match(&deployment, &id, &etag, &body).to_string()
    });
    let won = statuses.iter().filter(|status| *status == "200").count();
    let lost = statuses.iter().filter(|status| *status == "412").count();
    assert_eq!((won, lost), (1, WRITERS - 1), "{statuses:?}");

    // Writers that read, change and put with If-Match until they succeed lose no update.
    in_parallel(EDITORS, |editor| {
        loop {
            let mut body = read(&deployment, &id);
            body["tags"][format!("editor-{editor}")] = json!("here");
            match put_if_match(&deployment, &id, &body["etag"], &body) {
                200 => return String::new(),
                412 => {}
                status => panic!("editor {editor}: {status}"),
            }
        }
    });
    let tags = read(&deployment, &id)["tags"].clone();
    let missing: Vec<usize> = (0..EDITORS)
        .filter(|editor| tags[format!("editor-{editor}")] != "here")
        .collect();
    assert!(missing.is_empty(), "{missing:?} of {tags:#}");
}

fn read(deployment: &Deployment, id: &str) -> Value {
    deployment.arm.request("GET", id, &[], None).body
}

fn put_if_match(deployment: &Deployment, id: &str, etag: &Value, body: &Value) -> u16 {
    let etag = etag.as_str().expect("etag");
    let header = format!("If-Match: {etag}");
    deployment
        .arm
        .request("PUT", id, &[&header], Some(body))
        .status
}

/// Runs `write` for `count` writers, all at once.
fn in_parallel(count: usize, write: impl Fn(usize) -> String + Sync) -> Vec<String> {
    let write = &write;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|writer| scope.spawn(move || write(writer)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("writer"))
            .collect()
    })
}
