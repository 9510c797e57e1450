//! Trust that is withdrawn ends the connections that rest on it, and no others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use client_auth::{
    IdentityField, IdentityMatcher, IdentityRule, MatchKind, Mode, RevocationFailure,
    RevocationMethod, RevocationPolicy,
};
use data_plane::clock::Clock;
use data_plane::limits::Limits;
use data_plane::revocation::{Revocation, RevocationSettings, UploadedLists};
use data_plane::snapshot::{Bind, ClientAuth};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::backend::{ok, read_request};
use super::client::Client;
use super::gateway::{Gateway, host, https, offering, settings, upstream, with_profile};
use super::http2::{H2, request};
use super::own_address;
use super::pki::{self, Ca, Leaf};
use super::revocation::responder::{Responder, Status};

/// What everybody is promised who has lost his trust.
const PROMISED: Duration = Duration::from_secs(2);

/// A gateway with one guarded listener, and a backend that stops in the middle until it is told to go on.
struct World {
    server: Ca,
    server_leaf: Leaf,
    ours: Ca,
    others: Ca,
    address: SocketAddr,
    backend: SocketAddr,
    go_on: watch::Sender<bool>,
    later: Arc<AtomicU64>,
}

impl World {
    async fn new() -> Self {
        let (go_on, gone_on) = watch::channel(false);
        let server = Ca::new("server");
        Self {
            server_leaf: server.server("a.example"),
            server,
            ours: Ca::new("ours"),
            others: Ca::new("others"),
            address: own_address(),
            backend: backend(gone_on).await,
            go_on,
            later: Arc::default(),
        }
    }

    /// Lets in the clients of both CAs.
    fn profile(&self) -> ClientAuth {
        pki::client_auth(pki::strict("profile", &[&self.ours, &self.others]))
    }

    fn bind(&self, profile: ClientAuth) -> Bind {
        let listener = host("guarded", &["a.example"], Some(upstream(&[self.backend])));
        https(
            self.address,
            vec![with_profile(listener, self.server_leaf.clone(), profile)],
        )
    }

    fn clock(&self) -> Clock {
        let later = Arc::clone(&self.later);
        Clock::from_fn(move || SystemTime::now() + Duration::from_secs(later.load(Relaxed)))
    }

    async fn start(&self, profile: ClientAuth) -> Gateway {
        let mut settings = settings(Limits::default());
        settings.clock = self.clock();
        Gateway::start_with(settings, self.bind(profile)).await
    }

    /// With somebody who asks responders.
    async fn start_asking(&self, profile: ClientAuth) -> (Gateway, Revocation, JoinSet<()>) {
        let evidence = RevocationSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..RevocationSettings::default()
        };
        let (revocation, service) = Revocation::new(evidence, self.clock());
        let mut running = JoinSet::new();
        running.spawn(service.run(CancellationToken::new()));
        let mut settings = settings(Limits {
            max_requests_per_connection: u64::MAX,
            ..Limits::default()
        });
        settings.clock = self.clock();
        settings.revocation = revocation.clone();
        let gateway = Gateway::start_with(settings, self.bind(profile)).await;
        (gateway, revocation, running)
    }

    /// Lets in the clients of both CAs, of which ours vouches for its own in this way.
    fn vouched(&self, revocation: RevocationPolicy, crls: Arc<UploadedLists>) -> ClientAuth {
        let mut policy = pki::strict("profile", &[&self.ours, &self.others]);
        policy.trusted[0].revocation = revocation;
        ClientAuth {
            crls,
            ..pki::client_auth(policy)
        }
    }

    /// Moves the clock.
    fn advance(&self, time: Duration) {
        self.later.fetch_add(time.as_secs(), Relaxed);
    }

    async fn connect(&self, leaf: &Leaf, alpn: &str) -> TlsStream<TcpStream> {
        let config = pki::client_of(&pki::VERSIONS, &self.server, Some(leaf), alpn);
        pki::connect(self.address, config, "a.example")
            .await
            .unwrap()
    }

    /// One connection of each kind, in the middle of what it does.
    async fn all_kinds(&self, leaf: &Leaf) -> Vec<Live> {
        let mut idle = Client::over(self.connect(leaf, "http/1.1").await);
        assert_eq!(idle.get("a.example", "/").await.status(), 200);

        let mut download = Client::over(self.connect(leaf, "http/1.1").await);
        download.send(ask("/download")).await;
        assert!(String::from_utf8_lossy(&download.until(b"first").await).contains(" 200 "));

        let mut chat = Client::over(self.connect(leaf, "http/1.1").await);
        chat.send(UPGRADE).await;
        chat.until(b"first").await;

        let mut idle_h2 = H2::on(self.connect(leaf, "h2").await).await.unwrap();
        assert_eq!(idle_h2.get("https://a.example/").await, 200);

        let mut h2 = H2::on(self.connect(leaf, "h2").await).await.unwrap();
        let url = "https://a.example/download";
        let response = h2
            .sender
            .send_request(request("GET", url, ""))
            .await
            .unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(&first.into_data().unwrap()[..], b"first");
        vec![
            Live::Idle(idle),
            Live::Download(download),
            Live::Chat(chat),
            Live::IdleH2(idle_h2),
            Live::DownloadH2(h2, body),
        ]
    }
}

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}

