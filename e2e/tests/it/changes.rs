//! A change comes into force at once, and touches nothing that it does not concern.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use e2e::arm::gateway_id;
use e2e::deployment::{Database, Deployment};
use e2e::document::{self, Listener};
use e2e::keep_alive::KeepAlive;
use e2e::pki::{Authority, Leaf};
use e2e::port;
use e2e::tls_client::{Target, Tls};

#[test]
fn a_swapped_client_ca_is_in_force_when_the_operation_says_so_and_others_lose_no_request() {
    let deployment = Deployment::start(&Database::Sqlite, 1);
    let directory = deployment.directory();
    let (old_root, new_root) = (Authority::root("Old Root"), Authority::root("New Root"));
    let server = Authority::root("Server Root");
    let server_pem = server.server(&["site.example"]);
    let old = old_root.issue(directory, &Leaf::client("old"), &[]);
    let new = new_root.issue(directory, &Leaf::client("new"), &[]);
    let id = gateway_id("changes", "gw");
    let listeners = |ca: &Authority, port, untouched| {
        [
            Listener::mutual("mtls", port, ca.pem()),
            Listener::https("untouched", untouched),
        ]
    };
    let (port, untouched) = (port::free(), port::free());
    let ca_file = server.write(directory, "server-root");
    let target = Target {
        host: "site.example",
        port,
        ca_file: ca_file.clone(),
    };
    deployment.arm.put_group("changes");
    let put = |ca: &Authority| {
        let body = document::gateway(
            &id,
            &server_pem,
            deployment.backend_port,
            &listeners(ca, port, untouched),
        );
        deployment.arm.put_in_force(&id, &body);
    };
    put(&old_root);

    let stop = AtomicBool::new(false);
    let answers = AtomicUsize::new(0);
    thread::scope(|scope| {
        let load: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = KeepAlive::open("site.example", untouched, &ca_file);
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(connection.get("/").expect("a request of the load"), 200);
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for round in 0..5 {
            let (ca, inside, outside) = if round % 2 == 0 {
                (&new_root, &new, &old)
            } else {
                (&old_root, &old, &new)
            };
            put(ca);
            let answer = target.curl(Tls::V13, Some(inside), &[]);
            assert_eq!(answer.status, 200, "round {round}: {}", answer.text);
            let answer = target.curl(Tls::V13, Some(outside), &[]);
            assert_eq!(answer.status, 0, "round {round}: {}", answer.text);
        }
        stop.store(true, Ordering::Relaxed);
        for thread in load {
            thread.join().expect("the load lost a request");
        }
    });
    assert!(
        answers.load(Ordering::Relaxed) > 50,
        "the load did not run: {answers:?}"
    );
}
