//! Which listener a handshake selects, and what it may ask for afterwards.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use data_plane::limits::Limits;
use data_plane::settings::AccessLog;
use data_plane::snapshot::{Bind, UpstreamTls};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::backend::{Backend, ok};
use super::client::Client;
use super::gateway::{Gateway, host, https, over_tls, settings, upstream, with_tls};
use super::pki::{self, Ca};
use super::{eventually, own_address};

/// `open.example` for everybody, `strict.example` for the clients of `clients`, `*.wild.example` for everybody.
fn bind(server: &Ca, clients: &Ca, backend: &Backend, policy: u8) -> Bind {
    let to_backend = || Some(upstream(&[backend.address]));
    let open = host("open", &["open.example"], to_backend());
    let strict = host("strict", &["strict.example"], to_backend());
    let wild = host("wild", &["*.wild.example"], to_backend());
    https(
        own_address(),
        vec![
            with_tls(open, pki::server(server.server("open.example"), None), 0),
            with_tls(
                strict,
                pki::server(server.server("strict.example"), Some(clients)),
                policy,
            ),
            with_tls(wild, pki::server(server.server("*.wild.example"), None), 0),
        ],
    )
}

#[tokio::test]
async fn the_server_name_selects_the_certificate() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &clients, &backend, 1)).await;
    for name in ["open.example", "OPEN.example", "a.wild.example"] {
        let stream = pki::connect(
            gateway.address,
            pki::client(&server, None, "http/1.1"),
            name,
        )
        .await;
        let reply = Client::over(stream.expect(name)).get(name, "/").await;
        assert_eq!(reply.status(), 200, "{name}");
    }
    // Nobody serves the name, or none is given (an address is never sent): the first listener.
    for name in ["other.example", "127.0.0.1"] {
        let refused = pki::connect(
            gateway.address,
            pki::client(&server, None, "http/1.1"),
            name,
        )
        .await;
        let error = refused
            .expect_err("a certificate of another name")
            .to_string();
        assert!(error.contains("open.example"), "{error}");
    }
}

#[tokio::test]
async fn a_request_for_another_listener_is_misdirected_every_time() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &clients, &backend, 1)).await;
    let stream = pki::connect(
        gateway.address,
        pki::client(&server, None, "http/1.1"),
        "open.example",
    )
    .await
    .unwrap();
    let mut client = Client::over(stream);
    for (name, expected) in [
        ("open.example", 200),
        ("strict.example", 421),
        ("STRICT.example.", 421),
        ("strict.example:443", 421),
        ("a.wild.example", 421),
        ("unknown.example", 404),
        ("open.example:443", 200),
        ("strict.example", 421),
    ] {
        assert_eq!(client.get(name, "/").await.status(), expected, "{name}");
    }
    assert!(
        backend
            .seen()
            .iter()
            .all(|seen| seen.field("host").unwrap().starts_with("open"))
    );
    let absolute = client
        .ask("GET https://strict.example/ HTTP/1.1\r\nHost: strict.example\r\n\r\n")
        .await;
    assert_eq!(absolute.status(), 421);
}

