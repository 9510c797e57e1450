//! The walk of the announcement: a trusted client gets 200, every other one fails the handshake.

use e2e::arm::gateway_id;
use e2e::deployment::{Database, Deployment};
use e2e::document::{self, Listener};
use e2e::pki::{Authority, Identity, Leaf, self_signed};
use e2e::port;
use e2e::tls_client::{Target, Tls};
use rcgen::ExtendedKeyUsagePurpose;
use time::Duration;

/// A client that must be refused: its name, certificate, reason in the log, and the words of OpenSSL for the alert.
struct Refused {
    name: &'static str,
    identity: Option<Identity>,
    reason: &'static str,
    alerts: &'static [&'static str],
}

#[test]
fn only_a_trusted_client_certificate_gets_through() {
    let deployment = Deployment::start(&Database::Sqlite, 1);
    let directory = deployment.directory();
    let root = Authority::root("Client Root");
    let intermediate = root.intermediate("Client Intermediate");
    let server = Authority::root("Server Root");
    let id = gateway_id("walk", "gw");
    let listener = Listener::mutual("mtls", port::free(), root.pem());
    let target = Target {
        host: "site.example",
        port: listener.port,
        ca_file: server.write(directory, "server-root"),
    };
    deployment.arm.put_group("walk");
    let body = document::gateway(
        &id,
        &server.server(&["site.example"]),
        deployment.backend_port,
        &[listener],
    );
    deployment.arm.put_in_force(&id, &body);

    let trusted = root.issue(directory, &Leaf::client("trusted"), &[]);
    let through_intermediate =
        intermediate.issue(directory, &Leaf::client("deep"), &[&intermediate]);
    for tls in [Tls::V12, Tls::V13] {
        for identity in [&trusted, &through_intermediate] {
            let curl = target.curl(tls, Some(identity), &[]);
            assert_eq!(curl.status, 200, "{tls:?} {identity:?}: {}", curl.text);
            let openssl = target.s_client(tls, Some(identity));
            assert_eq!(
                openssl.status, 200,
                "{tls:?} {identity:?}: {}",
                openssl.text
            );
        }
        for refused in refused_clients(directory, &root) {
            check_refusal(&deployment, &target, tls, &refused);
        }
    }
    let log = deployment.workers[0].process().log();
    assert!(!log.contains("PRIVATE KEY"), "a key is in the log");
}

fn refused_clients(directory: &std::path::Path, root: &Authority) -> Vec<Refused> {
    let issue = |leaf: Leaf| Some(root.issue(directory, &leaf, &[]));
    let stranger = Authority::root("Stranger Root");
    let twin = Authority::root("Client Root");
    let expired = Leaf {
        until: -Duration::minutes(5),
        ..Leaf::client("expired")
    };
    let early = Leaf {
        from: Duration::hours(1),
        ..Leaf::client("early")
    };
    let server_only = Leaf {
        purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
        ..Leaf::client("server-only")
    };
    let bad = &[
        "bad certificate",
        "unsupported certificate",
        "certificate expired",
        "decrypt error",
    ];
    vec![
        Refused {
            name: "no certificate",
            identity: None,
            reason: "no_certificate",
            alerts: &["certificate required", "handshake failure"],
        },
        Refused {
            name: "another CA",
            identity: Some(stranger.issue(directory, &Leaf::client("stranger"), &[])),
            reason: "unknown_issuer",
            alerts: &["unknown ca"],
        },
        Refused {
            name: "another CA of the same name",
            identity: Some(twin.issue(directory, &Leaf::client("twin"), &[])),
            reason: "bad_signature",
            alerts: &["unknown ca", "decrypt error", "bad certificate"],
        },
        Refused {
            name: "self-signed",
            identity: Some(self_signed(directory, "self-signed")),
            reason: "self_signed",
            alerts: &["unknown ca"],
        },
        Refused {
            name: "expired",
            identity: issue(expired),
            reason: "expired",
            alerts: &["certificate expired"],
        },
        Refused {
            name: "not yet valid",
            identity: issue(early),
            reason: "not_yet_valid",
            alerts: bad,
        },
        Refused {
            name: "for servers only",
            identity: issue(server_only),
            reason: "not_for_client_auth",
            alerts: &["unsupported certificate", "bad certificate"],
        },
    ]
}

#[track_caller]
fn check_refusal(deployment: &Deployment, target: &Target<'_>, tls: Tls, refused: &Refused) {
    let worker = deployment.workers[0].process();
    let reason = format!("\"reason\":\"{}\"", refused.reason);
    let before = worker.log().len();
    let openssl = target.s_client(tls, refused.identity.as_ref());
    assert_eq!(
        openssl.status, 0,
        "{tls:?} {}: {}",
        refused.name, openssl.text
    );
    let alert = refused
        .alerts
        .iter()
        .any(|alert| openssl.text.to_lowercase().contains(alert));
    assert!(
        alert,
        "{tls:?} {}: none of {:?} in {}",
        refused.name, refused.alerts, openssl.text
    );
    let curl = target.curl(tls, refused.identity.as_ref(), &[]);
    assert_eq!(curl.status, 0, "{tls:?} {}: {}", refused.name, curl.text);
    e2e::wait::until(refused.name, std::time::Duration::from_secs(5), || {
        let log = worker.log().split_off(before);
        let line = log.lines().any(|line| {
            [
                &reason,
                "\"connection\"",
                "\"peer\":\"127.0.0.1:",
                "\"gateway\":\"/subscriptions/",
                "\"mtls\"",
                "\"ssl_profile\":\"mtls-profile\"",
            ]
            .iter()
            .all(|part| line.contains(*part))
        });
        if line { Ok(()) } else { Err(log) }
    });
}
