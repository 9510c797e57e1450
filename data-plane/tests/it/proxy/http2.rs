//! HTTP/2 towards clients.

use std::time::Duration;

use bytes::Bytes;
use data_plane::limits::Limits;
use data_plane::snapshot::Bind;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use super::backend::{Answer, Backend, ok};
use super::gateway::{Gateway, host, https, settings, upstream, with_tls};
use super::pki::{self, Ca};
use super::{eventually, own_address};

pub(crate) struct H2 {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl H2 {
    async fn connect(gateway: &Gateway, server: &Ca, name: &str) -> Self {
        Self::over(gateway, pki::client(server, None, "h2"), name).await
    }

    pub(crate) async fn over(gateway: &Gateway, config: ClientConfig, name: &str) -> Self {
        let stream = pki::connect(gateway.address, config, name).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Self::on(stream).await.unwrap()
    }

    pub(crate) async fn on(stream: TlsStream<TcpStream>) -> hyper::Result<Self> {
        let io = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        Ok(Self {
            sender,
            connection: tokio::spawn(connection),
        })
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<(StatusCode, http::HeaderMap, Bytes)> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        Ok((
            parts.status,
            parts.headers,
            body.collect().await?.to_bytes(),
        ))
    }

    pub(crate) async fn get(&mut self, url: &str) -> StatusCode {
        self.try_get(url).await.unwrap()
    }

    pub(crate) async fn try_get(&mut self, url: &str) -> hyper::Result<StatusCode> {
        Ok(self.send(request("GET", url, "")).await?.0)
    }

    /// Waits for the gateway to end the connection.
    pub(crate) async fn ended(self) {
        let ended = tokio::time::timeout(Duration::from_secs(10), self.connection).await;
        assert!(ended.is_ok(), "the connection goes on");
    }
}

pub(crate) fn request(method: &str, url: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(url)
        .body(Full::new(body.into()))
        .unwrap()
}

fn bind(server: &Ca, backend: &Backend) -> Bind {
    let open = host(
        "open",
        &["open.example"],
        Some(upstream(&[backend.address])),
    );
    let open = with_tls(open, pki::server(server.server("open.example"), None), 0);
    let strict = host(
        "strict",
        &["strict.example"],
        Some(upstream(&[backend.address])),
    );
    let config = pki::server(server.server("strict.example"), Some(&Ca::new("clients")));
    https(own_address(), vec![open, with_tls(strict, config, 1)])
}

#[tokio::test]
async fn requests_and_responses_pass_through() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &backend)).await;
    let mut client = H2::connect(&gateway, &server, "open.example").await;
    let (status, headers, body) = client
        .send(request("GET", "https://open.example/a?b", ""))
        .await
        .unwrap();
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"hello"[..]));
    assert_eq!(headers["content-length"], "5");
    let large = vec![b'x'; 1_000_000];
    let (status, _, body) = client
        .send(request("POST", "https://open.example/", large.clone()))
        .await
        .unwrap();
    assert_eq!((status, body.len()), (StatusCode::OK, large.len()));

    let seen = &backend.seen()[0];
    assert_eq!(seen.line(), "GET /a?b HTTP/1.1");
    for (name, value) in [
        ("host", "open.example"),
        ("x-forwarded-proto", "https"),
        ("x-original-host", "open.example"),
        ("connection", "keep-alive"),
    ] {
        assert_eq!(seen.field(name), Some(value), "{}", seen.head);
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_request_for_another_listener_is_misdirected_every_time() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &backend)).await;
    let mut client = H2::connect(&gateway, &server, "open.example").await;
    for (url, expected) in [
        ("https://open.example/", 200),
        ("https://strict.example/", 421),
        ("https://STRICT.example:443/", 421),
        ("https://unknown.example/", 404),
        ("https://open.example:443/", 200),
        ("https://strict.example/", 421),
    ] {
        assert_eq!(client.get(url).await, expected, "{url}");
    }
    assert!(
        backend
            .seen()
            .iter()
            .all(|seen| seen.field("host").unwrap().starts_with("open"))
    );
}

