//! No secret of a run is where it must not be: in the database, in files, in logs, in replies, or on the disk of a worker.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use e2e::arm::Arm;
use e2e::deployment::{Database, Setup};
use e2e::document;
use e2e::leak::{Secrets, files, private_number};
use e2e::pki::{Authority, Identity, Leaf};
use e2e::site::{HOST, LISTENER, Site};
use e2e::tls_client::{Target, Tls};
use e2e::wait;
use rcgen::KeyPair;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres;

/// In names, and so in logs, documents and replies: what shows that the search reaches them.
const CANARY: &str = "canary-8d1f6a3be94c";
const PFX_PASSWORD: &str = "pfx-password-0a7d91c2e4";
const WRONG_PASSWORD: &str = "wrong-password-b81f0c7735";
const WRONG_SECRET: &str = "wrong-client-secret-5fd2e19a60c4b7";
const DATABASE_PASSWORD: &str = "database-password-93be07f1";

#[test]
fn no_secret_leaks_with_sqlite() {
    Run::start(&Database::Sqlite, None).check();
}

#[test]
fn no_secret_leaks_with_postgres() {
    let url = postgres::new_database("secrets");
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (user, server) = rest.split_once('@').expect("a user in the URL");
    let user = user.split(':').next().unwrap_or_default();
    // The server of the tests trusts everybody and does not look at it.
    let with_password = format!("{scheme}://{user}:{DATABASE_PASSWORD}@{server}");
    Run::start(&Database::Postgres(with_password), Some(url)).check();
}

struct Run {
    site: Site,
    /// Where the owners of secrets keep them: not searched.
    _outside: TempDir,
    secrets: Secrets,
    /// The one that the listener shows to clients.
    server: ServerKey,
    client: Identity,
    /// What the command for another master key prints.
    other_key: PathBuf,
    /// For `pg_dump`.
    postgres: Option<String>,
}

/// A server certificate in a PFX file.
struct ServerKey {
    ca_file: PathBuf,
    /// DER in the file of the certificate, which is no secret and in the database.
    certificate: Vec<u8>,
    pfx: Vec<u8>,
}

impl Run {
    fn start(database: &Database, postgres: Option<String>) -> Self {
        let outside = TempDir::new().expect("temporary directory");
        let other_key = outside.path().join("other.key");
        fs::write(&other_key, random_key()).expect("writable folder");
        let logs = "debug,control_plane=trace,data_plane=trace";
        let setup = Setup::new(database.clone(), 1)
            .control_plane_flag("--log-filter", logs)
            .control_plane_flag(
                "--previous-master-key-command",
                &format!("cat {}", other_key.display()),
            )
            .worker_flag("--log-filter", logs);
        let mut site = Site::start(CANARY, &setup);
        let replies = site.directory().join("api-replies");
        site.deployment.arm = site.deployment.arm.recorded_in(replies);
        let mut secrets = Secrets::default();
        secrets.add("password of the database", DATABASE_PASSWORD.as_bytes());
        let next = STANDARD.decode(read(&other_key)).expect("base64");
        secrets.add("next master key", &next);
        secrets.add_any_key();
        let server = server_key(outside.path(), &mut secrets);
        let client = site.root.issue(outside.path(), &Leaf::client(CANARY), &[]);
        secrets.add_key("key of the client", &read(&client.key));
        Self {
            site,
            _outside: outside,
            secrets,
            server,
            client,
            other_key,
            postgres,
        }
    }

    fn check(mut self) {
        self.sign_in();
        self.put_gateway();
        self.use_gateway();
        self.send_what_is_refused();
        self.make_service_principal();
        self.take_key_files();
        self.search("while it runs");

        self.site.deployment.kill_control_plane();
        self.site.deployment.kill_worker(0);
        self.site.deployment.start_worker(0);
        self.site.deployment.workers[0].wait_until_ready();
        self.use_gateway();
        self.search("after a start of the worker from its disk");

        self.site.deployment.start_control_plane();
        self.rotate_master_key();
        self.search("after a rotation of the master key");
        self.site.deployment.control_plane().terminate();
        let worker = self.site.deployment.workers[0].process.as_mut();
        worker.expect("the worker runs").terminate();
        self.search("after the end");
        self.start_with_another_master_key();
        self.search("after a start with another master key");
    }

    fn arm(&self) -> &Arm {
        &self.site.deployment.arm
    }

