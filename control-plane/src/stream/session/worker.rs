//! The session's picture of its worker: what it has, what it was asked, what it needs next.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use proto::config::v1::{
    RemoveGateway, Synced, WorkerMessage, control_message::Message as ToWorker,
    worker_message::Message as FromWorker,
};
use tokio::{sync::watch, time::Instant};
use tonic::Status;

use super::{Ended, LEASE};
use crate::{
    permit::{Permit, Read},
    reconcile::Refusal,
    store::{Session, WantedGateway},
    stream::{
        blobs::{Delivery, Next, generation},
        hello::{Hello, sha256},
        metrics::Answer,
        plan::{Asked, OnWorker, Step, Version},
        publisher::{Published, Wanted},
        service::Parts,
    },
};

/// How often a worker may ask for the blobs of one message.
const MAX_REPEATS: u32 = 5;

/// In characters, of what a worker says about a refusal.
const MAX_NAME: usize = 256;
const MAX_REASON: usize = 2048;

/// The session's picture of its worker.
pub(super) struct Worker<'a> {
    parts: &'a Parts,
    permit: Permit<Read>,
    session: Session,
    wanted: Arc<Wanted>,
    gateways: HashMap<String, OnWorker>,
    /// Blobs that the worker may hold besides those of its gateways: what it said at first, what was sent in vain.
    loose: HashSet<[u8; 32]>,
    /// Gateways to look at, and the same as a set.
    due: VecDeque<String>,
    is_due: HashSet<String>,
    /// By nonce: the gateway of each message that waits for its answer.
    open: HashMap<u64, String>,
    delivery: Option<Delivery>,
    repeats: VecDeque<Delivery>,
    last_nonce: u64,
    synced: bool,
}

impl<'a> Worker<'a> {
    /// Takes the worker's lease and records what it has in force.
    pub(super) async fn begin(
        parts: &'a Parts,
        hello: Hello,
        published: &mut watch::Receiver<Published>,
    ) -> Result<Self, Ended> {
        let now = parts.clock.now();
        let in_force = hello.in_force();
        let recorded = parts
            .store
            .begin_session(&hello.session, &in_force, now, now + LEASE)
            .await?;
        let mut worker = Self {
            parts,
            permit: Permit::for_control_plane(),
            session: hello.session,
            wanted: Arc::default(),
            gateways: hello.gateways,
            loose: hello.held,
            due: VecDeque::new(),
            is_due: HashSet::new(),
            open: HashMap::new(),
            delivery: None,
            repeats: VecDeque::new(),
            last_nonce: 0,
            synced: false,
        };
        for wanted in &recorded {
            if let Some(gateway) = worker.gateways.get_mut(&wanted.key) {
                gateway.recorded = Some(Version::of(wanted));
            }
        }
        tracing::info!(
            version = worker.session.version,
            gateways = worker.gateways.len(),
            up_to_date = recorded.len(),
            "worker connected"
        );
        let first = published.wait_for(Option::is_some).await;
        let first = first.map_err(|_| Ended::lost())?.clone();
        worker.see(&first);
        Ok(worker)
    }

    /// Takes a newer wanted state and notes which gateways to look at.
    pub(super) fn see(&mut self, published: &Published) {
        let Some(wanted) = published else {
            return;
        };
        self.wanted = Arc::clone(wanted);
        let mut keys: Vec<String> = self.gateways.keys().cloned().collect();
        let subscription = &self.session.subscription;
        keys.extend(
            wanted
                .keys()
                .filter(|key| subscription.covers(key))
                .cloned(),
        );
        for key in keys {
            self.look_at(key);
        }
    }

    fn look_at(&mut self, key: String) {
        if self.is_due.insert(key.clone()) {
            self.due.push_back(key);
        }
    }

    fn wanted(&self, key: &str) -> Option<Arc<WantedGateway>> {
        let wanted = self.wanted.get(key)?;
        let covered = self.session.subscription.covers(key);
        covered.then(|| Arc::clone(wanted))
    }

