//! Whether client certificates have been revoked.
//!
//! [`Revocation`] is what cores ask: it knows, or has the [`Service`] on the control runtime find out, once for all who
//! wait. The verdict itself is `client-auth`'s, by the evidence that is found here. Whatever fails on the way leaves a
//! certificate that nobody vouches for, and the policy says what that means.

mod background;
mod distribution;
mod expiry;
mod fetcher;
mod gate;
mod gauges;
mod lanes;
mod lists;
mod location;
mod metrics;
mod named;
pub mod network;
mod no_answer;
mod outages;
mod resolver;
mod responders;
mod schedule;
mod service;
mod shared;
mod shelf;
#[cfg(test)]
mod testing;
mod uploaded;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use client_auth::{Judgement, RevocationPlan, revocation};
use prometheus_client::registry::Registry;
use rustls_pki_types::UnixTime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
pub(crate) use background::at_low_priority;
use distribution::{Distribution, Newest};
use fetcher::Fetcher;
pub use lists::{UploadedList, UploadedLists};
use metrics::Metrics;
use network::{Guard, Network};
use outages::Outages;
use resolver::Resolver;
use responders::Responders;
pub use service::Service;
use shared::{Look, Looking, Shared};
use shelf::{Asking, Hold, Shelf};
use uploaded::Uploaded;

/// How evidence is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationSettings {
    /// How long a client waits for evidence that is not at hand.
    pub wait: Duration,
    /// For everything that one responder is asked about one certificate.
    pub responder_timeout: Duration,
    /// For the download of one CRL.
    pub crl_timeout: Duration,
    /// Certificates whose verdicts are remembered.
    pub cache_entries: usize,
    /// Bytes of memory for CRLs that were fetched.
    pub crl_cache_bytes: usize,
    /// Exchanges with responders at a time; half of them with one responder.
    pub max_fetches: usize,
    /// Networks that may be connected to besides the public Internet.
    pub allowed_networks: Vec<Network>,
}

impl Default for RevocationSettings {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(2),
            responder_timeout: Duration::from_secs(2),
            crl_timeout: Duration::from_secs(30),
            cache_entries: 100_000,
            crl_cache_bytes: 512 << 20,
            max_fetches: 64,
            allowed_networks: Vec::new(),
        }
    }
}

/// Knows what is known about revocation; cheap to clone, one for all cores.
#[derive(Clone, Debug)]
pub struct Revocation(Arc<Shared>);

