//! Identity headers of clients never reach a backend.

use e2e::deployment::{Database, Setup};
use e2e::document::Listener;
use e2e::pki::Identity;
use e2e::port;
use e2e::site::{HOST, Site};
use e2e::tls_client::{Target, Tls};
use serde_json::Value;

use super::{VARIABLES, device, echoed, rewrite};

/// In no certificate and no answer of the gateway.
const LIE: &str = "spoofed";

/// Header fields that the gateway sets or could set.
fn reserved() -> Vec<&'static str> {
    let fixed = [
        "client-cert",
        "client-cert-chain",
        "x-forwarded-client-cert",
    ];
    fixed
        .into_iter()
        .chain(VARIABLES.iter().map(|(header, _)| *header))
        .collect()
}

// T-60, T-61, T-62, T-63
#[test]
fn spoofed_identity_headers_are_removed_on_every_listener_and_over_both_http_versions() {
    let mut site = Site::start("spoofing", &Setup::new(Database::Sqlite, 1));
    let device = device(&site);
    let (https, http) = (port::free(), port::free());
    site.listeners.push(Listener::https("https", https));
    site.listeners.push(Listener::http("http", http));
    site.put(|document| rewrite(document, &site.id));
    let https = site.target_at(HOST, https);
    let targets: [(&Target<'_>, Option<_>); 2] = [(&site.target(), Some(&device)), (&https, None)];
    for (target, identity) in targets {
        for version in ["--http1.1", "--http2"] {
            let lies = lies();
            let lies: Vec<&str> = lies.iter().map(String::as_str).collect();
            let arguments = [&[version], &lies[..]].concat();
            let answer = target.curl(Tls::V13, identity, &arguments);
            assert_eq!(answer.status, 200, "{}", answer.text);
            check(&echoed(&answer.text));
            // HTTP/2 has no Connection (RFC 9113, 8.2.2).
            if version == "--http1.1" {
                connection_takes_nothing_away(target, identity);
            }
            for twin in twins() {
                let header = format!("{twin}: {LIE}");
                let answer = target.curl(Tls::V13, identity, &[version, "--header", &header]);
                assert_eq!(answer.status, 400, "{twin}: {}", answer.text);
            }
        }
    }
    plain(http);
}

/// `Connection` may not name what only the gateway sets, and does not remove what a rewrite sets.
#[track_caller]
fn connection_takes_nothing_away(target: &Target<'_>, identity: Option<&Identity>) {
    let ask = |named: &str| {
        let header = format!("Connection: {named}");
        target.curl(Tls::V13, identity, &["--http1.1", "--header", &header])
    };
    let answer = ask("client-cert");
    assert_eq!(answer.status, 400, "{}", answer.text);
    let answer = ask("x-client-subject");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let headers = echoed(&answer.text);
    assert_eq!(
        headers["x-client-subject"].is_string(),
        identity.is_some(),
        "{headers:#}"
    );
}

/// Each reserved field in two spellings, twice each.
fn lies() -> Vec<String> {
    let mut arguments = Vec::new();
    for name in reserved() {
        for name in [name.to_owned(), name.to_ascii_uppercase()] {
            for number in 1..=2 {
                arguments.push("--header".to_owned());
                arguments.push(format!("{name}: {LIE} {number}"));
            }
        }
    }
    arguments
}

/// Spellings that some backends read like a reserved field.
fn twins() -> [&'static str; 3] {
    ["X_Client_Cert", "X-Client.Cert", "Client_Cert"]
}

#[track_caller]
fn check(headers: &Value) {
    assert!(!headers.to_string().contains(LIE), "{headers:#}");
}

/// The listener without TLS.
fn plain(port: u16) {
    let output = std::process::Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20"])
        .args(["--connect-to", &format!("{HOST}:{port}:127.0.0.1:{port}")])
        .args(lies())
        .arg(format!("http://{HOST}:{port}/"))
        .output()
        .expect("run curl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    check(&echoed(&text));
}