#[tokio::test]
async fn only_trusted_clients_reach_a_strict_listener() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(Limits::default());
    settings.access_log = AccessLog::File(directory.path().join("access.log"));
    let gateway = Gateway::start_with(settings, bind(&server, &clients, &backend, 1)).await;
    let connect = async |leaf| {
        let config = pki::client(&server, leaf, "http/1.1");
        let mut stream = pki::connect(gateway.address, config, "strict.example")
            .await
            .map_err(|error| error.to_string())?;
        let request = b"GET / HTTP/1.1\r\nHost: strict.example\r\nConnection: close\r\n\r\n";
        stream
            .write_all(request)
            .await
            .map_err(|error| error.to_string())?;
        let mut reply = Vec::new();
        stream
            .read_to_end(&mut reply)
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>(String::from_utf8(reply).unwrap())
    };
    for _ in 0..20 {
        let error = connect(None).await.unwrap_err();
        assert!(error.contains("CertificateRequired"), "{error}");
        let error = connect(Some(Ca::new("strangers").client("stranger")))
            .await
            .unwrap_err();
        assert!(error.contains("UnknownCA"), "{error}");
    }
    assert_eq!(
        backend.connections(),
        0,
        "a refused client reached the backend"
    );
    assert!(
        connect(Some(clients.client("device-7")))
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200 ")
    );

    let mut registry = Registry::default();
    gateway.listeners.metrics().register(&mut registry);
    let mut metrics = String::new();
    prometheus_client::encoding::text::encode(&mut metrics, &registry).unwrap();
    for line in [
        "tls_handshake_failures_total{reason=\"no_certificate\"} 20",
        "tls_handshake_failures_total{reason=\"unknown_issuer\"} 20",
        "tls_handshakes_total 1",
        "responses_total{class=\"2xx\"} 1",
        "upstream_latency_seconds_bucket{le=\"+Inf\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    gateway.listeners.shutdown(Duration::from_secs(5)).await;
    let text = std::fs::read_to_string(directory.path().join("access.log")).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let properties = &line["properties"];
    for (name, value) in [
        ("sslEnabled", "on"),
        ("sslProtocol", "TLSv1.3"),
        ("sslClientVerify", "SUCCESS"),
        ("sslClientCertificateIssuerName", "CN=clients"),
        ("clientCertificateSubject", "CN=device-7"),
    ] {
        assert_eq!(properties[name], value, "{line}");
    }
    assert_eq!(
        properties["clientCertificateSha256"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
}

#[tokio::test]
async fn plain_http_on_a_tls_port_gets_a_page() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &clients, &backend, 1)).await;
    let mut client = Client::connect(gateway.address).await;
    let reply = client.get("open.example", "/").await;
    assert_eq!(reply.status(), 400);
    assert!(
        reply
            .text()
            .contains("The plain HTTP request was sent to HTTPS port")
    );
    let mut client = Client::connect(gateway.address).await;
    client.send(b"\x00\x01\x02garbage").await;
    client.rest().await;
}

#[tokio::test]
async fn a_handshake_has_a_deadline() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let limits = Limits {
        handshake_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let gateway = Gateway::start_with(settings(limits), bind(&server, &clients, &backend, 1)).await;
    assert!(Client::connect(gateway.address).await.is_closed().await);
    let mut begun = Client::connect(gateway.address).await;
    begun.send(b"\x16\x03\x01\x02\x00\x01").await;
    assert!(begun.is_closed().await);
}

/// A place costs a client nothing before it has said hello, so that is when it is given one.
#[tokio::test]
async fn handshakes_are_bounded_and_silent_clients_do_not_count() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let limits = Limits {
        max_handshakes: 1,
        handshake_timeout: Duration::from_mins(1),
        ..Limits::default()
    };
    let gateway = Gateway::start_with(settings(limits), bind(&server, &clients, &backend, 1)).await;
    let connect = async || {
        let config = pki::client(&server, None, "http/1.1");
        pki::connect(gateway.address, config, "open.example").await
    };
    let mut silent = Client::connect(gateway.address).await;
    silent.send(b"\x16\x03\x01\x02\x00\x01").await;
    eventually(async || connect().await.map(drop).map_err(|error| error.to_string())).await;

    let mut hello = Vec::new();
    let name = "open.example".try_into().unwrap();
    let config = Arc::new(pki::client(&server, None, "http/1.1"));
    rustls::ClientConnection::new(config, name)
        .unwrap()
        .write_tls(&mut hello)
        .unwrap();
    let stalled = eventually(async || {
        let mut stalled = TcpStream::connect(gateway.address).await.unwrap();
        stalled.write_all(&hello).await.unwrap();
        let answer = stalled.read_u8().await;
        answer.map(|_| stalled).map_err(|error| error.to_string())
    })
    .await;
    assert!(connect().await.is_err());
    drop(stalled);
    eventually(async || connect().await.map(drop).map_err(|error| error.to_string())).await;
}

