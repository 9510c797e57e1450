//! Which ticket keys a session has yet to tell its worker.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use proto::config::v1::{TicketKey as WireKey, TicketKeys};

use crate::{
    stream::ticket_keys::PublishedKeys, subscription::Subscription, ticket_key::TicketKeySet,
};

/// The keys of the gateways of one worker: what it was told, and what it has to be told.
#[derive(Debug)]
pub(super) struct KeysForWorker {
    subscription: Subscription,
    /// By the gateways' keys.
    told: HashMap<String, Arc<TicketKeySet>>,
    due: VecDeque<Arc<TicketKeySet>>,
}

impl KeysForWorker {
    /// For a worker that was told nothing yet.
    pub(super) fn new(subscription: Subscription) -> Self {
        Self {
            subscription,
            told: HashMap::new(),
            due: VecDeque::new(),
        }
    }

    /// Takes the keys that are in use now. What was not told yet and is old is not told any more.
    pub(super) fn see(&mut self, published: &PublishedKeys) {
        self.due.clear();
        self.told.retain(|key, _| published.contains_key(key));
        for (key, set) in published.iter() {
            let is_new = self.told.get(key) != Some(set) && !set.keys.is_empty();
            if is_new && self.subscription.covers(key) {
                self.due.push_back(Arc::clone(set));
            }
        }
    }

    /// What to tell next.
    pub(super) fn next(&mut self) -> Option<TicketKeys> {
        let set = self.due.pop_front()?;
        let message = message(&set);
        tracing::debug!(
            gateway_id = set.gateway_id,
            keys = set.keys.len(),
            "ticket keys sent"
        );
        self.told.insert(set.gateway_id.to_ascii_lowercase(), set);
        Some(message)
    }
}

/// The copies of the secrets go out on the stream and are not wiped, as little as those in the buffers below it.
fn message(set: &TicketKeySet) -> TicketKeys {
    let keys = set.keys.iter().map(|key| WireKey {
        id: key.id.to_vec(),
        secret: key.secret.to_vec(),
    });
    TicketKeys {
        gateway_id: set.gateway_id.clone(),
        keys: keys.collect(),
    }
}
