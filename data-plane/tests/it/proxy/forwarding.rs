//! What goes to backends and comes back.

use std::sync::Arc;
use std::time::Duration;

use data_plane::limits::Limits;
use data_plane::snapshot::UpstreamHost;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::backend::{Answer, Backend, ok, read_request};
use super::client::Client;
use super::gateway::{Gateway, host, http, settings, upstream};
use super::{eventually, own_address};

#[tokio::test]
async fn a_request_and_its_response_pass_through() {
    let backend = Backend::start(|_| {
        let mut response = b"HTTP/1.1 201 Made\r\nX-Custom: yes\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n".to_vec();
        response.extend_from_slice(b"Server: mine\r\nContent-Length: 2\r\n\r\nok");
        Answer::Keep(response)
    })
    .await;
    let gateway = Gateway::to(backend.address).await;
    let mut client = Client::connect(gateway.address).await;
    let reply = client
        .ask("PUT /a/b?c=d HTTP/1.1\r\nHost: Shop.Example:8080\r\nContent-Length: 3\r\n\r\nabc")
        .await;
    assert!(
        reply.head.starts_with("HTTP/1.1 201 Made\r\n"),
        "{}",
        reply.head
    );
    assert_eq!(reply.text(), "ok");
    assert_eq!(reply.field("x-custom"), Some("yes"));
    assert_eq!(reply.field("server"), Some("mine"));
    for gone in ["x-hop", "keep-alive", "connection"] {
        assert_eq!(reply.field(gone), None, "{}", reply.head);
    }
    assert!(reply.field("date").is_some());

    let seen = backend.seen().remove(0);
    assert_eq!(seen.line(), "PUT /a/b?c=d HTTP/1.1");
    assert_eq!(seen.body, b"abc");
    let local = client.stream.local_addr().unwrap();
    for (name, value) in [
        ("host", "Shop.Example:8080"),
        ("x-forwarded-for", &*local.to_string()),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "18443"),
        ("x-original-host", "Shop.Example:8080"),
        ("x-original-url", "/a/b?c=d"),
        ("connection", "keep-alive"),
    ] {
        assert_eq!(seen.field(name), Some(value), "{}", seen.head);
    }
    let trace = seen.field("x-appgw-trace-id").unwrap();
    assert!(
        trace.len() == 32
            && trace
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    );
}

