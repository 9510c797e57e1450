//! What clients get when nobody answers.

use std::sync::atomic::AtomicBool;

use super::*;

/// A responder that answers as it should while it is up, and does what it is told while it is not.
async fn switched(world: &Arc<World>, is_up: bool, down: Play) -> (Arc<AtomicBool>, Server) {
    let (world, is_up) = (Arc::clone(world), Arc::new(AtomicBool::new(is_up)));
    let switch = Arc::clone(&is_up);
    let server = Server::start(move |asked| {
        if is_up.load(Ordering::SeqCst) {
            world.play(asked)
        } else {
            down.clone()
        }
    });
    (switch, server.await)
}

// T-44
#[tokio::test]
async fn every_failure_refuses_and_is_remembered_for_a_while() {
    let world = Arc::new(World::new());
    let server = Server::start(|_| Play::status("503 Busy")).await;
    let fixture = Fixture::start(settings());
    let plan = world.plan(&world.client(1, &[server.url("/")]), &ocsp());
    assert_eq!(
        fixture.settle(&plan).await,
        Err(Reason::RevocationUnavailable)
    );
    let asked = server.asked().len();
    assert_eq!(
        fixture.known(&plan),
        Some(Err(Reason::RevocationUnavailable))
    );
    assert_eq!(
        fixture.settle(&plan).await,
        Err(Reason::RevocationUnavailable)
    );
    assert_eq!(server.asked().len(), asked);
    fixture.advance(Duration::from_mins(1));
    assert_eq!(fixture.known(&plan), None);
    assert_eq!(
        fixture.settle(&plan).await,
        Err(Reason::RevocationUnavailable)
    );
    assert_eq!(server.asked().len(), 2 * asked);
}

#[tokio::test]
async fn a_responder_that_comes_back_is_believed_again() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let (is_up, server) = switched(&world, false, Play::status("503 Busy")).await;
    let fixture = Fixture::start(settings());
    let plan = world.plan(&world.client(1, &[server.url("/")]), &ocsp());
    assert_eq!(
        fixture.settle(&plan).await,
        Err(Reason::RevocationUnavailable)
    );
    is_up.store(true, Ordering::SeqCst);
    fixture.advance(Duration::from_mins(1));
    assert_eq!(fixture.settle(&plan).await, Ok(()));
}

// T-44
#[tokio::test]
async fn nobody_waits_longer_than_the_budget() {
    let world = Arc::new(World::new());
    let server = Server::start(|_| Play::Silence).await;
    let wait = Duration::from_millis(100);
    let fixture = Fixture::start(RevocationSettings { wait, ..settings() });
    let plan = world.plan(&world.client(1, &[server.url("/")]), &ocsp());
    let begin = Instant::now();
    assert_eq!(
        fixture.settle(&plan).await,
        Err(Reason::RevocationUnavailable)
    );
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(fixture.known(&plan), None, "the attempt goes on");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn without_a_responder_nobody_gets_in_however_soft_the_policy_is() {
    let world = World::new();
    let fixture = Fixture::start(settings());
    let plan = world.plan(&world.client(1, &[]), &soft(Duration::from_hours(1)));
    assert_eq!(
        fixture.known(&plan),
        Some(Err(Reason::RevocationUnavailable))
    );
}

#[tokio::test]
async fn without_a_service_nobody_gets_in() {
    let world = World::new();
    let (revocation, service) = Revocation::new(settings(), Clock::system());
    drop(service);
    let url = "http://127.0.0.1:1/".to_owned();
    let plan = world.plan(&world.client(1, &[url]), &ocsp());
    let settled = verdict(revocation.settle(&plan, &UploadedLists::default()).await);
    assert_eq!(settled, Err(Reason::RevocationUnavailable));
}

// T-44
#[tokio::test]
async fn a_soft_failure_ends_with_the_grace_period_and_for_everybody_at_once() {
    let world = Arc::new(World::new());
    let server = Server::start(|_| Play::Silence).await;
    let fixture = Fixture::start(RevocationSettings {
        responder_timeout: Duration::from_millis(50),
        ..settings()
    });
    let grace = soft(Duration::from_hours(1));
    let known = world.plan(&world.client(1, &[server.url("/")]), &grace);
    let judged = fixture
        .revocation
        .settle(&known, &UploadedLists::default())
        .await;
    assert!(judged[0].soft_failed);
    assert_eq!(verdict(judged), Ok(()));
    fixture.advance(Duration::from_mins(59));
    assert_eq!(fixture.settle(&known).await, Ok(()));
    fixture.advance(Duration::from_mins(2));
    assert_eq!(
        fixture.settle(&known).await,
        Err(Reason::RevocationUnavailable)
    );
    // The outage did not begin with the certificate that nobody asked about before.
    let other = world.plan(&world.client(2, &[server.url("/")]), &grace);
    assert_eq!(
        fixture.settle(&other).await,
        Err(Reason::RevocationUnavailable)
    );
}

// T-44
#[tokio::test]
async fn an_outage_is_no_younger_for_a_client_that_gives_up_before_its_responder_does() {
    let world = Arc::new(World::new());
    let server = Server::start(|_| Play::Silence).await;
    let fixture = Fixture::start(RevocationSettings {
        wait: Duration::from_millis(100),
        responder_timeout: Duration::from_millis(200),
        ..settings()
    });
    let plan = |serial| {
        let client = world.client(serial, &[server.url("/")]);
        world.plan(&client, &soft(Duration::from_hours(1)))
    };
    assert_eq!(fixture.settle(&plan(1)).await, Ok(()));
    fixture
        .eventually("failed", || fixture.known(&plan(1)) == Some(Ok(())))
        .await;
    fixture.advance(Duration::from_mins(61));
    assert_eq!(
        fixture.settle(&plan(2)).await,
        Err(Reason::RevocationUnavailable)
    );
}

#[tokio::test]
async fn what_a_connection_holds_is_refreshed_and_lost_when_it_cannot_be() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let (is_up, server) = switched(&world, true, Play::status("503 Busy")).await;
    let fixture = Fixture::start(settings());
    let mut changes = fixture.revocation.changes();
    let plan = world.plan(&world.client(1, &[server.url("/")]), &ocsp());
    assert_eq!(fixture.settle(&plan).await, Ok(()));
    let held = fixture.revocation.hold(&plan, fixture.now());
    fixture.advance(Duration::from_mins(55));
    fixture
        .eventually("refreshed", || server.asked().len() == 2)
        .await;
    is_up.store(false, Ordering::SeqCst);
    // Past the end of the last answer, which is a day and the skew away.
    fixture.advance(Duration::from_hours(25));
    timeout(PATIENCE, changes.changed())
        .await
        .expect("in time")
        .expect("announced");
    assert_eq!(
        fixture.known(&plan),
        Some(Err(Reason::RevocationUnavailable))
    );
    drop(held);
}

// T-44
#[tokio::test]
async fn a_revoked_client_does_not_get_in_by_an_outage() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Revoked)]);
    let (is_up, server) = switched(&world, true, Play::Silence).await;
    let fixture = Fixture::start(RevocationSettings {
        responder_timeout: Duration::from_millis(500),
        ..settings()
    });
    let plan = world.plan(
        &world.client(1, &[server.url("/")]),
        &soft(Duration::from_hours(240)),
    );
    assert_eq!(fixture.settle(&plan).await, Err(Reason::Revoked));
    is_up.store(false, Ordering::SeqCst);
    fixture.advance(Duration::from_hours(48));
    assert_eq!(fixture.settle(&plan).await, Err(Reason::Revoked));
}
