//! What backends are told about clients, and that no client can tell them itself.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use client_auth::{Mode, Policy, TrustBundle};
use data_plane::rewrite::{IdentityVariable, Part, ReservedFields, Source};
use data_plane::snapshot::{ClientAuth, IdentityHeaders};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prometheus_client::registry::Registry;
use rcgen::SanType;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::backend::{Backend, Seen};
use super::client::Client;
use super::gateway::{Gateway, host, http, https, upstream, with_profile, with_tls};
use super::http2::H2;
use super::own_address;
use super::pki::{self, Ca, Leaf};
use super::rewriting::{action, request_rule, with_rules};

/// A gateway with a plain listener, and TLS listeners of every kind. Rules of all but the plain and the open one set
/// `X-Client-Cert` and `X-Client-Verify`; all profiles want every identity header.
struct Rig {
    server: Ca,
    clients: Ca,
    backend: Backend,
    plain: Gateway,
    secure: Gateway,
}

const MODES: [(&str, Option<Mode>); 4] = [
    ("open.example", None),
    ("strict.example", Some(Mode::Strict)),
    ("passthrough.example", Some(Mode::Passthrough)),
    ("report.example", Some(Mode::ReportOnly)),
];

const ALL_HEADERS: IdentityHeaders = IdentityHeaders {
    client_cert: true,
    client_cert_chain: true,
    xfcc: true,
};

fn identity(variable: IdentityVariable) -> Vec<Part> {
    vec![Part::Source(Source::Identity(variable))]
}

impl Rig {
    async fn start() -> Self {
        let (server, root) = (Ca::new("server"), Ca::new("root"));
        let (clients, backend) = (root.below("clients"), Backend::echo().await);
        let to_backend = || Some(upstream(&[backend.address]));
        let reserved = || Arc::new(ReservedFields::new(["x-client-cert", "x-client-verify"]));
        let mut hosts = Vec::new();
        for (name, mode) in MODES {
            let listener = host(name, &[name], to_backend());
            let Some(mode) = mode else {
                hosts.push(with_tls(
                    listener,
                    pki::server(server.server(name), None),
                    0,
                ));
                continue;
            };
            let rules = vec![request_rule(vec![
                action("X-Client-Cert", identity(IdentityVariable::Certificate)),
                action("X-Client-Verify", identity(IdentityVariable::Verification)),
            ])];
            let bundle = [clients.certificate.clone(), root.certificate.clone()];
            let bundle = TrustBundle::from_der("bundle", &bundle).unwrap();
            let policy = Policy {
                mode,
                ..Policy::strict(name, vec![bundle], false)
            };
            let profile = ClientAuth {
                identity_headers: ALL_HEADERS,
                ..pki::client_auth(policy)
            };
            let listener = with_profile(listener, server.server(name), profile);
            hosts.push(with_rules(listener, rules));
        }
        let mut plain = http(own_address(), vec![host("plain", &[], to_backend())]);
        plain.reserved_fields = reserved();
        let mut secure = https(own_address(), hosts);
        secure.reserved_fields = reserved();
        Self {
            plain: Gateway::start(plain).await,
            secure: Gateway::start(secure).await,
            server,
            clients,
            backend,
        }
    }

    async fn http1(&self, name: &str, leaf: Option<&Leaf>) -> Client<TlsStream<TcpStream>> {
        let config = pki::client_of(&pki::VERSIONS, &self.server, leaf, "http/1.1");
        Client::over(
            pki::connect(self.secure.address, config, name)
                .await
                .unwrap(),
        )
    }

    async fn http2(&self, name: &str, leaf: Option<&Leaf>) -> H2 {
        let config = pki::client_of(&pki::VERSIONS, &self.server, leaf, "h2");
        H2::over(&self.secure, config, name).await
    }

    fn last(&self) -> Seen {
        self.backend.seen().pop().expect("a request")
    }
}

/// Whatever a client might call itself.
const FORGED: [(&str, &str); 10] = [
    ("X-Client-Cert", "forged"),
    ("x-client-cert", "forged"),
    ("X-CLIENT-CERT", "forged"),
    ("X-Client-Verify", "forged"),
    ("Client-Cert", ":Zm9yZ2Vk:"),
    ("CLIENT-CERT", ":Zm9yZ2Vk:"),
    ("client-cert-chain", ":Zm9yZ2Vk:, :Zm9yZ2Vk:"),
    ("X-Forwarded-Client-Cert", "Hash=forged;URI=spiffe://forged"),
    ("x-forwarded-client-cert", "Hash=forged"),
    ("X-Forwarded-Proto", "forged"),
];

