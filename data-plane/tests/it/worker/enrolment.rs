//! What a worker does when the control plane does not let it in any more. Joining itself is tested with both programs.

use std::time::Duration;

use tonic::{Code, Status};

use super::control_plane::{Compiled, ControlPlane};
use super::saved_state::{State, worker_with_state};
use super::{accepts, admin, expect_accepts, expect_ready, free_port, stop};

fn refusal(word: &'static str) -> Status {
    let mut status = Status::new(Code::PermissionDenied, "not any more");
    let word = tonic::metadata::MetadataValue::from_static(word);
    status.metadata_mut().insert("portcullis-refusal", word);
    status
}

#[tokio::test]
async fn a_revoked_worker_stops_serving_and_keeps_nothing() {
    let state = State::new();
    let mut control_plane = ControlPlane::start().await;
    let running = worker_with_state(control_plane.address, &state).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    session.deliver(&Compiled::http(1, &[port])).await;
    expect_ready(&running).await;
    session.end(refusal("revoked")).await;
    expect_accepts(port, false).await;
    let unready = (503, "revoked\n".to_owned());
    assert_eq!(admin(&running, "/readyz").await, unready);
    assert!(
        !control_plane.is_reached(Duration::from_secs(1)).await,
        "it comes back"
    );
    stop(running).await;
    drop(control_plane);
    let mut control_plane = ControlPlane::start().await;
    let running = worker_with_state(control_plane.address, &state).await;
    assert!(!accepts(port).await);
    let (_session, hello) = control_plane.session().await;
    assert!(hello.applied.is_empty() && hello.held_blobs.is_empty());
    stop(running).await;
}

#[tokio::test]
async fn every_other_refusal_leaves_in_force_what_is() {
    let state = State::new();
    let mut control_plane = ControlPlane::start().await;
    let running = worker_with_state(control_plane.address, &state).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    session.deliver(&Compiled::http(1, &[port])).await;
    for word in [
        "unknown",
        "superseded",
        "expired",
        "other-worker",
        "out-of-scope",
        "new",
    ] {
        session.end(refusal(word)).await;
        let hello;
        (session, hello) = control_plane.session().await;
        assert_eq!(hello.applied.len(), 1, "{word}");
        assert!(accepts(port).await, "{word}");
    }
    stop(running).await;
}
