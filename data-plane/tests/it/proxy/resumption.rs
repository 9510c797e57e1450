//! What a session ticket opens, and what it does not: between listeners, profiles, workers and restarts, over time and after
//! changes, on TLS 1.2 and 1.3, over HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use client_auth::{
    IdentityField, IdentityMatcher, IdentityRule, MatchKind, Mode, Policy, RevocationMethod,
};
use data_plane::clock::Clock;
use data_plane::limits::Limits;
use data_plane::snapshot::{Bind, ClientAuth, RefusalForm};
use data_plane::tls::tickets::keys::TicketKeys;
use proto::config::v1 as wire;
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, SupportedProtocolVersion};
use rustls_pki_types::{ServerName, UnixTime};
use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;

use super::backend::Backend;
use super::client::Client;
use super::gateway::{Gateway, host, https, offering, settings, upstream};
use super::own_address;
use super::pki::{self, Ca, Leaf, VERSIONS};

/// A worker with the listeners `open.example`, `strict.example` and `other.example`, and what its clients need.
struct World {
    server: Ca,
    leafs: Vec<(&'static str, Leaf)>,
    clients: Ca,
    others: Ca,
    backend: Backend,
    later: Arc<AtomicU64>,
}

/// What a worker is started with.
struct Worker {
    keys: TicketKeys,
    strict: ClientAuth,
    other: ClientAuth,
}

const NAMES: [&str; 3] = ["open.example", "strict.example", "other.example"];

impl World {
    async fn new() -> Self {
        let server = Ca::new("server");
        Self {
            leafs: NAMES.map(|name| (name, server.server(name))).to_vec(),
            server,
            clients: Ca::new("clients"),
            others: Ca::new("others"),
            backend: Backend::echo().await,
            later: Arc::default(),
        }
    }

    fn clock(&self) -> Clock {
        let later = Arc::clone(&self.later);
        Clock::from_fn(move || SystemTime::now() + Duration::from_secs(later.load(Relaxed)))
    }

    fn worker(&self, keys: &TicketKeys) -> Worker {
        Worker {
            keys: keys.clone(),
            strict: resuming(pki::strict("strict", &[&self.clients])),
            other: resuming(pki::strict("other", &[&self.others])),
        }
    }

    fn bind(&self, address: SocketAddr, worker: Worker) -> Bind {
        let profiles = [None, Some(worker.strict), Some(worker.other)];
        let hosts = self
            .leafs
            .iter()
            .zip(profiles)
            .map(|((name, leaf), profile)| {
                let mut offer = pki::offer(leaf.clone(), profile.map(Arc::new));
                offer.tickets = pki::tickets(name, &worker.keys);
                let listener = host(name, &[name], Some(upstream(&[self.backend.address])));
                offering(listener, offer, &self.clock())
            });
        https(address, hosts.collect())
    }

    async fn start(&self, worker: Worker) -> Gateway {
        let mut settings = settings(Limits::default());
        settings.clock = self.clock();
        Gateway::start_with(settings, self.bind(own_address(), worker)).await
    }

