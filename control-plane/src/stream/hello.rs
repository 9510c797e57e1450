//! Checks a worker's first message.

use std::collections::{HashMap, HashSet};

use model::GatewayId;
use proto::config::v1::{self as wire, worker_message};
use tonic::Status;
use uuid::Uuid;

use super::plan::OnWorker;
use crate::{
    store::{InForce, Session},
    subscription::Subscription,
};

const MAX_WORKER_ID: usize = 64;
const MAX_VERSION: usize = 64;

/// A checked Hello.
pub(super) struct Hello {
    pub(super) session: Session,
    /// What is in force on the worker, by the gateway's key.
    pub(super) gateways: HashMap<String, OnWorker>,
    /// Blobs that the worker holds.
    pub(super) held: HashSet<[u8; 32]>,
}

impl Hello {
    /// Checks the first message of a stream.
    ///
    /// # Errors
    /// The status that ends the stream; it tells the worker's operator what is wrong.
    pub(super) fn parse(message: wire::WorkerMessage) -> Result<Self, Status> {
        let Some(worker_message::Message::Hello(hello)) = message.message else {
            return Err(Status::invalid_argument("the first message must be Hello"));
        };
        let subscription = hello.subscription.unwrap_or_default();
        let subscription = Subscription::parse(&subscription.gateway_ids, &subscription.scopes)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let session = Session {
            worker: worker_id(hello.worker_id)?,
            id: Uuid::new_v4().to_string(),
            version: clip(&hello.version, MAX_VERSION),
            subscription,
        };
        let gateways = hello.applied.into_iter().map(applied);
        let held = hello.held_blobs.into_iter().map(sha256);
        Ok(Self {
            session,
            gateways: gateways.collect::<Result<_, _>>()?,
            held: held.collect::<Result<_, _>>()?,
        })
    }

    /// What is in force on the worker, for the store. A gateway that is not the worker's any more is about to be
    /// removed and not told of.
    pub(super) fn in_force(&self) -> Vec<InForce> {
        let in_force = |(key, on_worker): (&String, &OnWorker)| {
            if !self.session.subscription.covers(key) {
                return None;
            }
            Some(InForce {
                gateway: key.clone(),
                sha256: on_worker.in_force?,
            })
        };
        self.gateways.iter().filter_map(in_force).collect()
    }
}

/// A SHA-256 from the wire.
pub(super) fn sha256(bytes: Vec<u8>) -> Result<[u8; 32], Status> {
    bytes
        .try_into()
        .map_err(|_| Status::invalid_argument("a SHA-256 has 32 bytes"))
}

fn worker_id(id: String) -> Result<String, Status> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=MAX_WORKER_ID).contains(&id.len()) && id.bytes().all(allowed) {
        Ok(id)
    } else {
        Err(Status::invalid_argument(
            "worker_id: 1 to 64 characters of [A-Za-z0-9._-]",
        ))
    }
}

/// So much of a worker's text as is kept, fit for logs and for the database, which takes no NUL.
pub(super) fn clip(text: &str, characters: usize) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(characters).map(printable).collect()
}

fn applied(applied: wire::AppliedGateway) -> Result<(String, OnWorker), Status> {
    let id = GatewayId::parse(&applied.gateway_id)
        .map_err(|error| Status::invalid_argument(format!("applied: {error}")))?;
    let on_worker = OnWorker {
        id: applied.gateway_id.clone(),
        in_force: Some(sha256(applied.snapshot_sha256)?),
        reported_generation: applied.generation,
        ..OnWorker::default()
    };
    Ok((id.key(), on_worker))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(worker_id: &str, scopes: &[&str]) -> wire::Hello {
        wire::Hello {
            worker_id: worker_id.to_owned(),
            subscription: Some(wire::Subscription {
                gateway_ids: Vec::new(),
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            }),
            ..wire::Hello::default()
        }
    }

    fn check(hello: wire::Hello, accepted: bool) {
        let message = wire::WorkerMessage {
            message: Some(worker_message::Message::Hello(hello.clone())),
        };
        assert_eq!(Hello::parse(message).is_ok(), accepted, "{hello:?}");
    }

    #[test]
    fn a_worker_says_who_it_is_and_what_it_serves() {
        check(hello("worker-1.a_b", &["/"]), true);
        check(hello(&"w".repeat(64), &["/"]), true);
        check(hello(&"w".repeat(65), &["/"]), false);
        for id in ["", "worker 1", "w/1", "wörker"] {
            check(hello(id, &["/"]), false);
        }
        check(hello("w", &[]), false);
        check(hello("w", &["everything"]), false);
        let unsubscribed = wire::Hello {
            subscription: None,
            ..hello("w", &[])
        };
        check(unsubscribed, false);
        let short_hash = wire::Hello {
            held_blobs: vec![vec![1; 31]],
            ..hello("w", &["/"])
        };
        check(short_hash, false);
    }

    #[test]
    fn what_is_in_force_counts_where_the_worker_subscribes() {
        let subscription = "/subscriptions/11111111-1111-1111-1111-111111111111";
        let id = |group: &str| {
            format!(
                "{subscription}/resourceGroups/{group}/providers/Microsoft.Network/applicationGateways/GW"
            )
        };
        let applied = |group: &str| wire::AppliedGateway {
            gateway_id: id(group),
            generation: 1,
            snapshot_sha256: vec![1; 32],
        };
        let hello = wire::Hello {
            applied: vec![applied("a"), applied("b")],
            ..hello("w", &[&format!("{subscription}/resourceGroups/a")])
        };
        let message = Some(worker_message::Message::Hello(hello));
        let hello = Hello::parse(wire::WorkerMessage { message }).unwrap();
        let keys: Vec<_> = hello
            .in_force()
            .into_iter()
            .map(|one| one.gateway)
            .collect();
        assert_eq!(keys, [id("a").to_lowercase()]);
        assert_eq!(hello.gateways.len(), 2);
    }

    #[test]
    fn the_first_message_is_hello() {
        let ack = worker_message::Message::Ack(wire::Ack::default());
        for message in [None, Some(ack)] {
            assert!(Hello::parse(wire::WorkerMessage { message }).is_err());
        }
    }
}
