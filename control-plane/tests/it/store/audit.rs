//! The audit: one chain for all replicas, which shows what was done to it, and to each caller what is its own.

use std::sync::Arc;

use control_plane::{
    access::{self, Assigned, Scope},
    audit::AuditEvent,
    permit::{Actor, Permit, Read, Write},
    principal::Principal,
    role::Role,
    store::{AuditQuery, BrokenChain, PutResourceGroup, Store, StoreError},
};
use model::{ResourceGroupId, SubscriptionId};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use time::{Duration, OffsetDateTime};

use crate::{
    database::{Database, on_both_databases},
    fixture::{group, now, put, read, with_group, write},
};

on_both_databases!(
    a_chain_of_any_length_verifies,
    what_is_done_to_the_chain_is_found,
    replicas_make_one_chain_without_gaps,
    a_write_that_fails_leaves_no_event,
    a_write_and_its_event_are_one,
    events_are_filtered,
    events_come_in_pages,
    a_caller_sees_the_events_of_its_own_scope_only,
);

const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";

fn event(resource: &str, correlation: &str, at: OffsetDateTime) -> AuditEvent {
    let actor = Actor::new(
        Principal::control_plane(),
        "test/write".to_owned(),
        resource.to_owned(),
        correlation.to_owned(),
        None,
    );
    AuditEvent::of(&actor, at)
}

async fn record(store: &Store, resource: &str) {
    let event = event(resource, "correlation", now());
    store.record_audit(&event).await.unwrap();
}

async fn with_events(store: &Store, count: usize) {
    for number in 1..=count {
        record(store, &format!("{SUBSCRIPTION}/resourceGroups/{number}")).await;
    }
}

async fn execute(database: &Database, statement: &str) {
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    connection.execute(statement).await.unwrap();
    connection.close().await.unwrap();
}

async fn verify(store: &Store) -> Result<i64, BrokenChain> {
    store.verify_audit().await.unwrap()
}

fn everything() -> AuditQuery {
    AuditQuery {
        subscription: None,
        from: OffsetDateTime::UNIX_EPOCH,
        until: now() + Duration::DAY,
        below: None,
        correlation_id: None,
        caller: None,
        succeeded: None,
        before: None,
        limit: 100,
    }
}

/// Resources of the events that are found, newest first.
async fn found(store: &Store, permit: &Permit<Read>, query: &AuditQuery) -> Vec<String> {
    let listed = store.list_audit(permit, query).await.unwrap();
    let resources = listed.items.into_iter().map(|one| one.event.resource);
    resources.collect()
}

async fn a_chain_of_any_length_verifies(database: Database) {
    let store = database.open().await;
    assert_eq!(verify(&store).await, Ok(0));
    with_events(&store, 3).await;
    assert_eq!(verify(&store).await, Ok(3));
    let reopened = database.open().await;
    assert_eq!(verify(&reopened).await, Ok(3));
    record(&reopened, "/").await;
    assert_eq!(verify(&store).await, Ok(4));
}