/// Says hello; `/download` and `/chat` stop after five bytes until they may go on.
async fn backend(gone_on: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut gone_on = gone_on.clone();
            tokio::spawn(async move {
                let mut buffered = Vec::new();
                while let Some(seen) = read_request(&mut stream, &mut buffered).await {
                    let line = seen.line().to_owned();
                    let (begin, rest): (&[u8], &[u8]) = if line.contains("/download") {
                        (
                            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst",
                            b"later",
                        )
                    } else if line.contains("/half-a-frame") {
                        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x82\x0afirst", b"later")
                    } else if line.contains("/chat") {
                        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x82\x05first", b"\x82\x05later")
                    } else {
                        stream.write_all(&ok(b"hello")).await.unwrap();
                        continue;
                    };
                    stream.write_all(begin).await.unwrap();
                    gone_on.wait_for(|gone_on| *gone_on).await.unwrap();
                    drop(stream.write_all(rest).await);
                }
            });
        }
    });
    address
}

/// A connection in the middle of what it does.
enum Live {
    Idle(Client<TlsStream<TcpStream>>),
    Download(Client<TlsStream<TcpStream>>),
    Chat(Client<TlsStream<TcpStream>>),
    IdleH2(H2),
    DownloadH2(H2, Incoming),
}

impl Live {
    /// Expects the gateway to end it, in the way that its protocol has for it.
    async fn ends(self) {
        match self {
            Self::Idle(mut client) => assert!(client.is_closed().await),
            Self::Download(mut client) => assert_eq!(client.rest().await, b"", "a byte too many"),
            // Close, with status 1008.
            Self::Chat(mut client) => assert_eq!(client.rest().await, b"\x88\x02\x03\xf0"),
            Self::IdleH2(client) => client.ended().await,
            Self::DownloadH2(client, mut body) => {
                assert!(
                    !matches!(body.frame().await, Some(Ok(_))),
                    "a byte too many"
                );
                client.ended().await;
            }
        }
    }

    /// Expects it to come to its own end.
    async fn goes_on(self) {
        match self {
            Self::Idle(mut client) => assert_eq!(client.get("a.example", "/").await.status(), 200),
            Self::Download(mut client) => {
                client.until(b"later").await;
                assert_eq!(client.get("a.example", "/").await.status(), 200);
            }
            Self::Chat(mut client) => assert_eq!(client.until(b"later").await, b"\x82\x05later"),
            Self::IdleH2(mut client) => assert_eq!(client.get("https://a.example/").await, 200),
            Self::DownloadH2(mut client, mut body) => {
                let later = body.frame().await.unwrap().unwrap();
                assert_eq!(&later.into_data().unwrap()[..], b"later");
                assert_eq!(client.get("https://a.example/").await, 200);
            }
        }
    }
}

/// What a worker counts.
fn metrics(gateway: &Gateway) -> String {
    let mut registry = Registry::default();
    gateway.listeners.metrics().register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    page
}

