//! The service with its responders: who is asked how often, and what clients get.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use client_auth::{Reason, RevocationFailure, RevocationMethod, RevocationPolicy};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::testing::world::{Status, World, ocsp};
use super::testing::{Play, Server};
use super::*;
use crate::testing::Ca;

const PATIENCE: Duration = Duration::from_secs(20);

/// A service that runs until it is dropped, and its time.
struct Fixture {
    revocation: Revocation,
    ahead: Arc<AtomicU64>,
    _running: JoinSet<()>,
}

fn settings() -> RevocationSettings {
    RevocationSettings {
        wait: Duration::from_secs(10),
        responder_timeout: Duration::from_secs(10),
        crl_timeout: Duration::from_secs(10),
        crl_cache_bytes: 1 << 20,
        cache_entries: 1000,
        max_fetches: 64,
        allowed_networks: vec!["127.0.0.0/8".parse().expect("a network")],
    }
}

impl Fixture {
    fn start(settings: RevocationSettings) -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let offset = Arc::clone(&ahead);
        let clock = Clock::from_fn(move || {
            SystemTime::now() + Duration::from_secs(offset.load(Ordering::SeqCst))
        });
        let (revocation, service) = Revocation::new(settings, clock);
        let mut running = JoinSet::new();
        running.spawn(service.run(CancellationToken::new()));
        Self {
            revocation,
            ahead,
            _running: running,
        }
    }

    fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    fn now(&self) -> UnixTime {
        self.revocation.0.clock.unix()
    }

    /// The verdict that is known without waiting.
    fn known(&self, plan: &RevocationPlan) -> Option<Result<(), Reason>> {
        self.revocation
            .known(plan, &UploadedLists::default(), self.now())
            .map(verdict)
    }

    /// The verdict after waiting.
    async fn settle(&self, plan: &RevocationPlan) -> Result<(), Reason> {
        let settled = timeout(
            PATIENCE,
            self.revocation.settle(plan, &UploadedLists::default()),
        )
        .await;
        verdict(settled.expect("in time"))
    }

    /// Waits until a condition holds.
    async fn eventually(&self, what: &str, holds: impl Fn() -> bool) {
        let looking = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, looking).await.expect(what);
    }
}

fn verdict(judgements: Vec<Judgement>) -> Result<(), Reason> {
    let result = judgements
        .into_iter()
        .map(|judgement| judgement.result)
        .collect();
    let verdict: Result<Vec<()>, _> = result;
    verdict.map(|_| ()).map_err(|refusal| refusal.reason)
}

fn soft(grace: Duration) -> RevocationPolicy {
    RevocationPolicy {
        failure: RevocationFailure::Soft { grace },
        ..ocsp()
    }
}

// T-45
#[tokio::test]
async fn a_thousand_first_clients_make_one_request_and_none_of_them_fails() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let fixture = Fixture::start(settings());
    let plan = Arc::new(world.plan(&world.client(1, &[server.url("/")]), &ocsp()));
    assert_eq!(fixture.known(&plan), None);
    let mut clients = JoinSet::new();
    for _ in 0..1000 {
        let (revocation, plan) = (fixture.revocation.clone(), Arc::clone(&plan));
        clients.spawn(
            async move { verdict(revocation.settle(&plan, &UploadedLists::default()).await) },
        );
    }
    while let Some(verdict) = clients.join_next().await {
        assert_eq!(verdict.expect("no panic"), Ok(()));
    }
    assert_eq!(server.asked().len(), 1);
    assert_eq!(fixture.known(&plan), Some(Ok(())));
}

// T-45, T-18
#[tokio::test]
async fn clients_on_several_runtimes_share_one_request() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Revoked)]);
    let server = world.serve().await;
    let fixture = Fixture::start(settings());
    let plan = Arc::new(world.plan(&world.client(1, &[server.url("/")]), &ocsp()));
    let cores: Vec<_> = (0..4)
        .map(|_| {
            let (revocation, plan) = (fixture.revocation.clone(), Arc::clone(&plan));
            tokio::task::spawn_blocking(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build();
                verdict(
                    runtime
                        .expect("a runtime")
                        .block_on(revocation.settle(&plan, &UploadedLists::default())),
                )
            })
        })
        .collect();
    for core in cores {
        assert_eq!(core.await.expect("no panic"), Err(Reason::Revoked));
    }
    assert_eq!(server.asked().len(), 1);
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
    let is_up = Arc::new(AtomicU64::new(0));
    let (up, playing) = (Arc::clone(&is_up), Arc::clone(&world));
    let server = Server::start(move |asked| match up.load(Ordering::SeqCst) {
        0 => Play::status("503 Busy"),
        _ => playing.play(asked),
    })
    .await;
    let fixture = Fixture::start(settings());
    let plan = world.plan(&world.client(1, &[server.url("/")]), &ocsp());
    assert_eq!(
        fixture.settle(&plan).await,
        Err(Reason::RevocationUnavailable)
    );
    is_up.store(1, Ordering::SeqCst);
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

