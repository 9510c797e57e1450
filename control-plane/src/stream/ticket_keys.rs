//! Makes, turns and deletes the keys of session tickets, and keeps those in use for the sessions.
//!
//! Every replica does so for the gateways that its sessions cover; the table of keys decides between replicas that do the
//! same at the same time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use time::OffsetDateTime;
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{audience::Audience, metrics::Metrics, publisher::Published};
use crate::{
    clock::Clock,
    permit::Permit,
    rotation::{Due, ID_LEN, Slot},
    store::{Store, StoreError, WantedGateway},
    telemetry::Chain,
    ticket_key::{SCHEDULE, TicketKey, TicketKeySet},
};

/// How late a key may begin to seal.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often the table is read for what other replicas made; far shorter than a key is known before it seals.
const RE_READ: time::Duration = time::Duration::seconds(10);

/// The keys of all gateways that somebody listens for, by the gateways' keys.
pub(super) type TicketKeySets = BTreeMap<String, Arc<TicketKeySet>>;

/// What sessions see.
pub(super) type PublishedKeys = Arc<TicketKeySets>;

pub(super) struct TicketKeys {
    parts: Parts,
    /// By the gateways' keys.
    known: HashMap<String, Known>,
    next_read: OffsetDateTime,
}

/// What it works with.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) audience: Audience,
    pub(super) wanted: watch::Receiver<Published>,
    pub(super) published: watch::Sender<PublishedKeys>,
}

/// The keys of one gateway.
struct Known {
    /// Tells the gateway from an earlier one of the same name.
    resource_guid: String,
    gateway_id: String,
    /// In order of sequence.
    slots: Vec<Slot>,
    opened: HashMap<[u8; ID_LEN], Arc<TicketKey>>,
}

impl TicketKeys {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            next_read: OffsetDateTime::UNIX_EPOCH,
            known: HashMap::new(),
            parts,
        }
    }

    /// Looks at the keys when gateways change, when a worker connects, and on a timer; never ends while the publisher
    /// lives.
    pub(super) async fn run(mut self) {
        let mut arrivals = self.parts.audience.arrivals();
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = self.parts.wanted.changed() => if changed.is_err() { return },
                changed = arrivals.changed() => if changed.is_err() { return },
                _ = timer.tick() => {}
            }
            let now = self.parts.clock.now();
            if let Err(error) = self.look(now).await {
                tracing::warn!(error = %Chain(&error), "ticket keys cannot be kept");
            }
            self.publish(now);
        }
    }

    /// Reads the table when it is time or when a gateway is new, and does what is due.
    async fn look(&mut self, now: OffsetDateTime) -> Result<(), StoreError> {
        let gateways = self.gateways();
        self.known.retain(|key, known| {
            let gateway = gateways.get(key);
            gateway.is_some_and(|gateway| gateway.resource_guid == known.resource_guid)
        });
        if now < self.next_read && gateways.keys().all(|key| self.known.contains_key(key)) {
            return Ok(());
        }
        let mut stored = self.parts.store.ticket_key_slots().await?;
        self.next_read = now.saturating_add(RE_READ);
        let mut first_error = Ok(());
        for (key, gateway) in gateways {
            let slots = stored.remove(&key).unwrap_or_default();
            // What is wrong with the keys of one gateway holds no other one up.
            first_error = first_error.and(self.keep(now, &gateway, slots).await);
        }
        first_error
    }

    /// The gateways that some session covers and that are not being deleted.
    fn gateways(&mut self) -> BTreeMap<String, Arc<WantedGateway>> {
        let Some(wanted) = self.parts.wanted.borrow_and_update().clone() else {
            return BTreeMap::new();
        };
        let serving = wanted.values().filter(|wanted| wanted.sha256.is_some());
        let covered = self.parts.audience.covered(serving, |wanted| &wanted.key);
        covered
            .into_iter()
            .map(|wanted| (wanted.key.clone(), Arc::clone(wanted)))
            .collect()
    }

    /// Does what is due for one gateway whose stored keys are `slots`.
    async fn keep(
        &mut self,
        now: OffsetDateTime,
        gateway: &WantedGateway,
        mut slots: Vec<Slot>,
    ) -> Result<(), StoreError> {
        let store = &self.parts.store;
        if let Due::Make {
            sequence,
            used_from,
        } = SCHEDULE.due(now, &slots)
        {
            self.make(now, gateway, sequence, used_from).await?;
            slots = store.ticket_key_slots_of(&gateway.key).await?;
        }
        let (alive, dead) = SCHEDULE.in_use(now, &slots);
        for slot in dead {
            store.delete_ticket_key(&gateway.key, slot).await?;
        }
        let known = self.known.get(&gateway.key);
        let mut opened = HashMap::new();
        for slot in alive {
            let held = known.and_then(|known| known.opened.get(&slot.id));
            if let Some(key) = held {
                opened.insert(slot.id, Arc::clone(key));
                continue;
            }
            let permit = Permit::for_control_plane();
            let found = store.find_ticket_key(&permit, &gateway.key, slot).await?;
            opened.extend(found.map(|key| (slot.id, Arc::new(key))));
        }
        let known = Known {
            resource_guid: gateway.resource_guid.clone(),
            gateway_id: gateway.id.clone(),
            slots,
            opened,
        };
        self.known.insert(gateway.key.clone(), known);
        Ok(())
    }

    async fn make(
        &self,
        now: OffsetDateTime,
        gateway: &WantedGateway,
        sequence: i64,
        seals_from: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let Some(key) = TicketKey::random() else {
            tracing::error!("the system has no randomness for a ticket key");
            return Ok(());
        };
        let store = &self.parts.store;
        let added = store.add_ticket_key(gateway, sequence, seals_from, &key, now);
        if added.await? {
            self.parts.metrics.ticket_keys.inc();
            tracing::debug!(gateway_id = gateway.id, sequence, %seals_from, "ticket key made");
        }
        Ok(())
    }

    /// Tells the sessions which keys are in use now.
    fn publish(&self, now: OffsetDateTime) {
        let sets: TicketKeySets = self
            .known
            .iter()
            .map(|(key, known)| (key.clone(), Arc::new(known.set(now))))
            .collect();
        self.parts.published.send_if_modified(|published| {
            let changed = **published != sets;
            if changed {
                *published = Arc::new(sets);
            }
            changed
        });
    }
}

impl Known {
    fn set(&self, now: OffsetDateTime) -> TicketKeySet {
        let (alive, _dead) = SCHEDULE.in_use(now, &self.slots);
        let opened = |slot: &Slot| self.opened.get(&slot.id).cloned();
        TicketKeySet {
            gateway_id: self.gateway_id.clone(),
            keys: alive.into_iter().filter_map(opened).collect(),
        }
    }
}
