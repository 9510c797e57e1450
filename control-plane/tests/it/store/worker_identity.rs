//! Worker identities and join tokens.

use control_plane::{
    enrolment::JoinRefused,
    store::{Join, NewJoinToken, Page, PutWorker, Store, TokenMade, Topic},
    worker_identity::{
        IssuedCertificate, Scopes, ShownCertificate, Unauthorised, WorkerIdentity, WorkerName,
        WorkerState,
    },
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    database::{Database, on_both_databases},
    fixture::{now, read, with_worker, write},
};

on_both_databases!(
    an_identity_is_made_once_and_keeps_its_id,
    names_are_told_apart_without_case,
    a_token_is_taken_once,
    the_same_key_may_hear_the_answer_again,
    of_two_workers_with_one_token_one_joins,
    a_bad_token_is_refused_for_its_own_reason,
    a_new_token_replaces_the_old_one,
    a_renewed_certificate_and_the_one_before_it_are_good,
    a_worker_that_joins_anew_has_one_certificate,
    a_revoked_identity_is_refused_for_good,
    a_deleted_identity_is_forgotten_and_its_certificates_are_refused,
    a_revoked_worker_loses_its_lease,
    identities_are_listed_in_pages,
);

fn name(text: &str) -> WorkerName {
    WorkerName::parse(text).unwrap()
}

fn everything() -> Scopes {
    Scopes::parse(&["/".to_owned()]).unwrap()
}

async fn make(store: &Store, text: &str) -> WorkerIdentity {
    let put = PutWorker {
        name: name(text),
        scopes: everything(),
        now: now(),
    };
    store.put_worker(&write(), put).await.unwrap().0
}

async fn token(store: &Store, text: &str, secret: u8) -> Uuid {
    let new = NewJoinToken {
        worker: name(text),
        sha256: [secret; 32],
        expires_at: now() + Duration::HOUR,
        now: now(),
    };
    match store.create_join_token(&write(), new).await.unwrap() {
        TokenMade::For(id) => id,
        TokenMade::Revoked => panic!("revoked"),
    }
}

fn join(identity: Uuid, secret: u8, key: u8, serial: &str) -> Join {
    Join {
        identity,
        sha256: [secret; 32],
        worker: "w1".to_owned(),
        key_sha256: [key; 32],
        granted: granted(serial, now()),
        now: now(),
    }
}

fn granted(serial: &str, from: OffsetDateTime) -> IssuedCertificate {
    IssuedCertificate {
        serial: serial.to_owned(),
        not_after: from + Duration::DAY,
    }
}

fn shown(identity: Uuid, serial: &str) -> ShownCertificate {
    ShownCertificate {
        identity,
        serial: serial.to_owned(),
        not_after: now() + Duration::DAY,
    }
}

async fn find(store: &Store) -> Option<WorkerIdentity> {
    store
        .find_worker(&read(), &name("w1"), now())
        .await
        .unwrap()
}

/// Renews by the certificate of this identity and serial number.
async fn renew_at(
    store: &Store,
    (identity, by): (Uuid, &str),
    to: &str,
    at: OffsetDateTime,
) -> Result<(), Unauthorised> {
    let (shown, granted) = (shown(identity, by), granted(to, at));
    let outcome = store.renew_certificate(&shown, &granted, at).await;
    outcome.unwrap().map(|_| ())
}

/// The word of the refusal; `None`: the certificate is good.
async fn word(store: &Store, identity: Uuid, serial: &str) -> Option<&'static str> {
    let outcome = store.identity_of(&shown(identity, serial), now()).await;
    outcome.unwrap().err().map(|refused| refused.word())
}

/// A worker that has joined with the certificate `01`.
async fn joined(store: &Store) -> Uuid {
    make(store, "w1").await;
    let id = token(store, "w1", 1).await;
    store.join(&join(id, 1, 1, "01")).await.unwrap().unwrap();
    id
}

async fn an_identity_is_made_once_and_keeps_its_id(database: Database) {
    let store = database.open().await;
    let made = make(&store, "w1").await;
    assert_eq!(made.state(), WorkerState::Pending);
    let scopes = vec!["/subscriptions/11111111-1111-1111-1111-111111111111".to_owned()];
    let put = PutWorker {
        name: name("w1"),
        scopes: Scopes::parse(&scopes).unwrap(),
        now: now(),
    };
    let mut changes = store.watch(Topic::WorkerIdentities);
    let (again, is_new) = store.put_worker(&write(), put.clone()).await.unwrap();
    assert_eq!((again.id, is_new), (made.id, false));
    assert_eq!(again.scopes.ids().collect::<Vec<_>>(), scopes);
    assert!(
        changes.has_changed().unwrap(),
        "sessions are looked at again"
    );
    changes.mark_unchanged();
    store.put_worker(&write(), put).await.unwrap();
    assert!(!changes.has_changed().unwrap(), "nothing has changed");
    assert_eq!(find(&store).await, Some(again));
}