// T-41
#[tokio::test]
async fn a_policy_with_a_responder_of_its_own_has_verdicts_of_its_own() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let strict = Arc::new(World::new());
    let other = Server::start({
        let world = Arc::clone(&world);
        move |asked| world.play(asked)
    })
    .await;
    drop(strict);
    let fixture = Fixture::start(settings());
    let client = world.client(1, &[server.url("/")]);
    assert_eq!(fixture.settle(&world.plan(&client, &ocsp())).await, Ok(()));
    let policy = RevocationPolicy {
        responder: Some(other.url("/")),
        ..ocsp()
    };
    world.say(&[(1, Status::Revoked)]);
    let plan = world.plan(&client, &policy);
    assert_eq!(fixture.known(&plan), None);
    assert_eq!(fixture.settle(&plan).await, Err(Reason::Revoked));
    assert_eq!(fixture.known(&world.plan(&client, &ocsp())), Some(Ok(())));
    assert_eq!((server.asked().len(), other.asked().len()), (1, 1));
}

#[tokio::test]
async fn hot_verdicts_are_refreshed_and_a_revocation_is_announced() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good), (2, Status::Good)]);
    let server = world.serve().await;
    let fixture = Fixture::start(settings());
    let mut changes = fixture.revocation.changes();
    let plans = [1, 2].map(|serial| world.plan(&world.client(serial, &[server.url("/")]), &ocsp()));
    for plan in &plans {
        assert_eq!(fixture.settle(plan).await, Ok(()));
    }
    assert_eq!(server.asked().len(), 2);
    assert_eq!(
        fixture.known(&plans[0]),
        Some(Ok(())),
        "asked for since the fetch"
    );
    world.say(&[(1, Status::Revoked), (2, Status::Revoked)]);
    fixture.advance(Duration::from_mins(55));
    // No client comes: the clock is what makes the service ask again.
    timeout(PATIENCE, changes.changed())
        .await
        .expect("in time")
        .expect("announced");
    assert_eq!(server.asked().len(), 3, "nobody asked for the other one");
    assert_eq!(fixture.known(&plans[0]), Some(Err(Reason::Revoked)));
    // This look makes a refresh due, and does not wait for it.
    assert_eq!(fixture.known(&plans[1]), Some(Ok(())));
    fixture
        .eventually("refreshed", || {
            fixture.known(&plans[1]) == Some(Err(Reason::Revoked))
        })
        .await;
}

#[tokio::test]
async fn what_a_connection_holds_is_refreshed_and_lost_when_it_cannot_be() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let is_up = Arc::new(AtomicU64::new(1));
    let (up, playing) = (Arc::clone(&is_up), Arc::clone(&world));
    let server = Server::start(move |asked| match up.load(Ordering::SeqCst) {
        0 => Play::status("503 Busy"),
        _ => playing.play(asked),
    })
    .await;
    let fixture = Fixture::start(settings());
    let mut changes = fixture.revocation.changes();
    let plan = world.plan(&world.client(1, &[server.url("/")]), &ocsp());
    assert_eq!(fixture.settle(&plan).await, Ok(()));
    let held = fixture.revocation.hold(&plan, fixture.now());
    fixture.advance(Duration::from_mins(55));
    fixture
        .eventually("refreshed", || server.asked().len() == 2)
        .await;
    is_up.store(0, Ordering::SeqCst);
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
    let is_up = Arc::new(AtomicU64::new(1));
    let (up, playing) = (Arc::clone(&is_up), Arc::clone(&world));
    let server = Server::start(move |asked| match up.load(Ordering::SeqCst) {
        0 => Play::Silence,
        _ => playing.play(asked),
    })
    .await;
    let fixture = Fixture::start(RevocationSettings {
        responder_timeout: Duration::from_millis(500),
        ..settings()
    });
    let plan = world.plan(
        &world.client(1, &[server.url("/")]),
        &soft(Duration::from_hours(240)),
    );
    assert_eq!(fixture.settle(&plan).await, Err(Reason::Revoked));
    is_up.store(0, Ordering::SeqCst);
    fixture.advance(Duration::from_hours(48));
    assert_eq!(fixture.settle(&plan).await, Err(Reason::Revoked));
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_the_rest_is_served() {
    let world = Arc::new(World::new());
    let silent = Server::start(|_| Play::Silence).await;
    let server = world.serve().await;
    world.say(&[(200, Status::Good)]);
    let fixture = Fixture::start(RevocationSettings {
        wait: Duration::from_millis(200),
        max_fetches: 4,
        ..settings()
    });
    let dead: Vec<_> = (1..20)
        .map(|serial| world.plan(&world.client(serial, &[silent.url("/")]), &ocsp()))
        .collect();
    for plan in &dead {
        assert_eq!(fixture.known(plan), None);
    }
    let wanted = world.plan(&world.client(200, &[server.url("/")]), &ocsp());
    fixture
        .eventually("served beside the dead one", || {
            fixture.known(&wanted) == Some(Ok(()))
        })
        .await;
    assert_eq!(silent.asked().len(), 2, "half of the places");
}

