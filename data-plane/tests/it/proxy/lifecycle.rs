//! Changes of configuration, deadlines, limits, and the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use data_plane::limits::Limits;
use data_plane::listener::{BindReason, Listeners};
use data_plane::settings::AccessLog;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::backend::{Answer, Backend, ok, read_request};
use super::client::Client;
use super::gateway::{Gateway, host, http, settings, upstream};
use super::{eventually, own_address};

#[tokio::test]
async fn a_new_configuration_touches_no_connection() {
    let (old, new) = (Backend::named("old").await, Backend::named("new").await);
    let address = own_address();
    let bind = |backend: &Backend| {
        http(
            address,
            vec![host("all", &[], Some(upstream(&[backend.address])))],
        )
    };
    let mut gateway = Gateway::start(bind(&old)).await;
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("a", "/").await.text(), "old");
    let other = own_address();
    gateway
        .serve(vec![
            bind(&new),
            http(
                other,
                vec![host("other", &[], Some(upstream(&[old.address])))],
            ),
        ])
        .await;
    assert_eq!(client.get("a", "/").await.text(), "new");
    assert_eq!(
        Client::connect(other).await.get("a", "/").await.text(),
        "old"
    );
    gateway.serve(vec![bind(&old)]).await;
    assert_eq!(client.get("a", "/").await.text(), "old");
    assert!(TcpStream::connect(other).await.is_err());
}

#[tokio::test]
async fn a_removed_listener_drains() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = listener.local_addr().unwrap();
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (arriving, waiting) = (Arc::clone(&arrived), Arc::clone(&go_on));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (arriving, waiting) = (Arc::clone(&arriving), Arc::clone(&waiting));
            tokio::spawn(async move {
                let mut buffered = Vec::new();
                while let Some(seen) = read_request(&mut stream, &mut buffered).await {
                    if seen.line().contains("/slow") {
                        arriving.notify_one();
                        waiting.notified().await;
                    }
                    stream.write_all(&ok(b"hello")).await.unwrap();
                }
            });
        }
    });
    let mut gateway = Gateway::to(backend).await;
    let mut idle = Client::connect(gateway.address).await;
    idle.get("a", "/").await;
    let mut busy = Client::connect(gateway.address).await;
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    arrived.notified().await;
    gateway.listeners.remove_gateway("/GATEWAY").await;
    assert!(
        TcpStream::connect(gateway.address).await.is_err(),
        "still accepting"
    );
    assert!(idle.is_closed().await);
    go_on.notify_one();
    let reply = busy.reply().await;
    assert_eq!(
        (reply.status(), reply.field("connection")),
        (200, Some("close"))
    );
    assert!(busy.is_closed().await);
}

