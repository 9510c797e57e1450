//! Clients whose certificates have been revoked, or may have been: through a real listener, with a real responder.

pub(crate) mod responder;

use std::sync::Arc;
use std::time::Duration;

use client_auth::crl::Crl;
use client_auth::{Mode, Policy, RevocationFailure, RevocationMethod, RevocationPolicy};
use data_plane::clock::Clock;
use data_plane::limits::Limits;
use data_plane::revocation::{Revocation, RevocationSettings, UploadedList, UploadedLists};
use data_plane::snapshot::ClientAuth;
use rustls::SupportedProtocolVersion;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::client::{Client, Reply};
use super::gateway::{Gateway, host, https, settings, upstream, with_profile};
use super::own_address;
use super::pki::{self, Ca, Leaf, VERSIONS};
use responder::{Responder, Status};

/// A listener whose clients are checked for revocation.
struct Door {
    server: Ca,
    backend: Backend,
    gateway: Gateway,
    _running: JoinSet<()>,
}

fn ocsp(url: &str) -> RevocationPolicy {
    RevocationPolicy {
        method: RevocationMethod::Ocsp,
        responder: Some(url.to_owned()),
        ..RevocationPolicy::NONE
    }
}

impl Door {
    async fn open(clients: &Ca, revocation: RevocationPolicy, mode: Mode) -> Self {
        let evidence = RevocationSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..RevocationSettings::default()
        };
        Self::open_asking(evidence, clients, revocation, mode).await
    }

    async fn open_asking(
        evidence: RevocationSettings,
        clients: &Ca,
        revocation: RevocationPolicy,
        mode: Mode,
    ) -> Self {
        let mut policy = Policy {
            mode,
            ..pki::strict("profile", &[clients])
        };
        for trusted in &mut policy.trusted {
            trusted.revocation = revocation.clone();
        }
        Self::open_to(evidence, pki::client_auth(policy)).await
    }

    async fn open_to(evidence: RevocationSettings, profile: ClientAuth) -> Self {
        let (server, backend) = (Ca::new("server"), Backend::echo().await);
        let (known, service) = Revocation::new(evidence, Clock::system());
        let mut running = JoinSet::new();
        running.spawn(service.run(CancellationToken::new()));
        let mut settings = settings(Limits::default());
        settings.revocation = known;
        let listener = host(
            "listener",
            &["a.example"],
            Some(upstream(&[backend.address])),
        );
        let listener = with_profile(listener, server.server("a.example"), profile);
        let gateway = Gateway::start_with(settings, https(own_address(), vec![listener])).await;
        Self {
            server,
            backend,
            gateway,
            _running: running,
        }
    }

    async fn ask(&self, version: &'static SupportedProtocolVersion, leaf: &Leaf) -> Reply {
        let config = pki::client_of(&[version], &self.server, Some(leaf), "http/1.1");
        let stream = pki::connect(self.gateway.address, config, "a.example").await;
        let mut client = Client::over(stream.expect("revocation never fails a handshake"));
        let reply = client.get("a.example", "/").await;
        if reply.status() != 200 {
            assert!(client.is_closed().await, "a refused client may not go on");
        }
        reply
    }
}

fn check_refused(reply: &Reply, class: &str) {
    assert_eq!(reply.status(), 400);
    assert!(
        reply.head.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{}",
        reply.head
    );
    let line = format!("The SSL certificate error: {class}");
    assert!(reply.text().contains(&line), "{}", reply.text());
    for secret in ["device", "127.0.0.1", "responder", "clients"] {
        assert!(!reply.text().contains(secret), "{}", reply.text());
    }
}

// T-18, T-44
#[tokio::test]
async fn the_verdict_of_the_responder_comes_before_the_backend() {
    let clients = Ca::new("clients");
    let mut responder = Responder::start(&clients).await;
    let [good, revoked, unknown, late] = [(); 4].map(|()| clients.client("device"));
    responder
        .say(&[(&good, Status::Good), (&revoked, Status::Revoked)])
        .await;
    let door = Door::open(&clients, ocsp(&responder.url()), Mode::Strict).await;
    for version in VERSIONS {
        check_refused(&door.ask(version, &revoked).await, "revoked");
        check_refused(
            &door.ask(version, &unknown).await,
            "revocation status unknown",
        );
    }
    assert_eq!(
        door.backend.connections(),
        0,
        "a refused client reached the backend"
    );
    for version in VERSIONS {
        assert_eq!(door.ask(version, &good).await.status(), 200);
    }
    responder.kill();
    let reached = door.backend.connections();
    for version in VERSIONS {
        check_refused(
            &door.ask(version, &late).await,
            "revocation status unavailable",
        );
    }
    assert_eq!(door.backend.connections(), reached);
    // What was found out before the responder died is known still.
    assert_eq!(door.ask(VERSIONS[0], &good).await.status(), 200);
    check_refused(&door.ask(VERSIONS[0], &revoked).await, "revoked");
}

