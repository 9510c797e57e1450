//! The door while a worker starts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use e2e::client::Client;
use e2e::deployment::{Database, Setup};
use e2e::document;
use e2e::pki::{Authority, Identity, Leaf};
use e2e::responder::{Responder, Status};
use e2e::site::{LISTENER, Site};
use e2e::tls_client::Tls;
use serde_json::json;

use crate::over::Over;

const STARTS: usize = 20;

// T-78
#[test]
fn a_strict_worker_that_checks_revocation_never_serves_a_stranger_or_a_revoked_client_while_it_starts()
 {
    let setup = Setup::new(Database::Sqlite, 1).with_loopback_responders();
    let mut site = Site::start("door", &setup);
    let mut responder = Responder::start(site.directory(), "responder", &site.root);
    responder.says(1, Status::Good);
    responder.says(2, Status::Revoked);
    let client = |ca: &Authority, name: &str, serial: u64| {
        let leaf = Leaf::client(name).with_serial(serial);
        ca.issue(
            site.directory(),
            &leaf.with_responder(&responder.url()),
            &[],
        )
    };
    let good = client(&site.root, "good", 1);
    let revoked = client(&site.root, "revoked", 2);
    let stranger = client(&Authority::root("Stranger"), "stranger", 1);
    site.put(|document| {
        document::profile(document, LISTENER)["clientAuthConfiguration"] =
            json!({"verifyClientRevocation": "OCSP"});
    });
    for start in 0..STARTS {
        if start == STARTS / 2 {
            site.deployment.kill_control_plane();
        }
        site.deployment.kill_worker(0);
        let knocked = knock_while(&mut site, &[&stranger, &revoked], |site| {
            site.deployment.start_worker(0);
            site.deployment.workers[0].wait_until_ready();
            assert_eq!(site.get(Some(&good)).0, 200, "start {start}");
        });
        assert!(knocked > 0, "start {start}: nobody knocked");
    }
}

/// Runs `start` while each of `identities` connects in a loop, none of which may ever be served. How often a connection
/// was made.
fn knock_while(site: &mut Site, identities: &[&Identity], start: impl FnOnce(&mut Site)) -> usize {
    let over = AtomicBool::new(false);
    let connected = AtomicUsize::new(0);
    let clients: Vec<(Tls, Client)> = identities
        .iter()
        .flat_map(|identity| {
            Tls::ALL.map(|tls| (tls, Client::new(&site.target(), Some(identity), tls)))
        })
        .collect();
    thread::scope(|scope| {
        for (tls, client) in &clients {
            let (over, connected) = (&over, &connected);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("runtime");
                while !over.load(Ordering::Relaxed) {
                    runtime.block_on(knock(*tls, client, connected));
                }
            });
        }
        let guard = Over(&over);
        start(site);
        drop(guard);
    });
    connected.into_inner()
}

/// One attempt. A refusal is an error of the handshake, of the first read, or HTTP 400.
async fn knock(tls: Tls, client: &Client, connected: &AtomicUsize) {
    let Ok(mut connection) = client.connect().await else {
        // Nobody listens yet, or a refusal that TLS 1.2 tells in the handshake.
        return;
    };
    connected.fetch_add(1, Ordering::Relaxed);
    if let Ok(reply) = connection.get("/").await {
        assert_eq!(reply.status, 400, "{tls:?}: {reply:?}");
    }
}
