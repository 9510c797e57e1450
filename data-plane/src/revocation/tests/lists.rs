//! CRLs, uploaded and fetched.

use super::*;

fn crl(fetch: bool) -> RevocationPolicy {
    RevocationPolicy {
        method: RevocationMethod::Crl,
        fetch_crls: fetch,
        ..ocsp()
    }
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

// T-52
#[tokio::test]
async fn a_list_that_had_ended_before_it_came_is_not_fetched_over_and_over() {
    let world = World::new();
    let list = Arc::new(std::sync::Mutex::new(Some(world.ca.crl(1, &[2]))));
    let server = distribution_point(&list).await;
    let fixture = Fixture::start(settings());
    fixture.advance(Duration::from_hours(30 * 24));
    let plan = |serial| {
        let client = world.client_of(serial, &[], &[server.url("/")]);
        world.plan(&client, &crl(true))
    };
    assert_eq!(
        fixture.settle(&plan(1)).await,
        Err(Reason::RevocationUnavailable)
    );
    // It is kept all the same: whom it has is not let in by any policy.
    assert_eq!(fixture.known(&plan(2)), Some(Err(Reason::Revoked)));
    assert_eq!(server.asked().len(), 1);
    fixture.advance(Duration::from_mins(1));
    assert_eq!(fixture.known(&plan(1)), None, "asked again");
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

#[tokio::test]
async fn lists_that_are_put_in_force_or_withdrawn_are_announced() {
    let world = World::new();
    let fixture = Fixture::start(settings());
    let mut changes = fixture.revocation.changes();
    let lists = vec![Arc::new(uploaded(vec![world.ca.signed_crl(1, &[7])]))];
    let mut check = |lists: Vec<Arc<UploadedLists>>, expected: bool| {
        fixture.revocation.put_in_force("/gateway", lists);
        assert_eq!(changes.has_changed().expect("alive"), expected);
        changes.mark_unchanged();
    };
    check(vec![Arc::new(UploadedLists::default())], false);
    check(lists.clone(), true);
    check(lists, false);
    check(Vec::new(), true);
    check(Vec::new(), false);
}