async fn names_are_told_apart_without_case(database: Database) {
    let store = database.open().await;
    let made = make(&store, "Worker-1").await;
    let again = make(&store, "worker-1").await;
    assert_eq!((again.id, again.name), (made.id, name("Worker-1")));
}

async fn a_token_is_taken_once(database: Database) {
    let store = database.open().await;
    make(&store, "w1").await;
    let id = token(&store, "w1", 1).await;
    let pending = find(&store).await.unwrap();
    assert_eq!(pending.join_token_expires_at, Some(now() + Duration::HOUR));
    store.join(&join(id, 1, 1, "01")).await.unwrap().unwrap();
    let found = find(&store).await.unwrap();
    assert_eq!(found.state(), WorkerState::Joined);
    assert_eq!(found.certificate, Some(granted("01", now())));
    assert_eq!(found.last_seen_at, Some(now()));
    assert_eq!(found.join_token_expires_at, None);
    let again = store.join(&join(id, 1, 2, "02")).await.unwrap();
    assert_eq!(again, Err(JoinRefused::Used(name("w1"))));
    assert_eq!(find(&store).await, Some(found), "nothing has changed");
}

async fn the_same_key_may_hear_the_answer_again(database: Database) {
    let store = database.open().await;
    let id = joined(&store).await;
    store.join(&join(id, 1, 1, "02")).await.unwrap().unwrap();
    assert_eq!(word(&store, id, "01").await, Some("superseded"));
    assert_eq!(word(&store, id, "02").await, None);
    let late = Join {
        now: now() + Duration::HOUR,
        ..join(id, 1, 1, "03")
    };
    let refused = store.join(&late).await.unwrap();
    assert_eq!(refused, Err(JoinRefused::Expired(name("w1"))));
}

async fn of_two_workers_with_one_token_one_joins(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    make(&here, "w1").await;
    let id = token(&here, "w1", 1).await;
    let (mine, yours) = (join(id, 1, 1, "01"), join(id, 1, 2, "02"));
    let (one, other) = tokio::join!(here.join(&mine), there.join(&yours));
    let outcomes = [one.unwrap(), other.unwrap()];
    let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(taken, 1, "{outcomes:?}");
    assert!(
        outcomes.contains(&Err(JoinRefused::Used(name("w1")))),
        "{outcomes:?}"
    );
}

async fn a_bad_token_is_refused_for_its_own_reason(database: Database) {
    let store = database.open().await;
    let made = make(&store, "w1").await;
    let check = async |join: Join, expected: JoinRefused| {
        let outcome = store.join(&join).await.unwrap();
        assert_eq!(outcome, Err(expected));
    };
    let unknown = Uuid::new_v4();
    check(join(unknown, 1, 1, "01"), JoinRefused::Unknown).await;
    check(join(made.id, 1, 1, "01"), JoinRefused::NoToken(name("w1"))).await;
    let id = token(&store, "w1", 1).await;
    check(join(id, 2, 1, "01"), JoinRefused::Wrong(name("w1"))).await;
    let other = Join {
        worker: "w2".to_owned(),
        ..join(id, 1, 1, "01")
    };
    check(other, JoinRefused::OtherWorker(name("w1"))).await;
    let late = Join {
        now: now() + Duration::HOUR,
        ..join(id, 1, 1, "01")
    };
    check(late, JoinRefused::Expired(name("w1"))).await;
    assert_eq!(find(&store).await.unwrap().state(), WorkerState::Pending);
    store.join(&join(id, 1, 1, "01")).await.unwrap().unwrap();
}

async fn a_new_token_replaces_the_old_one(database: Database) {
    let store = database.open().await;
    make(&store, "w1").await;
    let id = token(&store, "w1", 1).await;
    assert_eq!(token(&store, "w1", 2).await, id);
    let refused = store.join(&join(id, 1, 1, "01")).await.unwrap();
    assert_eq!(refused, Err(JoinRefused::Wrong(name("w1"))));
    store.join(&join(id, 2, 1, "01")).await.unwrap().unwrap();
    let absent = NewJoinToken {
        worker: name("w2"),
        sha256: [1; 32],
        expires_at: now(),
        now: now(),
    };
    assert!(store.create_join_token(&write(), absent).await.is_err());
}