#[tokio::test]
async fn draining_ends_at_its_deadline() {
    let backend = Backend::start(|_| Answer::Silence).await;
    let gateway = Gateway::to(backend.address).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    eventually(async || {
        backend
            .seen()
            .first()
            .map(|_| ())
            .ok_or_else(|| "not arrived".to_owned())
    })
    .await;
    let start = Instant::now();
    gateway.listeners.shutdown(Duration::from_millis(200)).await;
    assert!(
        (Duration::from_millis(150)..Duration::from_secs(5)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_and_changes_nothing() {
    let backend = Backend::echo().await;
    let mut gateway = Gateway::to(backend.address).await;
    let taken = own_address();
    let _holder = std::net::TcpListener::bind(taken).unwrap();
    let kept = http(gateway.address, vec![host("changed", &["other"], None)]);
    let refused = gateway
        .listeners
        .prepare(
            &"/gateway".into(),
            &[Arc::new(kept), Arc::new(http(taken, Vec::new()))],
        )
        .unwrap_err();
    assert_eq!(
        (&*refused.frontend_port, refused.address),
        ("port_80", taken)
    );
    assert!(matches!(refused.reason, BindReason::InUse), "{refused:?}");
    assert_eq!(
        Client::connect(gateway.address)
            .await
            .get("a", "/")
            .await
            .status(),
        200
    );

    let other = gateway
        .listeners
        .prepare(
            &"/other".into(),
            &[Arc::new(http(gateway.address, Vec::new()))],
        )
        .unwrap_err();
    assert!(
        matches!(&other.reason, BindReason::OtherGateway(id) if &**id == "/gateway"),
        "{other:?}"
    );
    gateway.listeners.remove_gateway("/gateway").await;
    assert!(
        gateway
            .listeners
            .prepare(
                &"/other".into(),
                &[Arc::new(http(gateway.address, Vec::new()))]
            )
            .is_ok()
    );
}

#[tokio::test]
async fn two_workers_do_not_share_a_port_by_accident() {
    let backend = Backend::echo().await;
    let gateway = Gateway::to(backend.address).await;
    let other = Listeners::start(&settings(Limits::default())).unwrap();
    let refused = other
        .prepare(
            &"/gateway".into(),
            &[Arc::new(http(gateway.address, Vec::new()))],
        )
        .unwrap_err();
    assert!(matches!(refused.reason, BindReason::InUse), "{refused:?}");
}

#[tokio::test]
async fn slow_and_silent_clients_are_let_go() {
    let backend = Backend::echo().await;
    let limits = Limits {
        header_read_timeout: Duration::from_millis(200),
        http1_idle_timeout: Duration::from_millis(400),
        request_receive_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let bind = http(
        own_address(),
        vec![host("all", &[], Some(upstream(&[backend.address])))],
    );
    let gateway = Gateway::start_with(settings(limits), bind).await;

    let mut silent = Client::connect(gateway.address).await;
    assert!(silent.is_closed().await, "a silent client gets no reply");

    let mut idle = Client::connect(gateway.address).await;
    assert_eq!(idle.get("a", "/").await.status(), 200);
    assert!(idle.is_closed().await);

    let mut slow = Client::connect(gateway.address).await;
    assert_eq!(slow.ask("GET / HTTP/1.1\r\nHo").await.status(), 408);
    assert!(slow.is_closed().await);

    let mut stuck = Client::connect(gateway.address).await;
    let reply = stuck
        .ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
        .await;
    assert_eq!(reply.status(), 408);
    assert!(stuck.is_closed().await);
}

#[tokio::test]
async fn connections_above_the_limit_are_closed() {
    let backend = Backend::echo().await;
    let limits = Limits {
        max_connections: 2,
        ..Limits::default()
    };
    let bind = http(
        own_address(),
        vec![host("all", &[], Some(upstream(&[backend.address])))],
    );
    let gateway = Gateway::start_with(settings(limits), bind).await;
    let mut one = Client::connect(gateway.address).await;
    let mut two = Client::connect(gateway.address).await;
    assert_eq!(one.get("a", "/").await.status(), 200);
    assert_eq!(two.get("a", "/").await.status(), 200);
    assert!(Client::connect(gateway.address).await.is_closed().await);
    drop(one);
    eventually(async || {
        let mut three = Client::connect(gateway.address).await;
        three.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        three
            .read_reply(false)
            .await
            .map(|_| ())
            .ok_or_else(|| "still full".to_owned())
    })
    .await;
}

#[tokio::test]
async fn a_connection_has_a_number_of_requests() {
    let backend = Backend::echo().await;
    let limits = Limits {
        max_requests_per_connection: 3,
        ..Limits::default()
    };
    let bind = http(
        own_address(),
        vec![host("all", &[], Some(upstream(&[backend.address])))],
    );
    let gateway = Gateway::start_with(settings(limits), bind).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("a", "/").await.field("connection"), None);
    assert_eq!(client.get("a", "/").await.field("connection"), None);
    assert_eq!(
        client.get("a", "/").await.field("connection"),
        Some("close")
    );
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn each_request_leaves_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let backend = Backend::echo().await;
    let mut settings = settings(Limits::default());
    settings.access_log = AccessLog::File(file.clone());
    let bind = http(
        own_address(),
        vec![host(
            "shop",
            &["shop.example"],
            Some(upstream(&[backend.address])),
        )],
    );
    let gateway = Gateway::start_with(settings, bind).await;
    let mut client = Client::connect(gateway.address).await;
    let request = "POST /a\"b?c=d HTTP/1.1\r\nHost: Shop.example\r\nUser-Agent: te\\st\r\nContent-Length: 3\r\n\r\nabc";
    let sent = client.ask(request).await;
    client.get("other.example", "/").await;
    client.ask("BAD / HTTP/1.1\r\nHost: a b\r\n\r\n").await;
    let local = client.stream.local_addr().unwrap();
    gateway.listeners.shutdown(Duration::from_secs(5)).await;

    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(lines.len(), 3, "{text}");
    let (line, properties) = (&lines[0], &lines[0]["properties"]);
    for (name, value) in [
        ("listenerName", "shop"),
        ("ruleName", "rule-shop"),
        ("backendPoolName", "pool"),
        ("backendSettingName", "settings"),
        ("resourceId", "/gateway"),
        ("category", "ApplicationGatewayAccessLog"),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    let trace = backend.seen()[0]
        .field("x-appgw-trace-id")
        .unwrap()
        .to_owned();
    for (name, value) in [
        ("instanceId", "worker-1"),
        ("clientIP", "127.0.0.1"),
        ("httpMethod", "POST"),
        ("requestUri", "/a\"b"),
        ("requestQuery", "c=d"),
        ("userAgent", "te\\st"),
        ("httpVersion", "HTTP/1.1"),
        ("originalHost", "Shop.example"),
        ("host", "Shop.example"),
        ("sslEnabled", "off"),
        ("serverRouted", &*backend.address.to_string()),
        ("serverStatus", "200"),
        ("transactionId", &*trace),
        ("error_info", "ERRORINFO_NO_ERROR"),
    ] {
        assert_eq!(properties[name], value, "{properties}");
    }
    assert_eq!(properties["httpStatus"], 200);
    assert_eq!(properties["clientPort"], local.port());
    assert_eq!(properties["receivedBytes"], request.len());
    assert_eq!(properties["sentBytes"], sent.head.len() + sent.body.len());
    assert_eq!(
        (
            &lines[1]["properties"]["httpStatus"],
            &lines[1]["properties"]["error_info"]
        ),
        (&404.into(), &"ERRORINFO_INVALID_HOST".into())
    );
    assert_eq!(lines[2]["properties"]["httpStatus"], 400);
}
