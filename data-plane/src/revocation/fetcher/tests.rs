//! Exchanges with servers of all sorts over real sockets.

use std::time::Duration;

use tokio::net::TcpListener;

use super::*;
use crate::revocation::testing::{Asked, Play, Server};
use crate::testing::Ca;

const TYPE: &str = "application/ocsp-response";

/// Reaches loopback, and knows no name but `localhost`.
fn fetcher() -> Fetcher {
    with_names(&["127.0.0.0/8"], &[("ca.example", "127.0.0.1")])
}

fn with_names(allowed: &[&str], names: &'static [(&str, &str)]) -> Fetcher {
    let allowed = allowed
        .iter()
        .map(|text| text.parse().expect("a network"))
        .collect();
    let resolver = Resolver::from_fn(|name| {
        let known = names.iter().filter(|(known, _)| *known == name);
        Ok(known
            .map(|(_, address)| address.parse().expect("an address"))
            .collect())
    });
    Fetcher::new(Guard::new(allowed), resolver, Clock::system())
}

fn question(url: &str) -> Question {
    Question {
        method: Method::GET,
        location: Location::parse(url).expect("a URL"),
        body: None,
        accept: TYPE,
        limit: 1000,
    }
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<Answer, FetchError> {
    let deadline = Instant::now() + Duration::from_secs(10);
    fetcher.fetch(question(url), deadline).await
}

/// What comes of a server that answers with these bytes.
async fn fetch(play: Play) -> Result<Answer, FetchError> {
    let server = Server::start(move |_| play.clone()).await;
    get(&fetcher(), &server.url("/")).await
}

async fn check(answer: &str, expected: Result<&[u8], &str>) {
    let outcome = fetch(Play::Send(answer.as_bytes().to_vec())).await;
    match (outcome, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found.body, expected, "{answer:?}"),
        (Err(found), Err(label)) => assert_eq!(found.label(), label, "{answer:?}: {found}"),
        (outcome, expected) => panic!("{answer:?}: {outcome:?}, expected {expected:?}"),
    }
}

#[tokio::test]
async fn a_request_says_what_a_responder_needs() {
    let server = Server::start(|_| Play::ok("Application/OCSP-Response; x=y", b"answer")).await;
    let posted = Question {
        method: Method::POST,
        body: Some(("application/ocsp-request", Bytes::from_static(b"question"))),
        ..question(&server.url("/responder?a=b"))
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    let answer = fetcher().fetch(posted, deadline).await.expect("an answer");
    assert_eq!(answer.media_type, TYPE);
    assert_eq!(answer.body, b"answer");
    let Asked { head, body } = server.asked().remove(0);
    assert_eq!(body, b"question");
    assert!(
        head.starts_with("POST /responder?a=b HTTP/1.1\r\n"),
        "{head}"
    );
    for field in [
        format!("host: {}", server.address),
        "content-type: application/ocsp-request".to_owned(),
        "content-length: 8".to_owned(),
        format!("accept: {TYPE}"),
        "connection: close".to_owned(),
    ] {
        assert!(head.contains(&field), "{field} in {head}");
    }
}

#[tokio::test]
async fn answers_end_in_every_way_that_http_knows() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Ok(b"ok")).await;
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
    check(chunked, Ok(b"ok")).await;
    check("HTTP/1.0 200 OK\r\n\r\nok", Ok(b"ok")).await;
    check("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", Ok(b"ok")).await;
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        Err("protocol"),
    )
    .await;
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\no",
        Err("protocol"),
    )
    .await;
}

#[tokio::test]
async fn only_status_200_is_an_answer() {
    check(
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        Err("status"),
    )
    .await;
    check(
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
        Err("status"),
    )
    .await;
    check("HTTP/1.1 204 No Content\r\n\r\n", Err("status")).await;
    check("SSH-2.0-OpenSSH_9.7\r\n", Err("protocol")).await;
    check("", Err("protocol")).await;
    let many = "x: y\r\n".repeat(100);
    check(&format!("HTTP/1.1 200 OK\r\n{many}\r\n"), Err("protocol")).await;
    let long = "x".repeat(20_000);
    check(
        &format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n"),
        Err("protocol"),
    )
    .await;
}

// T-44
#[tokio::test]
async fn an_answer_has_a_size_at_which_reading_stops() {
    let check = async |head: &str| {
        let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        let outcome = fetch(Play::Flood(head.into_bytes(), 64 << 20)).await;
        assert_eq!(outcome, Err(FetchError::TooLarge(1000)));
    };
    check("Content-Length: 67108864\r\n").await;
    check("Connection: close\r\n").await;
    let exact = Play::ok(TYPE, &[7; 1000]);
    assert_eq!(fetch(exact).await.expect("fits").body.len(), 1000);
}

// T-44
#[tokio::test]
async fn an_answer_that_drips_ends_at_the_deadline() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n".to_vec();
    let pause = Duration::from_millis(10);
    let drips = [
        Play::Drip(head.clone(), vec![b'x'; 900], pause),
        Play::Drip(Vec::new(), head, pause),
        Play::Silence,
    ];
    for drip in drips {
        let server = Server::start(move |_| drip.clone()).await;
        let deadline = Instant::now() + Duration::from_millis(200);
        let outcome = fetcher().fetch(question(&server.url("/")), deadline).await;
        assert_eq!(outcome, Err(FetchError::Deadline));
        // Fields and content would have taken nine seconds.
        assert!(deadline.elapsed() < Duration::from_secs(1));
    }
}