#[tokio::test]
async fn every_framing_of_a_backend_reaches_every_client() {
    let backend = Backend::start(|seen| match seen.line().split(' ').nth(1) {
        Some("/chunked") => Answer::Keep(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\nTrailer: x\r\n\r\n".to_vec(),
        ),
        Some("/close") => Answer::Close(b"HTTP/1.1 200 OK\r\n\r\nabcdef".to_vec()),
        Some("/old") => Answer::Close(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nabcdef".to_vec()),
        Some("/hints") => Answer::Keep([&b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"[..], &ok(b"abcdef")].concat()),
        _ => Answer::Keep(ok(b"abcdef")),
    })
    .await;
    let gateway = Gateway::to(backend.address).await;
    for path in ["/length", "/chunked", "/close", "/old", "/hints"] {
        let mut client = Client::connect(gateway.address).await;
        for _ in 0..2 {
            let reply = client.get("a", path).await;
            assert_eq!(
                (reply.status(), reply.text()),
                (200, "abcdef"),
                "{path} {}",
                reply.head
            );
        }
        let mut old = Client::connect(gateway.address).await;
        let reply = old.ask(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert_eq!(
            (reply.status(), reply.text()),
            (200, "abcdef"),
            "HTTP/1.0 {path} {}",
            reply.head
        );
        assert_eq!(reply.field("transfer-encoding"), None);
        assert!(old.is_closed().await);
    }
}

#[tokio::test]
async fn responses_without_a_body_leave_the_connection_usable() {
    let backend = Backend::start(|seen| match seen.line().split(' ').nth(1) {
        Some("/204") => Answer::Keep(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        Some("/304") => {
            Answer::Keep(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n".to_vec())
        }
        Some("/empty") => Answer::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
        _ if seen.line().starts_with("HEAD") => {
            Answer::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n".to_vec())
        }
        _ => Answer::Keep(ok(b"abcdef")),
    })
    .await;
    let gateway = Gateway::to(backend.address).await;
    let mut client = Client::connect(gateway.address).await;
    for (path, status) in [("/204", 204), ("/304", 304), ("/empty", 200), ("/", 200)] {
        assert_eq!(client.get("a", path).await.status(), status);
    }
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.reply_without_body().await;
    assert_eq!(
        (head.status(), head.field("content-length")),
        (200, Some("6"))
    );
    assert_eq!(client.get("a", "/").await.text(), "abcdef");
}

#[tokio::test]
async fn backend_connections_are_used_again() {
    let backend = Backend::echo().await;
    let gateway = Gateway::to(backend.address).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..5 {
        assert_eq!(client.get("a", "/").await.status(), 200);
        assert_eq!(
            client
                .ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
                .await
                .text(),
            "ab"
        );
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn requests_go_round_and_past_endpoints_that_are_down() {
    let one = Backend::start_at("127.0.0.1:0".parse().unwrap(), |_| Answer::Keep(ok(b"one"))).await;
    let mut second = one.address;
    second.set_ip("127.0.0.2".parse().unwrap());
    let _two = Backend::start_at(second, |_| Answer::Keep(ok(b"two"))).await;
    let mut down = one.address;
    down.set_ip("127.0.0.3".parse().unwrap());
    let pool = upstream(&[one.address, second, down]);
    let gateway = Gateway::start(http(own_address(), vec![host("all", &[], Some(pool))])).await;
    let mut client = Client::connect(gateway.address).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(client.get("a", "/").await.text().to_owned());
    }
    for name in ["one", "two"] {
        let count = answers.iter().filter(|answer| *answer == name).count();
        assert!((2..=4).contains(&count), "{answers:?}");
    }
}

#[tokio::test]
async fn backends_that_cannot_answer_give_502() {
    let broken = Backend::start(|seen| match seen.line().split(' ').nth(1) {
        Some("/garbage") => Answer::Close(b"SSH-2.0-OpenSSH\r\n".to_vec()),
        Some("/both") => Answer::Close(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_vec(),
        ),
        Some("/switch") => Answer::Close(b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec()),
        _ => Answer::Close(Vec::new()),
    })
    .await;
    let mut nobody = broken.address;
    nobody.set_ip("127.0.0.9".parse().unwrap());
    let hosts = vec![
        host("broken", &["broken"], Some(upstream(&[broken.address]))),
        host("down", &["down"], Some(upstream(&[nobody]))),
        host("empty", &["empty"], Some(upstream(&[]))),
        host("ruleless", &["ruleless"], None),
    ];
    let gateway = Gateway::start(http(own_address(), hosts)).await;
    let mut client = Client::connect(gateway.address).await;
    for (name, path, expected) in [
        ("broken", "/", 502),
        ("broken", "/garbage", 502),
        ("broken", "/both", 502),
        ("broken", "/switch", 502),
        ("down", "/", 502),
        ("empty", "/", 502),
        ("ruleless", "/", 404),
        ("unknown", "/", 404),
    ] {
        let reply = client.get(name, path).await;
        assert_eq!(reply.status(), expected, "{name}{path}");
        assert!(
            reply.text().contains(&format!("<h1>{expected} ")),
            "{}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_not_passed_for_whole() {
    let backend = Backend::start(|seen| match seen.line().split(' ').nth(1) {
        Some("/length") => {
            Answer::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec())
        }
        _ => Answer::Close(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".to_vec(),
        ),
    })
    .await;
    let gateway = Gateway::to(backend.address).await;
    for path in ["/length", "/chunked"] {
        let mut client = Client::connect(gateway.address).await;
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let rest = client.rest().await;
        assert!(
            !rest.ends_with(b"0\r\n\r\n"),
            "{}",
            String::from_utf8_lossy(&rest)
        );
    }
}

/// Without a length, the end of the connection is the end of the body; a reset is not.
#[tokio::test]
async fn a_reset_is_not_the_end_of_a_response() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (passed, go_on) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, &mut Vec::new()).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\nabc")
            .await
            .unwrap();
        go_on.await.unwrap();
        stream.set_zero_linger().unwrap();
    });
    let gateway = Gateway::to(address).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut received = Vec::new();
    while !received.ends_with(b"abc\r\n") {
        client.stream.read_buf(&mut received).await.unwrap();
    }
    passed.send(()).unwrap();
    let rest = client.rest().await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced_where_that_is_safe() {
    // Closes after each response without saying so.
    let backend = Backend::start(|_| Answer::Close(ok(b"once"))).await;
    let gateway = Gateway::to(backend.address).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..20 {
        let reply = client.get("a", "/").await;
        assert_eq!((reply.status(), reply.text()), (200, "once"));
    }
    assert_eq!(backend.seen().len(), 20);
}

#[tokio::test]
async fn a_request_that_took_effect_is_not_sent_twice() {
    // Serves one request on each connection, then closes on the next without an answer.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counting = tokio::spawn(async move {
        let mut requests = 0;
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffered = Vec::new();
        while read_request(&mut stream, &mut buffered).await.is_some() {
            requests += 1;
            if requests == 2 {
                break;
            }
            stream.write_all(&ok(b"first")).await.unwrap();
        }
        drop(stream);
        let again = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
        (requests, again.is_ok())
    });
    let gateway = Gateway::to(address).await;
    let mut client = Client::connect(gateway.address).await;
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(client.ask(post).await.status(), 200);
    assert_eq!(client.ask(post).await.status(), 502);
    assert_eq!(counting.await.unwrap(), (2, false));
}

#[tokio::test]
async fn a_slow_backend_gives_504() {
    let backend = Backend::start(|_| Answer::Silence).await;
    let mut pool = upstream(&[backend.address]);
    pool.request_timeout = Duration::from_millis(100);
    let limits = Limits {
        http1_idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let bind = http(own_address(), vec![host("all", &[], Some(pool))]);
    let gateway = Gateway::start_with(settings(limits), bind).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("a", "/").await.status(), 504);
}

#[tokio::test]
async fn an_expectation_is_met_when_the_backend_takes_the_body() {
    let backend = Backend::echo().await;
    let gateway = Gateway::to(backend.address).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert_eq!(client.reply_without_body().await.status(), 100);
    assert_eq!(client.ask("hello").await.text(), "hello");
    assert_eq!(backend.seen()[0].field("expect"), None);
}

#[tokio::test]
async fn bodies_stream_no_faster_than_they_are_taken() {
    const SIZE: usize = 64 * 1024 * 1024;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let written = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&written);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, &mut Vec::new()).await.unwrap();
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let block = vec![b'x'; 64 * 1024];
        for _ in 0..SIZE / block.len() {
            stream.write_all(&block).await.unwrap();
            count.fetch_add(block.len(), std::sync::atomic::Ordering::SeqCst);
        }
    });
    let gateway = Gateway::to(address).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The client reads nothing: the backend must come to a halt long before the end.
    let halted = {
        let mut last = usize::MAX;
        eventually(async || {
            let now = written.load(std::sync::atomic::Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            if now > 0 && std::mem::replace(&mut last, now) == now {
                Ok(now)
            } else {
                Err(format!("{now}"))
            }
        })
        .await
    };
    assert!(halted < SIZE / 2, "{halted} bytes are buffered somewhere");
    assert_eq!(client.reply().await.body.len(), SIZE);
}

