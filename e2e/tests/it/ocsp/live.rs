//! Connections that are open when a verdict turns.

use std::time::{Duration, Instant};

use e2e::backend::Backend;
use e2e::client::Client;
use e2e::pki::{Identity, Leaf};
use e2e::responder::Status;
use e2e::tls_client::Tls;
use e2e::wait;

use crate::open::Open;

use super::{one_worker, put_with_ocsp, responder, site};

// T-06: over HTTP/1.1, HTTP/2 and WebSocket.
#[test]
fn connections_of_a_revoked_client_are_cut_when_the_worker_hears_of_it_and_no_others() {
    let mut site = site("live", one_worker());
    let backend = Backend::start();
    site.backend_port = backend.port();
    let mut responder = responder(&site);
    // The worker asks again before half a minute has passed.
    responder.answers_for(1);
    let client = |serial: u64| {
        let leaf = Leaf::client(format!("client-{serial}")).with_serial(serial);
        site.issue(&leaf.with_responder(&responder.url()))
    };
    let (revoked, good) = (client(1), client(2));
    responder.says(1, Status::Good);
    responder.says(2, Status::Good);
    put_with_ocsp(&site);

    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        let client = |identity: &Identity| Client::new(&site.target(), Some(identity), Tls::V13);
        let (mut cut, mut kept) = (
            Open::by(&client(&revoked)).await,
            Open::by(&client(&good)).await,
        );
        responder.says(1, Status::Revoked);
        let asked = responder.requests();
        let knows = tokio::task::spawn_blocking(move || {
            wait::until("another question", Duration::from_secs(50), || {
                if responder.requests() > asked {
                    Ok(())
                } else {
                    Err("none")
                }
            });
            let first = Instant::now();
            wait::until("both questions", Duration::from_secs(50), || {
                if responder.requests() > asked + 1 {
                    Ok(())
                } else {
                    Err("one")
                }
            });
            (first, Instant::now())
        });
        cut.ends_within(Duration::from_mins(1)).await;
        let end = Instant::now();
        kept.go_on().await;
        let (first, both) = knows.await.expect("questions");
        println!(
            "OCSP: cut {:?} after the worker's first and {:?} after its second question",
            end.saturating_duration_since(first),
            end.saturating_duration_since(both)
        );
        assert!(end.saturating_duration_since(both) < Duration::from_secs(2));
    });
}
