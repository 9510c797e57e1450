//! A whole worker against a scripted control plane.

mod control_plane;
mod door;
mod enrolment;
mod program;
mod readiness;
mod saved_state;
mod ticket_keys;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use data_plane::app::{self, Running};
use data_plane::settings::Settings;
use proto::config::v1 as wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use control_plane::{Compiled, ControlPlane, PATIENCE, sha256};

/// Starts a worker that talks to `control_plane` without TLS.
async fn worker(control_plane: SocketAddr, extra: &[&str]) -> Running {
    let url = format!("--control-plane-url=http://{control_plane}");
    start(&[&[url.as_str(), "--stream-allow-plaintext"], extra].concat()).await
}

async fn start(arguments: &[&str]) -> Running {
    let common = [
        "data-plane",
        "--worker-id=worker-1",
        "--scope=/",
        "--admin-listen=127.0.0.1:0",
        "--threads=1",
        "--access-log=off",
        "--drain-deadline=1s",
    ];
    let settings = Settings::parse_from(common.iter().chain(arguments)).expect("good settings");
    app::start(settings).await.expect("started")
}

async fn stop(running: Running) {
    running.shutdown();
    timeout(PATIENCE, running.wait())
        .await
        .expect("stops in time")
        .expect("stops in good order");
}

/// A port of 127.0.0.1 that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

async fn accepts(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .is_ok()
}

/// Waits until a port accepts connections, or no longer does.
async fn expect_accepts(port: u16, expected: bool) {
    let deadline = Instant::now() + PATIENCE;
    while accepts(port).await != expected {
        assert!(
            Instant::now() < deadline,
            "port {port}: expected accepting = {expected}"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

/// The status and body of a path on the admin port.
async fn admin(running: &Running, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(running.admin_address())
        .await
        .expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut response = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut response))
        .await
        .expect("in time")
        .expect("read");
    let status = response
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    (
        status,
        response
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default(),
    )
}

async fn expect_ready(running: &Running) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let last = admin(running, "/readyz").await;
        if last.0 == 200 {
            return;
        }
        assert!(Instant::now() < deadline, "not ready: {last:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_snapshot_is_applied_and_acknowledged() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, hello) = control_plane.session().await;
    assert_eq!(hello.worker_id, "worker-1");
    let subscription = hello.subscription.expect("a subscription");
    assert_eq!(
        (subscription.scopes, subscription.gateway_ids),
        (vec!["/".to_owned()], vec![])
    );
    assert!(hello.applied.is_empty() && hello.held_blobs.is_empty());
    assert_eq!(admin(&running, "/healthz").await.0, 200);
    assert_eq!(admin(&running, "/readyz").await.0, 503);
    let port = free_port();
    session.deliver(&Compiled::http(3, &[port])).await;
    assert!(accepts(port).await, "in force before the answer");
    expect_ready(&running).await;
    let metrics = admin(&running, "/metrics").await.1;
    for line in [
        "portcullis_worker_config_snapshots_total{outcome=\"applied\"} 1",
        "portcullis_worker_config_generation 3",
        "portcullis_worker_config_gateways 1",
        "portcullis_worker_config_stream_connected 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    stop(running).await;
    assert!(!accepts(port).await);
    assert!(session.is_ended().await);
}

#[tokio::test]
async fn a_worker_that_drains_is_not_ready() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    session.deliver(&Compiled::http(1, &[port])).await;
    expect_ready(&running).await;
    let mut client = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("connected");
    client.write_all(b"GET / HTTP/1.1\r\n").await.expect("sent");
    running.shutdown();
    assert_eq!(
        admin(&running, "/readyz").await,
        (503, "stopping\n".to_owned())
    );
    assert_eq!(admin(&running, "/healthz").await.0, 200);
    drop(client);
    stop(running).await;
}

#[tokio::test]
async fn a_worker_without_gateways_is_ready_once_it_knows() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (session, _) = control_plane.session().await;
    assert!(!running.is_ready());
    session.synced().await;
    expect_ready(&running).await;
    stop(running).await;
}

#[tokio::test]
async fn a_refused_snapshot_leaves_the_last_good_one_in_force() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let taken_port = taken.local_addr().expect("bound").port();
    let (good_port, new_port) = (free_port(), free_port());
    session.deliver(&Compiled::http(1, &[good_port])).await;
    let refused = Compiled::http(2, &[new_port, taken_port]);
    session.blobs(&refused).await;
    session.apply(&refused).await;
    let nack = session.expect_nack(&refused).await;
    assert_eq!(
        (nack.resource, nack.property),
        (
            format!("frontendPorts/port-{taken_port}"),
            "port".to_owned()
        )
    );
    assert!(nack.reason.contains("in use"), "{}", nack.reason);
    assert!(accepts(good_port).await, "the last good one serves");
    expect_accepts(new_port, false).await;
    drop(taken);
    // The blobs of a refused snapshot are forgotten, so they are asked for.
    session.apply(&refused).await;
    assert_eq!(session.expect_missing().await, [sha256(&refused.snapshot)]);
    session.blobs(&refused).await;
    session.apply_again(&refused).await;
    session.expect_ack(&refused).await;
    assert!(accepts(taken_port).await);
    expect_accepts(good_port, false).await;
    stop(running).await;
}

