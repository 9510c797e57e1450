//! Connections that are open when a verdict turns.

use std::time::{Duration, Instant};

use e2e::backend::Backend;
use e2e::client::Client;
use e2e::pki::{Identity, Leaf};
use e2e::responder::{Responder, Status};
use e2e::tls_client::Tls;
use e2e::wait;
use tokio::runtime::Runtime;

use crate::open::Open;

use super::{one_worker, put_with_ocsp, site};

// T-06: over HTTP/1.1, HTTP/2 and WebSocket.
#[test]
fn connections_of_a_revoked_client_are_cut_when_the_worker_hears_of_it_and_no_others() {
    let mut site = site("live", one_worker());
    let backend = Backend::start();
    site.backend_port = backend.port();
    // One for each client, so that it is known when the worker hears of the revocation.
    let [mut about_revoked, mut about_good] = ["responder-revoked", "responder-good"]
        .map(|name| Responder::start(site.directory(), name, &site.root));
    let client = |serial: u64, responder: &mut Responder| {
        // The worker asks again before half a minute has passed.
        responder.answers_for(1);
        responder.says(serial, Status::Good);
        let leaf = Leaf::client(format!("client-{serial}")).with_serial(serial);
        site.issue(&leaf.with_responder(&responder.url()))
    };
    let (revoked, good) = (client(1, &mut about_revoked), client(2, &mut about_good));
    put_with_ocsp(&site);

    let runtime = Runtime::new().expect("runtime");
    let client = |identity: &Identity| Client::new(&site.target(), Some(identity), Tls::V13);
    let (mut cut, mut kept) = runtime.block_on(async {
        (
            Open::by(&client(&revoked)).await,
            Open::by(&client(&good)).await,
        )
    });
    let asked = about_revoked.requests();
    about_revoked.says(1, Status::Revoked);
    wait::until("another question", Duration::from_mins(1), || {
        let requests = about_revoked.requests();
        if requests > asked {
            Ok(())
        } else {
            Err(requests)
        }
    });
    let hears = Instant::now();
    runtime.block_on(cut.ends_within(LIMIT));
    println!(
        "OCSP: all connections seen cut {:?} after the worker asked",
        hears.elapsed()
    );
    assert_eq!(about_revoked.requests(), asked + 1);
    runtime.block_on(kept.go_on());
}

/// The longest from the worker's knowing to the end of connections.
const LIMIT: Duration = Duration::from_secs(2);
