//! Service principals, their credentials, and assertions that were used.

use control_plane::store::{Credential, Proof, ServicePrincipal, Store};
use time::Duration;
use uuid::Uuid;

use crate::{
    database::{Database, on_both_databases},
    fixture::{now, read, write},
};

on_both_databases!(
    a_principal_keeps_its_ids_when_it_is_put_again,
    a_principal_has_ten_credentials_at_most,
    of_two_credentials_for_one_place_one_is_taken,
    credentials_go_with_their_principal,
    an_assertion_is_used_once,
    of_two_replicas_one_takes_an_assertion,
    an_assertion_is_forgotten_after_its_end,
);

async fn principal(store: &Store, name: &str) -> ServicePrincipal {
    let new = ServicePrincipal {
        id: Uuid::new_v4().to_string(),
        name: name.to_owned(),
        display_name: name.to_owned(),
        application_id: Uuid::new_v4().to_string(),
        created_at: now(),
        updated_at: now(),
    };
    let put = store.put_service_principal(&write(), &new).await;
    put.unwrap().0
}

fn credential() -> Credential {
    Credential {
        id: Uuid::new_v4().to_string(),
        display_name: String::new(),
        proof: Proof::Password {
            hash: "hash".to_owned(),
            hint: "abc".to_owned(),
        },
        starts_at: now(),
        ends_at: now() + Duration::HOUR,
    }
}

async fn add(store: &Store, principal: &ServicePrincipal) -> bool {
    let (permit, new) = (write(), credential());
    let added = store.add_credential(&permit, principal, &new, now());
    added.await.unwrap()
}

async fn count(store: &Store, name: &str) -> usize {
    let found = store.find_service_principal(&read(), name).await.unwrap();
    found.unwrap().1.len()
}

async fn a_principal_keeps_its_ids_when_it_is_put_again(database: Database) {
    let store = database.open().await;
    let first = principal(&store, "robot").await;
    let again = principal(&store, "robot").await;
    assert_eq!(
        (&first.id, &first.application_id),
        (&again.id, &again.application_id)
    );
    let all = store.list_service_principals(&read()).await.unwrap();
    assert_eq!(all, [again]);
}

async fn a_principal_has_ten_credentials_at_most(database: Database) {
    let store = database.open().await;
    let robot = principal(&store, "robot").await;
    for _ in 0..10 {
        assert!(add(&store, &robot).await);
    }
    assert!(!add(&store, &robot).await);
    assert_eq!(count(&store, "robot").await, 10);
    let other = principal(&store, "other").await;
    assert!(add(&store, &other).await, "each has its own ten");
}

async fn of_two_credentials_for_one_place_one_is_taken(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    let robot = principal(&here, "robot").await;
    for _ in 0..9 {
        add(&here, &robot).await;
    }
    for _ in 0..10 {
        let (first, second) = tokio::join!(add(&here, &robot), add(&there, &robot));
        assert!(first != second, "{first} {second}");
        let found = here.find_service_principal(&read(), "robot").await.unwrap();
        let (_, credentials) = found.unwrap();
        let permit = write();
        let deleted = here.delete_credential(&permit, &robot, &credentials[0].id, now());
        assert!(deleted.await.unwrap());
    }
}

async fn credentials_go_with_their_principal(database: Database) {
    let store = database.open().await;
    let robot = principal(&store, "robot").await;
    let other = principal(&store, "other").await;
    let mine = credential();
    let permit = write();
    let added = store.add_credential(&permit, &robot, &mine, now());
    assert!(added.await.unwrap());
    let theirs = store.delete_credential(&permit, &other, &mine.id, now());
    assert!(!theirs.await.unwrap(), "another principal's");
    let deleted = store.delete_service_principal(&permit, "ROBOT", now());
    assert!(deleted.await.unwrap());
    let found = store.find_application(&robot.application_id).await.unwrap();
    assert_eq!(found, None);
    assert!(!store.has_service_principal(&robot.id).await.unwrap());
    assert!(!add(&store, &robot).await, "it does not exist any more");
    let anew = principal(&store, "robot").await;
    assert_ne!(anew.id, robot.id);
    assert_eq!(count(&store, "robot").await, 0);
}

const MINUTE: Duration = Duration::MINUTE;

async fn an_assertion_is_used_once(database: Database) {
    let store = database.open().await;
    let end = now() + MINUTE;
    assert!(store.use_assertion(&[1; 32], end, now()).await.unwrap());
    assert!(!store.use_assertion(&[1; 32], end, now()).await.unwrap());
    assert!(store.use_assertion(&[2; 32], end, now()).await.unwrap());
    assert!(!store.use_assertion(&[1; 32], end, end).await.unwrap());
}

async fn of_two_replicas_one_takes_an_assertion(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    for id in 0..10 {
        let (sha256, end) = ([id; 32], now() + MINUTE);
        let (first, second) = tokio::join!(
            here.use_assertion(&sha256, end, now()),
            there.use_assertion(&sha256, end, now()),
        );
        assert!(first.unwrap() != second.unwrap());
    }
}

async fn an_assertion_is_forgotten_after_its_end(database: Database) {
    let store = database.open().await;
    let end = now() + MINUTE;
    assert!(store.use_assertion(&[1; 32], end, now()).await.unwrap());
    let later = end + Duration::MICROSECOND;
    let other = store.use_assertion(&[2; 32], later + MINUTE, later);
    assert!(other.await.unwrap());
    let again = store.use_assertion(&[1; 32], later + MINUTE, later);
    assert!(again.await.unwrap(), "its own end refuses it by then");
}