#[tokio::test]
async fn a_snapshot_that_says_nothing_known_is_refused() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let mut junk = Compiled::http(1, &[]);
    junk.snapshot = b"junk".to_vec();
    let mut other = Compiled::http(1, &[]);
    other.id = "/subscriptions/S/other".to_owned();
    for gateway in [junk, other] {
        session.blobs(&gateway).await;
        session.apply(&gateway).await;
        let nack = session.expect_nack(&gateway).await;
        assert_eq!(
            (nack.resource.as_str(), nack.property.as_str()),
            ("", ""),
            "{nack:?}"
        );
    }
    stop(running).await;
}

#[tokio::test]
async fn missing_blobs_are_asked_for_and_not_for_ever() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let gateway = Compiled::http(1, &[free_port()]);
    session.apply(&gateway).await;
    for _ in 0..3 {
        assert_eq!(session.expect_missing().await, [sha256(&gateway.snapshot)]);
        session.apply_again(&gateway).await;
    }
    assert!(
        session
            .expect_nack(&gateway)
            .await
            .reason
            .contains("never came")
    );
    session.apply(&gateway).await;
    session.expect_missing().await;
    session.blobs(&gateway).await;
    session.apply_again(&gateway).await;
    session.expect_ack(&gateway).await;
    stop(running).await;
}

#[tokio::test]
async fn what_a_snapshot_refers_to_is_asked_for() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let policy = wire::ClientAuthPolicy {
        name: "strict".to_owned(),
        mode: wire::ClientAuthMode::Strict.into(),
        client_cas: vec![wire::ClientCa {
            bundle: Some(wire::TrustBundle {
                name: "ca".to_owned(),
                sha256: vec![7; 32],
            }),
            ..Default::default()
        }],
        refusal_form: wire::RefusalForm::TlsAlert.into(),
        max_intermediates: 4,
        ..Default::default()
    };
    let gateway = Compiled::of(
        1,
        &wire::GatewaySnapshot {
            gateway_id: "/gw".to_owned(),
            client_auth_policies: vec![policy],
            ..wire::GatewaySnapshot::default()
        },
    );
    session.blobs(&gateway).await;
    session.apply(&gateway).await;
    assert_eq!(session.expect_missing().await, [[7; 32]]);
    stop(running).await;
}

#[tokio::test]
async fn a_blob_that_is_too_large_refuses_its_snapshot_only() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &["--max-blob-bytes=1KiB"]).await;
    let (mut session, _) = control_plane.session().await;
    let ports: Vec<u16> = (0..40).map(|offset| 20_000 + offset).collect();
    let large = Compiled::http(1, &ports);
    session.blobs(&large).await;
    session.apply(&large).await;
    assert!(
        session
            .expect_nack(&large)
            .await
            .reason
            .contains("--max-blob-bytes")
    );
    session.deliver(&Compiled::http(2, &[free_port()])).await;
    stop(running).await;
}

#[tokio::test]
async fn an_old_generation_is_refused_and_an_old_nonce_ignored() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let (new_port, old_port) = (free_port(), free_port());
    let (new, old) = (
        Compiled::http(5, &[new_port]),
        Compiled::http(4, &[old_port]),
    );
    session.deliver(&new).await;
    // Its nonce was answered: nothing happens and nothing is said.
    session.blobs(&old).await;
    session.apply_again(&old).await;
    session.apply(&old).await;
    assert!(session.expect_nack(&old).await.reason.contains("older"));
    assert!(accepts(new_port).await && !accepts(old_port).await);
    // The same again is in force already.
    session.apply(&new).await;
    session.expect_ack(&new).await;
    stop(running).await;
}

#[tokio::test]
async fn a_removed_gateway_is_no_longer_served() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    let gateway = Compiled::http(5, &[port]);
    session.deliver(&gateway).await;
    session.remove(&gateway).await;
    session.expect_ack(&gateway).await;
    expect_accepts(port, false).await;
    // Made anew under the same name, it may start counting anew.
    let mut anew = Compiled::http(1, &[port]);
    anew.id = anew.id.to_uppercase();
    session.deliver(&anew).await;
    assert!(accepts(port).await);
    stop(running).await;
}

#[tokio::test]
async fn losing_the_control_plane_changes_nothing_and_it_is_found_again() {
    let mut control_plane = ControlPlane::start().await;
    let address = control_plane.address;
    let running = worker(address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    let gateway = Compiled::http(3, &[port]);
    session.deliver(&gateway).await;
    // The stream ends in good order.
    drop(session);
    let (session, hello) = control_plane.session().await;
    let applied = &hello.applied[0];
    assert_eq!(
        (applied.gateway_id.as_str(), applied.generation),
        (gateway.id.as_str(), 3)
    );
    assert_eq!(applied.snapshot_sha256, sha256(&gateway.snapshot));
    assert_eq!(hello.held_blobs, [sha256(&gateway.snapshot)]);
    // The whole control plane goes away.
    drop(session);
    drop(control_plane);
    assert!(accepts(port).await);
    let mut control_plane = ControlPlane::start_at(address, None).await;
    let (mut session, hello) = control_plane.session().await;
    assert_eq!(hello.applied[0].generation, 3);
    assert!(accepts(port).await);
    let other = free_port();
    session.deliver(&Compiled::http(4, &[port, other])).await;
    assert!(accepts(other).await);
    stop(running).await;
}

#[tokio::test]
async fn a_broken_protocol_ends_the_stream_and_nothing_else() {
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    session.deliver(&Compiled::http(1, &[port])).await;
    session
        .send(wire::control_message::Message::BlobChunk(
            wire::BlobChunk::default(),
        ))
        .await;
    assert!(session.is_ended().await);
    let (_session, hello) = control_plane.session().await;
    assert_eq!(hello.applied.len(), 1);
    assert!(accepts(port).await);
    stop(running).await;
}
