//! The session's picture of its worker: what it has, what it was asked, what it needs next.
//!
//! One message at a time waits for its answer. The worker takes messages one by one anyway, and so what is sent next
//! is always the newest.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use proto::config::v1::{
    ReadinessReport, RemoveGateway, Synced, WorkerMessage, control_message::Message as ToWorker,
    worker_message::Message as FromWorker,
};
use tokio::{sync::watch, time::Instant};
use tonic::Status;

use super::{Ended, LEASE};
use crate::{
    permit::{Permit, Read},
    reconcile::Refusal,
    store::{Session, StoreError, WantedGateway},
    stream::{
        blobs::{Delivery, Next, generation},
        hello::{Hello, clip, sha256},
        metrics::Answer,
        plan::{OnWorker, Step, Version},
        publisher::{Published, Wanted},
        readiness,
        service::Parts,
    },
    telemetry::Chain,
};

/// A worker that takes longer is told to connect again.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// Chunks of a large list (4 MiB) after which other gateways may go first.
const BURST: u32 = 16;

/// How often a worker may ask for the blobs of one message.
const MAX_REPEATS: u32 = 5;

/// How many answers to nothing a worker may give before a right one.
const MAX_STALE: u32 = 100;

/// In characters, of what a worker says about a refusal.
const MAX_NAME: usize = 256;
const MAX_REASON: usize = 2048;

const UNREADABLE: &str =
    "the control plane cannot read what is stored of it, or not open its keys; its log tells why";

/// The session's picture of its worker.
pub(super) struct Worker<'a> {
    parts: &'a Parts,
    permit: Permit<Read>,
    session: Session,
    wanted: Arc<Wanted>,
    /// By key.
    gateways: HashMap<String, OnWorker>,
    /// Blobs that the worker said it holds.
    held: HashSet<[u8; 32]>,
    /// Blobs that were sent for a delivery that was given up; good until the next answer.
    loose: HashSet<[u8; 32]>,
    /// Keys of the gateways to look at, and the same as a set.
    due: VecDeque<String>,
    is_due: HashSet<String>,
    delivery: Option<Delivery>,
    /// A delivery inside a large revocation list that lets other gateways go first.
    paused: Option<Delivery>,
    /// Chunks of the delivery since it began or went on.
    burst: u32,
    asked: Option<Asked>,
    last_nonce: u64,
    /// Answers to nothing since the last right one.
    stale: u32,
    synced: bool,
}

/// The message that waits for its answer.
#[derive(Debug)]
struct Asked {
    key: String,
    nonce: u64,
    /// As on the wire.
    generation: u64,
    /// `None`: the removal of a gateway that is not the worker's to serve.
    wanted: Option<Arc<WantedGateway>>,
    /// Blobs that the worker needs for it.
    blobs: HashSet<[u8; 32]>,
    /// How often the worker said that blobs are missing.
    repeats: u32,
    sent: Instant,
}

