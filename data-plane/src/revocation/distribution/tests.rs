//! Distribution points of all sorts over real sockets.

use client_auth::RevocationMethod;

use super::*;
use crate::clock::Clock;
use crate::revocation::network::Guard;
use crate::revocation::resolver::Resolver;
use crate::revocation::testing::world::{World, ocsp};
use crate::revocation::testing::{Play, Server};
use crate::testing::Ca;

fn distribution() -> Distribution {
    let loopback = vec!["127.0.0.0/8".parse().expect("a network")];
    Distribution {
        fetcher: Fetcher::new(Guard::new(loopback), Resolver::system(), Clock::system()),
        timeout: Duration::from_secs(10),
        metrics: Metrics::new(),
        newest: Newest::default(),
    }
}

fn question(world: &World) -> Arc<RevocationQuestion> {
    let policy = client_auth::RevocationPolicy {
        method: RevocationMethod::Crl,
        ..ocsp()
    };
    world.question(&world.client(1, &[]), &policy)
}

async fn check(distribution: &Distribution, world: &World, play: Play, expected: &str) {
    let server = Server::start(move |_| play.clone()).await;
    let url = server.url("/list.crl");
    let outcome = distribution.fetch(&question(world), &url).await;
    let found = match outcome {
        Ok(list) => format!("{} entries", list.crl.entry_count()),
        Err(failure) => failure.why,
    };
    assert_eq!(found.replace(&format!("{url}: "), ""), expected);
}

#[tokio::test]
async fn a_list_of_the_issuer_is_taken_whatever_type_it_has() {
    let world = World::new();
    for media_type in ["application/pkix-crl", "text/plain", "x"] {
        let play = Play::ok(media_type, &world.ca.crl(1, &[7, 8]));
        check(&distribution(), &world, play, "2 entries").await;
    }
}

// T-53
#[tokio::test]
async fn what_is_no_list_of_the_issuer_is_not_taken() {
    let world = World::new();
    let check = async |play: Play, expected: &str| {
        check(&distribution(), &world, play, expected).await;
    };
    check(Play::ok("x", b"no list"), "the CRL is malformed").await;
    check(Play::status("404 Not Found"), "status 404").await;
    let other = Play::ok("x", &Ca::new("other").crl(1, &[]));
    check(other, "the CRL is of another issuer").await;
    let twin = Play::ok("x", &Ca::new("CA").crl(1, &[]));
    check(twin, "the signature of the CRL is not good").await;
    let redirect = Play::status("302 Found\r\nLocation: http://127.0.0.1/");
    check(redirect, "status 302, and redirects are not followed").await;
    let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 52428801\r\n\r\n".to_vec();
    check(Play::Flood(huge, 60 << 20), "more than 52428800 bytes").await;
}

// T-53
#[tokio::test]
async fn no_list_takes_the_place_of_a_newer_one() {
    let world = World::new();
    let distribution = distribution();
    let list = |number| Play::ok("x", &world.ca.crl(number, &[number]));
    let rollback = "the CRL is older than the one that is known";
    check(&distribution, &world, list(5), "1 entries").await;
    check(&distribution, &world, list(4), rollback).await;
    check(&distribution, &world, list(6), "1 entries").await;
    check(&distribution, &world, list(5), rollback).await;
    // The very same is no rollback.
    let again = list(7);
    check(&distribution, &world, again.clone(), "1 entries").await;
    check(&distribution, &world, again, "1 entries").await;
}
