//! Clients that are refused, or whose certificate is overlooked, leave nothing behind in a worker's memory.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::deployment::{Database, Setup};
use e2e::load::knock::{Answer, knock};
use e2e::load::target::Target;
use e2e::pki::{Authority, Identity, Leaf};
use e2e::site::{HOST, Site};
use e2e::wait;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Handshakes after which the worker's caches and pools, and the allocator's, are as large as they get.
const WARM_UP: u64 = 1_500;
/// Handshakes in each form that are looked at.
const COUNT: u64 = 6_000;
/// In bytes: 175 for each handshake. Without a leak, the allocator takes and gives back a quarter of that by itself; and
/// what is known of one client, such as its certificate, is several times as much.
const MOST_GROWTH: u64 = 1024 * 1024;
/// Handshakes at a time: enough to keep both sides busy.
const AT_A_TIME: usize = 16;

// T-32: HAProxy's 998c8280d.
#[test]
fn clients_that_are_refused_or_overlooked_leave_nothing_behind() {
    let site = Site::start("memory", &Setup::new(Database::Sqlite, 1));
    let stranger = Authority::root("Stranger");
    let stranger = stranger.issue(site.directory(), &Leaf::client("stranger"), &[]);
    let good = site.issue(&Leaf::client("good"));
    site.put(|_| {});
    for (policy, answer) in [
        (json!({}), Answer::Alert),
        (json!({"refusalForm": "HttpStatus"}), Answer::BadRequest),
        (json!({"mode": "ReportOnly"}), Answer::Served),
    ] {
        site.put_policy(&policy);
        let before = after(&site, &stranger, answer, WARM_UP);
        let growth = after(&site, &stranger, answer, COUNT).saturating_sub(before);
        println!("memory: {answer:?}: {before} bytes, and {growth} more after {COUNT} handshakes");
        assert!(growth < MOST_GROWTH, "{answer:?}: {growth} bytes");
        assert_eq!(site.get(Some(&good)).0, 200, "{answer:?}");
    }
}

/// What the worker has in memory, in bytes, after so many more clients, half of them over TLS 1.2. All are answered like
/// this, and have gone.
#[track_caller]
fn after(site: &Site, identity: &Identity, answer: Answer, count: u64) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("runtime");
    for tls12 in [false, true] {
        let (local, target) = (LocalSet::new(), target(site, identity, tls12));
        let knocking = local.run_until(knock(&target, answer, count / 2, AT_A_TIME));
        let tally = runtime.block_on(knocking).expect("the load");
        let tally = tally.json(Duration::ZERO);
        assert_eq!(tally["first_error"], Value::Null, "{answer:?}");
    }
    let worker = &site.deployment.workers[0];
    wait::until(
        "the last to be gone",
        Duration::from_secs(10),
        || match worker.metric("portcullis_worker_connections_open", "") {
            0.0 => Ok(()),
            open => Err(open),
        },
    );
    worker.process().resident_bytes()
}

fn target(site: &Site, identity: &Identity, tls12: bool) -> Target {
    Target {
        address: SocketAddr::from(([127, 0, 0, 1], site.port())),
        host: HOST.to_owned(),
        ca_file: site.target().ca_file,
        cert_file: Some(identity.certificate.clone()),
        key_file: Some(identity.key.clone()),
        tls12,
        path: "/".to_owned(),
    }
}
