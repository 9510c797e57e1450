//! Walks the demo against a running compose deployment, and kills and restarts its pieces. `cargo xtask compose-test`
//! starts the deployment and then this.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test in the shape of a program: a panic is how it fails"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::Parser;
use e2e::arm::{Arm, gateway_id};
use e2e::document::{self, Listener};
use e2e::pki::{Authority, Identity, Leaf};
use e2e::tls_client::{Outcome, Target, Tls};
use e2e::wait;
use serde_json::json;
use tempfile::TempDir;

const READY: Duration = Duration::from_mins(1);
const GROUP: &str = "compose";
const HOST: &str = "localhost";

#[derive(Parser)]
struct Arguments {
    /// Port of the REST API on loopback
    #[arg(long)]
    api_port: u16,
    /// Published ports of worker-1 and worker-2
    #[arg(long, num_args = 2)]
    worker_ports: Vec<u16>,
    /// The compose command with its project and files
    #[arg(last = true, required = true)]
    compose: Vec<String>,
}

fn main() {
    let arguments = Arguments::parse();
    let directory = TempDir::new().unwrap_or_else(|error| panic!("temporary directory: {error}"));
    let mut walk = Walk::begin(arguments, directory);
    walk.step("gateway made through the API", Walk::create);
    walk.step("worker killed and restarted", Walk::lose_a_worker);
    walk.step(
        "control plane killed and restarted",
        Walk::lose_the_control_plane,
    );
    walk.step("Postgres killed and restarted", Walk::lose_postgres);
}

/// One client CA and a client of it.
struct Clients {
    authority: Authority,
    client: Identity,
}

struct Walk {
    arguments: Arguments,
    _directory: TempDir,
    arm: Arm,
    /// Certificate and key of the listener.
    server_pem: String,
    ca_file: PathBuf,
    /// Those that the gateway trusts now, and those that it does not.
    trusted: Clients,
    refused: Clients,
}

impl Walk {
    fn begin(arguments: Arguments, directory: TempDir) -> Self {
        let path = directory.path();
        let server = Authority::root("Compose Server Root");
        let clients = |name, leaf| {
            let authority = Authority::root(name);
            let client = authority.issue(path, &Leaf::client(leaf), &[]);
            Clients { authority, client }
        };
        for name in ["ca.pem", "bootstrap.json"] {
            let file = format!("/var/lib/portcullis/{name}");
            let content = read(
                &arguments.compose,
                &["exec", "-T", "control-plane", "cat", &file],
            );
            fs::write(path.join(name), content).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        Self {
            arm: Arm::new(
                format!("https://localhost:{}", arguments.api_port),
                path.join("ca.pem"),
            ),
            server_pem: server.server(&[HOST]),
            ca_file: server.write(path, "server-root"),
            trusted: clients("Compose Client Root", "client"),
            refused: clients("Compose Other Root", "stranger"),
            arguments,
            _directory: directory,
        }
    }

    fn step(&mut self, name: &str, run: fn(&mut Self)) {
        run(self);
        println!("compose walk: {name}: ok");
    }

    fn create(&mut self) {
        self.arm.put_group(GROUP);
        self.put();
        self.both_workers_decide();
    }

    fn lose_a_worker(&mut self) {
        self.compose(&["kill", "worker-1"]);
        self.decides(1);
        self.compose(&["start", "worker-1"]);
        self.both_workers_decide();
    }

    fn lose_the_control_plane(&mut self) {
        self.compose(&["kill", "control-plane"]);
        self.both_workers_decide();
        self.compose(&["kill", "worker-2"]);
        self.compose(&["start", "worker-2"]);
        self.both_workers_decide();
        self.compose(&["start", "control-plane"]);
        self.swap_clients();
    }

    fn lose_postgres(&mut self) {
        self.compose(&["kill", "postgres"]);
        self.both_workers_decide();
        self.compose(&["start", "postgres"]);
        self.swap_clients();
    }

    /// A change flows: the CA that was refused is trusted from now on, and the other way round.
    fn swap_clients(&mut self) {
        std::mem::swap(&mut self.trusted, &mut self.refused);
        wait::until("the API", READY, || {
            let answer = self
                .arm
                .try_request("GET", &gateway_id(GROUP, "gw"), &[], None);
            answer.and_then(|answer| {
                if answer.status == 200 {
                    Ok(())
                } else {
                    Err(format!("{answer:?}"))
                }
            })
        });
        self.put();
        self.both_workers_decide();
    }

    fn put(&self) {
        let id = gateway_id(GROUP, "gw");
        let listener = Listener::mutual("mutual", 443, self.trusted.authority.pem());
        let mut body = document::gateway(&id, &self.server_pem, 8080, &[listener]);
        let backends = json!([{ "fqdn": "backend-1" }, { "fqdn": "backend-2" }]);
        let pool =
            body.pointer_mut("/properties/backendAddressPools/0/properties/backendAddresses");
        *pool.unwrap_or_else(|| panic!("no pool in the document")) = backends;
        self.arm.put_in_force(&id, &body);
    }

    fn both_workers_decide(&self) {
        self.decides(0);
        self.decides(1);
    }

    /// The worker lets the trusted client reach both backends, and nobody else in.
    fn decides(&self, worker: usize) {
        let name = format!("worker-{}", worker + 1);
        for backend in ["backend-1", "backend-2"] {
            let what = format!("{backend} through {name}");
            wait::until(&what, READY, || {
                let outcome = self.ask(worker, Some(&self.trusted.client));
                let answered = format!("\"backend\": \"{backend}\"");
                if outcome.status == 200 && outcome.text.contains(&answered) {
                    Ok(())
                } else {
                    Err(outcome)
                }
            });
        }
        for identity in [None, Some(&self.refused.client)] {
            let outcome = self.ask(worker, identity);
            assert_eq!(outcome.status, 0, "{name} let in {identity:?}: {outcome:?}");
            assert!(
                outcome.text.contains("alert"),
                "{name} does not say why: {outcome:?}"
            );
        }
    }

    fn ask(&self, worker: usize, identity: Option<&Identity>) -> Outcome {
        let port = self.arguments.worker_ports.get(worker).copied();
        let target = Target {
            host: HOST,
            port: port.unwrap_or_else(|| panic!("no port of worker {worker}")),
            ca_file: self.ca_file.clone(),
        };
        target.curl(Tls::V13, identity, &[])
    }

    fn compose(&self, arguments: &[&str]) {
        read(&self.arguments.compose, arguments);
    }
}

fn read(compose: &[String], arguments: &[&str]) -> String {
    let [program, words @ ..] = compose else {
        panic!("no compose command")
    };
    let output = Command::new(program).args(words).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{compose:?} {arguments:?}: {output:?}"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