fn crl(fetch: bool) -> RevocationPolicy {
    RevocationPolicy {
        method: RevocationMethod::Crl,
        fetch_crls: fetch,
        ..ocsp()
    }
}

fn uploaded(crls: Vec<client_auth::crl::SignedCrl>) -> UploadedLists {
    let list = |crl| UploadedList {
        name: "list".into(),
        ca: "ca".into(),
        crl: Arc::new(crl),
    };
    UploadedLists::new(crls.into_iter().map(list).collect())
}

/// A distribution point whose list can be exchanged; without one it is gone.
async fn distribution_point(list: &Arc<std::sync::Mutex<Option<Vec<u8>>>>) -> Server {
    let list = Arc::clone(list);
    Server::start(move |_| match &*list.lock().expect("not poisoned") {
        Some(der) => Play::ok("application/pkix-crl", der),
        None => Play::status("503 Busy"),
    })
    .await
}

#[tokio::test]
async fn uploaded_lists_answer_at_once_and_together() {
    let world = World::new();
    let fixture = Fixture::start(settings());
    let known = |serial, lists: &UploadedLists| {
        let plan = world.plan(&world.client(serial, &[]), &crl(false));
        fixture
            .revocation
            .known(&plan, lists, fixture.now())
            .map(verdict)
    };
    let none = uploaded(vec![]);
    assert_eq!(known(1, &none), Some(Err(Reason::RevocationUnavailable)));
    let lists = uploaded(vec![
        world.ca.signed_crl(1, &[2]),
        world.ca.signed_crl(2, &[3]),
    ]);
    assert_eq!(known(1, &lists), Some(Ok(())));
    assert_eq!(known(2, &lists), Some(Err(Reason::Revoked)));
    assert_eq!(known(3, &lists), Some(Err(Reason::Revoked)));
    fixture.advance(Duration::from_hours(30 * 24));
    assert_eq!(
        known(1, &lists),
        Some(Err(Reason::RevocationUnavailable)),
        "T-52"
    );
    assert_eq!(known(2, &lists), Some(Err(Reason::Revoked)));
}

