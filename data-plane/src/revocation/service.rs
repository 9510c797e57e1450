//! The part of revocation that does the asking, on the control runtime: takes what cores want to know, asks within bounds,
//! remembers the outcome, and asks again before it ages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use client_auth::RevocationQuestion;
use client_auth::ocsp::OcspAnswer;
use rustls_pki_types::UnixTime;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::lanes::{LaneLimits, Lanes};
use super::location::Location;
use super::named::Named;
use super::no_answer::NoAnswer;
use super::outages::Outages;
use super::responders::Responders;
use super::schedule::between;
use super::shelf::{Due, Key};
use super::verdict::Verdict;

/// Something to ask.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) question: Arc<RevocationQuestion>,
}

/// Asks until it is told to stop. Without it, nothing is found out and nobody is vouched for.
#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<Job>,
    responders: Responders,
    lanes: Lanes<Job>,
    running: JoinSet<Outcome>,
    /// What runs, and in which lane.
    jobs: HashMap<Id, (Box<str>, Job)>,
    outages: Outages,
    /// Attempts to come, by second.
    planned: BTreeMap<(u64, Key), Job>,
}

type Outcome = Result<OcspAnswer, NoAnswer>;

impl Service {
    pub(super) fn new(
        shared: Arc<Shared>,
        inbox: mpsc::Receiver<Job>,
        responders: Responders,
    ) -> Self {
        let running = shared.settings.max_fetches;
        Self {
            lanes: Lanes::new(LaneLimits {
                waiting: MAX_WAITING,
                running,
                running_in_lane: running.div_ceil(2),
            }),
            shared,
            inbox,
            responders,
            running: JoinSet::new(),
            jobs: HashMap::new(),
            outages: Outages::default(),
            planned: BTreeMap::new(),
        }
    }

    /// Runs until `shutdown`. What is under way then is dropped.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(job) = self.inbox.recv() => self.queue(job),
                Some(ended) = self.running.join_next_with_id() => self.finish(ended),
                _ = tick.tick() => self.start_planned(),
            }
            self.start_queued();
        }
    }

    fn queue(&mut self, job: Job) {
        let lane = lane_of(&job.question);
        if let Err(job) = self.lanes.push(&lane, job) {
            self.shared.refuse(&job.key);
        }
    }

    fn start_queued(&mut self) {
        while let Some((lane, job)) = self.lanes.begin() {
            let (responders, question) = (self.responders.clone(), Arc::clone(&job.question));
            let asking = async move { responders.ask(&question).await };
            let id = self.running.spawn(asking).id();
            self.jobs.insert(id, (lane, job));
        }
    }

    fn start_planned(&mut self) {
        let now = self.shared.clock.unix();
        while let Some(first) = self.planned.first_entry() {
            if first.key().0 > now.as_secs() {
                return;
            }
            let job = first.remove();
            if self.shared.verdicts.due(&job.key, now) == Due::Start {
                self.queue(job);
            }
        }
    }

    fn finish(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a look-up of revocation broke down");
                let mut failure = NoAnswer::default();
                failure.add("this worker", &error, true);
                (error.id(), Err(failure))
            }
        };
        let Some((lane, job)) = self.jobs.remove(&id) else {
            return;
        };
        self.lanes.done(&lane);
        let now = self.shared.clock.unix();
        let next = match outcome {
            Ok(answer) => self.learn(&job, answer, now),
            Err(failure) => self.lament(&job, &failure, now),
        };
        if self.planned.len() < MAX_PLANNED {
            self.planned.insert((next.as_secs(), job.key), job);
        }
    }

    /// Remembers an answer. Tells when the next one is due.
    fn learn(&mut self, job: &Job, answer: OcspAnswer, now: UnixTime) -> UnixTime {
        let responders = &job.question.responders;
        if let Some(since) = self.outages.end(responders) {
            let outage_s = between(since, now).as_secs();
            tracing::info!(?responders, outage_s, "OCSP responders are back");
        }
        let verdict = Verdict {
            answer,
            fetched: now,
        };
        let (status, is_good) = (verdict.answer.status.label(), verdict.is_good());
        let put = self.shared.verdicts.put(&job.key, verdict, now);
        // After an outage there may be clients that were let in by a soft failure.
        let before = put.replaced.as_ref();
        let was_let_in = put.outage.is_some() || before.is_some_and(Verdict::is_good);
        if was_let_in && !is_good {
            let certificate = Named(&job.question);
            tracing::info!(%certificate, status, "a client certificate is good no longer");
            self.shared.announce();
        }
        put.next
    }

    /// Remembers a failure. Tells when the next attempt is due.
    fn lament(&mut self, job: &Job, failure: &NoAnswer, now: UnixTime) -> UnixTime {
        let responders = &job.question.responders;
        let certificate = Named(&job.question);
        let known_since = if failure.was_reached {
            None
        } else {
            let known_since = self.outages.begin(responders, now);
            if known_since.is_none() {
                tracing::warn!(?responders, %certificate, reason = failure.why, "OCSP responders cannot be reached");
            }
            known_since
        };
        let since = known_since.unwrap_or(now);
        let failed = self
            .shared
            .verdicts
            .fail(&job.key, since, &failure.why, now);
        if failed.is_first && failure.was_reached {
            tracing::warn!(%certificate, reason = failure.why, "OCSP responders give no answer to believe");
        }
        if failed.lost {
            self.shared.announce();
        }
        failed.next
    }
}

/// The server that is asked first.
fn lane_of(question: &RevocationQuestion) -> Box<str> {
    let url = question.responders.first().map_or("", String::as_str);
    let location = Location::parse(url);
    location.map_or_else(|_| url.into(), |location| location.authority)
}

/// How often planned attempts are looked at.
const TICK: Duration = Duration::from_millis(250);
/// Questions that wait for their turn.
const MAX_WAITING: usize = 10_000;
/// Attempts planned. What is not planned is asked again when somebody wants to know.
const MAX_PLANNED: usize = 200_000;