/// Expects `withdraw` to end all connections of `lost` and none of `kept`, in time.
async fn check(
    world: &World,
    mut gateway: Gateway,
    (lost, kept): (&Leaf, &Leaf),
    withdraw: impl AsyncFnOnce(&mut Gateway),
    cause: &str,
) {
    let (lost, kept) = (world.all_kinds(lost).await, world.all_kinds(kept).await);
    let number = lost.len();
    withdraw(&mut gateway).await;
    let start = Instant::now();
    for live in lost {
        live.ends().await;
    }
    assert!(start.elapsed() < PROMISED, "{:?}", start.elapsed());
    world.go_on.send_replace(true);
    for live in kept {
        live.goes_on().await;
    }
    let metrics = super::eventually(async || {
        let page = metrics(&gateway);
        let ended = format!("trust_withdrawal_seconds_count {number}\n");
        if page.contains(&ended) {
            Ok(page)
        } else {
            Err(page)
        }
    })
    .await;
    let counted = format!("trust_withdrawals_total{{cause=\"{cause}\"}} {number}\n");
    assert!(metrics.contains(&counted), "{metrics}");
    for later in ["2.5", "10.0", "+Inf"] {
        let in_time = format!("trust_withdrawal_seconds_bucket{{le=\"{later}\"}} {number}\n");
        assert!(metrics.contains(&in_time), "{metrics}");
    }
}

// T-03, T-06
#[tokio::test]
async fn a_removed_ca_ends_the_connections_of_its_clients() {
    let world = World::new().await;
    let gateway = world.start(world.profile()).await;
    let pair = (&world.ours.client("device"), &world.others.client("device"));
    let removed = pki::client_auth(pki::strict("profile", &[&world.others]));
    let withdraw = async |gateway: &mut Gateway| gateway.serve(vec![world.bind(removed)]).await;
    check(&world, gateway, pair, withdraw, "policy").await;
}

// T-06: the path counts that was verified, and not what the client has put beside it.
#[tokio::test]
async fn a_foreign_ca_beside_the_path_saves_nobody_and_ends_nobody() {
    let world = World::new().await;
    let gateway = world.start(world.profile()).await;
    let lost = world.ours.client("device").beside(&world.others);
    let kept = world.others.client("device").beside(&world.ours);
    let removed = pki::client_auth(pki::strict("profile", &[&world.others]));
    let withdraw = async |gateway: &mut Gateway| gateway.serve(vec![world.bind(removed)]).await;
    check(&world, gateway, (&lost, &kept), withdraw, "policy").await;
}

// T-03, T-06
#[tokio::test]
async fn a_deny_rule_ends_the_connections_of_whom_it_names() {
    let world = World::new().await;
    let gateway = world.start(world.profile()).await;
    let pair = (&world.ours.client("lost"), &world.ours.client("kept"));
    let mut policy = pki::strict("profile", &[&world.ours, &world.others]);
    let field = IdentityField::Subject;
    policy.identity.deny.push(IdentityRule {
        name: "lost".to_owned(),
        all_of: vec![IdentityMatcher::new(field, MatchKind::Exact, "CN=lost", false).unwrap()],
    });
    let denied = pki::client_auth(policy);
    let withdraw = async |gateway: &mut Gateway| gateway.serve(vec![world.bind(denied)]).await;
    check(&world, gateway, pair, withdraw, "policy").await;
}

// T-03, T-06
#[tokio::test]
async fn a_new_crl_ends_the_connections_of_the_revoked() {
    let world = World::new().await;
    let profile =
        |revoked: &[&Leaf]| world.vouched(by(RevocationMethod::Crl), world.ours.revoking(revoked));
    let (lost, kept) = (world.ours.client("device"), world.ours.client("device"));
    let gateway = world.start(profile(&[])).await;
    let revoked = profile(&[&lost]);
    let withdraw = async |gateway: &mut Gateway| gateway.serve(vec![world.bind(revoked)]).await;
    check(&world, gateway, (&lost, &kept), withdraw, "revoked").await;
}

// T-03, T-06
#[tokio::test]
async fn an_expired_certificate_ends_its_connections() {
    let world = World::new().await;
    let gateway = world.start(world.profile()).await;
    let soon = OffsetDateTime::now_utc() + Duration::from_hours(1);
    let lost = world.ours.client_until("device", soon);
    let kept = world.ours.client("device");
    let later = Arc::clone(&world.later);
    let withdraw = async |_: &mut Gateway| later.store(Duration::from_hours(2).as_secs(), Relaxed);
    check(
        &world,
        gateway,
        (&lost, &kept),
        withdraw,
        "certificate_expired",
    )
    .await;
}