    fn sign_in(&mut self) {
        let owner = self.site.directory().join("control-plane/bootstrap.json");
        let owner: Value = serde_json::from_str(&read(&owner)).expect("JSON");
        let secret = owner["clientSecret"].as_str().expect("a secret");
        self.secrets
            .add("secret of the first owner", secret.as_bytes());
        let header = self.arm().authorization().expect("a token");
        self.add_token("token of the first owner", &header);
        let wrong = json!({
            "tenantId": owner["tenantId"], "clientId": owner["clientId"], "clientSecret": WRONG_SECRET,
        });
        self.secrets
            .add("wrong client secret", WRONG_SECRET.as_bytes());
        let refused = self.arm().token(&wrong).expect_err("no token");
        self.keep_reply(&refused);
    }

    /// A token leaks by its signature already.
    fn add_token(&mut self, name: &str, token: &str) {
        let signature = token.rsplit('.').next().unwrap_or_default();
        self.secrets.add(name, signature.as_bytes());
    }

    fn put_gateway(&mut self) {
        let second = Authority::root("Second Root").server(&["second.example"]);
        self.secrets.add_key("key of a PEM upload", &second);
        let pfx = STANDARD.encode(&self.server.pfx);
        self.site.put(|document| {
            document["tags"] = json!({ "canary": CANARY });
            let certificates = &mut document["properties"]["sslCertificates"];
            certificates[0]["properties"] = json!({"data": pfx, "password": PFX_PASSWORD});
            let second = json!({"name": "second", "properties": {"data": STANDARD.encode(second)}});
            certificates.as_array_mut().expect("a list").push(second);
        });
        let answer = self.arm().request("GET", &self.site.id, &[], None);
        assert_eq!(answer.status, 200, "{answer:#?}");
    }

    fn use_gateway(&self) {
        let target = Target {
            host: HOST,
            port: self.site.port(),
            ca_file: self.server.ca_file.clone(),
        };
        for tls in Tls::ALL {
            let served = target.curl(tls, Some(&self.client), &[]);
            assert_eq!(served.status, 200, "{}", served.text);
            let refused = target.curl(tls, None, &[]);
            assert_eq!(refused.status, 0, "{}", refused.text);
        }
        if self.site.deployment.control_plane.is_some() {
            let chain = read(&self.client.certificate);
            let profile = document::profile_name(LISTENER);
            self.arm().explain(&self.site.id, &profile, &chain);
        }
        let metrics = self.site.deployment.workers[0].admin("/metrics");
        self.keep_reply(&metrics.expect("metrics"));
    }

    fn send_what_is_refused(&mut self) {
        let id = self.site.id.clone();
        let pem = Authority::root("Refused Root").server(&["refused.example"]);
        self.secrets.add_key("key of a refused upload", &pem);
        self.secrets
            .add("wrong password", WRONG_PASSWORD.as_bytes());
        let pfx = STANDARD.encode(&self.server.pfx);
        let put = |path: &str, properties: Value| {
            let body = json!({ "properties": properties });
            let answer = self
                .arm()
                .request("PUT", &format!("{id}/{path}"), &[], Some(&body));
            assert_eq!(answer.status, 400, "{path}: {answer:#?}");
        };
        put(
            "sslCertificates/third",
            json!({"data": pfx, "password": WRONG_PASSWORD}),
        );
        put(
            "sslCertificates/third",
            json!({"data": pem, "password": [WRONG_PASSWORD]}),
        );
        put(
            "sslCertificates/third",
            json!({"data": {"pem": pem}, "password": 7}),
        );
        put(
            "sslCertificates/third",
            json!({"data": &pem[pem.len() / 2..]}),
        );
        put(
            "sslCertificates/third",
            json!({"data": pem, "passphrase": WRONG_PASSWORD}),
        );
        put(
            "trustedClientCertificates/third",
            json!({"data": STANDARD.encode(&pem)}),
        );
        put(
            "trustedRootCertificates/third",
            json!({"data": STANDARD.encode(&pem)}),
        );
        let quoted = Value::from(pem.as_str()).to_string();
        for body in [
            format!(
                "{{\"properties\": {{\"sslCertificates\": [{{\"properties\": {{\"data\": {quoted}"
            ),
            format!("{{\"properties\": {quoted}}}"),
            format!("{{\"tags\": {{\"key\": [{quoted}]}}}}"),
            pem.clone(),
        ] {
            let answer = self
                .arm()
                .request_raw("PUT", &id, "application/json", body.as_bytes());
            assert_eq!(answer.status, 400, "{answer:#?}");
        }
        let stranger = self
            .arm()
            .with_authorization(&format!("Bearer {WRONG_SECRET}"));
        let refused = stranger.request("GET", &id, &[], None);
        assert_eq!(refused.status, 401, "{refused:#?}");
    }