async fn a_renewed_certificate_and_the_one_before_it_are_good(database: Database) {
    let store = database.open().await;
    let id = joined(&store).await;
    let renew = async |by: &str, to: &str| renew_at(&store, (id, by), to, now()).await;
    renew("01", "02").await.unwrap();
    assert_eq!(word(&store, id, "01").await, None);
    assert_eq!(word(&store, id, "02").await, None);
    // The answer was lost, and the worker asks again with what it has.
    renew("01", "03").await.unwrap();
    assert_eq!(word(&store, id, "02").await, Some("superseded"));
    assert_eq!(word(&store, id, "01").await, None);
    renew("03", "04").await.unwrap();
    assert_eq!(word(&store, id, "01").await, Some("superseded"));
    let refused = renew("01", "05").await;
    assert_eq!(refused, Err(Unauthorised::Superseded(name("w1"))));
    let late = now() + Duration::DAY;
    let refused = renew_at(&store, (id, "04"), "05", late).await;
    assert_eq!(refused, Err(Unauthorised::Expired(now() + Duration::DAY)));
    assert_eq!(
        find(&store).await.unwrap().certificate,
        Some(granted("04", now()))
    );
}

async fn a_worker_that_joins_anew_has_one_certificate(database: Database) {
    let store = database.open().await;
    let id = joined(&store).await;
    let mut changes = store.watch(Topic::WorkerIdentities);
    token(&store, "w1", 2).await;
    store.join(&join(id, 2, 2, "02")).await.unwrap().unwrap();
    assert_eq!(word(&store, id, "01").await, Some("superseded"));
    assert_eq!(word(&store, id, "02").await, None);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
}

async fn a_revoked_identity_is_refused_for_good(database: Database) {
    let store = database.open().await;
    let id = joined(&store).await;
    token(&store, "w1", 2).await;
    let mut changes = store.watch(Topic::WorkerIdentities);
    let revoked = store.revoke_worker(&write(), &name("W1"), now()).await;
    assert_eq!(revoked.unwrap().unwrap().state(), WorkerState::Revoked);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(word(&store, id, "01").await, Some("revoked"));
    let refused = renew_at(&store, (id, "01"), "02", now()).await;
    assert_eq!(refused, Err(Unauthorised::Revoked(name("w1"))));
    let refused = store.join(&join(id, 2, 2, "02")).await.unwrap();
    assert_eq!(refused, Err(JoinRefused::Revoked(name("w1"))));
    let new = NewJoinToken {
        worker: name("w1"),
        sha256: [3; 32],
        expires_at: now() + Duration::HOUR,
        now: now(),
    };
    let made = store.create_join_token(&write(), new).await.unwrap();
    assert_eq!(made, TokenMade::Revoked);
    assert_eq!(make(&store, "w1").await.state(), WorkerState::Revoked);
    let none = store.revoke_worker(&write(), &name("w2"), now()).await;
    assert_eq!(none.unwrap(), None);
}

async fn a_deleted_identity_is_forgotten_and_its_certificates_are_refused(database: Database) {
    let store = database.open().await;
    let id = joined(&store).await;
    assert!(
        store
            .delete_worker(&write(), &name("w1"), now())
            .await
            .unwrap()
    );
    assert!(
        !store
            .delete_worker(&write(), &name("w1"), now())
            .await
            .unwrap()
    );
    assert_eq!(find(&store).await, None);
    let made = make(&store, "w1").await;
    assert_ne!(made.id, id);
    assert_eq!(word(&store, id, "01").await, Some("unknown"));
    assert_eq!(word(&store, made.id, "01").await, Some("superseded"));
    let refused = store.join(&join(id, 1, 1, "02")).await.unwrap();
    assert_eq!(refused, Err(JoinRefused::Unknown));
}

async fn a_revoked_worker_loses_its_lease(database: Database) {
    let store = database.open().await;
    joined(&store).await;
    let session = with_worker(&store, "w1").await;
    let later = now() + Duration::SECOND;
    let (permit, worker) = (read(), name("w1"));
    let found = store.find_worker(&permit, &worker, later).await.unwrap();
    let last_seen_at = found.and_then(|found| found.last_seen_at);
    assert_eq!(last_seen_at, Some(later), "it is connected");
    store
        .revoke_worker(&write(), &name("w1"), now())
        .await
        .unwrap();
    let renewed = store.renew_lease(&session, now() + Duration::MINUTE).await;
    assert!(!renewed.unwrap());
    assert_eq!(find(&store).await.unwrap().last_seen_at, Some(now()));
}

async fn identities_are_listed_in_pages(database: Database) {
    let store = database.open().await;
    for worker in ["b", "A", "c"] {
        make(&store, worker).await;
    }
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = Page { after, limit: 2 };
        let listing = store.list_workers(&read(), &page, now()).await.unwrap();
        names.extend(
            listing
                .items
                .into_iter()
                .map(|worker| worker.name.to_string()),
        );
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["A", "b", "c"]);
}
