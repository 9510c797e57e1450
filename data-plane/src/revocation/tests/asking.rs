//! Who is asked how often, and what everybody gets to know by it.

use super::*;

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

// T-41
#[tokio::test]
async fn a_policy_with_a_responder_of_its_own_has_verdicts_of_its_own() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good)]);
    let server = world.serve().await;
    let other = world.serve().await;
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
