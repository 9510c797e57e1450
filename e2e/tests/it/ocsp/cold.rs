//! The first look-up, when nobody has asked yet.

use std::sync::Arc;
use std::time::Duration;

use e2e::client::Client;
use e2e::pki::Leaf;
use e2e::responder::Status;
use e2e::tls_client::Tls;
use e2e::wait;
use tokio::task::JoinSet;

use super::{one_worker, put_with_ocsp, responder, site};

const CLIENTS: usize = 1000;

// T-45: Azure's first look-up fails.
#[test]
fn a_thousand_first_handshakes_at_once_are_one_question_and_no_failure() {
    // Long enough for everybody to be there before the one answer comes, on any machine.
    let setup = one_worker()
        .worker_flag("--revocation-wait", "50s")
        .worker_flag("--revocation-responder-timeout", "50s")
        .worker_flag("--handshake-timeout", "60s");
    let site = site("cold", setup);
    let mut responder = responder(&site);
    responder.says(1, Status::Good);
    let leaf = Leaf::client("device").with_serial(1);
    let identity = site.issue(&leaf.with_responder(&responder.url()));
    put_with_ocsp(&site);
    let client = Arc::new(Client::new(&site.target(), Some(&identity), Tls::V13));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("runtime");
    let client = &client;
    responder.hold();
    let mut asking = JoinSet::new();
    for _ in 0..CLIENTS {
        let client = Arc::clone(client);
        let ask = async move {
            let mut connection = client.connect().await?;
            let reply = connection.get("/").await?;
            Ok::<u16, std::io::Error>(reply.status)
        };
        asking.spawn_on(ask, runtime.handle());
    }
    let worker = &site.deployment.workers[0];
    wait::until("all handshakes", Duration::from_secs(50), || {
        let made = worker.metric("portcullis_worker_tls_handshakes_total", "");
        if made < 1000.0 { Err(made) } else { Ok(()) }
    });
    responder.go_on();
    let statuses = runtime.block_on(async {
        let all = tokio::time::timeout(Duration::from_mins(1), asking.join_all());
        all.await.expect("answers")
    });
    let failed: Vec<_> = statuses
        .iter()
        .filter(|status| !matches!(status, Ok(200)))
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );
    assert_eq!(responder.requests(), 1);
}