    fn make_service_principal(&mut self) {
        let id = format!("/providers/Portcullis.Security/servicePrincipals/{CANARY}");
        let body = json!({"properties": {"displayName": CANARY}});
        let made = self.arm().request("PUT", &id, &[], Some(&body));
        assert_eq!(made.status, 201, "{made:#?}");
        // Its reply is the one place where the password is shown.
        let arm = self.arm().unrecorded();
        let action = format!("{id}/addPassword");
        let added = arm.request("POST", &action, &[], Some(&json!({})));
        let secret = &added.body["secretText"];
        let text = secret.as_str().unwrap_or_else(|| panic!("{added:#?}"));
        self.secrets
            .add("password of a service principal", text.as_bytes());
        let shown = self.arm().request("GET", &id, &[], None);
        assert_eq!(shown.status, 200, "{shown:#?}");
        let owner = self.site.directory().join("control-plane/bootstrap.json");
        let owner: Value = serde_json::from_str(&read(&owner)).expect("JSON");
        let client = json!({
            "tenantId": owner["tenantId"],
            "clientId": shown.body["properties"]["appId"],
            "clientSecret": secret,
        });
        let token = self.arm().token(&client).expect("a token");
        self.add_token("token of a service principal", &token);
        let principal = self.arm().with_authorization(&format!("Bearer {token}"));
        let denied = principal.request("GET", &self.site.id, &[], None);
        assert!(matches!(denied.status, 403 | 404), "{denied:#?}");
    }

    /// What the programs keep in files of their own is a secret, too, everywhere else.
    fn take_key_files(&mut self) {
        for file in self.key_files() {
            let name = file.display().to_string();
            let text = read(&file);
            if text.contains("PRIVATE KEY") {
                self.secrets.add_key(&name, &text);
            } else if let Some(token) = text.trim().strip_prefix("pjt1.") {
                let token = URL_SAFE_NO_PAD.decode(token).expect("a join token");
                // Between the worker's identity and the hash of the CA's key.
                self.secrets.add(&name, &token[16..48]);
            } else if let Ok(key) = STANDARD.decode(text.trim()) {
                self.secrets.add(&name, &key);
            }
        }
    }