// T-45
#[tokio::test]
async fn a_list_is_fetched_once_for_all_clients_of_the_ca() {
    let world = World::new();
    let list = Arc::new(std::sync::Mutex::new(Some(world.ca.crl(1, &[200]))));
    let server = distribution_point(&list).await;
    let fixture = Fixture::start(settings());
    let mut clients = JoinSet::new();
    for serial in 1..=100 {
        let client = world.client_of(serial, &[], &[server.url("/list.crl")]);
        let (revocation, plan) = (fixture.revocation.clone(), world.plan(&client, &crl(true)));
        clients.spawn(
            async move { verdict(revocation.settle(&plan, &UploadedLists::default()).await) },
        );
    }
    while let Some(verdict) = clients.join_next().await {
        assert_eq!(verdict.expect("no panic"), Ok(()));
    }
    let revoked = world.client_of(200, &[], &[server.url("/list.crl")]);
    assert_eq!(
        fixture.known(&world.plan(&revoked, &crl(true))),
        Some(Err(Reason::Revoked))
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn fetched_lists_count_together_with_uploaded_ones() {
    let world = World::new();
    let list = Arc::new(std::sync::Mutex::new(Some(world.ca.crl(1, &[2]))));
    let server = distribution_point(&list).await;
    let fixture = Fixture::start(settings());
    let lists = uploaded(vec![world.ca.signed_crl(2, &[3])]);
    let client = |serial| world.client_of(serial, &[], &[server.url("/list.crl")]);
    let known = |serial| {
        let plan = world.plan(&client(serial), &crl(true));
        fixture
            .revocation
            .known(&plan, &lists, fixture.now())
            .map(verdict)
    };
    assert_eq!(
        known(2),
        Some(Ok(())),
        "the uploaded list answers, and the other one is fetched"
    );
    fixture
        .eventually("fetched", || known(2) == Some(Err(Reason::Revoked)))
        .await;
    assert_eq!(known(3), Some(Err(Reason::Revoked)));
    assert_eq!(known(1), Some(Ok(())));
}

#[tokio::test]
async fn the_next_distribution_point_is_asked_when_one_fails() {
    let world = World::new();
    let broken = Server::start(|_| Play::status("404 Not Found")).await;
    let foreign = Server::start(|_| Play::ok("x", &Ca::new("other").crl(1, &[]))).await;
    let list = Arc::new(std::sync::Mutex::new(Some(world.ca.crl(1, &[]))));
    let server = distribution_point(&list).await;
    let fixture = Fixture::start(settings());
    let urls = [broken.url("/"), foreign.url("/"), server.url("/")];
    let plan = world.plan(&world.client_of(1, &[], &urls), &crl(true));
    assert_eq!(fixture.settle(&plan).await, Ok(()));
    assert_eq!(fixture.known(&plan), Some(Ok(())));
}

// T-53
#[tokio::test]
async fn lists_are_fetched_again_and_a_change_is_announced() {
    let world = World::new();
    let list = Arc::new(std::sync::Mutex::new(Some(world.ca.crl(2, &[]))));
    let server = distribution_point(&list).await;
    let set = |der: Option<Vec<u8>>| *list.lock().expect("not poisoned") = der;
    let fixture = Fixture::start(settings());
    let mut changes = fixture.revocation.changes();
    let plan = world.plan(&world.client_of(1, &[], &[server.url("/")]), &crl(true));
    assert_eq!(fixture.settle(&plan).await, Ok(()));
    let _held = fixture.revocation.hold(&plan, fixture.now());
    changes.mark_unchanged();
    // An older list that has the client does not take the place of the newer one.
    set(Some(world.ca.crl(1, &[1])));
    fixture.advance(Duration::from_mins(55));
    fixture
        .eventually("asked again", || server.asked().len() == 2)
        .await;
    assert_eq!(fixture.known(&plan), Some(Ok(())));
    set(Some(world.ca.crl(3, &[1])));
    fixture.advance(Duration::from_mins(1));
    timeout(PATIENCE, changes.changed())
        .await
        .expect("in time")
        .expect("announced");
    assert_eq!(fixture.known(&plan), Some(Err(Reason::Revoked)));
}

// T-52
#[tokio::test]
async fn a_list_that_cannot_be_renewed_is_lost_with_its_end() {
    let world = World::new();
    let list = Arc::new(std::sync::Mutex::new(Some(world.ca.crl(1, &[]))));
    let server = distribution_point(&list).await;
    let fixture = Fixture::start(settings());
    let mut changes = fixture.revocation.changes();
    let plan = world.plan(&world.client_of(1, &[], &[server.url("/")]), &crl(true));
    assert_eq!(fixture.settle(&plan).await, Ok(()));
    let _held = fixture.revocation.hold(&plan, fixture.now());
    changes.mark_unchanged();
    *list.lock().expect("not poisoned") = None;
    fixture.advance(Duration::from_hours(30 * 24));
    timeout(PATIENCE, changes.changed())
        .await
        .expect("in time")
        .expect("announced");
    assert_eq!(
        fixture.settle(&plan).await,
        Err(Reason::RevocationUnavailable)
    );
}

#[tokio::test]
async fn where_the_responder_is_silent_the_list_has_its_say() {
    let world = Arc::new(World::new());
    let list = Arc::new(std::sync::Mutex::new(Some(world.ca.crl(1, &[2]))));
    let points = distribution_point(&list).await;
    let silent = Server::start(|_| Play::Silence).await;
    let fixture = Fixture::start(RevocationSettings {
        responder_timeout: Duration::from_millis(100),
        ..settings()
    });
    let policy = RevocationPolicy {
        method: RevocationMethod::OcspThenCrl,
        ..crl(true)
    };
    let plan = |serial| {
        let client = world.client_of(serial, &[silent.url("/")], &[points.url("/")]);
        world.plan(&client, &policy)
    };
    assert_eq!(fixture.settle(&plan(1)).await, Ok(()));
    assert_eq!(fixture.settle(&plan(2)).await, Err(Reason::Revoked));
    world.say(&[(3, Status::Revoked)]);
    let server = world.serve().await;
    let client = world.client_of(3, &[server.url("/")], &[points.url("/")]);
    assert_eq!(
        fixture.settle(&world.plan(&client, &policy)).await,
        Err(Reason::Revoked)
    );
}

// T-18
#[tokio::test]
async fn every_certificate_of_a_chain_is_asked_about_at_the_same_time() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let fixture = Fixture::start(settings());
    let good = world.plan(&world.client(1, &[server.url("/")]), &ocsp());
    let bad = world.plan(&world.client(2, &[server.url("/")]), &ocsp());
    let both = RevocationPlan {
        questions: [good.questions, bad.questions].concat(),
    };
    let none = UploadedLists::default();
    let settled = timeout(PATIENCE, fixture.revocation.settle(&both, &none)).await;
    let judgements = settled.expect("in time");
    assert_eq!(judgements.len(), 2);
    assert!(judgements[0].result.is_ok());
    assert_eq!(verdict(judgements), Err(Reason::RevocationUnknown));
}

/// The page of the metrics.
fn page(fixture: &Fixture) -> String {
    let mut registry = Registry::with_prefix("portcullis_worker");
    fixture.revocation.register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).expect("written");
    page
}

