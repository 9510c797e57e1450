//! What a worker keeps on disk: it starts with it, and with nothing that is damaged, foreign or no longer wanted.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_plane::app::Running;
use tempfile::TempDir;

use super::control_plane::{Compiled, ControlPlane};
use super::{accepts, expect_accepts, expect_ready, free_port, stop, worker};

/// A state directory and the key for it.
pub(super) struct State {
    directory: TempDir,
}

impl State {
    pub(super) fn new() -> Self {
        let state = Self {
            directory: tempfile::tempdir().expect("temporary directory"),
        };
        state.write_key(7);
        state
    }

    fn write_key(&self, byte: u8) {
        let path = self.directory.path().join("key");
        fs::write(&path, STANDARD.encode([byte; 32])).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    }

    fn arguments(&self) -> [String; 2] {
        let path = self.directory.path().display();
        [
            format!("--state-dir={path}/state"),
            format!("--state-key-file={path}/key"),
        ]
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("state/last-known-good")
    }
}

pub(super) async fn worker_with_state(control_plane: SocketAddr, state: &State) -> Running {
    let arguments = state.arguments();
    worker(control_plane, &[&arguments[0], &arguments[1]]).await
}

/// The state of a worker that was given a gateway at a free port and stopped, its control plane, and the port.
async fn served_once() -> (State, ControlPlane, u16) {
    let state = State::new();
    let mut control_plane = ControlPlane::start().await;
    let running = worker_with_state(control_plane.address, &state).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    session.deliver(&Compiled::http(7, &[port])).await;
    drop(session);
    stop(running).await;
    (state, control_plane, port)
}

#[tokio::test]
async fn a_worker_restarts_without_its_control_plane() {
    let (state, control_plane, port) = served_once().await;
    let address = control_plane.address;
    drop(control_plane);
    expect_accepts(port, false).await;

    let running = worker_with_state(address, &state).await;
    assert!(accepts(port).await, "in force when the start is over");
    assert!(running.is_ready());
    let mut control_plane = ControlPlane::start_at(address, None).await;
    let (mut session, hello) = control_plane.session().await;
    assert_eq!(hello.applied[0].generation, 7);
    assert_eq!(hello.held_blobs.len(), 1);
    session.remove(&Compiled::http(8, &[])).await;
    session.receive().await;
    stop(running).await;
    drop(control_plane);

    let running = worker_with_state(address, &state).await;
    assert!(!accepts(port).await, "what was removed stays removed");
    assert!(!running.is_ready());
    stop(running).await;
}

#[tokio::test]
async fn a_saved_gateway_whose_port_is_taken_is_served_once_it_is_free() {
    let (state, control_plane, port) = served_once().await;
    let address = control_plane.address;
    drop(control_plane);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("free again");
    let running = worker_with_state(address, &state).await;
    assert!(!running.is_ready());
    drop(taken);
    expect_ready(&running).await;
    assert!(accepts(port).await);
    stop(running).await;
}

#[tokio::test]
async fn a_saved_gateway_that_nobody_wants_any_more_is_never_served() {
    let (state, mut control_plane, port) = served_once().await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("free again");
    let running = worker_with_state(control_plane.address, &state).await;
    let (session, hello) = control_plane.session().await;
    assert!(hello.applied.is_empty());
    session.synced().await;
    expect_ready(&running).await;
    drop(taken);
    // The next try would come before the next stream.
    drop(session);
    let (_session, hello) = control_plane.session().await;
    assert!(hello.applied.is_empty());
    assert!(!accepts(port).await);
    stop(running).await;
}

/// A worker that served `port` restarts after `damage` and serves nothing.
async fn check_damaged(damage: impl FnOnce(&State)) {
    let (state, mut control_plane, port) = served_once().await;
    damage(&state);
    let running = worker_with_state(control_plane.address, &state).await;
    assert!(!accepts(port).await);
    assert!(!running.is_ready());
    let (_session, hello) = control_plane.session().await;
    assert!(hello.applied.is_empty() && hello.held_blobs.is_empty());
    stop(running).await;
}

#[tokio::test]
async fn a_damaged_state_is_not_served() {
    check_damaged(|state| {
        let mut bytes = fs::read(state.file()).expect("read");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(state.file(), bytes).expect("written");
    })
    .await;
}

#[tokio::test]
async fn a_state_of_another_key_is_not_served() {
    check_damaged(|state| state.write_key(8)).await;
}