#[tokio::test]
async fn large_uploads_arrive_whole_in_either_framing() {
    let backend =
        Backend::start(|seen| Answer::Keep(ok(seen.body.len().to_string().as_bytes()))).await;
    let gateway = Gateway::to(backend.address).await;
    let body = vec![b'x'; 3_000_000];
    let mut client = Client::connect(gateway.address).await;
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    assert_eq!(client.ask(&request).await.text(), "3000000");
    let mut request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(70_000) {
        request.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(client.ask(&request).await.text(), "3000000");
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_reaches_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut some = [0; 1024];
        stream.read_exact(&mut some).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
            .await
            .unwrap();
        drop(stream.read(&mut some).await);
        std::future::pending::<()>().await;
    });
    let gateway = Gateway::to(address).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        .await;
    client.send(vec![b'x'; 2000]).await;
    let reply = client.reply().await;
    assert_eq!((reply.status(), reply.text()), (413, "big"));
    assert_eq!(reply.field("connection"), Some("close"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn the_host_and_the_path_follow_the_backend_settings() {
    let backend = Backend::echo().await;
    let mut fixed = upstream(&[backend.address]);
    fixed.host = UpstreamHost::Fixed("internal.example".into());
    fixed.path_prefix = "/override/".into();
    fixed.key = "fixed".into();
    let mut endpoint = upstream(&[backend.address]);
    endpoint.host = UpstreamHost::Endpoint;
    endpoint.key = "endpoint".into();
    let hosts = vec![
        host("fixed", &["fixed"], Some(fixed)),
        host("endpoint", &["endpoint"], Some(endpoint)),
    ];
    let gateway = Gateway::start(http(own_address(), hosts)).await;
    let mut client = Client::connect(gateway.address).await;
    client.get("fixed", "/home/").await;
    client.get("endpoint", "/home/").await;
    // An override path cannot be climbed out of, however the steps are spelled.
    for path in [
        "/..",
        "/../secret",
        "/a/../../secret",
        "/%2e%2E/secret",
        "/.%2e%2fsecret",
        "/a%2F..%2f..%2fsecret",
        "/..\\secret",
        "/..%5csecret",
        "/..;x/secret",
    ] {
        let reply = Client::connect(gateway.address)
            .await
            .get("fixed", path)
            .await;
        assert_eq!(reply.status(), 400, "{path}");
    }
    let harmless = "/.../a..b/..c?x=/../y";
    assert_eq!(client.get("fixed", harmless).await.status(), 200);
    assert_eq!(client.get("endpoint", "/../up").await.status(), 200);
    let seen = backend.seen();
    assert_eq!(
        (seen[0].line(), seen[0].field("host")),
        ("GET /override/home/ HTTP/1.1", Some("internal.example"))
    );
    assert_eq!(
        (seen[1].line(), seen[1].field("host")),
        ("GET /home/ HTTP/1.1", Some("127.0.0.1"))
    );
    assert_eq!(seen[0].field("x-original-url"), Some("/home/"));
    assert_eq!(seen[0].field("x-original-host"), Some("fixed"));
}
