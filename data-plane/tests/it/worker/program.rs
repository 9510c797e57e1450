//! The program itself: its exit and its signals.

use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::control_plane::{Compiled, ControlPlane, PATIENCE};
use super::{accepts, expect_accepts, free_port};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_data-plane"));
    command
        .env_clear()
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The program as a worker of this control plane.
fn serving(control_plane: &ControlPlane) -> Command {
    let mut command = program();
    command
        .env("PORTCULLIS_WORKER_ID", "worker-1")
        .env(
            "PORTCULLIS_CONTROL_PLANE_URL",
            format!("http://{}", control_plane.address),
        )
        .args([
            "--stream-allow-plaintext",
            "--scope=/",
            "--admin-listen=127.0.0.1:0",
            "--access-log=off",
        ]);
    command
}

/// What is left of it after SIGTERM.
async fn terminated(child: Child) -> Output {
    let pid = child
        .id()
        .and_then(|id| Pid::from_raw(id.try_into().ok()?))
        .expect("a process");
    kill_process(pid, Signal::TERM).expect("signalled");
    timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("it ends")
        .expect("it ran")
}

#[tokio::test]
async fn all_problems_of_the_settings_are_told_and_nothing_starts() {
    let mut command = program();
    command
        .args(["--threads=0", "--handshake-timeout=soon"])
        .env("PORTCULLIS_ADMIN_LISTEN", "nowhere");
    let output = timeout(PATIENCE, command.output())
        .await
        .expect("it ends")
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    for option in [
        "--worker-id",
        "--control-plane-url",
        "--scope",
        "--threads",
        "--handshake-timeout",
        "--admin-listen",
    ] {
        assert!(told.contains(option), "{option} in {told}");
    }
}

#[tokio::test]
async fn empty_variables_count_as_unset() {
    let mut command = program();
    command
        .args(["--threads=0", "--scope=/"])
        .env("PORTCULLIS_WORKER_ID", "")
        .env("PORTCULLIS_GATEWAY", "")
        .env("PORTCULLIS_STREAM_ALLOW_PLAINTEXT", "")
        .env("PORTCULLIS_STATE_KEY_FILE", "")
        .env("PORTCULLIS_MAX_HEADERS", "");
    let output = timeout(PATIENCE, command.output())
        .await
        .expect("it ends")
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    let problems: Vec<&str> = told.lines().skip(1).map(str::trim).collect();
    assert_eq!(problems.len(), 3, "{told}");
    assert_eq!(problems[0], "--worker-id: is required");
    assert_eq!(problems[1], "--control-plane-url: is required");
    assert!(problems[2].starts_with("--threads: "), "{told}");
}

#[tokio::test]
async fn sigterm_ends_it_in_good_order() {
    let mut control_plane = ControlPlane::start().await;
    let mut command = serving(&control_plane);
    let child = command.spawn().expect("it runs");
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    session.deliver(&Compiled::http(1, &[port])).await;
    assert!(accepts(port).await);
    let output = terminated(child).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    expect_accepts(port, false).await;
}

#[tokio::test]
async fn refused_connections_are_told_and_not_one_by_one() {
    let mut control_plane = ControlPlane::start().await;
    let mut command = serving(&control_plane);
    command.arg("--max-connections=1");
    let child = command.spawn().expect("it runs");
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    session.deliver(&Compiled::http(1, &[port])).await;
    let connect = async || {
        TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("connected")
    };
    let mut held = connect().await;
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    held.write_all(request).await.expect("sent");
    let served = timeout(PATIENCE, held.read_u8()).await;
    served.expect("in time").expect("a response");
    for _ in 0..50 {
        // A connection that is refused is closed, be it by a reset.
        let mut refused = connect().await;
        let closed = timeout(PATIENCE, refused.read_u8()).await;
        assert!(closed.expect("in time").is_err());
    }
    drop(held);
    let output = terminated(child).await;
    let told = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("too many connections"))
        .collect();
    assert!((1..10).contains(&lines.len()), "{told}");
    assert!(lines[0].contains("\"refused\":1,\"maximum\":1"), "{told}");
}