#[tokio::test]
async fn odd_requests_are_refused_and_the_connection_goes_on() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &backend)).await;
    let mut client = H2::connect(&gateway, &server, "open.example").await;
    let with = |name: &str, value: &str| {
        let mut request = request("GET", "https://open.example/", "");
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    for (name, value, expected) in [
        ("host", "strict.example", 400),
        ("host", "open.example, strict.example", 400),
        ("x_client_cert", "forged", 400),
        ("x.client.cert", "forged", 400),
        ("expect", "something", 417),
        ("host", "open.example", 200),
    ] {
        let status = client.send(with(name, value)).await.unwrap().0;
        assert_eq!(status, expected, "{name}: {value}");
    }
    assert_eq!(
        client
            .send(request("TRACE", "https://open.example/", ""))
            .await
            .unwrap()
            .0,
        405
    );
    assert_eq!(client.get("https://open.example/").await, 200);
}

#[tokio::test]
async fn many_requests_run_at_a_time() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &backend)).await;
    let client = H2::connect(&gateway, &server, "open.example").await;
    let requests = (0..50).map(|number| {
        let mut sender = client.sender.clone();
        tokio::spawn(async move {
            sender.ready().await.unwrap();
            let body = format!("body {number}");
            let response = sender
                .send_request(request("POST", "https://open.example/", body.clone()))
                .await
                .unwrap();
            assert_eq!(
                response.into_body().collect().await.unwrap().to_bytes(),
                body
            );
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_reset() {
    let server = Ca::new("server");
    let backend = Backend::start(|seen| match seen.line().split(' ').nth(1) {
        Some("/cut") => Answer::Close(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".to_vec(),
        ),
        _ => Answer::Keep(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec(),
        ),
    })
    .await;
    let gateway = Gateway::start(bind(&server, &backend)).await;
    let mut client = H2::connect(&gateway, &server, "open.example").await;
    assert!(
        client
            .send(request("GET", "https://open.example/cut", ""))
            .await
            .is_err()
    );
    let (_, headers, body) = client
        .send(request("GET", "https://open.example/", ""))
        .await
        .unwrap();
    assert_eq!(body, "abc");
    assert_eq!(headers.get("transfer-encoding"), None);
}

#[tokio::test]
async fn a_connection_ends_after_its_number_of_requests_or_when_idle() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let limits = Limits {
        max_requests_per_connection: 3,
        http2_idle_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let gateway = Gateway::start_with(settings(limits), bind(&server, &backend)).await;
    let mut busy = H2::connect(&gateway, &server, "open.example").await;
    for _ in 0..3 {
        assert_eq!(busy.get("https://open.example/").await, 200);
    }
    busy.ended().await;
    H2::connect(&gateway, &server, "open.example")
        .await
        .ended()
        .await;
}

#[tokio::test]
async fn a_removed_listener_says_goodbye_and_finishes_what_runs() {
    let server = Ca::new("server");
    let backend = Backend::start(|_| Answer::Keep(ok(b"hello"))).await;
    let mut gateway = Gateway::start(bind(&server, &backend)).await;
    let mut client = H2::connect(&gateway, &server, "open.example").await;
    assert_eq!(client.get("https://open.example/").await, 200);
    gateway.listeners.remove_gateway("/gateway").await;
    client.ended().await;
}

/// GOAWAY is a request; who does not follow it is cut.
#[tokio::test]
async fn a_client_that_does_not_go_is_cut() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let limits = Limits {
        max_requests_per_connection: 3,
        http2_max_streams: 2,
        ..Limits::default()
    };
    let gateway = Gateway::start_with(settings(limits), bind(&server, &backend)).await;
    let config = pki::client(&server, None, "h2");
    let mut stream = pki::connect(gateway.address, config, "open.example")
        .await
        .unwrap();
    stream.write_all(&raw_request(&PLAIN)).await.unwrap();
    let mut frame = raw_request(&PLAIN).split_off(33);
    let mut requests = 1_u32;
    // Neither SETTINGS nor PING are ever acknowledged.
    while requests < 30 && answered(&mut stream).await {
        requests += 1;
        frame[5..9].copy_from_slice(&(2 * requests - 1).to_be_bytes());
        if stream.write_all(&frame).await.is_err() {
            break;
        }
    }
    assert!((7..=9).contains(&requests), "{requests}");
}

/// Whether a stream comes to its end before the connection does.
async fn answered(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    loop {
        let mut head = [0; 9];
        let read =
            tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut head)).await;
        if read.expect("an answer").is_err() {
            return false;
        }
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await.unwrap();
        // DATA or HEADERS with END_STREAM.
        if head[3] <= 1 && head[4] & 1 == 1 {
            return true;
        }
    }
}

const PLAIN: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "open.example"),
    (":path", "/"),
];

