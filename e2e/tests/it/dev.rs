//! `portcullis dev`: one command, and what it writes down for scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::arm::Arm;
use e2e::pki::Identity;
use e2e::port;
use e2e::process::Process;
use e2e::tls_client::{Target, Tls};
use e2e::wait;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn one_command_shows_a_gateway_that_lets_in_only_its_clients_and_a_second_start_keeps_it() {
    let directory = TempDir::new().expect("temporary directory");
    let ports = Ports::free();
    let first = Dev::start(directory.path(), &ports);
    first.lets_in_only_the_trusted_client();
    let id = first.text("/gateway/id").to_owned();
    let tagged = first.arm().request(
        "PATCH",
        &id,
        &[],
        Some(&serde_json::json!({"tags": {"kept": "yes"}})),
    );
    assert!(matches!(tagged.status, 200 | 202), "{tagged:?}");
    first.end();

    let second = Dev::start(directory.path(), &ports);
    second.lets_in_only_the_trusted_client();
    let gateway = second.arm().request("GET", &id, &[], None);
    assert_eq!(gateway.body["tags"]["kept"], "yes", "{gateway:?}");
    second.end();
}

#[test]
fn a_taken_port_is_named_before_anything_starts() {
    let directory = TempDir::new().expect("temporary directory");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("listener");
    let mut ports = Ports::free();
    ports.0[0].1 = taken.local_addr().expect("address").port();
    let mut process = ports.start(directory.path());
    let status = wait::until("end", Duration::from_secs(10), || process.ended().ok_or(()));
    assert!(!status.success());
    assert!(
        process.log().contains("choose another with --api-port"),
        "{}",
        process.log()
    );
}

/// The options for all ports, with free ones.
struct Ports([(&'static str, u16); 6]);

impl Ports {
    fn free() -> Self {
        let options = [
            "--api-port",
            "--stream-port",
            "--control-plane-admin-port",
            "--worker-admin-port",
            "--backend-port",
            "--gateway-port",
        ];
        Self(options.map(|option| (option, port::free())))
    }

    fn start(&self, directory: &Path) -> Process {
        let ports = self
            .0
            .iter()
            .flat_map(|(option, port)| [(*option).to_owned(), port.to_string()]);
        let arguments: Vec<String> = std::iter::once("dev".to_owned()).chain(ports).collect();
        Process::start("dev", "portcullis", &arguments, directory)
    }
}

/// A running `portcullis dev` with its `dev.json`.
struct Dev {
    process: Process,
    file: PathBuf,
    manifest: Value,
}

impl Dev {
    fn start(directory: &Path, ports: &Ports) -> Self {
        let file = directory.join(".portcullis/dev.json");
        let mut process = ports.start(directory);
        let manifest = wait::until("dev.json", Duration::from_mins(1), || {
            assert!(process.ended().is_none(), "it ended by itself");
            fs::read(&file).map_err(|error| error.to_string())
        });
        let manifest = serde_json::from_slice(&manifest).expect("dev.json is whole");
        Self {
            process,
            file,
            manifest,
        }
    }

    fn text(&self, pointer: &str) -> &str {
        let text = self.manifest.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {pointer} in {:#}", self.manifest))
    }

    fn arm(&self) -> Arm {
        let arm = Arm::new(
            self.text("/controlPlane/url").to_owned(),
            self.text("/controlPlane/caFile").into(),
        );
        arm.with_authorization(self.text("/controlPlane/authorization"))
    }

    fn lets_in_only_the_trusted_client(&self) {
        let url = self.text("/gateway/httpsUrl");
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        let target = Target {
            host: "localhost",
            port: port.expect("port of the gateway"),
            ca_file: self.text("/gateway/serverCaFile").into(),
        };
        let identity = |client: &str| Identity {
            certificate: self.text(&format!("/{client}/certFile")).into(),
            key: self.text(&format!("/{client}/keyFile")).into(),
        };
        let trusted = target.curl(Tls::V13, Some(&identity("client")), &[]);
        assert_eq!(trusted.status, 200, "{}", trusted.text);
        for refused in [None, Some(identity("untrustedClient"))] {
            let outcome = target.curl(Tls::V13, refused.as_ref(), &[]);
            assert_eq!(outcome.status, 0, "{}", outcome.text);
        }
    }

    fn end(mut self) {
        let status = self.process.interrupt();
        assert!(status.success(), "{status}: {}", self.process.log());
        assert!(!self.file.exists(), "dev.json is removed at the end");
    }
}