    /// What to send next; `None`: nothing before something changes.
    pub(super) async fn next_message(&mut self) -> Result<Option<ToWorker>, Ended> {
        loop {
            if let Some(delivery) = self.delivery.take() {
                if let Some(message) = self.deliver(delivery).await? {
                    return Ok(Some(message));
                }
                continue;
            }
            if let Some(repeat) = self.repeats.pop_front() {
                self.delivery = Some(repeat);
                continue;
            }
            let Some(key) = self.due.pop_front() else {
                let first = !std::mem::replace(&mut self.synced, true);
                return Ok(first.then_some(ToWorker::Synced(Synced {})));
            };
            self.is_due.remove(&key);
            if let Some(message) = self.step(key).await? {
                return Ok(Some(message));
            }
        }
    }

    async fn step(&mut self, key: String) -> Result<Option<ToWorker>, Ended> {
        let wanted = self.wanted(&key);
        let gateway = self.gateways.entry(key.clone()).or_default();
        match (gateway.next_step(wanted.as_deref()), wanted) {
            (Step::Nothing | Step::Record | Step::Apply, None) => {
                if gateway.in_force.is_none() && gateway.asked.is_none() {
                    self.gateways.remove(&key);
                }
                Ok(None)
            }
            (Step::Nothing, Some(_)) => Ok(None),
            (Step::Record, Some(wanted)) => {
                gateway.recorded = Some(Version::of(&wanted));
                let now = self.parts.clock.now();
                let store = &self.parts.store;
                store.record_applied(&self.session, &wanted, now).await?;
                Ok(None)
            }
            (Step::Remove, wanted) => Ok(Some(self.remove(&key, wanted))),
            (Step::Apply, Some(wanted)) => {
                let store = &self.parts.store;
                let known = self.known_blobs();
                let has = |sha256: &[u8; 32]| known.contains(sha256);
                // Without content, a newer generation is about to be published.
                self.delivery = Delivery::begin(store, &self.permit, wanted, has).await?;
                Ok(None)
            }
        }
    }

    fn remove(&mut self, key: &str, wanted: Option<Arc<WantedGateway>>) -> ToWorker {
        let nonce = self.next_nonce();
        let gateway = self.gateways.entry(key.to_owned()).or_default();
        let (gateway_id, generation) = match &wanted {
            Some(wanted) => (wanted.id.clone(), generation(wanted)),
            None => (gateway.id.clone(), gateway.reported_generation),
        };
        self.ask(key, nonce, generation, wanted, HashSet::new(), 0);
        tracing::info!(gateway_id, generation, nonce, "gateway is being removed");
        ToWorker::RemoveGateway(RemoveGateway {
            nonce,
            gateway_id,
            generation,
        })
    }

    /// Goes on with a delivery: the next chunk, or the message that asks to apply.
    async fn deliver(&mut self, mut delivery: Delivery) -> Result<Option<ToWorker>, Ended> {
        let key = delivery.wanted.key.clone();
        if !delivery.is_inside_blob() && self.wanted(&key) != Some(Arc::clone(&delivery.wanted)) {
            self.abandon(&delivery);
            return Ok(None);
        }
        match delivery.next(&self.parts.store, &self.permit).await? {
            Next::Chunk(chunk) => {
                self.parts
                    .metrics
                    .blob_bytes
                    .inc_by(chunk.data.len() as u64);
                self.delivery = Some(delivery);
                Ok(Some(ToWorker::BlobChunk(chunk)))
            }
            Next::Gone => {
                self.abandon(&delivery);
                Ok(None)
            }
            Next::Complete => {
                let repeats = self.close(delivery.nonce).map_or(0, |asked| asked.repeats);
                let nonce = delivery.nonce.unwrap_or_else(|| self.next_nonce());
                let message = delivery.apply(nonce);
                let all = delivery.all();
                let (gateway_id, generation) = (&message.gateway_id, message.generation);
                tracing::info!(gateway_id, generation, nonce, "snapshot sent");
                let wanted = Some(delivery.wanted);
                self.ask(&key, nonce, generation, wanted, all, repeats);
                Ok(Some(ToWorker::ApplyGateway(message)))
            }
        }
    }