/// Five events, then what somebody does to the database.
async fn what_is_done_to_the_chain_is_found(database: Database) {
    let store = database.open().await;
    with_events(&store, 5).await;
    for table in ["audit_events", "audit_head"] {
        execute(
            &database,
            &format!("create table saved_{table} as select * from {table}"),
        )
        .await;
    }
    let copied = "hash, at, issuer, principal_id, principal_name, client, operation, resource_id, resource_key, \
                  correlation_id, outcome, status, code, generation_before, generation_after";
    let twin = |from: i64, to: &str| {
        format!(
            "insert into audit_events (sequence, {copied}) select {to}, {copied} from audit_events where sequence = {from}"
        )
    };
    let swap = "update audit_events set sequence = 99 where sequence = 2; \
                update audit_events set sequence = 2 where sequence = 3; \
                update audit_events set sequence = 3 where sequence = 99";
    let make_room = "update audit_events set sequence = sequence + 100 where sequence > 3; \
                     update audit_events set sequence = sequence - 99 where sequence > 100; ";
    let close_gap = "delete from audit_events where sequence = 3; \
                     update audit_events set sequence = sequence + 100 where sequence > 3; \
                     update audit_events set sequence = sequence - 101 where sequence > 100";
    for (what, statements, expected) in [
        (
            "changed",
            "update audit_events set status = 201 where sequence = 3",
            BrokenChain::Hash(3),
        ),
        (
            "changed in time",
            "update audit_events set at = at + 1 where sequence = 1",
            BrokenChain::Hash(1),
        ),
        (
            "changed caller",
            "update audit_events set principal_id = 'x' where sequence = 5",
            BrokenChain::Hash(5),
        ),
        (
            "changed hash",
            "update audit_events set hash = (select hash from audit_events where sequence = 1) where sequence = 2",
            BrokenChain::Hash(2),
        ),
        (
            "removed first",
            "delete from audit_events where sequence = 1",
            BrokenChain::Missing(1),
        ),
        (
            "removed in the middle",
            "delete from audit_events where sequence = 3",
            BrokenChain::Missing(3),
        ),
        ("removed and closed up", close_gap, BrokenChain::Hash(3)),
        (
            "removed at the end",
            "delete from audit_events where sequence = 5",
            BrokenChain::Head,
        ),
        ("removed all", "delete from audit_events", BrokenChain::Head),
        ("appended", &twin(5, "6"), BrokenChain::Hash(6)),
        (
            "inserted",
            &format!("{make_room}{}", twin(3, "4")),
            BrokenChain::Hash(4),
        ),
        ("reordered", swap, BrokenChain::Hash(2)),
        (
            "another head",
            "update audit_head set hash = (select hash from audit_events where sequence = 4)",
            BrokenChain::Head,
        ),
        (
            "a head further on",
            "update audit_head set sequence = 6",
            BrokenChain::Head,
        ),
        (
            "a place that is elsewhere for queries",
            "update audit_events set resource_key = '/subscriptions/x' where sequence = 3",
            BrokenChain::Hash(3),
        ),
    ] {
        for statement in statements.split("; ") {
            execute(&database, statement).await;
        }
        assert_eq!(verify(&store).await, Err(expected), "{what}");
        for table in ["audit_events", "audit_head"] {
            execute(&database, &format!("delete from {table}")).await;
            execute(
                &database,
                &format!("insert into {table} select * from saved_{table}"),
            )
            .await;
        }
        assert_eq!(verify(&store).await, Ok(5), "as before: {what}");
    }
}

async fn replicas_make_one_chain_without_gaps(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    tokio::join!(with_events(&here, 25), with_events(&there, 25));
    assert_eq!(verify(&here).await, Ok(50));
    let listed = there.list_audit(&read(), &everything()).await.unwrap();
    let sequences: Vec<i64> = listed.items.iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, (1..=50).rev().collect::<Vec<_>>());
}

async fn a_write_that_fails_leaves_no_event(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    assert_eq!(verify(&store).await, Ok(1));
    let elsewhere = PutResourceGroup {
        id: group(),
        location: "elsewhere".to_owned(),
        tags: [].into(),
        now: now(),
    };
    let permit = write();
    let refused = store.put_resource_group(&permit, elsewhere).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    assert!(!permit.actor().is_recorded());
    let stale = control_plane::store::PutGateway {
        expected_generation: Some(7),
        ..put("gw", "content")
    };
    assert!(store.put_gateway(&permit, stale).await.is_err());
    assert!(!permit.actor().is_recorded());
    assert_eq!(verify(&store).await, Ok(1));
}

async fn a_write_and_its_event_are_one(database: Database) {
    let store = database.open().await;
    let permit = write();
    let new = || PutResourceGroup {
        id: group(),
        location: "westeurope".to_owned(),
        tags: [].into(),
        now: now(),
    };
    execute(&database, "alter table audit_events rename to hidden").await;
    assert!(store.put_resource_group(&permit, new()).await.is_err());
    execute(&database, "alter table hidden rename to audit_events").await;
    let found = store.find_resource_group(&read(), &group()).await.unwrap();
    assert!(found.is_none(), "no write without its event");
    assert!(!permit.actor().is_recorded());
    assert_eq!(verify(&store).await, Ok(0));
    store.put_resource_group(&permit, new()).await.unwrap();
    assert!(permit.actor().is_recorded());
    assert_eq!(verify(&store).await, Ok(1));
}