#[tokio::test]
async fn a_hello_in_pieces_selects_the_same_listener() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &clients, &backend, 1)).await;
    // A relay that cuts what the client sends first into pieces of seven bytes.
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = relay.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, _) = relay.accept().await.unwrap();
        let mut server = TcpStream::connect(gateway.address).await.unwrap();
        server.set_nodelay(true).unwrap();
        let mut hello = vec![0; 16 * 1024];
        let len = client.read(&mut hello).await.unwrap();
        for piece in hello[..len].chunks(7) {
            server.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
    });
    let config = pki::client(&server, None, "http/1.1");
    let stream = pki::connect(address, config, "a.wild.example")
        .await
        .unwrap();
    assert_eq!(
        Client::over(stream)
            .get("a.wild.example", "/")
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn https_backends_are_verified() {
    let ca = Ca::new("backends");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = (*pki::server(ca.server("backend.example"), None)).clone();
    config.alpn_protocols = Vec::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    stream.write_all(&ok(b"secret")).await.unwrap();
                }
            });
        }
    });
    let to = |key: &str, ca: &Ca, name: &str| {
        let mut config = pki::client(ca, None, "http/1.1");
        config.alpn_protocols = Vec::new();
        let mut upstream = over_tls(upstream(&[address]), Arc::new(config), name);
        upstream.key = key.into();
        Some(upstream)
    };
    let hosts = vec![
        host("good", &["good"], to("good", &ca, "backend.example")),
        host("name", &["name"], to("name", &ca, "other.example")),
        host(
            "root",
            &["root"],
            to("root", &Ca::new("others"), "backend.example"),
        ),
    ];
    let gateway = Gateway::start(super::gateway::http(own_address(), hosts)).await;
    let mut client = Client::connect(gateway.address).await;
    for (name, expected) in [("good", 200), ("good", 200), ("name", 502), ("root", 502)] {
        assert_eq!(client.get(name, "/").await.status(), expected, "{name}");
    }
}

/// Connections are kept by the name that was verified, and clients choose the name: what they leave behind must make room.
#[tokio::test]
async fn connections_for_other_names_do_not_crowd_out_those_in_use() {
    let ca = Ca::new("backends");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = (*pki::server(ca.server("*.wild.example"), None)).clone();
    config.alpn_protocols = Vec::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let opened = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Relaxed);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    stream.write_all(&ok(b"hello")).await.unwrap();
                }
            });
        }
    });
    let mut config = pki::client(&ca, None, "http/1.1");
    config.alpn_protocols = Vec::new();
    let mut upstream = upstream(&[address]);
    upstream.tls = Some(UpstreamTls {
        config: Arc::new(config),
        server_name: None,
    });
    let mut settings = settings(Limits {
        upstream_max_idle: 2,
        ..Limits::default()
    });
    settings.threads = NonZeroUsize::MIN;
    let bind = super::gateway::http(own_address(), vec![host("all", &[], Some(upstream))]);
    let gateway = Gateway::start_with(settings, bind).await;
    let mut client = Client::connect(gateway.address).await;
    for name in ["a", "b", "c", "c", "d", "c"] {
        let host = format!("{name}.wild.example");
        assert_eq!(client.get(&host, "/").await.status(), 200, "{name}");
    }
    assert_eq!(opened.load(Relaxed), 4, "one for each name");
}

#[tokio::test]
async fn the_gateway_survives_clients_that_leave_at_any_point() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &clients, &backend, 1)).await;
    for len in [0, 1, 5, 6, 100] {
        let mut client = Client::connect(gateway.address).await;
        client.send(&vec![0x16; len]).await;
    }
    let config = pki::client(&server, None, "http/1.1");
    let stream = pki::connect(gateway.address, config, "open.example")
        .await
        .unwrap();
    assert_eq!(
        Client::over(stream).get("open.example", "/").await.status(),
        200
    );
}