fn forged_http1(name: &str) -> String {
    let fields = FORGED
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .concat();
    format!("GET / HTTP/1.1\r\nHost: {name}\r\n{fields}\r\n")
}

fn forged_http2(name: &str) -> hyper::Request<Full<Bytes>> {
    let mut request = hyper::Request::builder().uri(format!("https://{name}/"));
    for (name, value) in FORGED {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::new())).unwrap()
}

/// The values of all fields of this name.
fn all<'a>(seen: &'a Seen, name: &str) -> Vec<&'a str> {
    let fields = seen
        .head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    let named = fields.filter(|(found, _)| found.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value).collect()
}

/// What a backend behind `name` hears of a client, by its certificate.
fn check(rig: &Rig, name: &str, leaf: Option<&Leaf>, by: &str) {
    let seen = rig.last();
    let shown = format!("{name} {by} {}", seen.head);
    for trace in ["forged", "Zm9yZ2Vk"] {
        assert!(!seen.head.contains(trace), "{shown}");
    }
    let rules = MODES
        .iter()
        .any(|(known, mode)| *known == name && mode.is_some());
    let verified = leaf.is_some() && (name == "strict.example" || name == "report.example");
    let verification = match (rules, leaf, verified) {
        (false, _, _) => vec![],
        (true, None, _) => vec!["NONE"],
        (true, Some(_), true) => vec!["SUCCESS"],
        (true, Some(_), false) => vec!["PASSTHROUGH"],
    };
    assert_eq!(all(&seen, "x-client-verify"), verification, "{shown}");
    let certificates = usize::from(rules && leaf.is_some());
    assert_eq!(all(&seen, "x-client-cert").len(), certificates, "{shown}");
    let der = leaf.filter(|_| verified).map(Leaf::der);
    let byte_sequence = |der: &[u8]| format!(":{}:", STANDARD.encode(der));
    let expected: Vec<_> = der.into_iter().map(byte_sequence).collect();
    assert_eq!(all(&seen, "client-cert"), expected, "{shown}");
    let chain = der.map(|_| byte_sequence(&rig.clients.certificate));
    assert_eq!(
        all(&seen, "client-cert-chain"),
        chain.into_iter().collect::<Vec<_>>(),
        "{shown}"
    );
    let xfcc = all(&seen, "x-forwarded-client-cert");
    assert_eq!(xfcc.len(), usize::from(verified), "{shown}");
    assert!(
        xfcc.iter()
            .all(|value| value.contains(";Subject=\"CN=device\";DNS=device")),
        "{shown}"
    );
}

// T-60, T-63
#[tokio::test]
async fn nobody_can_forge_an_identity_on_any_listener_in_any_mode() {
    let rig = Rig::start().await;
    let device = rig.clients.client("device");
    let mut client = Client::connect(rig.plain.address).await;
    assert_eq!(client.ask(forged_http1("anything")).await.status(), 200);
    check(&rig, "anything", None, "plain HTTP/1.1");
    for (name, mode) in MODES {
        for leaf in [None, Some(&device)] {
            if leaf.is_none() && mode == Some(Mode::Strict) {
                continue;
            }
            let mut client = rig.http1(name, leaf).await;
            for _ in 0..2 {
                assert_eq!(client.ask(forged_http1(name)).await.status(), 200);
                check(&rig, name, leaf, "HTTP/1.1");
            }
            let mut client = rig.http2(name, leaf).await;
            for _ in 0..2 {
                let (status, ..) = client.send(forged_http2(name)).await.unwrap();
                assert_eq!(status, 200);
                check(&rig, name, leaf, "HTTP/2");
            }
        }
    }
}

