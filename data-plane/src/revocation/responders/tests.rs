//! Responders of all sorts over real sockets; what they say is made by `openssl ocsp`.

use std::time::SystemTime;

use client_auth::RevocationPolicy;
use client_auth::ocsp::OcspStatus;
use tokio::net::TcpListener;

use super::*;
use crate::revocation::network::Guard;
use crate::revocation::resolver::Resolver;
use crate::revocation::testing::world::{Status, World, ocsp, request};
use crate::revocation::testing::{Asked, Play, Server};
use crate::testing::Ca;

fn responders(ahead: Duration) -> Responders {
    let loopback = vec!["127.0.0.0/8".parse().expect("a network")];
    let clock = Clock::from_fn(move || SystemTime::now() + ahead);
    Responders {
        fetcher: Fetcher::new(Guard::new(loopback), Resolver::system(), clock.clone()),
        clock,
        timeout: Duration::from_secs(10),
        metrics: Metrics::new(),
    }
}

/// What comes of asking these about the certificate with serial number 1.
async fn ask(
    world: &World,
    urls: &[String],
    policy: &RevocationPolicy,
) -> Result<OcspAnswer, NoAnswer> {
    let question = world.question(&world.client(1, urls), policy);
    responders(Duration::ZERO).ask(&question).await
}

/// Expects no answer, and why.
async fn check(play: impl Fn(&World, &Asked) -> Play + Send + Sync + 'static, why: &str) {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let playing = Arc::clone(&world);
    let server = Server::start(move |asked| play(&playing, asked)).await;
    let failure = ask(&world, &[server.url("/ocsp")], &ocsp())
        .await
        .expect_err("no answer");
    assert_eq!(failure.why, format!("{}: {why}", server.url("/ocsp")));
}

#[tokio::test]
async fn a_short_question_goes_by_get() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    for path in ["", "/", "/ocsp", "/ocsp/"] {
        let answer = ask(&world, &[server.url(path)], &ocsp())
            .await
            .expect("an answer");
        assert_eq!(answer.status, OcspStatus::Good);
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    for asked in asked {
        assert_eq!(asked.method(), "GET");
        assert!(
            asked.head.contains("accept: application/ocsp-response"),
            "{}",
            asked.head
        );
    }
}

#[tokio::test]
async fn a_question_that_does_not_fit_a_path_goes_by_post() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let url = server.url("/ocsp?ca=1");
    ask(&world, &[url], &ocsp()).await.expect("an answer");
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].method()), (1, "POST"));
    assert_eq!(asked[0].target(), "/ocsp?ca=1");
    assert!(
        asked[0]
            .head
            .contains("content-type: application/ocsp-request")
    );
}

// T-44
#[tokio::test]
async fn a_responder_that_takes_only_post_is_asked_by_post() {
    let refusals = [
        "405 Method Not Allowed",
        "404 Not Found",
        "400 Bad Request",
        "411 Length Required",
        "414 URI Too Long",
        "501 Not Implemented",
        "302 Found",
    ];
    for status in refusals {
        let world = Arc::new(World::new());
        world.say(&[(1, Status::Good)]);
        let playing = Arc::clone(&world);
        let server = Server::start(move |asked| match asked.method() {
            "POST" => playing.play(asked),
            _ => Play::status(status),
        })
        .await;
        ask(&world, &[server.url("/")], &ocsp())
            .await
            .expect(status);
        let asked = server.asked();
        let methods: Vec<_> = asked.iter().map(Asked::method).collect();
        assert_eq!(methods, ["GET", "POST"]);
    }
}

// T-43
#[tokio::test]
async fn a_cache_with_old_answers_to_get_is_passed_by_post() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let client = world.client(2, &["http://a".to_owned()]);
    let request = Request::new(&world.question(&client, &self::ocsp()), None).expect("a request");
    let other = world.respond(request.der());
    let playing = Arc::clone(&world);
    let server = Server::start(move |asked| match asked.method() {
        "POST" => playing.play(asked),
        _ => Play::ok(ocsp::RESPONSE_TYPE, &other),
    })
    .await;
    let answer = ask(&world, &[server.url("/")], &self::ocsp()).await;
    assert_eq!(answer.expect("an answer").status, OcspStatus::Good);
}

#[tokio::test]
async fn answers_may_come_in_chunks_and_with_parameters() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let playing = Arc::clone(&world);
    let server = Server::start(move |asked| {
        let response = playing.respond(&request(asked));
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Type: Application/OCSP-response; x=y\r\n\
            Transfer-Encoding: chunked\r\n\r\n"
            .to_vec();
        for part in response.chunks(100) {
            bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Play::Send(bytes)
    })
    .await;
    ask(&world, &[server.url("/")], &ocsp())
        .await
        .expect("an answer");
}

#[tokio::test]
async fn every_status_is_an_answer_from_the_ca_and_from_its_delegate() {
    let world = Arc::new(World::new());
    let server = world.serve().await;
    for delegated in [false, true] {
        if delegated {
            world.delegate();
        }
        let cases = [
            (&[(1, Status::Good)][..], "good"),
            (&[(1, Status::Revoked)], "revoked"),
            (&[], "unknown"),
        ];
        for (statuses, expected) in cases {
            world.say(statuses);
            let answer = ask(&world, &[server.url("/")], &ocsp())
                .await
                .expect("an answer");
            assert_eq!(answer.status.label(), expected);
        }
    }
}