// T-46
#[tokio::test]
async fn redirects_are_not_followed() {
    let inner = Server::start(|_| Play::ok(TYPE, b"secret")).await;
    for target in [
        inner.url("/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        for status in [
            "301 Moved",
            "302 Found",
            "303 See Other",
            "307 Temporary",
            "308 Permanent",
        ] {
            let answer =
                format!("HTTP/1.1 {status}\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            check(&answer, Err("redirect")).await;
        }
    }
    assert!(inner.asked().is_empty());
}

// T-46
#[tokio::test]
async fn addresses_that_are_not_allowed_see_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let closed = with_names(
        &[],
        &[
            ("loopback.example", "127.0.0.1"),
            ("metadata.example", "169.254.169.254"),
            ("ca.example", "fd00:ec2::254"),
            ("mapped.example", "::ffff:127.0.0.1"),
        ],
    );
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "100.64.0.1",
        "loopback.example",
        "metadata.example",
        "ca.example",
        "mapped.example",
    ] {
        let outcome = get(&closed, &format!("http://{host}:{port}/")).await;
        assert!(
            matches!(outcome, Err(FetchError::Denied(_))),
            "{host}: {outcome:?}"
        );
    }
    let nobody = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(nobody.is_err(), "{nobody:?}");
}

// T-46
#[tokio::test]
async fn numbers_that_the_system_reads_as_addresses_are_judged_as_addresses() {
    let fetcher = Fetcher::new(Guard::default(), Resolver::system(), Clock::system());
    for host in [
        "2130706433",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
        "localhost",
    ] {
        let outcome = get(&fetcher, &format!("http://{host}:1/")).await;
        let refused = matches!(outcome, Err(FetchError::Denied(_) | FetchError::Resolve(_)));
        assert!(refused, "{host}: {outcome:?}");
    }
}

// T-46
#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_connected_to() {
    let server = Server::start(|_| Play::ok(TYPE, b"ok")).await;
    let port = server.address.port();
    let names = &[
        ("both.example", "10.0.0.1"),
        ("both.example", "127.0.0.1"),
        ("both.example", "::1"),
    ];
    let fetcher = with_names(&["127.0.0.1/32"], names);
    let answer = get(&fetcher, &format!("http://both.example:{port}/")).await;
    assert_eq!(answer.expect("reached").body, b"ok");
}

// T-46: a name that is public when it is judged and private when it is used.
#[tokio::test]
async fn a_name_is_resolved_once_for_judgement_and_use() {
    let server = Server::start(|_| Play::ok(TYPE, b"ok")).await;
    let turns = std::sync::Mutex::new(vec!["127.0.0.2", "127.0.0.1"]);
    let resolver = Resolver::from_fn(move |_| {
        let turn = turns.lock().expect("not poisoned").pop();
        Ok(turn
            .map(|address| address.parse().expect("an address"))
            .into_iter()
            .collect())
    });
    let allowed = vec!["127.0.0.1/32".parse().expect("a network")];
    let fetcher = Fetcher::new(Guard::new(allowed), resolver, Clock::system());
    let url = format!("http://rebinding.example:{}/", server.address.port());
    assert_eq!(get(&fetcher, &url).await.expect("reached").body, b"ok");
    assert!(matches!(
        get(&fetcher, &url).await,
        Err(FetchError::Denied(_))
    ));
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let outcome = get(&fetcher(), &format!("http://{address}/")).await;
    assert!(
        matches!(outcome, Err(FetchError::Connect { .. })),
        "{outcome:?}"
    );
    let outcome = get(&fetcher(), "http://nowhere.example/").await;
    assert!(
        matches!(outcome, Err(FetchError::Resolve(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn https_verifies_the_name_of_the_responder() {
    let ca = Ca::new("web CA");
    let leaf = ca.server("ca.example");
    let key = leaf.private_key();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.certificate], key)
        .expect("a certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let serving = async {
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer)
                .await
                .expect("sent");
            tokio::io::AsyncWriteExt::shutdown(&mut stream)
                .await
                .expect("closed");
        }
    };
    let names = &[("ca.example", "127.0.0.1"), ("other.example", "127.0.0.1")];
    let fetcher = with_names(&["127.0.0.0/8"], names);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.certificate.clone()).expect("a root");
    fetcher.trust(roots);
    let asking = async {
        let answer = get(&fetcher, &format!("https://ca.example:{port}/")).await;
        assert_eq!(answer.expect("trusted").body, b"ok");
        let refused = get(&fetcher, &format!("https://other.example:{port}/")).await;
        assert!(matches!(refused, Err(FetchError::Tls(_))), "{refused:?}");
    };
    tokio::select! {
        () = serving => {}
        () = asking => {}
    }
}

#[test]
fn what_others_wrote_is_shown_escaped_and_short() {
    assert_eq!(shown("a\r\nb\u{1b}[0m"), "a\\r\\nb\\u{1b}[0m");
    assert_eq!(shown(&"x".repeat(1000)).len(), MAX_SHOWN);
}