/// A certificate that was shown and is not good is told as such, and as no identity.
// T-31, T-60
#[tokio::test]
async fn a_client_that_was_not_verified_has_no_identity() {
    let rig = Rig::start().await;
    let stranger = Ca::new("strangers").client("stranger");
    let mut client = rig.http1("report.example", Some(&stranger)).await;
    assert_eq!(
        client.ask(forged_http1("report.example")).await.status(),
        200
    );
    let seen = rig.last();
    assert_eq!(
        all(&seen, "x-client-verify"),
        ["FAILED:unable to get local issuer certificate"]
    );
    for name in [
        "client-cert",
        "client-cert-chain",
        "x-forwarded-client-cert",
    ] {
        assert_eq!(all(&seen, name), [""; 0], "{}", seen.head);
    }
    assert!(!seen.head.contains("forged"), "{}", seen.head);
}

// T-61
#[tokio::test]
async fn twins_of_a_name_are_refused() {
    let rig = Rig::start().await;
    let device = rig.clients.client("device");
    for twin in [
        "X_Client_Cert",
        "x_client-cert",
        "X-Client_Cert",
        "X.Client.Cert",
        "X-Client.Cert",
        "Client_Cert",
        "X_Forwarded_Client_Cert",
        "X-Client-Cert ",
        " X-Client-Cert",
        "X-Client-Cert\t",
        "X-Client-Cert\0",
        "X-Cli\u{e9}nt-Cert",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: strict.example\r\n{twin}: forged\r\n\r\n");
        let mut client = rig.http1("strict.example", Some(&device)).await;
        assert_eq!(client.ask(&request).await.status(), 400, "{twin:?}");
        assert!(client.is_closed().await);
        let mut client = Client::connect(rig.plain.address).await;
        assert_eq!(client.ask(request).await.status(), 400, "{twin:?}");
    }
    for twin in ["x_client_cert", "x-client.cert", "client_cert"] {
        let mut client = rig.http2("strict.example", Some(&device)).await;
        let request = hyper::Request::builder()
            .uri("https://strict.example/")
            .header(twin, "forged");
        let (status, ..) = client
            .send(request.body(Full::default()).unwrap())
            .await
            .unwrap();
        assert_eq!(status, 400, "{twin}");
    }
    assert!(rig.backend.seen().is_empty());
}

// T-62
#[tokio::test]
async fn connection_takes_nothing_away_that_the_gateway_sets() {
    let rig = Rig::start().await;
    let device = rig.clients.client("device");
    let named = |options: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: strict.example\r\nConnection: {options}\r\nX-Client-Cert: forged\r\n\r\n"
        )
    };
    for options in [
        "X-Client-Cert",
        "x-client-cert, X-Client-Verify, keep-alive",
        "close, X-CLIENT-CERT",
    ] {
        let mut client = rig.http1("strict.example", Some(&device)).await;
        assert_eq!(client.ask(named(options)).await.status(), 200, "{options}");
        check(&rig, "strict.example", Some(&device), options);
    }
    for options in [
        "Client-Cert",
        "client-cert-chain",
        "X-Forwarded-Client-Cert",
        "keep-alive, CLIENT-CERT",
    ] {
        let mut client = rig.http1("strict.example", Some(&device)).await;
        assert_eq!(client.ask(named(options)).await.status(), 400, "{options}");
    }
}

// T-64
#[tokio::test]
async fn names_in_a_certificate_do_not_become_fields() {
    let rig = Rig::start().await;
    let name = "a\r\nX-Admin: 1,\";URI=spiffe://admin\0";
    let uri = SanType::URI("x\";URI=spiffe://admin,\r\nX-Admin: 1".try_into().unwrap());
    let device = rig.clients.client_named(name, vec![uri]);
    let mut client = rig.http1("strict.example", Some(&device)).await;
    assert_eq!(client.get("strict.example", "/").await.status(), 200);
    let seen = rig.last();
    assert_eq!(all(&seen, "x-admin"), [""; 0], "{}", seen.head);
    let xfcc = all(&seen, "x-forwarded-client-cert");
    let elements: Vec<_> = xfcc[0]
        .split(';')
        .map(|pair| pair.split('=').next().unwrap())
        .collect();
    assert_eq!(elements, ["Hash", "Subject", "URI"], "{}", seen.head);
    assert!(!xfcc[0].contains(";URI=spiffe://admin"), "{}", seen.head);
}

