//! What comes of a decision about a client: by the mode of its profile and by the form of refusals.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use client_auth::{Mode, Policy, RevocationMethod, RevocationPolicy};
use data_plane::limits::Limits;
use data_plane::settings::AccessLog;
use data_plane::snapshot::{ClientAuth, RefusalForm};
use rustls::SupportedProtocolVersion;
use time::OffsetDateTime;

use super::backend::Backend;
use super::client::{Client, Reply};
use super::gateway::{Gateway, host, https, settings, upstream, with_profile};
use super::own_address;
use super::pki::{self, Ca, Leaf, VERSIONS};

/// One listener with a profile, and everything around it.
struct Door {
    server: Ca,
    clients: Ca,
    backend: Backend,
    gateway: Gateway,
    directory: tempfile::TempDir,
}

impl Door {
    async fn open(change: impl FnOnce(&mut Policy), form: RefusalForm) -> Self {
        let (server, clients, backend) =
            (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(Limits::default());
        // Lines are in the order of requests.
        settings.threads = NonZeroUsize::MIN;
        settings.access_log = AccessLog::File(directory.path().join("access.log"));
        let mut policy = pki::strict("profile", &[&clients]);
        change(&mut policy);
        let profile = ClientAuth {
            refusal_form: form,
            ..pki::client_auth(policy)
        };
        let listener = host(
            "listener",
            &["a.example"],
            Some(upstream(&[backend.address])),
        );
        let listener = with_profile(listener, server.server("a.example"), profile);
        let gateway = Gateway::start_with(settings, https(own_address(), vec![listener])).await;
        Self {
            server,
            clients,
            backend,
            gateway,
            directory,
        }
    }

    /// Asks once and expects the gateway to close where it refuses. An error is that of the handshake.
    async fn ask(
        &self,
        version: &'static SupportedProtocolVersion,
        leaf: Option<&Leaf>,
    ) -> Result<Reply, String> {
        let config = pki::client_of(&[version], &self.server, leaf, "http/1.1");
        let stream = pki::connect(self.gateway.address, config, "a.example").await;
        let mut client = Client::over(stream.map_err(|error| error.to_string())?);
        // In TLS 1.3 the client hears of a refusal after its own handshake is over.
        client
            .try_send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await?;
        let reply = client.try_reply().await?;
        if reply.status() != 200 {
            assert!(client.is_closed().await, "a refused client may not go on");
        }
        Ok(reply)
    }

    /// The access log lines, once the gateway has ended.
    async fn lines(self) -> Vec<serde_json::Value> {
        self.gateway
            .listeners
            .shutdown(Duration::from_secs(5))
            .await;
        lines(self.directory.path())
    }
}

fn lines(directory: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(directory.join("access.log")).unwrap();
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    text.lines()
        .map(|line| parse(line)["properties"].clone())
        .collect()
}

fn expired(ca: &Ca) -> Leaf {
    let yesterday = OffsetDateTime::now_utc() - Duration::from_hours(24);
    ca.client_until("device", yesterday)
}

// T-18, T-31
#[tokio::test]
async fn a_refusal_as_a_status_is_azures_page_and_reaches_no_backend() {
    let door = Door::open(|_| {}, RefusalForm::HttpStatus).await;
    let stranger = Ca::new("strangers").client("device");
    let (expired, server) = (expired(&door.clients), door.clients.server("device"));
    for version in VERSIONS {
        let none = door.ask(version, None).await.unwrap();
        assert_eq!(none.status(), 400);
        assert!(
            none.head.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{}",
            none.head
        );
        assert!(
            none.text()
                .contains("<title>400 No required SSL certificate was sent</title>")
        );
        for leaf in [&stranger, &expired, &server] {
            let bad = door.ask(version, Some(leaf)).await.unwrap();
            assert_eq!(bad.status(), 400);
            assert!(
                bad.text()
                    .contains("<title>400 The SSL certificate error</title>")
            );
            for secret in ["device", "expired", "issuer", "purpose", "strangers"] {
                assert!(!bad.text().contains(secret), "{}", bad.text());
            }
        }
        assert_eq!(
            door.backend.connections(),
            0,
            "a refused client reached the backend"
        );
    }
    let good = door.clients.client("device");
    assert_eq!(
        door.ask(VERSIONS[1], Some(&good)).await.unwrap().status(),
        200
    );

    let lines = door.lines().await;
    let verified: Vec<_> = lines[..4]
        .iter()
        .map(|line| line["sslClientVerify"].as_str().unwrap())
        .collect();
    assert_eq!(
        verified,
        [
            "NONE",
            "FAILED:unable to get local issuer certificate",
            "FAILED:certificate has expired",
            "FAILED:unsupported certificate purpose",
        ]
    );
    assert_eq!(lines[0]["error_info"], "ERRORINFO_HTTPS_NO_CERT");
    assert_eq!(lines[0]["reason"], "no_client_certificate");
    assert_eq!(lines[2]["verifyReason"], "expired");
    assert_eq!(lines[8]["sslClientVerify"], "SUCCESS");
}

#[tokio::test]
async fn a_refusal_as_a_status_ends_an_http2_connection() {
    let door = Door::open(|_| {}, RefusalForm::HttpStatus).await;
    for version in VERSIONS {
        let config = pki::client_of(&[version], &door.server, None, "h2");
        let mut client = super::http2::H2::over(&door.gateway, config, "a.example").await;
        assert_eq!(client.get("https://a.example/").await, 400);
        client.ended().await;
    }
    assert_eq!(door.backend.connections(), 0);
}

// T-32
#[tokio::test]
async fn a_bad_client_leaves_nothing_behind_for_the_next() {
    for form in [RefusalForm::HttpStatus, RefusalForm::TlsAlert] {
        let door = Door::open(|_| {}, form).await;
        let (good, stranger) = (
            door.clients.client("device"),
            Ca::new("strangers").client("device"),
        );
        for version in VERSIONS {
            for _ in 0..5 {
                let bad = door.ask(version, Some(&stranger)).await;
                assert!(bad.is_err() || bad.is_ok_and(|reply| reply.status() == 400));
                let reply = door.ask(version, Some(&good)).await.unwrap();
                assert_eq!(reply.status(), 200);
            }
        }
    }
}

// T-09, T-31
#[tokio::test]
async fn passthrough_takes_any_certificate_or_none_but_no_stolen_one() {
    for form in [RefusalForm::HttpStatus, RefusalForm::TlsAlert] {
        let door = Door::open(|policy| policy.mode = Mode::Passthrough, form).await;
        let stranger = Ca::new("strangers").client("device");
        let (expired, stolen) = (
            expired(&door.clients),
            door.clients.client_without_key("device"),
        );
        for version in VERSIONS {
            for leaf in [None, Some(&stranger), Some(&expired)] {
                let reply = door.ask(version, leaf).await.unwrap();
                assert_eq!(reply.status(), 200);
            }
            let error = door.ask(version, Some(&stolen)).await.unwrap_err();
            assert!(error.contains("DecryptError"), "{error}");
        }
        let lines = door.lines().await;
        let verified = |place: usize| lines[place]["sslClientVerify"].as_str().unwrap();
        assert_eq!(
            [verified(0), verified(1), verified(2)],
            ["NONE", "PASSTHROUGH", "PASSTHROUGH"]
        );
    }
}

// T-31
#[tokio::test]
async fn passthrough_does_not_take_what_is_no_certificate_for_none() {
    for form in [RefusalForm::HttpStatus, RefusalForm::TlsAlert] {
        let door = Door::open(|policy| policy.mode = Mode::Passthrough, form).await;
        let junk = door.clients.client("device").with_certificate(b"junk");
        for version in VERSIONS {
            assert!(door.ask(version, Some(&junk)).await.is_err());
        }
        assert_eq!(door.backend.connections(), 0);
    }
}

#[tokio::test]
async fn report_only_lets_everybody_in_and_logs_what_is_wrong() {
    for form in [RefusalForm::HttpStatus, RefusalForm::TlsAlert] {
        let door = Door::open(|policy| policy.mode = Mode::ReportOnly, form).await;
        let (good, stranger) = (
            door.clients.client("device"),
            Ca::new("strangers").client("device"),
        );
        for version in VERSIONS {
            for leaf in [None, Some(&stranger), Some(&good)] {
                let reply = door.ask(version, leaf).await.unwrap();
                assert_eq!(reply.status(), 200);
            }
        }
        let lines = door.lines().await;
        let verified = |place: usize| lines[place]["sslClientVerify"].as_str().unwrap();
        assert_eq!(
            [verified(0), verified(1), verified(2)],
            [
                "NONE",
                "FAILED:unable to get local issuer certificate",
                "SUCCESS"
            ]
        );
    }
}

// T-18
#[tokio::test]
async fn who_may_be_revoked_is_refused_while_nobody_can_be_asked() {
    let ocsp = |policy: &mut Policy| {
        policy.trusted[0].revocation = RevocationPolicy {
            method: RevocationMethod::Ocsp,
            ..RevocationPolicy::NONE
        };
    };
    for form in [RefusalForm::HttpStatus, RefusalForm::TlsAlert] {
        let door = Door::open(ocsp, form).await;
        let leaf = door.clients.client("device");
        for version in VERSIONS {
            let reply = door.ask(version, Some(&leaf)).await.unwrap();
            assert_eq!(reply.status(), 400);
            assert!(
                reply.text().contains("revocation status unavailable"),
                "{}",
                reply.text()
            );
        }
        assert_eq!(door.backend.connections(), 0);
        let line = door.lines().await.remove(0);
        assert_eq!(
            line["sslClientVerify"],
            "FAILED:certificate status request failed"
        );
        assert_eq!(line["reason"], "client_revocation_unavailable");
    }
}