// T-44
#[tokio::test]
async fn what_is_no_answer_is_not_believed() {
    check(
        |_, _| Play::status("500 Internal Server Error"),
        "status 500",
    )
    .await;
    check(|_, _| Play::status("404 Not Found"), "status 404").await;
    let redirect = "status 302, and redirects are not followed";
    check(
        |_, _| Play::status("302 Found\r\nLocation: http://127.0.0.1/"),
        redirect,
    )
    .await;
    let html = "content of type `text/html`";
    check(
        |world, asked| Play::ok("text/html", &world.respond(&request(asked))),
        html,
    )
    .await;
    let nothing = "content of type ``";
    check(
        |world, asked| {
            let response = world.respond(&request(asked));
            Play::Send([b"HTTP/1.1 200 OK\r\n\r\n", &*response].concat())
        },
        nothing,
    )
    .await;
    check(
        |_, _| Play::ok(ocsp::RESPONSE_TYPE, b"no DER"),
        "the response is malformed",
    )
    .await;
    let later = "the responder answered tryLater";
    check(
        |_, _| Play::ok(ocsp::RESPONSE_TYPE, &[0x30, 3, 0x0a, 1, 3]),
        later,
    )
    .await;
    let unauthorized = "the responder answered unauthorized";
    check(
        |_, _| Play::ok(ocsp::RESPONSE_TYPE, &[0x30, 3, 0x0a, 1, 6]),
        unauthorized,
    )
    .await;
    let flood = b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n";
    check(
        |_, _| Play::Flood(flood.to_vec(), 64 << 20),
        "more than 65536 bytes",
    )
    .await;
}

// T-40
#[tokio::test]
async fn an_answer_about_another_certificate_or_by_another_ca_is_not_believed() {
    let other = "the response is not about the certificate";
    check(
        |world, _| {
            let question = world.question(&world.client(2, &["http://a".to_owned()]), &ocsp());
            let request = Request::new(&question, None).expect("a request");
            Play::ok(ocsp::RESPONSE_TYPE, &world.respond(request.der()))
        },
        other,
    )
    .await;
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let twin = Ca::new("CA");
    world.sign_as(&twin.certificate, &twin.key_pem());
    let server = world.serve().await;
    let failure = ask(&world, &[server.url("/")], &self::ocsp())
        .await
        .expect_err("no answer");
    assert!(failure.was_reached, "{}", failure.why);
}

// T-43
#[tokio::test]
async fn an_answer_of_yesterday_is_not_believed() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let question = world.question(&world.client(1, &[server.url("/")]), &ocsp());
    let tomorrow = responders(Duration::from_hours(25));
    let failure = tomorrow.ask(&question).await.expect_err("no answer");
    assert!(
        failure.why.ends_with("the response is too old"),
        "{}",
        failure.why
    );
}

// T-43
#[tokio::test]
async fn a_nonce_must_come_back_where_the_policy_says_so() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let policy = RevocationPolicy {
        nonce: true,
        ..ocsp()
    };
    let server = world.serve().await;
    ask(&world, &[server.url("/")], &policy)
        .await
        .expect("an answer");
    ask(&world, &[server.url("/")], &policy)
        .await
        .expect("an answer");
    let [first, second] = [0, 1].map(|place: usize| request(&server.asked()[place]));
    assert_ne!(first, second, "each request has a nonce of its own");
    let old = world.respond(&first);
    let replaying = Server::start(move |_| Play::ok(ocsp::RESPONSE_TYPE, &old)).await;
    let failure = ask(&world, &[replaying.url("/")], &policy)
        .await
        .expect_err("no answer");
    assert!(
        failure.why.contains("does not repeat the nonce"),
        "{}",
        failure.why
    );
}

/// A port where nobody listens.
async fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    format!("http://{address}/")
}

// T-44
#[tokio::test]
async fn the_next_responder_is_asked_when_one_fails() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let broken = Server::start(|_| Play::status("503 Busy")).await;
    let urls = [
        dead().await,
        broken.url("/"),
        "http://192.168.0.1/".to_owned(),
        server.url("/"),
    ];
    let answer = ask(&world, &urls, &ocsp()).await.expect("an answer");
    assert_eq!(answer.status, OcspStatus::Good);
    assert_eq!(server.asked().len(), 1);
}

// T-44
#[tokio::test]
async fn a_responder_that_says_nothing_does_not_keep_the_next_one_from_answering_in_time() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let silent = Server::start(|_| Play::Silence).await;
    let urls = [silent.url("/"), server.url("/")];
    let begin = Instant::now();
    let question = world.question(&world.client(1, &urls), &ocsp());
    let responders = Responders {
        timeout: Duration::from_secs(2),
        ..responders(Duration::ZERO)
    };
    let answer = responders.ask(&question).await.expect("an answer");
    assert_eq!(answer.status, OcspStatus::Good);
    assert!(
        begin.elapsed() < responders.timeout,
        "{:?}",
        begin.elapsed()
    );
}

// T-44
#[tokio::test]
async fn all_failures_are_told_and_whether_anybody_was_there() {
    let world = World::new();
    let silent = Server::start(|_| Play::Silence).await;
    let (dead, silent) = (dead().await, silent.url("/"));
    let question = world.question(&world.client(1, &[dead.clone(), silent.clone()]), &ocsp());
    let responders = Responders {
        timeout: Duration::from_millis(200),
        ..responders(Duration::ZERO)
    };
    let failure = responders.ask(&question).await.expect_err("no answer");
    assert!(!failure.was_reached);
    assert!(
        failure.why.starts_with(&format!("{dead}: 127.0.0.1")),
        "{}",
        failure.why
    );
    let late = format!("; {silent}: no complete answer in time");
    assert!(failure.why.ends_with(&late), "{}", failure.why);
}