// T-44, T-52
#[tokio::test]
async fn verdicts_soft_failures_and_lists_are_counted() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good), (2, Status::Revoked)]);
    let server = world.serve().await;
    let silent = Server::start(|_| Play::Silence).await;
    let fixture = Fixture::start(RevocationSettings {
        responder_timeout: Duration::from_millis(300),
        ..settings()
    });
    let none = UploadedLists::default();
    let vet = async |serial, url: String, policy| {
        let plan = world.plan(&world.client(serial, &[url]), &policy);
        let vetting = fixture.revocation.vet(&plan, &none, fixture.now());
        timeout(PATIENCE, vetting).await.expect("in time")
    };
    for _ in 0..2 {
        vet(1, server.url("/"), ocsp()).await;
    }
    vet(2, server.url("/"), ocsp()).await;
    vet(3, server.url("/"), ocsp()).await;
    vet(4, silent.url("/"), ocsp()).await;
    vet(5, silent.url("/"), soft(Duration::from_hours(1))).await;
    let lists = Arc::new(uploaded(vec![world.ca.signed_crl(1, &[7, 8])]));
    fixture
        .revocation
        .put_in_force("/gateway", vec![Arc::clone(&lists), lists]);
    let page = page(&fixture);
    for line in [
        "revocation_verdicts_total{verdict=\"good\",source=\"ocsp\"} 2",
        "revocation_verdicts_total{verdict=\"revoked\",source=\"ocsp\"} 1",
        "revocation_verdicts_total{verdict=\"unknown\",source=\"ocsp\"} 1",
        "revocation_verdicts_total{verdict=\"unavailable\",source=\"none\"} 1",
        "revocation_verdicts_total{verdict=\"soft_failed\",source=\"none\"} 1",
        "revocation_soft_failures_total 1",
        "revocation_lookups_total{result=\"hit\"} 1",
        "revocation_lookups_total{result=\"miss\"} 5",
        "revocation_ocsp_fetches_total{result=\"good\"} 1",
        "revocation_ocsp_fetches_total{result=\"timeout\"} 2",
        "revocation_ocsp_fetch_seconds_count 5",
        "revocation_cache_entries 5",
        "revocation_crls 1",
        "revocation_crl_entries 2",
    ] {
        assert!(
            page.contains(&format!("portcullis_worker_{line}\n")),
            "{line} in {page}"
        );
    }
    let expiry = page.lines().find_map(|line| {
        line.strip_prefix("portcullis_worker_revocation_crl_next_expiry_seconds ")
    });
    let expiry: i64 = expiry.expect("a gauge").parse().expect("a number");
    assert!((28 * 86_400..=29 * 86_400).contains(&expiry), "{expiry}");
    fixture.revocation.put_in_force("/GATEWAY", Vec::new());
    assert!(
        !self::page(&fixture).contains("next_expiry"),
        "nothing to tell"
    );
}

#[tokio::test]
async fn lists_that_are_put_in_force_or_withdrawn_are_announced() {
    let world = World::new();
    let fixture = Fixture::start(settings());
    let mut changes = fixture.revocation.changes();
    let lists = || vec![Arc::new(uploaded(vec![world.ca.signed_crl(1, &[7])]))];
    let mut check = |lists: Vec<Arc<UploadedLists>>, expected: bool| {
        fixture.revocation.put_in_force("/gateway", lists);
        assert_eq!(changes.has_changed().expect("alive"), expected);
        changes.mark_unchanged();
    };
    check(vec![Arc::new(UploadedLists::default())], false);
    check(lists(), true);
    check(Vec::new(), true);
    check(Vec::new(), false);
}