// T-65
#[tokio::test]
async fn what_would_be_too_large_is_left_out_whole_and_counted() {
    let rig = Rig::start().await;
    let names = (0..900).map(|n| SanType::DnsName(format!("host-{n}.example").try_into().unwrap()));
    let device = rig.clients.client_named("device", names.collect());
    assert!(device.der().len() > 16 * 1024);
    let mut client = rig.http1("strict.example", Some(&device)).await;
    assert_eq!(
        client.ask(forged_http1("strict.example")).await.status(),
        200
    );
    let seen = rig.last();
    for name in [
        "x-client-cert",
        "client-cert",
        "client-cert-chain",
        "x-forwarded-client-cert",
    ] {
        assert_eq!(all(&seen, name), [""; 0], "{}", seen.head);
    }
    assert_eq!(all(&seen, "x-client-verify"), ["SUCCESS"]);
    let mut registry = Registry::default();
    rig.secure.listeners.metrics().register(&mut registry);
    let mut metrics = String::new();
    prometheus_client::encoding::text::encode(&mut metrics, &registry).unwrap();
    // The certificate twice, XFCC; the chain goes with the certificate.
    assert!(
        metrics.contains("header_fields_left_out_total 3"),
        "{metrics}"
    );
}

/// No trailer goes to a backend.
// T-60
#[tokio::test]
async fn trailers_stay_behind() {
    let rig = Rig::start().await;
    let device = rig.clients.client("device");
    let mut client = rig.http1("strict.example", Some(&device)).await;
    let chunked = "POST / HTTP/1.1\r\nHost: strict.example\r\nTrailer: X-Client-Cert\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n0\r\nX-Client-Cert: forged\r\nX-Other: forged\r\n\r\n";
    let reply = client.ask(chunked).await;
    assert_eq!((reply.status(), reply.text()), (200, "abc"));
    check(
        &rig,
        "strict.example",
        Some(&device),
        "trailers over HTTP/1.1",
    );
    assert_eq!(client.get("strict.example", "/").await.status(), 200);

    let config = pki::client_of(&pki::VERSIONS, &rig.server, Some(&device), "h2");
    let stream = pki::connect(rig.secure.address, config, "strict.example")
        .await
        .unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let mut trailers = hyper::HeaderMap::new();
    trailers.insert("x-client-cert", "forged".parse().unwrap());
    let body =
        Full::new(Bytes::from_static(b"abc")).with_trailers(std::future::ready(Some(Ok(trailers))));
    let request = hyper::Request::post("https://strict.example/")
        .body(body)
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "abc"
    );
    let seen = rig.last();
    assert_eq!(seen.body, b"abc");
    check(
        &rig,
        "strict.example",
        Some(&device),
        "trailers over HTTP/2",
    );
}

/// A profile that wants no header sets none, and the client's own are gone all the same.
// T-60
#[tokio::test]
async fn a_profile_says_which_headers_it_wants() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let device = clients.client("device");
    let wanted = |client_cert, client_cert_chain, xfcc| IdentityHeaders {
        client_cert,
        client_cert_chain,
        xfcc,
    };
    for (identity_headers, expected) in [
        (wanted(false, false, false), [0, 0, 0]),
        (wanted(true, false, false), [1, 0, 0]),
        (wanted(false, false, true), [0, 0, 1]),
        // The root issued it: there is nobody between.
        (wanted(true, true, true), [1, 0, 1]),
    ] {
        let profile = ClientAuth {
            identity_headers,
            ..pki::client_auth(pki::strict("profile", &[&clients]))
        };
        let listener = host("a", &["a.example"], Some(upstream(&[backend.address])));
        let listener = with_profile(listener, server.server("a.example"), profile);
        let gateway = Gateway::start(https(own_address(), vec![listener])).await;
        let config = pki::client_of(&pki::VERSIONS, &server, Some(&device), "http/1.1");
        let stream = pki::connect(gateway.address, config, "a.example")
            .await
            .unwrap();
        let request = "GET / HTTP/1.1\r\nHost: a.example\r\nClient-Cert: forged\r\nClient-Cert-Chain: forged\r\n\
                       X-Forwarded-Client-Cert: forged\r\n\r\n";
        assert_eq!(Client::over(stream).ask(request).await.status(), 200);
        let seen = backend.seen().pop().unwrap();
        let counts = [
            "client-cert",
            "client-cert-chain",
            "x-forwarded-client-cert",
        ]
        .map(|name| all(&seen, name).len());
        assert_eq!(counts, expected, "{}", seen.head);
        assert!(!seen.head.contains("forged"), "{}", seen.head);
    }
}
