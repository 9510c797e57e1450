//! Role assignments: one for each principal, role and scope, and always an owner.

use control_plane::{
    access::Scope,
    principal::Principal,
    role::Role,
    store::{Assignment, RoleAssignment, ServicePrincipal, Store, StoreError},
};
use uuid::Uuid;

use crate::{
    database::{Database, on_both_databases},
    fixture::{GROUP, now, read, write},
};

on_both_databases!(
    an_assignment_is_made_once,
    the_last_owner_keeps_the_role,
    the_last_owner_is_not_deleted,
    an_owner_of_a_part_is_no_owner_of_everything,
    of_two_owners_one_stays_when_both_are_deleted_at_once,
    of_two_owners_one_stays_when_the_principals_are_deleted_at_once,
);

fn assignment(role: Role, scope: &str) -> RoleAssignment {
    RoleAssignment {
        name: Uuid::new_v4().to_string(),
        scope: Scope::parse(scope).unwrap(),
        issuer: Principal::BUILT_IN.to_owned(),
        principal_id: Uuid::new_v4().to_string(),
        principal_type: "ServicePrincipal".to_owned(),
        role,
        description: String::new(),
        created_by: "test".to_owned(),
        created_at: now(),
    }
}

async fn add(store: &Store, new: &RoleAssignment) -> Assignment {
    store.add_role_assignment(&write(), new).await.unwrap()
}

async fn added(store: &Store, role: Role, scope: &str) -> RoleAssignment {
    let new = assignment(role, scope);
    assert_eq!(add(store, &new).await, Assignment::Created);
    new
}

async fn delete(store: &Store, one: &RoleAssignment) -> Result<Option<RoleAssignment>, StoreError> {
    let permit = write();
    store
        .delete_role_assignment(&permit, &one.scope, &one.name, now())
        .await
}

/// A service principal that owns everything.
async fn owner(store: &Store) -> ServicePrincipal {
    let own = added(store, Role::Owner, "/").await;
    let principal = ServicePrincipal {
        name: format!("owner-{}", own.principal_id),
        display_name: "owner".to_owned(),
        application_id: Uuid::new_v4().to_string(),
        id: own.principal_id,
        created_at: now(),
        updated_at: now(),
    };
    let put = store.put_service_principal(&write(), &principal).await;
    put.unwrap().0
}

#[track_caller]
fn check_last<T: std::fmt::Debug>(refused: Result<T, StoreError>) {
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
}

async fn an_assignment_is_made_once(database: Database) {
    let store = database.open().await;
    let one = added(&store, Role::Reader, GROUP).await;
    assert_eq!(add(&store, &one).await, Assignment::Exists);
    let other_role = RoleAssignment {
        role: Role::Owner,
        ..one.clone()
    };
    assert_eq!(add(&store, &other_role).await, Assignment::NameTaken);
    let other_name = RoleAssignment {
        name: Uuid::new_v4().to_string(),
        ..one.clone()
    };
    assert_eq!(add(&store, &other_name).await, Assignment::RoleTaken);
    let permit = read();
    let found = store.find_role_assignment(&permit, &one.scope, &one.name);
    assert_eq!(found.await.unwrap(), Some(one.clone()));
    assert_eq!(delete(&store, &one).await.unwrap(), Some(one.clone()));
    assert_eq!(delete(&store, &one).await.unwrap(), None);
}

async fn the_last_owner_keeps_the_role(database: Database) {
    let store = database.open().await;
    assert!(!store.has_owner().await.unwrap());
    let (one, two) = (
        added(&store, Role::Owner, "/").await,
        added(&store, Role::Owner, "/").await,
    );
    assert!(delete(&store, &one).await.unwrap().is_some());
    check_last(delete(&store, &two).await);
    assert!(store.has_owner().await.unwrap());
}

async fn the_last_owner_is_not_deleted(database: Database) {
    let store = database.open().await;
    let only = owner(&store).await;
    let permit = write();
    check_last(
        store
            .delete_service_principal(&permit, &only.name, now())
            .await,
    );
    assert!(store.has_service_principal(&only.id).await.unwrap());
    assert!(store.has_owner().await.unwrap());
}

async fn an_owner_of_a_part_is_no_owner_of_everything(database: Database) {
    let store = database.open().await;
    let everything = added(&store, Role::Owner, "/").await;
    added(&store, Role::Owner, GROUP).await;
    added(&store, Role::Contributor, "/").await;
    check_last(delete(&store, &everything).await);
}

async fn of_two_owners_one_stays_when_both_are_deleted_at_once(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    let mut one = added(&here, Role::Owner, "/").await;
    for _ in 0..20 {
        let two = added(&here, Role::Owner, "/").await;
        let (first, second) = tokio::join!(delete(&here, &one), delete(&there, &two));
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        assert!(here.has_owner().await.unwrap());
        if first.is_ok() {
            one = two;
        }
    }
}

async fn of_two_owners_one_stays_when_the_principals_are_deleted_at_once(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    let mut one = owner(&here).await;
    let permit = write();
    for _ in 0..20 {
        let two = owner(&here).await;
        let (first, second) = tokio::join!(
            here.delete_service_principal(&permit, &one.name, now()),
            there.delete_service_principal(&permit, &two.name, now()),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        assert!(here.has_owner().await.unwrap());
        if first.is_ok() {
            one = two;
        }
    }
}