/// What an answer says that it is about.
struct Subject<'a> {
    nonce: u64,
    gateway_id: &'a str,
    generation: u64,
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
            held: hello.held,
            loose: HashSet::new(),
            due: VecDeque::new(),
            is_due: HashSet::new(),
            delivery: None,
            paused: None,
            burst: 0,
            asked: None,
            last_nonce: 0,
            stale: 0,
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
        self.report_behind();
    }

    /// When the worker must have answered; `None`: it owes no answer, or is being sent what it asked for.
    pub(super) fn answer_due(&self) -> Option<Instant> {
        let asked = self.asked.as_ref().filter(|_| self.delivery.is_none());
        asked.map(|asked| asked.sent + ANSWER_TIMEOUT)
    }

    /// What to send next; `None`: nothing before something changes.
    pub(super) async fn next_message(&mut self) -> Result<Option<ToWorker>, Ended> {
        loop {
            if let Some(delivery) = self.delivery.take() {
                if self.shall_pause(&delivery) {
                    self.paused = Some(delivery);
                    continue;
                }
                if let Some(message) = self.deliver(delivery).await? {
                    return Ok(Some(message));
                }
                continue;
            }
            let Some(key) = self.due.pop_front() else {
                if self.paused.is_some() {
                    if self.asked.is_some() {
                        return Ok(None);
                    }
                    self.delivery = self.paused.take();
                    self.burst = 0;
                    continue;
                }
                let first = !std::mem::replace(&mut self.synced, true);
                return Ok(first.then_some(ToWorker::Synced(Synced {})));
            };
            match self.step(&key) {
                Step::Nothing => self.forget_due(&key),
                Step::Record => {
                    self.forget_due(&key);
                    self.record(&key).await?;
                }
                Step::Apply | Step::Remove if self.asked.is_some() => {
                    self.due.push_front(key);
                    return Ok(None);
                }
                Step::Apply => {
                    self.forget_due(&key);
                    self.begin_delivery(&key).await?;
                }
                Step::Remove => {
                    self.forget_due(&key);
                    return Ok(Some(self.remove(&key)));
                }
            }
        }
    }

    /// Takes an answer.
    pub(super) async fn hear(&mut self, message: WorkerMessage) -> Result<(), Ended> {
        match message.message {
            Some(FromWorker::Ack(ack)) => {
                let subject = Subject {
                    nonce: ack.nonce,
                    gateway_id: &ack.gateway_id,
                    generation: ack.generation,
                };
                match self.answered(&subject, Answer::Ack) {
                    Some(asked) => self.applied(asked).await,
                    None => self.count_stale(),
                }
            }
            Some(FromWorker::Nack(nack)) => {
                let subject = Subject {
                    nonce: nack.nonce,
                    gateway_id: &nack.gateway_id,
                    generation: nack.generation,
                };
                match self.answered(&subject, Answer::Nack) {
                    Some(asked) => {
                        let (resource, property) = (&nack.resource, &nack.property);
                        self.refused(asked, resource, property, &nack.reason).await
                    }
                    None => self.count_stale(),
                }
            }
            Some(FromWorker::MissingBlobs(missing)) => {
                let hashes = missing.sha256.into_iter().map(sha256);
                let hashes = hashes.collect::<Result<HashSet<_>, _>>();
                self.resend(missing.nonce, hashes.map_err(Ended::refused)?)
                    .await
            }
            Some(FromWorker::ReadinessReport(report)) => {
                self.reported(report).await;
                Ok(())
            }
            Some(FromWorker::Hello(_)) => Err(Ended::refused(Status::invalid_argument(
                "Hello comes once, as the first message",
            ))),
            None => Err(Ended::refused(Status::invalid_argument(
                "a message of an unknown kind",
            ))),
        }
    }

    fn report_behind(&self) {
        let covered = |key: &str| self.session.subscription.covers(key);
        let is_behind = |(key, wanted): &(&String, &Arc<WantedGateway>)| {
            let recorded = self.gateways.get(*key).map(|gateway| &gateway.recorded);
            covered(key) && recorded != Some(&Some(Version::of(wanted)))
        };
        let behind = self.wanted.iter().filter(is_behind).count();
        let metrics = &self.parts.metrics;
        metrics.set_behind(&self.session.worker, behind);
    }

    fn look_at(&mut self, key: String) {
        if self.is_due.insert(key.clone()) {
            self.due.push_back(key);
        }
    }

    fn forget_due(&mut self, key: &str) {
        self.is_due.remove(key);
        let gateway = self.gateways.get(key);
        let is_gone = gateway.is_some_and(|gateway| gateway.in_force.is_none());
        if is_gone && self.wanted(key).is_none() {
            self.gateways.remove(key);
        }
    }

    fn wanted(&self, key: &str) -> Option<Arc<WantedGateway>> {
        let wanted = self.wanted.get(key)?;
        let covered = self.session.subscription.covers(key);
        covered.then(|| Arc::clone(wanted))
    }

    /// Whether a large list lets other gateways go first: every so many chunks, if there are any that wait. So neither
    /// they nor the list wait for long.
    fn shall_pause(&mut self, delivery: &Delivery) -> bool {
        let may = delivery.is_inside_list() && self.paused.is_none() && self.asked.is_none();
        if !may || self.burst < BURST {
            return false;
        }
        self.burst = 0;
        let due: Vec<String> = self.due.iter().cloned().collect();
        due.iter().any(|key| {
            *key != delivery.wanted.key && matches!(self.step(key), Step::Apply | Step::Remove)
        })
    }

    fn step(&mut self, key: &str) -> Step {
        let asked = self.asked.as_ref().is_some_and(|asked| asked.key == key);
        let paused = self.paused.as_ref();
        if asked || paused.is_some_and(|paused| paused.wanted.key == key) {
            // Looked at again when it is answered, or goes on.
            return Step::Nothing;
        }
        let wanted = self.wanted(key);
        let gateway = self.gateways.entry(key.to_owned()).or_default();
        gateway.next_step(wanted.as_deref())
    }

    async fn record(&mut self, key: &str) -> Result<(), Ended> {
        let Some(wanted) = self.wanted(key) else {
            return Ok(());
        };
        let gateway = self.gateways.entry(key.to_owned()).or_default();
        gateway.recorded = Some(Version::of(&wanted));
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        store.record_applied(&self.session, &wanted, now).await?;
        self.report_behind();
        Ok(())
    }

    fn remove(&mut self, key: &str) -> ToWorker {
        let wanted = self.wanted(key);
        let gateway = self.gateways.entry(key.to_owned()).or_default();
        let (gateway_id, generation) = match &wanted {
            Some(wanted) => (wanted.id.clone(), generation(wanted)),
            None => (gateway.id.clone(), gateway.reported_generation),
        };
        let nonce = self.next_nonce();
        tracing::info!(gateway_id, generation, nonce, "gateway is being removed");
        self.ask(Asked {
            key: key.to_owned(),
            nonce,
            generation,
            wanted,
            blobs: HashSet::new(),
            repeats: 0,
            sent: Instant::now(),
        });
        ToWorker::RemoveGateway(RemoveGateway {
            nonce,
            gateway_id,
            generation,
        })
    }

    async fn begin_delivery(&mut self, key: &str) -> Result<(), Ended> {
        let Some(wanted) = self.wanted(key) else {
            return Ok(());
        };
        let kept = self.gateways.values().flat_map(|gateway| &gateway.blobs);
        let known: HashSet<_> = kept.chain(&self.held).chain(&self.loose).collect();
        let has = |sha256: &[u8; 32]| known.contains(sha256);
        let store = &self.parts.store;
        match Delivery::begin(store, &self.permit, Arc::clone(&wanted), has).await {
            // Without content, a newer generation is about to be published.
            Ok(delivery) => {
                self.delivery = delivery;
                self.burst = 0;
            }
            Err(error) => self.pass_over(&wanted, error).await?,
        }
        Ok(())
    }

    /// Goes on with a delivery: the next chunk, or the message that asks to apply.
    async fn deliver(&mut self, mut delivery: Delivery) -> Result<Option<ToWorker>, Ended> {
        let newest = self.wanted(&delivery.wanted.key);
        if !delivery.is_inside_blob() && newest.as_ref() != Some(&delivery.wanted) {
            self.give_up(&delivery);
            return Ok(None);
        }
        let next = match delivery.next(&self.parts.store, &self.permit).await {
            Ok(next) => next,
            Err(error) => {
                self.pass_over(&delivery.wanted, error).await?;
                return Ok(None);
            }
        };
        match next {
            Next::Chunk(chunk) => {
                let metrics = &self.parts.metrics;
                metrics.blob_bytes.inc_by(chunk.data.len() as u64);
                self.burst = self.burst.saturating_add(1);
                self.delivery = Some(delivery);
                Ok(Some(ToWorker::BlobChunk(chunk)))
            }
            Next::Gone => {
                self.give_up(&delivery);
                Ok(None)
            }
            Next::Complete => Ok(Some(self.apply(delivery))),
        }
    }

    /// Leaves out a generation that cannot be read from the store, so that it keeps no other gateway from the worker.
    async fn pass_over(&mut self, wanted: &WantedGateway, error: StoreError) -> Result<(), Ended> {
        if !matches!(error, StoreError::Corrupt { .. }) {
            return Err(error.into());
        }
        tracing::error!(
            gateway_id = wanted.id,
            generation = wanted.generation,
            error = %Chain(&error),
            "a gateway cannot be sent"
        );
        self.close();
        let gateway = self.gateways.entry(wanted.key.clone()).or_default();
        gateway.refused = Some(Version::of(wanted));
        let refusal = Refusal {
            generation: wanted.generation,
            resource: String::new(),
            property: String::new(),
            reason: UNREADABLE.to_owned(),
        };
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        store
            .record_refused(&self.session, wanted, &refusal, now)
            .await?;
        Ok(())
    }

    fn apply(&mut self, delivery: Delivery) -> ToWorker {
        // Repeated with its nonce after `MissingBlobs`.
        let repeated = self.close();
        let (nonce, repeats) = match &repeated {
            Some(asked) => (asked.nonce, asked.repeats),
            None => (self.next_nonce(), 0),
        };
        let message = delivery.apply(nonce);
        let (gateway_id, generation) = (&message.gateway_id, message.generation);
        tracing::info!(gateway_id, generation, nonce, "snapshot sent");
        self.ask(Asked {
            key: delivery.wanted.key.clone(),
            nonce,
            generation,
            blobs: delivery.all(),
            wanted: Some(delivery.wanted),
            repeats,
            sent: Instant::now(),
        });
        ToWorker::ApplyGateway(message)
    }

    /// Gives a delivery up for a newer generation; what was sent of it may still be of use.
    fn give_up(&mut self, delivery: &Delivery) {
        self.close();
        self.loose.extend(delivery.sent());
        self.look_at(delivery.wanted.key.clone());
    }

    fn next_nonce(&mut self) -> u64 {
        self.last_nonce += 1;
        self.last_nonce
    }

    fn ask(&mut self, asked: Asked) {
        let gateway = self.gateways.entry(asked.key.clone()).or_default();
        if let Some(wanted) = &asked.wanted {
            gateway.id.clone_from(&wanted.id);
        }
        self.parts.metrics.unanswered.inc();
        self.asked = Some(asked);
    }

    /// Awaits no answer any more.
    fn close(&mut self) -> Option<Asked> {
        let asked = self.asked.take()?;
        self.parts.metrics.unanswered.dec();
        Some(asked)
    }

    /// What an answer belongs to; `None` when its nonce is not open or it names something else.
    fn answered(&mut self, subject: &Subject<'_>, answer: Answer) -> Option<Asked> {
        let fits = |asked: &Asked| {
            asked.nonce == subject.nonce
                && asked.generation == subject.generation
                && asked.key.eq_ignore_ascii_case(subject.gateway_id)
        };
        if !self.asked.as_ref().is_some_and(fits) {
            self.parts.metrics.record_answer(Answer::Stale);
            let gateway_id = clip(subject.gateway_id, MAX_NAME);
            let (nonce, generation) = (subject.nonce, subject.generation);
            tracing::warn!(
                nonce,
                gateway_id,
                generation,
                ?answer,
                "stale answer ignored"
            );
            return None;
        }
        let asked = self.close()?;
        self.stale = 0;
        self.parts.metrics.record_answer(answer);
        self.parts.metrics.record_answer_time(asked.sent.elapsed());
        self.loose.clear();
        self.look_at(asked.key.clone());
        Some(asked)
    }

    /// Puts up with what crosses on the way, and not with a flood: each costs a line in the log.
    fn count_stale(&mut self) -> Result<(), Ended> {
        self.stale += 1;
        if self.stale < MAX_STALE {
            return Ok(());
        }
        Err(Ended::refused(Status::invalid_argument(
            "too many answers to what was not asked",
        )))
    }

    async fn applied(&mut self, asked: Asked) -> Result<(), Ended> {
        let gateway = self.gateways.entry(asked.key).or_default();
        gateway.blobs = asked.blobs;
        gateway.in_force = asked.wanted.as_ref().and_then(|wanted| wanted.sha256);
        let gateway_id = &gateway.id;
        tracing::info!(gateway_id, generation = asked.generation, "worker applied");
        if let Some(wanted) = &asked.wanted {
            gateway.recorded = Some(Version::of(wanted));
            let (store, now) = (&self.parts.store, self.parts.clock.now());
            store.record_applied(&self.session, wanted, now).await?;
        }
        self.report_behind();
        Ok(())
    }

    async fn refused(
        &mut self,
        asked: Asked,
        resource: &str,
        property: &str,
        reason: &str,
    ) -> Result<(), Ended> {
        let refusal = Refusal {
            generation: asked.wanted.as_ref().map_or(0, |wanted| wanted.generation),
            resource: clip(resource, MAX_NAME),
            property: clip(property, MAX_NAME),
            reason: clip(reason, MAX_REASON),
        };
        let gateway = self.gateways.entry(asked.key).or_default();
        tracing::warn!(
            gateway_id = gateway.id,
            generation = asked.generation,
            resource = refusal.resource,
            property = refusal.property,
            reason = refusal.reason,
            "worker refused; its last good configuration still serves"
        );
        let Some(wanted) = asked.wanted else {
            // It does not let go of a gateway that is not its own: nothing more can be done from here.
            gateway.in_force = None;
            return Ok(());
        };
        gateway.refused = Some(Version::of(&wanted));
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        store
            .record_refused(&self.session, &wanted, &refusal, now)
            .await?;
        Ok(())
    }

    /// Adds a readiness report up. One that is lost loses counts and nothing else, so the session goes on.
    async fn reported(&mut self, report: ReadinessReport) {
        let key = report.gateway_id.to_ascii_lowercase();
        let now = self.parts.clock.now();
        let is_own = self.wanted(&key).is_some();
        let Some(report) = readiness::parse(now, report).filter(|_| is_own) else {
            tracing::debug!("a readiness report is about nothing that the worker serves");
            return;
        };
        if let Err(error) = self.parts.store.add_readiness(&key, &report, now).await {
            tracing::warn!(error = %Chain(&error), "a readiness report is lost");
        }
    }

    /// Sends the blobs that the worker lacks after all, then the message with the same nonce once more.
    async fn resend(&mut self, nonce: u64, missing: HashSet<[u8; 32]>) -> Result<(), Ended> {
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.nonce == nonce) else {
            self.parts.metrics.record_answer(Answer::Stale);
            tracing::warn!(nonce, "stale request for blobs ignored");
            return self.count_stale();
        };
        self.parts.metrics.record_answer(Answer::MissingBlobs);
        asked.repeats += 1;
        let foreign = !missing.iter().all(|sha256| asked.blobs.contains(sha256));
        let wanted = asked.wanted.clone();
        let hopeless = foreign || missing.is_empty() || asked.repeats > MAX_REPEATS;
        let (Some(wanted), false) = (wanted, hopeless) else {
            let reason = "it asks for blobs that do not belong to the gateway, or again and again";
            return match self.close() {
                Some(asked) => self.refused(asked, "", "", reason).await,
                None => Ok(()),
            };
        };
        self.held.retain(|sha256| !missing.contains(sha256));
        let key = wanted.key.clone();
        let has = |sha256: &[u8; 32]| !missing.contains(sha256);
        let store = &self.parts.store;
        self.delivery = Delivery::begin(store, &self.permit, wanted, has).await?;
        if self.delivery.is_none() {
            // A newer generation has replaced it; the worker cannot answer this one any more.
            self.close();
            self.look_at(key);
        }
        Ok(())
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.close();
    }
}
