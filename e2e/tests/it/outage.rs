//! Either plane dies; traffic that was allowed goes on, and nothing else gets in.

use e2e::arm::gateway_id;
use e2e::deployment::{Database, Deployment};
use e2e::document::{self, Listener};
use e2e::pki::{Authority, Leaf};
use e2e::port;
use e2e::tls_client::{Target, Tls};
use e2e::wait;
use std::time::Duration;

#[test]
fn traffic_survives_the_loss_of_the_control_plane_and_a_restart_without_it() {
    let mut deployment = Deployment::start(&Database::Sqlite, 1);
    let directory = deployment.directory().to_owned();
    let root = Authority::root("Client Root");
    let server = Authority::root("Server Root");
    let server_pem = server.server(&["site.example"]);
    let client = root.issue(&directory, &Leaf::client("trusted"), &[]);
    let id = gateway_id("outage", "gw");
    let listener = Listener::mutual("mtls", port::free(), root.pem());
    let target = Target {
        host: "site.example",
        port: listener.port,
        ca_file: server.write(&directory, "server-root"),
    };
    let check = |when: &str| {
        let answer = target.curl(Tls::V13, Some(&client), &[]);
        assert_eq!(answer.status, 200, "{when}: {}", answer.text);
        assert_eq!(
            target.curl(Tls::V13, None, &[]).status,
            0,
            "{when}: a client without certificate got in"
        );
    };
    deployment.arm.put_group("outage");
    let put = document::gateway(
        &id,
        &server_pem,
        deployment.backend_port,
        std::slice::from_ref(&listener),
    );
    deployment.arm.put_in_force(&id, &put);
    check("at first");

    deployment.kill_control_plane();
    check("control plane gone");

    deployment.kill_worker(0);
    deployment.start_worker(0);
    deployment.workers[0].wait_until_ready();
    check("worker restarted without control plane");

    deployment.start_control_plane();
    let other = Authority::root("Other Client Root");
    let newcomer = other.issue(&directory, &Leaf::client("newcomer"), &[]);
    let listener = Listener {
        client_ca: Some(other.pem().to_owned()),
        ..listener
    };
    let changed = document::gateway(&id, &server_pem, deployment.backend_port, &[listener]);
    // The worker's back-off may still run: until it is back the change is accepted, and in force once it is.
    deployment.arm.put_in_force(&id, &changed);
    wait::until("the change on the worker", Duration::from_secs(20), || {
        let answer = target.curl(Tls::V13, Some(&newcomer), &[]);
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer)
        }
    });
    assert_eq!(
        target.curl(Tls::V13, Some(&client), &[]).status,
        0,
        "the old client still gets in"
    );
}

#[test]
fn no_stranger_gets_in_while_a_worker_starts() {
    let mut deployment = Deployment::start(&Database::Sqlite, 1);
    let directory = deployment.directory().to_owned();
    let root = Authority::root("Client Root");
    let server = Authority::root("Server Root");
    let stranger = Authority::root("Stranger").issue(&directory, &Leaf::client("stranger"), &[]);
    let id = gateway_id("start", "gw");
    let listener = Listener::mutual("mtls", port::free(), root.pem());
    let target = Target {
        host: "site.example",
        port: listener.port,
        ca_file: server.write(&directory, "server-root"),
    };
    deployment.arm.put_group("start");
    let body = document::gateway(
        &id,
        &server.server(&["site.example"]),
        deployment.backend_port,
        &[listener],
    );
    deployment.arm.put_in_force(&id, &body);
    for round in 0..10 {
        if round == 5 {
            deployment.kill_control_plane();
        }
        deployment.kill_worker(0);
        deployment.start_worker(0);
        wait::until("readiness", Duration::from_secs(20), || {
            let answer = target.curl(Tls::V13, Some(&stranger), &[]);
            assert_eq!(answer.status, 0, "round {round}: {}", answer.text);
            deployment.workers[0].admin("/readyz")
        });
        let answer = target.curl(Tls::V13, Some(&stranger), &[]);
        assert_eq!(answer.status, 0, "round {round}: {}", answer.text);
        assert!(
            answer.text.to_lowercase().contains("unknown ca"),
            "round {round}: {}",
            answer.text
        );
    }
}