fn by(method: RevocationMethod) -> RevocationPolicy {
    RevocationPolicy {
        method,
        ..RevocationPolicy::NONE
    }
}

// T-03, T-06
#[tokio::test]
async fn a_verdict_of_the_responder_ends_the_connections_of_the_revoked() {
    let world = World::new().await;
    let mut responder = Responder::start(&world.ours).await;
    let (lost, kept) = (world.ours.client("device"), world.ours.client("device"));
    responder
        .say(&[(&lost, Status::Good), (&kept, Status::Good)])
        .await;
    let asking = RevocationPolicy {
        responder: Some(responder.url()),
        ..by(RevocationMethod::Ocsp)
    };
    let (gateway, revocation, _running) = world
        .start_asking(world.vouched(asking, Arc::default()))
        .await;
    let withdraw = async |_: &mut Gateway| {
        responder
            .say(&[(&lost, Status::Revoked), (&kept, Status::Good)])
            .await;
        let mut changes = revocation.changes();
        // What live connections rest on is asked for again before it is too old.
        world.advance(Duration::from_mins(55));
        changes.changed().await.unwrap();
    };
    check(&world, gateway, (&lost, &kept), withdraw, "revoked").await;
}

// T-44
#[tokio::test]
async fn an_outage_that_the_policy_puts_up_with_ends_no_connection() {
    let world = World::new().await;
    // Takes questions and never answers: it is nearly always being asked.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let asking = RevocationPolicy {
        responder: Some(format!("http://{}/", silent.local_addr().unwrap())),
        failure: RevocationFailure::Soft {
            grace: Duration::from_hours(1),
        },
        ..by(RevocationMethod::Ocsp)
    };
    let (gateway, _revocation, _running) = world
        .start_asking(world.vouched(asking, Arc::default()))
        .await;
    let leaf = world.ours.client("device");
    let mut client = Client::over(world.connect(&leaf, "http/1.1").await);
    assert_eq!(client.get("a.example", "/").await.status(), 200);
    for _ in 0..2 {
        // What was judged without an answer holds for a minute.
        world.advance(Duration::from_secs(61));
        // Longer than anybody is waited for.
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end {
            assert_eq!(client.get("a.example", "/").await.status(), 200);
        }
    }
    // What the policy puts up with is over.
    world.advance(Duration::from_hours(1));
    super::eventually(async || {
        let page = metrics(&gateway);
        let counted = "trust_withdrawals_total{cause=\"evidence_expired\"} 1\n";
        if page.contains(counted) {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;
}

// T-44, T-52
#[tokio::test]
async fn a_list_that_is_too_old_ends_the_connections_that_rest_on_it() {
    let world = World::new().await;
    let lists = world.ours.revoking(&[]);
    let profile = world.vouched(by(RevocationMethod::Crl), lists);
    let gateway = world.start(profile).await;
    let pair = (&world.ours.client("device"), &world.others.client("device"));
    let withdraw = async |_: &mut Gateway| world.advance(Duration::from_hours(26));
    check(&world, gateway, pair, withdraw, "evidence_expired").await;
}

#[tokio::test]
async fn what_was_verified_goes_on_under_a_policy_that_it_satisfies() {
    let world = World::new().await;
    let mut gateway = world.start(world.profile()).await;
    let live = world.all_kinds(&world.ours.client("device")).await;
    let mut policy = pki::strict("profile", &[&world.ours]);
    policy.limits.max_intermediates = 3;
    policy.strength.min_ec_bits = 256;
    let changed = pki::client_auth(policy);
    gateway.serve(vec![world.bind(changed)]).await;
    // Also where the profile only reports from now on.
    let mut policy = pki::strict("profile", &[&world.others]);
    policy.mode = Mode::ReportOnly;
    gateway
        .serve(vec![world.bind(pki::client_auth(policy))])
        .await;
    world.go_on.send_replace(true);
    for live in live {
        live.goes_on().await;
    }
    assert!(metrics(&gateway).contains("trust_withdrawal_seconds_count 0\n"));
}

#[tokio::test]
async fn who_was_never_asked_for_a_certificate_has_to_come_again() {
    let world = World::new().await;
    let open = || {
        let listener = host("guarded", &["a.example"], Some(upstream(&[world.backend])));
        let offer = pki::offer(world.server_leaf.clone(), None);
        let clock = Clock::system();
        https(world.address, vec![offering(listener, offer, &clock)])
    };
    let mut gateway = Gateway::start(open()).await;
    let live = world.all_kinds(&world.ours.client("device")).await;
    gateway.serve(vec![world.bind(world.profile())]).await;
    for live in live {
        live.ends().await;
    }
    // And back: backends are told who the client is, and nobody asked for it now.
    let live = world.all_kinds(&world.ours.client("device")).await;
    gateway.serve(vec![open()]).await;
    for live in live {
        live.ends().await;
    }
}

#[tokio::test]
async fn who_was_let_in_unverified_has_to_come_again_when_that_is_over() {
    for mode in [Mode::Passthrough, Mode::ReportOnly] {
        let world = World::new().await;
        let mut policy = pki::strict("profile", &[&world.ours]);
        policy.mode = mode;
        let mut gateway = world.start(pki::client_auth(policy)).await;
        let stranger = Ca::new("strangers").client("device");
        let live = world.all_kinds(&stranger).await;
        gateway.serve(vec![world.bind(world.profile())]).await;
        for live in live {
            live.ends().await;
        }
    }
}

#[tokio::test]
async fn a_close_frame_is_not_put_into_another_frame() {
    let world = World::new().await;
    let mut gateway = world.start(world.profile()).await;
    let leaf = world.ours.client("device");
    let mut chat = Client::over(world.connect(&leaf, "http/1.1").await);
    chat.send(UPGRADE.replace("/chat", "/half-a-frame")).await;
    chat.until(b"first").await;
    let removed = pki::client_auth(pki::strict("profile", &[&world.others]));
    gateway.serve(vec![world.bind(removed)]).await;
    assert_eq!(chat.rest().await, b"");
}

/// Read as frames: libraries hide what a server says last.
#[tokio::test]
async fn an_http2_client_is_told_to_go_away() {
    let world = World::new().await;
    let mut gateway = world.start(world.profile()).await;
    let mut stream = world.connect(&world.ours.client("device"), "h2").await;
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(hello).await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    let removed = pki::client_auth(pki::strict("profile", &[&world.others]));
    gateway.serve(vec![world.bind(removed)]).await;
    let mut types = Vec::new();
    loop {
        types.push(frame[3]);
        let len = usize::from(frame[1]) << 8 | usize::from(frame[2]);
        let mut payload = vec![0; len];
        stream.read_exact(&mut payload).await.unwrap();
        if stream.read_exact(&mut frame).await.is_err() {
            break;
        }
    }
    assert!(types.contains(&7), "no GOAWAY among {types:?}");
}

// T-06
#[tokio::test]
async fn of_hundreds_of_connections_exactly_those_are_cut_that_lost_their_trust() {
    const EACH: usize = 270;
    let world = World::new().await;
    let mut gateway = world.start(world.profile()).await;
    let (lost, kept) = (world.ours.client("device"), world.others.client("device"));
    let open = async |leaf: &Leaf, number| {
        let mut all = Vec::with_capacity(number);
        for _ in 0..number {
            let mut client = Client::over(world.connect(leaf, "http/1.1").await);
            assert_eq!(client.get("a.example", "/").await.status(), 200);
            all.push(client);
        }
        all
    };
    let (lost, mut kept) = (open(&lost, EACH / 9).await, open(&kept, EACH).await);
    let removed = pki::client_auth(pki::strict("profile", &[&world.others]));
    let start = Instant::now();
    gateway.serve(vec![world.bind(removed)]).await;
    for mut client in lost {
        assert!(client.is_closed().await);
    }
    assert!(start.elapsed() < PROMISED, "{:?}", start.elapsed());
    for client in &mut kept {
        assert_eq!(client.get("a.example", "/").await.status(), 200);
    }
    let counted = format!("trust_withdrawals_total{{cause=\"policy\"}} {}\n", EACH / 9);
    assert!(metrics(&gateway).contains(&counted));
}
