//! Many writers of one gateway, through two replicas of the API.

use control_plane::store::Store;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    caller::{Caller, Reply},
    document::{GROUP, client_root, gateway_id, http_gateway, mtls_gateway},
    trust_epoch::snapshot,
};
use crate::{
    database::{Database, on_both_databases},
    fixture,
};

const WRITERS: u16 = 50;

on_both_databases!(
    fifty_writers_leave_one_truth,
    fifty_writers_of_children_lose_no_update,
    of_fifty_writers_with_one_etag_one_wins,
    writers_of_a_policy_and_of_its_gateway_lose_nothing,
    writes_and_deletions_at_once_are_answered_and_end,
);

async fn fifty_writers_leave_one_truth(database: Database) {
    let (callers, id) = callers(&database).await;
    let replies = race(&callers, |caller, writer| {
        let id = id.clone();
        async move { caller.put(&id, &http_gateway(&id, 1000 + writer)).await }
    })
    .await;
    for reply in &replies {
        reply.assert_status(200);
    }
    let [caller, _] = &callers;
    let truth = caller.get(&id).await;
    let etags: Vec<_> = replies.iter().map(|reply| reply.header("etag")).collect();
    assert!(etags.contains(&truth.header("etag")));
    assert_eq!(
        etags
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        usize::from(WRITERS)
    );
    assert_eq!(generation(&caller.store).await, 1 + i64::from(WRITERS));

    caller.settle().await;
    let mut states = Vec::new();
    for reply in &replies {
        states.push(
            caller
                .get(&reply.path_in("azure-asyncoperation"))
                .await
                .body["status"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(
        states.iter().filter(|state| *state == "Succeeded").count(),
        1,
        "{states:?}"
    );
    assert!(
        states
            .iter()
            .all(|state| state == "Succeeded" || state == "Canceled"),
        "{states:?}"
    );
}

async fn fifty_writers_of_children_lose_no_update(database: Database) {
    let (callers, id) = callers(&database).await;
    let replies = race(&callers, |caller, writer| {
        let path = format!("{id}/frontendPorts/port-{writer}");
        async move {
            caller
                .put(&path, &json!({ "properties": { "port": 1000 + writer } }))
                .await
        }
    })
    .await;
    for reply in &replies {
        reply.assert_status(201);
    }
    let [caller, _] = &callers;
    let ports = caller.get(&format!("{id}/frontendPorts")).await;
    let names: Vec<_> = ports.body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["name"].as_str().unwrap())
        .collect();
    for writer in 0..WRITERS {
        assert!(
            names.contains(&format!("port-{writer}").as_str()),
            "port-{writer} was lost"
        );
    }
    assert_eq!(names.len(), usize::from(WRITERS) + 1);
}

async fn of_fifty_writers_with_one_etag_one_wins(database: Database) {
    let (callers, id) = callers(&database).await;
    let etag = callers[0].get(&id).await.header("etag").to_owned();
    let replies = race(&callers, |caller, writer| {
        let (id, etag) = (id.clone(), etag.clone());
        async move {
            caller
                .call(
                    Method::PUT,
                    &id,
                    &[("if-match", &etag)],
                    &http_gateway(&id, 1000 + writer),
                )
                .await
        }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(won.len(), 1);
    for reply in lost {
        reply.assert_error(412, "PreconditionFailed");
    }
    let [caller, _] = &callers;
    assert_eq!(caller.get(&id).await.header("etag"), won[0].header("etag"));
    assert_eq!(generation(&caller.store).await, 2);
}

/// Half of the writers put the whole gateway, half the policy of a profile: what was put last of both is there.
async fn writers_of_a_policy_and_of_its_gateway_lose_nothing(database: Database) {
    let (callers, id) = callers(&database).await;
    let root = client_root("Root");
    let gateway = move |port: u16| {
        let mut body = mtls_gateway(&gateway_id("gw"), &[("clients", &root)]);
        body["properties"]["frontendPorts"][0]["properties"]["port"] = json!(port);
        body
    };
    callers[0].put(&id, &gateway(999)).await.assert_status(200);
    let policy =
        format!("{id}/sslProfiles/mtls/providers/Portcullis.Security/clientAuthPolicies/default");
    let replies = race(&callers, |caller, writer| {
        let (id, policy, body) = (id.clone(), policy.clone(), gateway(1000 + writer));
        async move {
            // Both replicas write both.
            if (writer / 2) % 2 == 0 {
                caller.put(&id, &body).await
            } else {
                let lifetime = json!({ "sessionResumption": { "lifetimeSeconds": 1 + writer } });
                caller
                    .put(&policy, &json!({ "properties": lifetime }))
                    .await
            }
        }
    })
    .await;
    for reply in &replies {
        assert!(reply.status.is_success(), "{:#}", reply.body);
    }
    let [caller, _] = &callers;
    assert_eq!(generation(&caller.store).await, 2 + i64::from(WRITERS));
    let last = |is_policy: bool| {
        let of = replies.iter().filter(move |reply| {
            (reply.body["type"] == "Portcullis.Security/clientAuthPolicies") == is_policy
        });
        of.map(|reply| reply.body["properties"].clone())
            .collect::<Vec<_>>()
    };
    let port =
        caller.get(&format!("{id}/frontendPorts/http")).await.body["properties"]["port"].clone();
    let ports: Vec<_> = last(false)
        .iter()
        .map(|gateway| gateway["frontendPorts"][0]["properties"]["port"].clone())
        .collect();
    assert!(ports.contains(&port), "{port} {ports:?}");
    let lifetime = |policy: &Value| policy["sessionResumption"]["lifetimeSeconds"].clone();
    let stored = lifetime(&caller.get(&policy).await.body["properties"]);
    let lifetimes: Vec<_> = last(true).iter().map(lifetime).collect();
    assert!(lifetimes.contains(&stored), "{stored} {lifetimes:?}");
    let lowered = snapshot(caller, &id).await.client_auth_policies.remove(0);
    assert_eq!(
        json!(lowered.session_resumption.unwrap().lifetime_seconds),
        stored
    );
}

/// A group with its gateway comes and goes, by both replicas, which also end operations all the while.
async fn writes_and_deletions_at_once_are_answered_and_end(database: Database) {
    let (callers, id) = callers(&database).await;
    let mut tasks = JoinSet::new();
    for task in 0..16_u16 {
        let (caller, id) = (callers[usize::from(task % 2)].clone(), id.clone());
        tasks.spawn(async move {
            let mut replies = Vec::new();
            for round in 0..12 {
                let reply = match (task + round) % 8 {
                    0 => caller.delete(&id).await,
                    1 => caller.delete(GROUP).await,
                    2 | 3 => {
                        caller
                            .put(GROUP, &json!({ "location": "westeurope" }))
                            .await
                    }
                    4 => {
                        let port = json!({ "properties": { "port": 2000 + round } });
                        caller.put(&format!("{id}/frontendPorts/more"), &port).await
                    }
                    5 => caller.get(&id).await,
                    _ => caller.put(&id, &http_gateway(&id, 1000 + round)).await,
                };
                replies.push(reply);
                caller.settle().await;
            }
            replies
        });
    }
    let replies: Vec<Reply> = tasks.join_all().await.into_iter().flatten().collect();
    let [caller, other] = &callers;
    caller.settle().await;
    other.settle().await;
    for reply in &replies {
        let status = reply.status.as_u16();
        let expected = [200, 201, 202, 204, 404, 409];
        assert!(expected.contains(&status), "{status} {:#}", reply.body);
        for header in ["azure-asyncoperation", "location"] {
            if !reply.header(header).is_empty() {
                let end = caller.get(&reply.path_in(header)).await;
                let state = &end.body["status"];
                let running = end.status == 202 || *state == "InProgress";
                assert!(!running, "{:#}", end.body);
            }
        }
    }
}

/// Two replicas over one database, and a gateway.
async fn callers(database: &Database) -> ([Caller; 2], String) {
    let first = Caller::with_group(database).await;
    let second = Caller::new(database).await;
    let id = gateway_id("gw");
    first
        .put(&id, &http_gateway(&id, 8080))
        .await
        .assert_status(201);
    ([first, second], id)
}

async fn race<F>(callers: &[Caller; 2], write: impl Fn(Caller, u16) -> F) -> Vec<Reply>
where
    F: Future<Output = Reply> + Send + 'static,
{
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let caller = callers[usize::from(writer % 2)].clone();
        writers.spawn(write(caller, writer));
    }
    writers.join_all().await
}

async fn generation(store: &Store) -> i64 {
    let id = model::GatewayId::parse(&gateway_id("gw")).unwrap();
    store
        .find_gateway(&fixture::read(), &id)
        .await
        .unwrap()
        .unwrap()
        .generation
}