/// What HTTP/2 forbids and HTTP/1 would take for framing, sent as raw frames since no client library would.
#[tokio::test]
async fn fields_of_http1_are_refused() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &backend)).await;
    let cases: &[&[(&str, &str)]] = &[
        &[("connection", "close")],
        &[("connection", "x-forwarded-for")],
        &[("transfer-encoding", "chunked")],
        &[("upgrade", "websocket")],
        &[("keep-alive", "5")],
        &[("proxy-connection", "keep-alive")],
        &[("te", "gzip")],
        &[("X-Upper", "case")],
        &[("x-break", "a\r\nx-smuggled: b")],
        &[("x break", "a")],
        &[("content-length", "5"), ("content-length", "6")],
        &[("content-length", "x")],
        &[("content-length", "5")],
        &[(":authority", "strict.example")],
        &[(":path", "/again")],
    ];
    for extra in cases {
        let mut fields = PLAIN.to_vec();
        fields.extend_from_slice(extra);
        let mut stream = pki::connect(
            gateway.address,
            pki::client(&server, None, "h2"),
            "open.example",
        )
        .await
        .unwrap();
        stream.write_all(&raw_request(&fields)).await.unwrap();
        let answer = first_answer(&mut stream).await;
        assert!(answer != Answered::Passed, "{extra:?}");
        assert!(backend.seen().is_empty(), "{extra:?} reached the backend");
    }
    let mut stream = pki::connect(
        gateway.address,
        pki::client(&server, None, "h2"),
        "open.example",
    )
    .await
    .unwrap();
    stream.write_all(&raw_request(&PLAIN)).await.unwrap();
    assert_eq!(first_answer(&mut stream).await, Answered::Passed);
}

/// A client that opens a stream and never lets its response through holds a backend connection.
#[tokio::test]
async fn a_client_that_takes_no_response_is_reset() {
    let server = Ca::new("server");
    let large = vec![b'x'; 1_000_000];
    let backend = Backend::start(move |_| Answer::Keep(ok(&large))).await;
    let limits = Limits {
        stream_idle_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let gateway = Gateway::start_with(settings(limits), bind(&server, &backend)).await;
    let mut stream = pki::connect(
        gateway.address,
        pki::client(&server, None, "h2"),
        "open.example",
    )
    .await
    .unwrap();
    stream.write_all(&raw_request(&PLAIN)).await.unwrap();
    assert_eq!(first_answer(&mut stream).await, Answered::Passed);
    // The window of the stream is never opened again: what comes after its 64 KiB is the reset.
    assert_eq!(first_answer(&mut stream).await, Answered::Refused);
}

/// Small on the wire, large or endless in memory (CVE-2024-27316, CVE-2026-49975).
#[tokio::test]
async fn header_bombs_are_refused() {
    let (server, backend) = (Ca::new("server"), Backend::echo().await);
    let gateway = Gateway::start(bind(&server, &backend)).await;
    let frame = |kind: u8, flags: u8, payload: &[u8]| {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags, 0, 0, 0, 1]);
        frame.extend_from_slice(payload);
        frame
    };
    let plain = raw_request(&PLAIN);
    let (preface, block) = (&plain[..33], &plain[42..]);

    // HEADERS without END_HEADERS, then CONTINUATION without end.
    let mut endless = frame(1, 1, block);
    endless.extend(frame(9, 0, b"").repeat(10_000));

    // A field of 3,000 bytes that goes to the dynamic table (RFC 7541, 6.2.1), and a byte for each time it is named again.
    let bomb = |times| {
        let mut bomb = block.to_vec();
        bomb.extend_from_slice(b"\x40\x03x-a\x7f\xb9\x16");
        bomb.extend(vec![b'x'; 3_000]);
        bomb.extend(vec![0xbe; times]);
        frame(1, 5, &bomb)
    };

    // Many small fields.
    let mut crumbs = block.to_vec();
    crumbs.extend(b"\x00\x06cookie\x01a".repeat(150));
    let crumbs = frame(1, 5, &crumbs);

    for (name, attack, expected) in [
        ("endless", endless, Answered::Refused),
        ("bomb", bomb(10_000), Answered::Refused),
        ("crumbs", crumbs, Answered::Refused),
        ("harmless", bomb(2), Answered::Passed),
    ] {
        let config = pki::client(&server, None, "h2");
        let stream = pki::connect(gateway.address, config, "open.example");
        let mut stream = stream.await.unwrap();
        stream.write_all(preface).await.unwrap();
        // The gateway may close before it has read everything.
        drop(stream.write_all(&attack).await);
        assert_eq!(first_answer(&mut stream).await, expected, "{name}");
    }
    assert_eq!(backend.seen().len(), 1);
}