    /// Files that hold secrets for one owner: readable by nobody else.
    fn key_files(&self) -> Vec<PathBuf> {
        let is_key = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default();
            let ending = file.extension().unwrap_or_default();
            name == "bootstrap.json" || ending == "key" || ending == "token"
        };
        let found: Vec<PathBuf> = files(self.site.directory())
            .into_iter()
            .filter(is_key)
            .collect();
        for file in &found {
            let mode = fs::metadata(file).expect("a file").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", file.display());
        }
        found
    }

    fn keep_reply(&self, text: &str) {
        let file = self.site.directory().join("api-replies");
        let before = fs::read(&file).unwrap_or_default();
        fs::write(&file, [&before, text.as_bytes()].concat()).expect("writable file");
    }

    /// Looks through everything, and makes sure that it does.
    fn search(&self, when: &str) {
        let directory = self.site.directory();
        let worker = directory.join("worker-1");
        // Lines of the access log are written some time after their requests.
        let access_log = directory.join("worker-1-access.log");
        wait::until("a line in the access log", Duration::from_secs(20), || {
            let text = fs::read_to_string(&access_log).unwrap_or_default();
            if text.contains(CANARY) {
                Ok(())
            } else {
                Err(text)
            }
        });
        let state = files(&worker);
        assert!(!state.is_empty(), "{when}: the worker has saved its state");
        let planted = worker.join("planted");
        fs::write(&planted, STANDARD.encode(format!("x{CANARY}"))).expect("writable folder");
        let dump = self.postgres.as_deref().map(dump);
        let everywhere = |secrets: &Secrets| {
            let mut found = secrets.find_in_files(directory, &self.key_files());
            let dumped = dump.as_deref().map(|dump| secrets.find(dump));
            let dumped = dumped.unwrap_or_default().into_iter();
            found.extend(dumped.map(|secret| format!("dump: {secret}")));
            found
        };

        let mut canaries = Secrets::default();
        canaries.add("canary", CANARY.as_bytes());
        canaries.add("certificate", &self.server.certificate);
        let found = everywhere(&canaries);
        fs::remove_file(&planted).expect("a file");
        let database = if dump.is_some() {
            "dump"
        } else {
            "portcullis.db"
        };
        for (place, what) in [
            (database, "canary (plain)"),
            (database, "certificate ("),
            ("api-replies", "canary (plain)"),
            ("control-plane.log", "canary (plain)"),
            ("worker-1.log", "canary (plain)"),
            ("worker-1-access.log", "canary (plain)"),
            ("planted", "canary (base64)"),
        ] {
            let is_it = |line: &String| line.contains(place) && line.contains(what);
            assert!(
                found.iter().any(is_it),
                "{when}: no {what} in {place}: {found:#?}"
            );
        }

        let leaks = everywhere(&self.secrets);
        assert_eq!(leaks, BTreeSet::new(), "{when}");
    }

    /// The next key, which could open from the start, becomes the current one; then the old one is forgotten.
    fn rotate_master_key(&mut self) {
        let file = self.site.directory().join("pki/control-plane/master.key");
        let (old, new) = (read(&file), read(&self.other_key));
        for (step, other) in [("sealed anew", &old), ("forgotten", &new)] {
            fs::write(&file, &new).expect("writable file");
            fs::write(&self.other_key, other).expect("writable file");
            self.site.deployment.control_plane().terminate();
            self.site.deployment.start_control_plane();
            wait::until(step, Duration::from_secs(20), || {
                self.all_under_current_key()
            });
            let step = step.to_owned();
            let tags = json!({ "tags": {"canary": CANARY, "step": step} });
            let id = &self.site.id;
            let answer = self.arm().request("PATCH", id, &[], Some(&tags));
            assert!(matches!(answer.status, 200 | 202), "{answer:#?}");
            // Gets all from the control plane.
            self.site.deployment.kill_worker(0);
            let state = self.site.directory().join("worker-1/last-known-good");
            fs::remove_file(&state).expect("the state of the worker");
            self.site.deployment.start_worker(0);
            self.site.deployment.workers[0].wait_until_ready();
            self.use_gateway();
            wait::until("state of the worker", Duration::from_secs(10), || {
                state.exists().then_some(()).ok_or("there is none")
            });
        }
    }

    fn all_under_current_key(&self) -> Result<(), String> {
        let process = self.site.deployment.control_plane.as_ref();
        let line = process
            .expect("control plane is running")
            .wait_for_log(&["the control plane serves"]);
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let address = line["admin_address"].as_str().expect("an address");
        let output = Command::new("curl")
            .args(["--silent", &format!("http://{address}/metrics")])
            .output()
            .expect("run curl");
        let page = String::from_utf8_lossy(&output.stdout).into_owned();
        let of = |key: &str| {
            let name = format!("portcullis_seal_envelopes{{key=\"{key}\"}} ");
            page.lines()
                .find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok())
        };
        let counts = (of("current"), of("other"), of("missing"));
        match counts {
            (Some(1..), Some(0), Some(0)) => Ok(()),
            _ => Err(format!("{counts:?}")),
        }
    }

    /// Without the key that sealed it, the database is of no use, and the start says which key is missing.
    fn start_with_another_master_key(&self) {
        let file = self.site.directory().join("pki/control-plane/master.key");
        for file in [&file, &self.other_key] {
            fs::write(file, STANDARD.encode([7; 32])).expect("writable file");
        }
        let mut process = self.site.deployment.spawn_control_plane();
        let status = wait::until("end of the control plane", Duration::from_secs(20), || {
            process.ended().ok_or_else(|| process.log())
        });
        assert!(!status.success(), "{status}");
        let log = process.log();
        let reason = "sealed with master keys that are not given: ";
        assert!(log.contains(reason), "{log}");
    }
}

/// Makes a server certificate, packs it as clients do, and adds what of that is secret.
fn server_key(directory: &Path, secrets: &mut Secrets) -> ServerKey {
    let root = Authority::root("Server Root");
    let pem = root.server(&[HOST]);
    let (source, target) = (directory.join("server.pem"), directory.join("server.pfx"));
    fs::write(&source, &pem).expect("writable folder");
    let output = Command::new("openssl")
        .args([
            "pkcs12",
            "-export",
            "-passout",
            &format!("pass:{PFX_PASSWORD}"),
            "-in",
        ])
        .arg(&source)
        .arg("-out")
        .arg(&target)
        .output()
        .expect("run openssl");
    assert!(output.status.success(), "{output:?}");
    let pfx = fs::read(&target).expect("a PFX file");
    secrets.add_key("key of a PFX upload", &pem);
    secrets.add("password of a PFX upload", PFX_PASSWORD.as_bytes());
    let middle = pfx.len() / 2;
    secrets.add("content of a PFX upload", &pfx[middle..middle + 48]);
    let certificate: String = pem
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("-----"))
        .collect();
    ServerKey {
        ca_file: root.write(directory, "server-root"),
        certificate: STANDARD.decode(certificate).expect("base64"),
        pfx,
    }
}

fn dump(url: &str) -> Vec<u8> {
    let output = Command::new("pg_dump")
        .arg(url)
        .output()
        .expect("run pg_dump");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// 32 bytes in base64.
fn random_key() -> String {
    let key = KeyPair::generate().expect("key");
    STANDARD.encode(private_number(&key.serialize_pem()))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("a text file")
}
