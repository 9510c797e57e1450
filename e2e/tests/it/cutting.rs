//! Ten thousand live connections, of which those that lost their trust are cut, and no others.

mod crowd;

use std::time::{Duration, Instant};

use e2e::backend::Backend;
use e2e::client::Client;
use e2e::deployment::{Database, Setup, Worker};
use e2e::document;
use e2e::open_files;
use e2e::pki::{Authority, Identity, Leaf};
use e2e::site::{LISTENER, Site};
use serde_json::json;

use self::crowd::{Crowd, Group};

/// Connections of clients who lose their trust: the first half their CA, the second half by a deny rule.
const WITHDRAWN: usize = 100;
/// All connections.
const CONNECTIONS: usize = 10_000;
/// The longest from the worker's knowing to the end of the last connection.
const LIMIT: Duration = Duration::from_secs(2);
const DENIED: &str = "spiffe://site/denied";

// T-06
#[test]
fn of_ten_thousand_connections_those_without_trust_are_cut_and_no_others() {
    // The worker has each connection, too, and those of WebSockets go on to the backend, which is in this process.
    open_files::allow(12_000);
    let setup = Setup::new(Database::Sqlite, 1)
        .worker_flag("--http1-idle-timeout", "600s")
        .worker_flag("--http2-idle-timeout", "600s")
        .worker_flag("--handshake-timeout", "60s");
    let mut site = Site::start("cutting", &setup);
    let backend = Backend::start();
    site.backend_port = backend.port();
    let other = Authority::root("Withdrawn Root");
    let directory = site.directory();
    let kept = site.issue(&Leaf::client("kept"));
    let denied = site.issue(&Leaf::client("denied").with_uri(DENIED));
    let withdrawn = other.issue(directory, &Leaf::client("withdrawn"), &[]);
    site.put(|document| document::trust(document, &site.id, LISTENER, "other", other.pem()));

    let client = |identity: &Identity, tls| Client::new(&site.target(), Some(identity), tls);
    let half = WITHDRAWN / 2;
    let mut crowd = Crowd::new();
    let start = Instant::now();
    crowd.gather(Group::Withdrawn, half, |tls| client(&withdrawn, tls));
    crowd.gather(Group::Denied, half, |tls| client(&denied, tls));
    crowd.gather(Group::Kept, CONNECTIONS - WITHDRAWN, |tls| {
        client(&kept, tls)
    });
    println!(
        "cutting: {CONNECTIONS} connections made in {:?}",
        start.elapsed()
    );
    let worker = &site.deployment.workers[0];

    site.put(|_| {});
    let told = cut(&crowd, worker, Group::Withdrawn, half);
    println!("cutting: CA removed: {told}");
    site.put_policy(
        &json!({"identityRules": {"deny": [{"name": "denied", "allOf": [
        {"field": "SanUri", "match": "Exact", "value": DENIED}]}]}}),
    );
    let told = cut(&crowd, worker, Group::Denied, half);
    println!("cutting: deny rule: {told}");

    let went_on = crowd.go_on();
    assert_eq!(went_on, CONNECTIONS - WITHDRAWN, "others were cut, too");
    println!(
        "cutting: {went_on} others went on, after {:?} in all",
        start.elapsed()
    );
}

/// Right after "Succeeded": all connections of `group` end within the limit. What there is to tell about it.
#[track_caller]
fn cut(crowd: &Crowd, worker: &Worker, group: Group, expected: usize) -> String {
    let succeeded = Instant::now();
    let last = crowd.wait_until_cut(group, expected, LIMIT);
    let seconds = worker.metric("portcullis_worker_trust_withdrawal_seconds_sum", "");
    let count = worker.metric("portcullis_worker_trust_withdrawal_seconds_count", "");
    format!(
        "{expected} cut, the last seen {:?} after \"Succeeded\"; by the worker's metric {:.3} s in the mean of {count}",
        last.saturating_duration_since(succeeded),
        seconds / count
    )
}