    /// A client that keeps its tickets and shows a certificate if it has one.
    fn client(
        &self,
        version: &'static SupportedProtocolVersion,
        leaf: Option<&Leaf>,
        alpn: &str,
    ) -> Visitor {
        let mut config = pki::client_of(&[version], &self.server, leaf, alpn);
        config.resumption = Resumption::store(Arc::new(AnyName::default()));
        config.enable_early_data = true;
        Visitor(Arc::new(config))
    }
}

/// A profile that lets sessions be resumed.
fn resuming(policy: Policy) -> ClientAuth {
    ClientAuth {
        resumption_lifetime: Some(Duration::from_mins(5)),
        ..pki::client_auth(policy)
    }
}

/// A client that offers its newest ticket, wherever that is from.
struct Visitor(Arc<ClientConfig>);

/// One session, whatever server it is of.
#[derive(Debug, Default)]
struct AnyName {
    tls12: Mutex<Option<Tls12ClientSessionValue>>,
    tls13: Mutex<Option<Tls13ClientSessionValue>>,
}

impl ClientSessionStore for AnyName {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        *self.tls12.lock().unwrap() = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.tls12.lock().unwrap().clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        *self.tls12.lock().unwrap() = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        *self.tls13.lock().unwrap() = Some(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tls13.lock().unwrap().take()
    }
}

/// How a visit went: the handshake and the status, or the error of either.
type Visit = Result<(HandshakeKind, u16), String>;

const FULL: Visit = Ok((HandshakeKind::Full, 200));
const RESUMED: Visit = Ok((HandshakeKind::Resumed, 200));

impl Visitor {
    /// Makes a connection, asks once, and waits for the reply, so that tickets have come.
    async fn visit(&self, address: SocketAddr, name: &str) -> Visit {
        let text = |error: std::io::Error| error.to_string();
        let stream = pki::connect_as(address, Arc::clone(&self.0), name)
            .await
            .map_err(text)?;
        let kind = stream.get_ref().1.handshake_kind().ok_or("no handshake")?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            let mut h2 = super::http2::H2::on(stream)
                .await
                .map_err(|error| format!("{error:?}"))?;
            let status = h2.try_get(&format!("https://{name}/")).await;
            return Ok((kind, status.map_err(|error| format!("{error:?}"))?.as_u16()));
        }
        let mut client = Client::over(stream);
        client
            .try_send(format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"))
            .await?;
        let status = client.try_reply().await?.status();
        // The end is told, else rustls forgets the session.
        drop(client.stream.shutdown().await);
        Ok((kind, status))
    }
}

/// Runs a case on every version and protocol.
async fn everywhere(case: impl AsyncFn(&'static SupportedProtocolVersion, &'static str)) {
    for version in VERSIONS {
        for alpn in ["http/1.1", "h2"] {
            case(version, alpn).await;
        }
    }
}

fn shared() -> TicketKeys {
    sent(&[7])
}

/// Keys as the control plane sends them.
fn sent(ids: &[u8]) -> TicketKeys {
    let keys = TicketKeys::default();
    replace(&keys, ids);
    keys
}

fn replace(keys: &TicketKeys, ids: &[u8]) {
    let key = |&id| wire::TicketKey {
        id: vec![id; 16],
        secret: vec![id; 32],
    };
    let message = wire::TicketKeys {
        gateway_id: "/gateway".to_owned(),
        keys: ids.iter().map(key).collect(),
    };
    keys.replace(&message, UnixTime::now()).unwrap();
}

#[tokio::test]
async fn sessions_are_resumed_with_and_without_a_client_certificate() {
    let world = World::new().await;
    let gateway = world.start(world.worker(&TicketKeys::default())).await;
    let leaf = world.clients.client("device");
    everywhere(async |version, alpn| {
        for name in ["open.example", "strict.example"] {
            let client = world.client(version, Some(&leaf), alpn);
            assert_eq!(client.visit(gateway.address, name).await, FULL);
            // Connections are spread over the cores: each takes the tickets of the other.
            for _ in 0..6 {
                assert_eq!(client.visit(gateway.address, name).await, RESUMED, "{name}");
            }
        }
    })
    .await;
}

// T-01: nginx CVE-2025-23419, Apache CVE-2025-23048
#[tokio::test]
async fn a_session_of_one_listener_opens_no_other() {
    let world = World::new().await;
    let gateway = world.start(world.worker(&shared())).await;
    let leaf = world.clients.client("device");
    everywhere(async |version, alpn| {
        for (from, to) in [
            ("open.example", "strict.example"),
            ("open.example", "other.example"),
            ("strict.example", "other.example"),
            ("strict.example", "open.example"),
        ] {
            let client = world.client(version, Some(&leaf), alpn);
            assert_eq!(client.visit(gateway.address, from).await, FULL);
            let visit = client.visit(gateway.address, to).await;
            match to {
                "other.example" => assert!(visit.is_err(), "{from} to {to}: {visit:?}"),
                _ => assert_eq!(visit, FULL, "{from} to {to}"),
            }
        }
    })
    .await;
}

// T-01
#[tokio::test]
async fn workers_resume_each_others_sessions_exactly_with_the_same_keys() {
    let world = World::new().await;
    let one = world.start(world.worker(&shared())).await;
    let same = world.start(world.worker(&shared())).await;
    let alone = world.start(world.worker(&TicketKeys::default())).await;
    let leaf = world.clients.client("device");
    everywhere(async |version, alpn| {
        let client = world.client(version, Some(&leaf), alpn);
        let name = "strict.example";
        assert_eq!(client.visit(one.address, name).await, FULL);
        assert_eq!(client.visit(same.address, name).await, RESUMED);
        assert_eq!(client.visit(one.address, name).await, RESUMED);
        assert_eq!(client.visit(alone.address, name).await, FULL);
        assert_eq!(client.visit(one.address, name).await, FULL);
    })
    .await;
}

#[tokio::test]
async fn a_restart_ends_sessions_under_own_keys_and_no_others() {
    let world = World::new().await;
    let leaf = world.clients.client("device");
    let name = "strict.example";
    for (keys, expected) in [(sent(&[7]), RESUMED), (TicketKeys::default(), FULL)] {
        for version in VERSIONS {
            let client = world.client(version, Some(&leaf), "h2");
            let first = world.start(world.worker(&keys)).await;
            assert_eq!(client.visit(first.address, name).await, FULL);
            first.listeners.shutdown(Duration::from_secs(1)).await;
            let again = if expected == RESUMED {
                sent(&[7])
            } else {
                TicketKeys::default()
            };
            let second = world.start(world.worker(&again)).await;
            assert_eq!(client.visit(second.address, name).await, expected);
        }
    }
}

#[tokio::test]
async fn tickets_open_until_their_key_is_gone() {
    let world = World::new().await;
    let keys = sent(&[1]);
    let gateway = world.start(world.worker(&keys)).await;
    let leaf = world.clients.client("device");
    everywhere(async |version, alpn| {
        replace(&keys, &[1]);
        let client = world.client(version, Some(&leaf), alpn);
        let visit = || client.visit(gateway.address, "strict.example");
        assert_eq!(visit().await, FULL);
        replace(&keys, &[2, 1]);
        assert_eq!(visit().await, RESUMED);
        replace(&keys, &[3, 2]);
        assert_eq!(
            visit().await,
            RESUMED,
            "the ticket was renewed under the second key"
        );
        replace(&keys, &[4]);
        assert_eq!(visit().await, FULL);
    })
    .await;
}

/// What happens to a session of `strict.example` when its profile changes to that of `change`.
async fn after_change(change: impl Fn(&World, &mut Worker), check: impl Fn(Visit)) {
    let world = World::new().await;
    let keys = shared();
    let mut gateway = world.start(world.worker(&keys)).await;
    let address = gateway.address;
    let leaf = world.clients.client("device");
    for version in VERSIONS {
        for alpn in ["http/1.1", "h2"] {
            gateway
                .serve(vec![world.bind(address, world.worker(&keys))])
                .await;
            let client = world.client(version, Some(&leaf), alpn);
            assert_eq!(client.visit(address, "strict.example").await, FULL);
            assert_eq!(client.visit(address, "strict.example").await, RESUMED);
            let mut changed = world.worker(&keys);
            change(&world, &mut changed);
            gateway.serve(vec![world.bind(address, changed)]).await;
            check(client.visit(address, "strict.example").await);
        }
    }
}

fn is_refused_with(alert: &'static str) -> impl Fn(Visit) {
    move |visit| {
        let error = visit.expect_err("let in");
        assert!(error.contains(alert), "{error}");
    }
}

// T-03
#[tokio::test]
async fn a_session_does_not_outlive_the_ca_that_it_rests_on() {
    let removed = |world: &World, worker: &mut Worker| {
        worker.strict = resuming(pki::strict("strict", &[&world.others]));
    };
    after_change(removed, is_refused_with("UnknownCA")).await;
}

// T-03
#[tokio::test]
async fn a_session_does_not_outlive_a_deny_rule() {
    let denied = |world: &World, worker: &mut Worker| {
        let mut policy = pki::strict("strict", &[&world.clients]);
        let field = IdentityField::Subject;
        let matcher = IdentityMatcher::new(field, MatchKind::Exact, "CN=device", false).unwrap();
        policy.identity.deny.push(IdentityRule {
            name: "lost".to_owned(),
            all_of: vec![matcher],
        });
        worker.strict = resuming(policy);
    };
    after_change(denied, is_refused_with("AccessDenied")).await;
}

// T-01, T-05
#[tokio::test]
async fn any_change_of_a_policy_asks_for_a_full_handshake() {
    let deeper = |world: &World, worker: &mut Worker| {
        let mut policy = pki::strict("strict", &[&world.clients]);
        policy.limits.max_intermediates = 3;
        worker.strict = resuming(policy);
    };
    after_change(deeper, |visit| assert_eq!(visit, FULL)).await;
    let renamed = |_: &World, worker: &mut Worker| worker.strict.ssl_profile = "renamed".into();
    after_change(renamed, |visit| assert_eq!(visit, FULL)).await;
    let off = |_: &World, worker: &mut Worker| worker.strict.resumption_lifetime = None;
    after_change(off, |visit| assert_eq!(visit, FULL)).await;
    let untouched = |_: &World, worker: &mut Worker| worker.other.trust_epoch = 9;
    after_change(untouched, |visit| assert_eq!(visit, RESUMED)).await;
}

/// A CA that was removed and came back: the policy is the same as before, and its hash.
#[tokio::test]
async fn a_policy_that_returns_does_not_bring_back_its_sessions() {
    let returned = |_: &World, worker: &mut Worker| worker.strict.trust_epoch += 2;
    after_change(returned, |visit| assert_eq!(visit, FULL)).await;
}

// T-03
#[tokio::test]
async fn a_session_does_not_outlive_the_certificate() {
    let world = World::new().await;
    let gateway = world.start(world.worker(&shared())).await;
    everywhere(async |version, alpn| {
        let end = OffsetDateTime::now_utc()
            + Duration::from_secs(world.later.load(Relaxed))
            + Duration::from_secs(100);
        let leaf = world.clients.client_until("device", end);
        let client = world.client(version, Some(&leaf), alpn);
        let visit = || client.visit(gateway.address, "strict.example");
        assert_eq!(visit().await, FULL);
        world.later.fetch_add(60, Relaxed);
        assert_eq!(visit().await, RESUMED);
        world.later.fetch_add(60, Relaxed);
        is_refused_with("CertificateExpired")(visit().await);
    })
    .await;
}

// T-03
#[tokio::test]
async fn a_session_does_not_outlive_a_new_list_that_has_the_certificate() {
    let world = World::new().await;
    let keys = shared();
    let leaf = world.clients.client("device");
    let worker = |revoked: &[&Leaf]| {
        let mut policy = pki::strict("strict", &[&world.clients]);
        policy.trusted[0].revocation.method = RevocationMethod::Crl;
        Worker {
            strict: ClientAuth {
                crls: world.clients.revoking(revoked),
                ..resuming(policy)
            },
            ..world.worker(&keys)
        }
    };
    let mut gateway = world.start(worker(&[])).await;
    let address = gateway.address;
    for version in VERSIONS {
        for alpn in ["http/1.1", "h2"] {
            gateway.serve(vec![world.bind(address, worker(&[]))]).await;
            let client = world.client(version, Some(&leaf), alpn);
            assert_eq!(client.visit(address, "strict.example").await, FULL);
            assert_eq!(client.visit(address, "strict.example").await, RESUMED);
            gateway
                .serve(vec![world.bind(address, worker(&[&leaf]))])
                .await;
            // The policy and its hash are the same as before: the list is evidence.
            let visit = client.visit(address, "strict.example").await;
            assert_eq!(visit, Ok((HandshakeKind::Full, 400)));
        }
    }
}

// T-04
#[tokio::test]
async fn a_chain_of_resumptions_ends_with_the_first_authentication() {
    let world = World::new().await;
    let gateway = world.start(world.worker(&shared())).await;
    let leaf = world.clients.client("device");
    everywhere(async |version, alpn| {
        for name in ["open.example", "strict.example"] {
            let client = world.client(version, Some(&leaf), alpn);
            let visit = || client.visit(gateway.address, name);
            assert_eq!(visit().await, FULL);
            for _ in 0..4 {
                world.later.fetch_add(60, Relaxed);
                assert_eq!(visit().await, RESUMED);
            }
            world.later.fetch_add(61, Relaxed);
            assert_eq!(visit().await, FULL);
        }
    })
    .await;
}

// T-31
#[tokio::test]
async fn a_client_that_may_not_in_gets_no_session() {
    let world = World::new().await;
    let mut worker = world.worker(&shared());
    worker.strict.refusal_form = RefusalForm::HttpStatus;
    let gateway = world.start(worker).await;
    let stranger = world.others.client("device");
    everywhere(async |version, alpn| {
        for leaf in [None, Some(&stranger)] {
            let client = world.client(version, leaf, alpn);
            for _ in 0..2 {
                let visit = client.visit(gateway.address, "strict.example").await;
                assert_eq!(visit, Ok((HandshakeKind::Full, 400)));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn sessions_that_nobody_verified_are_resumed_as_such() {
    let world = World::new().await;
    for mode in [Mode::Passthrough, Mode::ReportOnly] {
        let mut worker = world.worker(&shared());
        let mut policy = pki::strict("strict", &[&world.clients]);
        policy.mode = mode;
        worker.strict = resuming(policy);
        let gateway = world.start(worker).await;
        let stranger = world.others.client("device");
        everywhere(async |version, alpn| {
            for leaf in [None, Some(&stranger)] {
                let client = world.client(version, leaf, alpn);
                let visit = || client.visit(gateway.address, "strict.example");
                assert_eq!(visit().await, FULL);
                assert_eq!(visit().await, RESUMED);
            }
        })
        .await;
    }
}

// T-08
#[tokio::test]
async fn early_data_is_never_taken() {
    let world = World::new().await;
    let gateway = world.start(world.worker(&shared())).await;
    let leaf = world.clients.client("device");
    for name in ["open.example", "strict.example"] {
        let client = world.client(VERSIONS[1], Some(&leaf), "http/1.1");
        assert_eq!(client.visit(gateway.address, name).await, FULL);
        let server = ServerName::try_from(name).unwrap();
        let mut resuming = rustls::ClientConnection::new(Arc::clone(&client.0), server).unwrap();
        assert!(resuming.early_data().is_none(), "the ticket allows none");
    }
}