async fn events_are_filtered(database: Database) {
    let store = database.open().await;
    let other = "/subscriptions/22222222-2222-2222-2222-222222222222";
    let (one, two) = (
        format!("{SUBSCRIPTION}/resourceGroups/A"),
        format!("{SUBSCRIPTION}/resourceGroups/AB"),
    );
    let (below, hour) = (format!("{one}/x/Y"), Duration::HOUR);
    for (resource, correlation, at) in [
        ("/", "a", now()),
        (other, "b", now() + hour),
        (one.as_str(), "c", now() + hour * 2),
        (two.as_str(), "c", now() + hour * 3),
        (below.as_str(), "d", now() + hour * 4),
    ] {
        store
            .record_audit(&event(resource, correlation, at))
            .await
            .unwrap();
    }
    let check = async |query: AuditQuery, expected: &[&str]| {
        assert_eq!(found(&store, &read(), &query).await, expected, "{query:?}");
    };
    let all = [below.as_str(), &two, &one, other, "/"];
    check(everything(), &all).await;
    let subscription = SubscriptionId::parse(&SUBSCRIPTION["/subscriptions/".len()..]).unwrap();
    let of = AuditQuery {
        subscription: Some(subscription),
        ..everything()
    };
    check(of.clone(), &all[..3]).await;
    check(
        AuditQuery {
            below: Some(one.to_uppercase()),
            ..everything()
        },
        &[&below, &one],
    )
    .await;
    check(
        AuditQuery {
            below: Some(other.to_owned()),
            ..of.clone()
        },
        &[],
    )
    .await;
    check(
        AuditQuery {
            correlation_id: Some("c".to_owned()),
            ..everything()
        },
        &[&two, &one],
    )
    .await;
    check(
        AuditQuery {
            correlation_id: Some("C".to_owned()),
            ..everything()
        },
        &[],
    )
    .await;
    let between = AuditQuery {
        from: now() + hour,
        until: now() + hour * 2,
        ..everything()
    };
    check(between, &[&one, other]).await;
    check(
        AuditQuery {
            below: Some(one.replace('A', "%")),
            ..everything()
        },
        &[],
    )
    .await;
}

async fn events_come_in_pages(database: Database) {
    let store = database.open().await;
    with_events(&store, 5).await;
    let mut before = None;
    let mut pages = Vec::new();
    loop {
        let query = AuditQuery {
            before,
            limit: 2,
            ..everything()
        };
        let page = store.list_audit(&read(), &query).await.unwrap();
        pages.push(
            page.items
                .iter()
                .map(|one| one.sequence)
                .collect::<Vec<_>>(),
        );
        let Some(next) = page.next else { break };
        before = Some(next.parse().unwrap());
    }
    assert_eq!(pages, [vec![5, 4], vec![3, 2], vec![1]]);
}

/// For a caller that has a role at `scope` only.
fn permits(scope: &str) -> (Permit<Read>, Permit<Write>) {
    let assigned = [Assigned {
        role: Role::Owner,
        scope: Scope::of(scope),
    }];
    let reach = access::within(&assigned, "test/read", &Scope::root()).unwrap();
    let actor = Arc::new(Actor::new(
        Principal::control_plane(),
        "test/write".to_owned(),
        scope.to_owned(),
        "correlation".to_owned(),
        None,
    ));
    (
        Permit::to_read(Arc::clone(&actor), reach.clone()),
        Permit::to_write(actor, reach),
    )
}

async fn a_caller_sees_the_events_of_its_own_scope_only(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let own = format!("{SUBSCRIPTION}/resourceGroups/Own");
    let (read, write) = permits(&own);
    let new = PutResourceGroup {
        id: ResourceGroupId::parse(&own).unwrap(),
        location: "westeurope".to_owned(),
        tags: [].into(),
        now: now(),
    };
    store.put_resource_group(&write, new).await.unwrap();
    record(&store, &format!("{own}er")).await;
    record(&store, SUBSCRIPTION).await;
    record(&store, "/").await;
    assert_eq!(found(&store, &read, &everything()).await, [own]);
    let (nowhere, _) = permits("/subscriptions/22222222-2222-2222-2222-222222222222");
    assert!(found(&store, &nowhere, &everything()).await.is_empty());
}
