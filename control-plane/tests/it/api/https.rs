//! The whole control plane on real sockets, seen by curl and openssl.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Output};

use control_plane::{
    app::{self, Running},
    settings::{ServeArgs, Settings},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_clients_accept_the_certificate_of_the_own_authority() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let running = start(&state).await;
    let ca_file = running.ca_file.clone().unwrap();

    let token = sign_in(&running, &state, &ca_file).await;
    let url = format!(
        "{}/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups",
        running.api_url
    );
    for (version, http) in [("--tlsv1.3", "--http2"), ("--tlsv1.2", "--http1.1")] {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--fail",
            version,
            "--tls-max",
            &version[6..],
            http,
            "--cacert",
        ]);
        let answer = output(
            curl.arg(&ca_file)
                .args(["--header", &format!("Authorization: Bearer {token}")])
                .arg(format!("{url}?api-version=2024-11-01")),
        )
        .await;
        assert_eq!(String::from_utf8_lossy(&answer.stdout), r#"{"value":[]}"#);
    }
    let mut verify = Command::new("openssl");
    verify.args([
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "localhost",
        "-CAfile",
    ]);
    output(verify.arg(&ca_file).arg(state.join("api.pem"))).await;
    for private in ["api.key", "bootstrap.json", "ca.key", "master.key"] {
        let mode = fs::metadata(state.join(private))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authority_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let mut seen = Vec::new();
    for _start in 0..2 {
        let running = start(folder.path()).await;
        seen.push((
            fs::read(folder.path().join("ca.pem")).unwrap(),
            fs::read(folder.path().join("api.pem")).unwrap(),
        ));
        running.shutdown().await.unwrap();
    }
    assert!(
        seen[0] == seen[1],
        "the second start issued a certificate again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_port_tells_health_and_metrics() {
    let folder = TempDir::new().unwrap();
    let running = start(folder.path()).await;
    for (path, expected) in [
        ("healthz", "ok"),
        ("readyz", "ready"),
        ("metrics", "portcullis_api_panics_total 0"),
    ] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail"]);
        let answer = output(curl.arg(format!("http://{}/{path}", running.admin_address))).await;
        assert!(
            String::from_utf8_lossy(&answer.stdout).contains(expected),
            "{path}"
        );
    }
    running.shutdown().await.unwrap();
}

async fn start(state_dir: &Path) -> Running {
    let args = ServeArgs {
        listen: "127.0.0.1:0".to_owned(),
        state_dir: state_dir.to_owned(),
        stream_listen: "127.0.0.1:0".to_owned(),
        stream_allow_plaintext: true,
        admin_listen: "127.0.0.1:0".to_owned(),
        ..ServeArgs::default()
    };
    app::start(Settings::check(args).unwrap()).await.unwrap()
}

async fn output(command: &mut Command) -> Output {
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// A token of the first owner, from the token endpoint.
async fn sign_in(running: &Running, state: &Path, ca_file: &Path) -> String {
    let owner = fs::read(state.join("bootstrap.json")).unwrap();
    let owner: Value = serde_json::from_slice(&owner).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--cacert"]);
    curl.arg(ca_file)
        .args(["--data", "grant_type=client_credentials"]);
    for (field, member) in [("client_id", "clientId"), ("client_secret", "clientSecret")] {
        let value = owner[member].as_str().unwrap();
        curl.args(["--data-urlencode", &format!("{field}={value}")]);
    }
    let tenant = owner["tenantId"].as_str().unwrap();
    curl.arg(format!("{}/{tenant}/oauth2/v2.0/token", running.api_url));
    let answer: Value = serde_json::from_slice(&output(&mut curl).await.stdout).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}
