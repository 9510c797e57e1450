//! Workers join, restart and renew, and each that may not is refused with a reason in both logs.

use e2e::arm::group_id;
use e2e::deployment::{Database, Deployment, Setup};

/// How the control plane tells that there was no certificate for a worker.
const NO_CERTIFICATE: &str = "a worker got no certificate";

/// A deployment with one worker that has joined.
fn deployment() -> Deployment {
    Deployment::start(&Database::Sqlite, 1)
}

#[test]
fn a_worker_joins_once_and_restarts_without_its_token() {
    let mut deployment = deployment();
    let line = deployment
        .control_plane()
        .wait_for_log(&["a worker joined", "worker-1"]);
    assert!(line.contains("serial"), "{line}");
    std::fs::remove_file(deployment.directory().join("worker-1.token")).expect("the token");
    deployment.kill_worker(0);
    deployment.start_worker(0);
    deployment.workers[0].wait_until_ready();
    let log = deployment.workers[0].process().log();
    let joined = log.matches("joined the control plane").count();
    assert_eq!(joined, 1, "{log}");
}

#[test]
fn a_token_that_was_used_is_refused() {
    let mut deployment = deployment();
    let token = deployment.directory().join("worker-1.token");
    std::fs::remove_file(deployment.directory().join("worker-1/identity")).expect("identity");
    deployment.kill_worker(0);
    deployment.start_worker(0);
    let worker = deployment.workers[0].process();
    worker.wait_for_log(&["WARN", "PermissionDenied", "the join token is not taken"]);
    let told = "the join token of the worker identity worker-1 was used already";
    deployment
        .control_plane()
        .wait_for_log(&[NO_CERTIFICATE, "worker-1", told]);
    assert!(token.exists());
}

#[test]
fn a_wrong_token_and_one_of_another_worker_are_refused_alike() {
    let mut deployment = deployment();
    let stream = deployment.stream_port;
    let old = deployment.join_token("replaced", &["/"], &[]);
    let wrong = deployment.directory().join("old.token");
    std::fs::rename(&old, &wrong).expect("the token");
    deployment.join_token("replaced", &["/"], &[]);
    let of_other = deployment.join_token("owner", &["/"], &[]);
    for (name, token, told) in [
        (
            "replaced",
            &wrong,
            "is not that of the newest join token of the worker identity replaced",
        ),
        (
            "thief",
            &of_other,
            "is of the worker identity owner, not of this worker",
        ),
    ] {
        let index = deployment.add_worker(name, token, stream);
        let worker = deployment.workers[index].process();
        worker.wait_for_log(&["WARN", "PermissionDenied: the join token is not taken; "]);
        deployment
            .control_plane()
            .wait_for_log(&[NO_CERTIFICATE, name, told]);
        assert!(deployment.workers[index].admin("/readyz").is_err());
    }
}

#[test]
fn a_worker_that_asks_for_more_than_its_scopes_gets_nothing() {
    let mut deployment = deployment();
    let stream = deployment.stream_port;
    let token = deployment.join_token("narrow", &[&group_id("mine")], &[]);
    let index = deployment.add_worker("narrow", &token, stream);
    let told = "is not within the scopes of the worker identity narrow";
    let worker = deployment.workers[index].process();
    worker.wait_for_log(&["WARN", "PermissionDenied", told]);
    deployment
        .control_plane()
        .wait_for_log(&["a worker was not let in", told]);
    assert!(deployment.workers[index].admin("/readyz").is_err());
}

#[test]
fn the_identity_of_another_worker_is_of_no_use() {
    let mut deployment = deployment();
    let stream = deployment.stream_port;
    let token = deployment.join_token("thief", &["/"], &[]);
    let index = deployment.add_worker("thief", &token, stream);
    deployment.workers[index].wait_until_ready();
    deployment.kill_worker(index);
    let [mine, yours] = ["thief", "worker-1"].map(|name| deployment.directory().join(name));
    std::fs::copy(yours.join("identity"), mine.join("identity")).expect("stolen");
    deployment.start_worker(index);
    let worker = deployment.workers[index].process();
    worker.wait_for_log(&["cannot be unsealed with this key for this worker"]);
}

#[test]
fn a_man_in_the_middle_without_the_authority_hears_no_token() {
    let mut deployment = deployment();
    let mut middle = Deployment::start(&Database::Sqlite, 0);
    let token = deployment.join_token("victim", &["/"], &[]);
    let index = deployment.add_worker("victim", &token, middle.stream_port);
    let told = "does not come from the CA that the join token names";
    let worker = deployment.workers[index].process();
    worker.wait_for_log(&["WARN", told]);
    // The token is as good as new.
    deployment.kill_worker(index);
    let log = middle.control_plane().log();
    assert!(
        !log.contains(NO_CERTIFICATE) && !log.contains("victim"),
        "{log}"
    );
    let stream = deployment.stream_port;
    let index = deployment.add_worker("victim", &token, stream);
    deployment.workers[index].wait_until_ready();
}

#[test]
fn a_certificate_is_renewed_in_time_and_refused_once_it_has_ended() {
    let setup = Setup::new(Database::Sqlite, 1);
    let mut deployment = setup
        .control_plane_flag("--worker-certificate-lifetime", "6s")
        .start();
    deployment.workers[0]
        .process()
        .wait_for_log(&["INFO", "certificate renewed"]);
    deployment
        .control_plane()
        .wait_for_log(&["a worker's certificate was renewed", "worker-1"]);
    deployment.workers[0].wait_until_ready();
    deployment.kill_control_plane();
    let worker = deployment.workers[0].process();
    worker.wait_for_log(&["ERROR", "certificate has ended", "needs a new join token"]);
    deployment.start_control_plane();
    deployment
        .control_plane()
        .wait_for_log(&["a worker's certificate was refused", "certificate expired"]);
    let worker = deployment.workers[0].process();
    worker.wait_for_log(&["CertificateExpired"]);
    // A new token in the same file, and a restart.
    deployment.join_token("worker-1", &["/"], &["--rejoin"]);
    deployment.kill_worker(0);
    deployment.start_worker(0);
    let joined = ["a worker joined", "worker-1"];
    deployment.control_plane().wait_for_log(&joined);
    deployment.workers[0].wait_until_ready();
}