/// Rapid reset (CVE-2023-44487), slow enough for each request to have reached the backend.
#[tokio::test]
async fn a_client_that_keeps_breaking_off_its_requests_is_cut() {
    let server = Ca::new("server");
    let backend = Backend::start(|seen| match seen.line().split(' ').nth(1) {
        Some("/silent") => Answer::Silence,
        _ => Answer::Keep(ok(b"hello")),
    })
    .await;
    let limits = Limits {
        http2_max_pending_resets: 4,
        ..Limits::default()
    };
    let gateway = Gateway::start_with(settings(limits), bind(&server, &backend)).await;
    let break_off = async |client: &mut H2| {
        let seen = backend.seen().len();
        client.sender.ready().await?;
        let sending = client
            .sender
            .send_request(request("GET", "https://open.example/silent", ""));
        let arrived = eventually(async || {
            if backend.seen().len() > seen || client.connection.is_finished() {
                Ok(())
            } else {
                Err("the request has not arrived".to_owned())
            }
        });
        tokio::select! {
            answer = sending => answer.map(drop),
            () = arrived => Ok(()),
        }
    };

    let mut patient = H2::connect(&gateway, &server, "open.example").await;
    for _ in 0..8 {
        assert_eq!(patient.get("https://open.example/").await, 200);
        assert_eq!(patient.get("https://open.example/").await, 200);
        break_off(&mut patient).await.unwrap();
    }
    assert_eq!(patient.get("https://open.example/").await, 200);

    let mut hasty = H2::connect(&gateway, &server, "open.example").await;
    let mut broken_off = 0;
    while broken_off < 20 && break_off(&mut hasty).await.is_ok() {
        broken_off += 1;
    }
    assert!((4..=6).contains(&broken_off), "{broken_off}");
    hasty.ended().await;
}

#[derive(Debug, PartialEq, Eq)]
enum Answered {
    /// HEADERS with `:status: 200`.
    Passed,
    /// `RST_STREAM`, `GOAWAY`, another status, or the end.
    Refused,
}

/// Preface, empty SETTINGS, and one HEADERS frame that ends the stream (RFC 9113, 3.4 and 6.2).
fn raw_request(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        // Literal without indexing, new name, no Huffman coding (RFC 7541, 6.2.2).
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut wire = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    let length = u32::try_from(block.len()).unwrap().to_be_bytes();
    wire.extend_from_slice(&length[1..]);
    wire.extend_from_slice(&[1, 0x05, 0, 0, 0, 1]);
    wire.extend_from_slice(&block);
    wire
}

async fn first_answer(stream: &mut (impl AsyncRead + Unpin)) -> Answered {
    loop {
        let mut head = [0; 9];
        let read =
            tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut head)).await;
        if read.expect("an answer").is_err() {
            return Answered::Refused;
        }
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await.unwrap();
        match head[3] {
            // `:status: 200` is entry 8 of the static table.
            1 if payload.first() == Some(&0x88) => return Answered::Passed,
            1 | 3 | 7 => return Answered::Refused,
            _ => {}
        }
    }
}