    /// Gives up a delivery for a newer generation; what was sent of it may still be of use.
    fn abandon(&mut self, delivery: &Delivery) {
        self.close(delivery.nonce);
        self.loose.extend(delivery.sent());
        self.look_at(delivery.wanted.key.clone());
    }

    fn next_nonce(&mut self) -> u64 {
        self.last_nonce += 1;
        self.last_nonce
    }

    fn ask(
        &mut self,
        key: &str,
        nonce: u64,
        generation: u64,
        wanted: Option<Arc<WantedGateway>>,
        blobs: HashSet<[u8; 32]>,
        repeats: u32,
    ) {
        self.parts.metrics.unanswered.inc();
        self.open.insert(nonce, key.to_owned());
        let gateway = self.gateways.entry(key.to_owned()).or_default();
        if let Some(wanted) = &wanted {
            gateway.id.clone_from(&wanted.id);
        }
        gateway.asked = Some(Asked {
            generation,
            wanted,
            blobs,
            repeats,
            sent: Instant::now(),
        });
    }

    /// Forgets that an answer is awaited.
    fn close(&mut self, nonce: Option<u64>) -> Option<Asked> {
        let key = self.open.remove(&nonce?)?;
        self.parts.metrics.unanswered.dec();
        self.gateways.get_mut(&key)?.asked.take()
    }

    fn known_blobs(&self) -> HashSet<[u8; 32]> {
        let gateways = self.gateways.values();
        let kept = gateways.flat_map(|gateway| {
            let asked = gateway.asked.iter().flat_map(|asked| &asked.blobs);
            gateway.blobs.iter().chain(asked)
        });
        kept.chain(&self.loose).copied().collect()
    }

    /// Takes an answer.
    pub(super) async fn hear(&mut self, message: WorkerMessage) -> Result<(), Ended> {
        match message.message {
            Some(FromWorker::Ack(ack)) => {
                match self.answered(ack.nonce, &ack.gateway_id, ack.generation, Answer::Ack) {
                    Some((key, asked)) => self.applied(key, asked).await,
                    None => Ok(()),
                }
            }
            Some(FromWorker::Nack(nack)) => {
                let refusal = Refusal {
                    generation: 0,
                    resource: clip(&nack.resource, MAX_NAME),
                    property: clip(&nack.property, MAX_NAME),
                    reason: clip(&nack.reason, MAX_REASON),
                };
                match self.answered(nack.nonce, &nack.gateway_id, nack.generation, Answer::Nack) {
                    Some((key, asked)) => self.refused(key, asked, refusal).await,
                    None => Ok(()),
                }
            }
            Some(FromWorker::MissingBlobs(missing)) => {
                let hashes = missing.sha256.into_iter().map(sha256);
                let hashes = hashes.collect::<Result<HashSet<_>, _>>();
                self.resend(missing.nonce, hashes.map_err(Ended::refused)?)
                    .await
            }
            Some(FromWorker::Hello(_)) => Err(Ended::refused(Status::invalid_argument(
                "Hello comes once, as the first message",
            ))),
            None => Err(Ended::refused(Status::invalid_argument(
                "a message of an unknown kind",
            ))),
        }
    }

    /// What an answer belongs to; `None` when its nonce is not open or names something else.
    fn answered(
        &mut self,
        nonce: u64,
        gateway_id: &str,
        generation: u64,
        answer: Answer,
    ) -> Option<(String, Asked)> {
        let key = self.open.get(&nonce).cloned();
        let fits = key.as_ref().is_some_and(|key| {
            let asked = self
                .gateways
                .get(key)
                .and_then(|gateway| gateway.asked.as_ref());
            key.eq_ignore_ascii_case(gateway_id)
                && asked.is_some_and(|asked| asked.generation == generation)
        });
        if !fits {
            self.parts.metrics.record_answer(Answer::Stale);
            tracing::warn!(
                nonce,
                gateway_id = clip(gateway_id, MAX_NAME),
                generation,
                ?answer,
                "stale answer ignored"
            );
            return None;
        }
        let asked = self.close(Some(nonce))?;
        self.parts.metrics.record_answer(answer);
        let key = key?;
        self.look_at(key.clone());
        Some((key, asked))
    }