// T-42
#[tokio::test]
async fn a_delegate_of_the_ca_may_answer_and_a_stranger_may_not() {
    let clients = Ca::new("clients");
    let good = clients.client("device");
    for (signer, is_let_in) in [
        (clients.responder(true), true),
        (clients.responder(false), false),
        (Ca::new("clients").responder(true), false),
    ] {
        let mut responder = Responder::signing_with(&clients, &signer).await;
        responder.say(&[(&good, Status::Good)]).await;
        let door = Door::open(&clients, ocsp(&responder.url()), Mode::Strict).await;
        let reply = door.ask(VERSIONS[1], &good).await;
        if is_let_in {
            assert_eq!(reply.status(), 200);
        } else {
            check_refused(&reply, "revocation status unavailable");
            assert_eq!(door.backend.connections(), 0);
        }
    }
}

/// A listener that takes connections and says nothing.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

// T-44
#[tokio::test]
async fn a_soft_failure_lets_in_and_a_hard_one_does_not() {
    let clients = Ca::new("clients");
    let (_listener, url) = silent().await;
    let soft = RevocationPolicy {
        failure: RevocationFailure::Soft {
            grace: Duration::from_hours(1),
        },
        ..ocsp(&url)
    };
    let (hard, soft) = tokio::join!(
        Door::open(&clients, ocsp(&url), Mode::Strict),
        Door::open(&clients, soft, Mode::Strict),
    );
    let leaf = clients.client("device");
    let (refused, served) =
        tokio::join!(hard.ask(VERSIONS[1], &leaf), soft.ask(VERSIONS[1], &leaf));
    check_refused(&refused, "revocation status unavailable");
    assert_eq!(served.status(), 200);
}

// T-46
#[tokio::test]
async fn a_responder_is_asked_only_about_a_verified_path_and_only_where_it_may_be() {
    let clients = Ca::new("clients");
    let (listener, url) = silent().await;
    let named = RevocationPolicy {
        method: RevocationMethod::Ocsp,
        ..RevocationPolicy::NONE
    };
    // Loopback is allowed, but nobody has issued the certificate.
    let open = Door::open(&clients, named.clone(), Mode::Strict).await;
    let stranger = Ca::new("clients").client_naming(&url);
    for version in VERSIONS {
        let config = pki::client_of(&[version], &open.server, Some(&stranger), "http/1.1");
        let stream = pki::connect(open.gateway.address, config, "a.example").await;
        if let Ok(stream) = stream {
            let mut client = Client::over(stream);
            // In TLS 1.3 the client hears of a refusal after its own handshake is over.
            let sent = client
                .try_send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
                .await;
            assert!(sent.is_err() || client.try_reply().await.is_err());
        }
    }
    // The CA has issued it, but the address is not allowed.
    let evidence = RevocationSettings::default();
    let closed = Door::open_asking(evidence, &clients, named, Mode::Strict).await;
    let insider = clients.client_naming(&url);
    for version in VERSIONS {
        let reply = closed.ask(version, &insider).await;
        check_refused(&reply, "revocation status unavailable");
    }
    let nobody = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(nobody.is_err(), "{nobody:?}");
}

#[tokio::test]
async fn report_only_does_not_keep_a_client_waiting() {
    let clients = Ca::new("clients");
    let (_listener, url) = silent().await;
    let door = Door::open(&clients, ocsp(&url), Mode::ReportOnly).await;
    let begin = std::time::Instant::now();
    let reply = door.ask(VERSIONS[1], &clients.client("device")).await;
    assert_eq!(reply.status(), 200);
    // Half of the time that strict mode would have waited.
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
}

// T-18
#[tokio::test]
async fn uploaded_lists_decide_without_anybody_being_asked() {
    let clients = Ca::new("clients");
    let [good, revoked] = [(); 2].map(|()| clients.client("device"));
    let der = clients.crl(&[&revoked]);
    let crl = Crl::parse(&der)
        .unwrap()
        .check_signed_by(&clients.certificate);
    let lists = UploadedLists::new(vec![UploadedList {
        name: "list".into(),
        ca: "ca".into(),
        crl: Arc::new(crl.unwrap()),
    }]);
    let mut policy = pki::strict("profile", &[&clients]);
    for trusted in &mut policy.trusted {
        trusted.revocation.method = RevocationMethod::Crl;
    }
    let profile = ClientAuth {
        crls: Arc::new(lists),
        ..pki::client_auth(policy)
    };
    let door = Door::open_to(RevocationSettings::default(), profile).await;
    for version in VERSIONS {
        check_refused(&door.ask(version, &revoked).await, "revoked");
    }
    assert_eq!(door.backend.connections(), 0);
    assert_eq!(door.ask(VERSIONS[1], &good).await.status(), 200);
}
