//! A change that a worker cannot put in force fails in the open, and what was in force stays.

use std::net::TcpListener;

use e2e::arm::gateway_id;
use e2e::deployment::{Database, Deployment};
use e2e::document::{self, Listener};
use e2e::pki::{Authority, Leaf};
use e2e::port;
use e2e::tls_client::{Target, Tls};

#[test]
fn a_port_that_is_taken_fails_the_operation_and_the_old_configuration_serves() {
    let deployment = Deployment::start(&Database::Sqlite, 1);
    let directory = deployment.directory();
    let root = Authority::root("Client Root");
    let server = Authority::root("Server Root");
    let server_pem = server.server(&["site.example"]);
    let client = root.issue(directory, &Leaf::client("trusted"), &[]);
    let id = gateway_id("refusal", "gw");
    let good = Listener::mutual("good", port::free(), root.pem());
    let target = Target {
        host: "site.example",
        port: good.port,
        ca_file: server.write(directory, "server-root"),
    };
    deployment.arm.put_group("refusal");
    let document = |listeners: &[Listener]| {
        document::gateway(&id, &server_pem, deployment.backend_port, listeners)
    };
    deployment
        .arm
        .put_in_force(&id, &document(std::slice::from_ref(&good)));

    let foreign = TcpListener::bind("127.0.0.1:0").expect("a port of somebody else");
    let taken = foreign.local_addr().expect("its address").port();
    let end = deployment.arm.put(
        &id,
        &document(&[good.clone(), Listener::https("taken", taken)]),
    );
    assert_eq!(end["status"], "Failed", "{end:#}");
    let said = end["error"].to_string();
    for part in [
        "worker-1",
        "frontendPorts/taken",
        "port",
        &taken.to_string(),
    ] {
        assert!(said.contains(part), "{part} is not in {end:#}");
    }
    let answer = target.curl(Tls::V13, Some(&client), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(target.curl(Tls::V13, None, &[]).status, 0);
    let shown = deployment.arm.request("GET", &id, &[], None).body;
    assert_eq!(
        shown["properties"]["provisioningState"], "Failed",
        "{shown:#}"
    );

    drop(foreign);
    deployment.arm.put_in_force(
        &id,
        &document(&[good, Listener::https("other", port::free())]),
    );
}