/// Keeps the evidence about one client fresh for as long as it lives, whether or not anybody asks.
#[derive(Clone, Debug, Default)]
pub struct Held(#[expect(dead_code, reason = "held, not read")] Vec<Hold>);

impl Revocation {
    /// A new service and what asks it. The service has to be run.
    pub fn new(settings: RevocationSettings, clock: Clock) -> (Self, Service) {
        Self::with_resolver(settings, clock, Resolver::system())
    }

    fn with_resolver(
        settings: RevocationSettings,
        clock: Clock,
        resolver: Resolver,
    ) -> (Self, Service) {
        let (jobs, inbox) = mpsc::channel(INBOX);
        let metrics = Metrics::new();
        let guard = Guard::new(settings.allowed_networks.clone());
        let fetcher = Fetcher::new(guard, resolver, clock.clone());
        let distribution = Distribution {
            fetcher: fetcher.clone(),
            timeout: settings.crl_timeout,
            metrics: metrics.clone(),
            newest: Newest::default(),
        };
        let responders = Responders {
            fetcher,
            clock: clock.clone(),
            timeout: settings.responder_timeout,
            metrics: metrics.clone(),
        };
        let shared = Arc::new(Shared {
            verdicts: Shelf::new(settings.cache_entries, SHARDS),
            lists: Shelf::new(settings.crl_cache_bytes, 1),
            uploaded: Uploaded::default(),
            outages: Outages::default(),
            settings,
            clock,
            jobs,
            changes: watch::Sender::new(0),
            metrics,
        });
        let service = Service::new(Arc::clone(&shared), inbox, responders, distribution);
        (Self(shared), service)
    }

    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
        registry.register_collector(Box::new(gauges::Gauges(self.clone())));
    }

    /// Judges every question of `plan` at `now` by what is at hand; waits for nothing. `None`: there is something that has
    /// to be asked first. It is being asked then.
    pub fn known(
        &self,
        plan: &RevocationPlan,
        uploaded: &UploadedLists,
        now: UnixTime,
    ) -> Option<Vec<Judgement>> {
        // Every question is looked at, so that all that is missing is asked for at the same time.
        let looks = self.look_at(plan, uploaded, Looking { first: true, now });
        let is_complete = looks.iter().all(|look| look.wait.is_none());
        is_complete.then(|| judge(plan, looks, now))
    }

    /// Judges every question of `plan`, and waits for what is not at hand, as long as the settings say. Whatever is missing
    /// then counts as an outage.
    ///
    /// May be cancelled: what is being asked goes on.
    pub async fn settle(&self, plan: &RevocationPlan, uploaded: &UploadedLists) -> Vec<Judgement> {
        let deadline = Instant::now() + self.0.settings.wait;
        let mut first = true;
        loop {
            let now = self.0.clock.unix();
            let mut looks = self.look_at(plan, uploaded, Looking { first, now });
            first = false;
            let waits: Vec<Asking> = looks
                .iter_mut()
                .filter_map(|look| look.wait.take())
                .collect();
            if waits.is_empty() {
                return judge(plan, looks, now);
            }
            if timeout_at(deadline, wait_for(waits)).await.is_err() {
                return self.give_up(plan, uploaded);
            }
        }
    }

    /// Keeps the evidence for `plan` fresh until the result is dropped.
    pub fn hold(&self, plan: &RevocationPlan, now: UnixTime) -> Held {
        let questions = plan.questions.iter();
        Held(
            questions
                .flat_map(|question| self.0.hold(question, now))
                .collect(),
        )
    }

    /// The lists that were uploaded for a gateway and are in force from now on, in place of those before.
    pub(crate) fn put_in_force(&self, gateway_id: &str, lists: Vec<Arc<UploadedLists>>) {
        if self.0.uploaded.put(gateway_id, lists) {
            self.0.announce();
        }
    }

    /// Ticks whenever evidence that somebody was let in by may be good no longer: then connections have to be judged again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn look_at(
        &self,
        plan: &RevocationPlan,
        uploaded: &UploadedLists,
        looking: Looking,
    ) -> Vec<Look> {
        let questions = plan.questions.iter();
        questions
            .map(|question| self.0.look(question, uploaded, looking))
            .collect()
    }

    /// Time is over.
    fn give_up(&self, plan: &RevocationPlan, uploaded: &UploadedLists) -> Vec<Judgement> {
        let now = self.0.clock.unix();
        for question in &plan.questions {
            self.0.miss(question, now);
        }
        let looking = Looking { first: false, now };
        judge(plan, self.look_at(plan, uploaded, looking), now)
    }
}

fn judge(plan: &RevocationPlan, looks: Vec<Look>, now: UnixTime) -> Vec<Judgement> {
    let questions = plan.questions.iter().zip(looks);
    questions
        .map(|(question, look)| revocation::judge(question, &look.evidence, now))
        .collect()
}

async fn wait_for(all: Vec<Asking>) {
    for asking in all {
        asking.wait().await;
    }
}

/// Checks that evidence could be fetched from `url`, as far as the text can tell.
///
/// # Errors
/// A sentence for the operator.
pub(crate) fn check_location(url: &str) -> Result<(), String> {
    location::Location::parse(url)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// Questions on their way to the service.
const INBOX: usize = 4096;
/// Parts of the cache, each with a lock of its own.
const SHARDS: usize = 16;

#[cfg(test)]
mod tests;