    async fn applied(&mut self, key: String, asked: Asked) -> Result<(), Ended> {
        self.parts.metrics.record_answer_time(asked.waited());
        let gateway = self.gateways.entry(key).or_default();
        gateway.blobs = asked.blobs;
        gateway.in_force = asked.wanted.as_ref().and_then(|wanted| wanted.sha256);
        let gateway_id = &gateway.id;
        tracing::info!(gateway_id, generation = asked.generation, "worker applied");
        if let Some(wanted) = &asked.wanted {
            gateway.recorded = Some(Version::of(wanted));
            let now = self.parts.clock.now();
            let store = &self.parts.store;
            store.record_applied(&self.session, wanted, now).await?;
        }
        Ok(())
    }

    async fn refused(&mut self, key: String, asked: Asked, refusal: Refusal) -> Result<(), Ended> {
        let gateway = self.gateways.entry(key).or_default();
        tracing::warn!(
            gateway_id = gateway.id,
            generation = asked.generation,
            resource = refusal.resource,
            property = refusal.property,
            reason = refusal.reason,
            "worker refused; its last good configuration still serves"
        );
        let Some(wanted) = asked.wanted else {
            // It does not let go of a gateway that nobody wants: nothing more can be done from here.
            gateway.in_force = None;
            return Ok(());
        };
        gateway.refused = Some(Version::of(&wanted));
        let refusal = Refusal {
            generation: wanted.generation,
            ..refusal
        };
        let now = self.parts.clock.now();
        let store = &self.parts.store;
        store
            .record_refused(&self.session, &wanted, &refusal, now)
            .await?;
        Ok(())
    }

    /// Sends the blobs that the worker lacks after all, then the message with the same nonce once more.
    async fn resend(&mut self, nonce: u64, missing: HashSet<[u8; 32]>) -> Result<(), Ended> {
        let key = self.open.get(&nonce).cloned();
        let asked = key
            .as_ref()
            .and_then(|key| self.gateways.get_mut(key)?.asked.as_mut());
        let (Some(key), Some(asked)) = (key, asked) else {
            self.parts.metrics.record_answer(Answer::Stale);
            tracing::warn!(nonce, "stale request for blobs ignored");
            return Ok(());
        };
        self.parts.metrics.record_answer(Answer::MissingBlobs);
        asked.repeats += 1;
        let unknown = !missing.iter().all(|sha256| asked.blobs.contains(sha256));
        if unknown || missing.is_empty() || asked.repeats > MAX_REPEATS {
            let Some(asked) = self.close(Some(nonce)) else {
                return Ok(());
            };
            let refusal = Refusal {
                generation: 0,
                resource: String::new(),
                property: String::new(),
                reason: "the worker asks for blobs that do not belong to the gateway, or again and again".to_owned(),
            };
            return self.refused(key, asked, refusal).await;
        }
        let Some(wanted) = asked.wanted.clone() else {
            return Ok(());
        };
        self.loose.retain(|sha256| !missing.contains(sha256));
        let has = |sha256: &[u8; 32]| !missing.contains(sha256);
        let store = &self.parts.store;
        if let Some(delivery) = Delivery::begin(store, &self.permit, wanted, has).await? {
            self.repeats.push_back(delivery.repeating(nonce));
        } else {
            // A newer generation has replaced it; the worker cannot answer this one any more.
            self.close(Some(nonce));
            self.look_at(key);
        }
        Ok(())
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        let open = i64::try_from(self.open.len()).unwrap_or_default();
        self.parts.metrics.unanswered.dec_by(open);
    }
}

fn clip(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
