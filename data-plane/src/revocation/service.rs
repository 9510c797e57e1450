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
use super::distribution::Distribution;
use super::expiry::Expiry;
use super::lanes::{LaneLimits, Lanes};
use super::lists::FetchedList;
use super::location::Location;
use super::named::Named;
use super::no_answer::NoAnswer;
use super::responders::Responders;
use super::schedule::between;
use super::shelf::{Due, Key};
use super::verdict::Verdict;

/// Something to ask.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) question: Arc<RevocationQuestion>,
    pub(super) what: What,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The responders of the certificate, about it.
    Verdict,
    /// A distribution point, for a list of the issuer.
    List(Arc<str>),
}

enum Outcome {
    Verdict(Result<OcspAnswer, NoAnswer>),
    List(Result<FetchedList, NoAnswer>),
}

/// Asks until it is told to stop. Without it, nothing is found out and nobody is vouched for.
#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<Job>,
    responders: Responders,
    distribution: Distribution,
    verdict_lanes: Lanes<Job>,
    /// Lists are large: few at a time.
    list_lanes: Lanes<Job>,
    running: JoinSet<Outcome>,
    /// What runs, and in which lane.
    jobs: HashMap<Id, (Box<str>, Job)>,
    expiry: Expiry,
    /// Attempts to come, by second.
    planned: BTreeMap<(u64, Key), Job>,
}

impl Service {
    pub(super) fn new(
        shared: Arc<Shared>,
        inbox: mpsc::Receiver<Job>,
        responders: Responders,
        distribution: Distribution,
    ) -> Self {
        let running = shared.settings.max_fetches;
        Self {
            verdict_lanes: Lanes::new(LaneLimits {
                waiting: MAX_WAITING,
                running,
                running_in_lane: running.div_ceil(2),
            }),
            list_lanes: Lanes::new(LaneLimits {
                waiting: MAX_WAITING,
                running: MAX_LISTS,
                running_in_lane: MAX_LISTS / 2,
            }),
            shared,
            inbox,
            responders,
            distribution,
            running: JoinSet::new(),
            jobs: HashMap::new(),
            expiry: Expiry::default(),
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
                _ = tick.tick() => {
                    self.start_planned();
                    self.expiry.look(&self.shared, self.shared.clock.unix());
                }
            }
            self.start_queued();
        }
    }

    fn queue(&mut self, job: Job) {
        let lane = lane_of(&job);
        let lanes = match job.what {
            What::Verdict => &mut self.verdict_lanes,
            What::List(_) => &mut self.list_lanes,
        };
        if let Err(job) = lanes.push(&lane, job) {
            self.shared.refuse(&job);
        }
    }

    fn start_queued(&mut self) {
        while let Some((lane, job)) = self
            .verdict_lanes
            .begin()
            .or_else(|| self.list_lanes.begin())
        {
            let question = Arc::clone(&job.question);
            let running = match &job.what {
                What::Verdict => {
                    let responders = self.responders.clone();
                    self.running
                        .spawn(async move { Outcome::Verdict(responders.ask(&question).await) })
                }
                What::List(url) => {
                    let (distribution, url) = (self.distribution.clone(), Arc::clone(url));
                    self.running.spawn(async move {
                        Outcome::List(distribution.fetch(&question, &url).await)
                    })
                }
            };
            self.jobs.insert(running.id(), (lane, job));
        }
    }

    fn start_planned(&mut self) {
        let now = self.shared.clock.unix();
        while let Some(first) = self.planned.first_entry() {
            if first.key().0 > now.as_secs() {
                return;
            }
            let job = first.remove();
            let due = match job.what {
                What::Verdict => self.shared.verdicts.due(&job.key, now),
                What::List(_) => self.shared.lists.due(&job.key, now),
            };
            if due == Due::Start {
                self.queue(job);
            }
        }
    }

    fn finish(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some((lane, job)) = self.jobs.remove(&id) else {
            return;
        };
        match job.what {
            What::Verdict => self.verdict_lanes.done(&lane),
            What::List(_) => self.list_lanes.done(&lane),
        }
        let now = self.shared.clock.unix();
        let next = match outcome {
            Ok(Outcome::Verdict(Ok(answer))) => self.learn(&job, answer, now),
            Ok(Outcome::List(Ok(list))) => self.load(&job, list, now),
            Ok(Outcome::Verdict(Err(failure)) | Outcome::List(Err(failure))) => {
                self.lament(&job, &failure, now)
            }
            Err(error) => {
                tracing::error!(%error, "a look-up of revocation broke down");
                let mut failure = NoAnswer::default();
                failure.add("this worker", &error, true);
                self.lament(&job, &failure, now)
            }
        };
        if self.planned.len() < MAX_PLANNED {
            self.planned.insert((next.as_secs(), job.key), job);
        }
    }

    /// Remembers a verdict. Tells when the next attempt is due.
    fn learn(&self, job: &Job, answer: OcspAnswer, now: UnixTime) -> UnixTime {
        let known = self.shared.verdicts.find(&job.key);
        if known.is_some_and(|known| known.outdates(&answer)) {
            let mut failure = NoAnswer::default();
            let url = job.asked().first().map_or("", String::as_str);
            failure.add(url, &"the answer is older than the one that is known", true);
            return self.lament(job, &failure, now);
        }
        self.end_outage(job, now);
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

    /// Puts a list in force. Tells when the next attempt is due.
    fn load(&self, job: &Job, list: FetchedList, now: UnixTime) -> UnixTime {
        self.end_outage(job, now);
        let (url, crl) = (Arc::clone(&list.url), Arc::clone(&list.crl));
        let put = self.shared.lists.put(&job.key, list, now);
        let is_known = put
            .replaced
            .is_some_and(|known| known.crl.head() == crl.head());
        if !is_known {
            let number = crl.head().number.as_ref().map(ToString::to_string);
            tracing::info!(%url, issuer = crl.issuer(), number, entries = crl.entry_count(), "CRL fetched");
        }
        if !is_known || put.outage.is_some() {
            self.shared.announce();
        }
        put.next
    }

    /// Remembers a failure. Tells when the next attempt is due.
    fn lament(&self, job: &Job, failure: &NoAnswer, now: UnixTime) -> UnixTime {
        if !failure.was_reached && self.shared.outages.begin(job.asked(), now) {
            let certificate = Named(&job.question);
            tracing::warn!(asked = job.what.label(), %certificate, reason = failure.why, "nobody to ask about revocation");
        }
        let failed = self.shared.fail(job, &failure.why, now);
        if failed.is_first && failure.was_reached {
            let certificate = Named(&job.question);
            tracing::warn!(%certificate, reason = failure.why, "no answer about revocation to believe");
        }
        if failed.lost {
            self.shared.announce();
        }
        failed.next
    }

    fn end_outage(&self, job: &Job, now: UnixTime) {
        if let Some(since) = self.shared.outages.end(job.asked()) {
            let outage_s = between(since, now).as_secs();
            tracing::info!(asked = job.what.label(), places = ?job.asked(), outage_s, "somebody to ask about revocation again");
        }
    }
}

impl Job {
    /// The URLs that are asked.
    pub(super) fn asked(&self) -> &[String] {
        match &self.what {
            What::Verdict => &self.question.responders,
            What::List(url) => {
                let urls = &self.question.distribution_points;
                let place = urls.iter().position(|known| **known == **url);
                place
                    .and_then(|place| urls.get(place..=place))
                    .unwrap_or_default()
            }
        }
    }
}

impl What {
    fn label(&self) -> &'static str {
        match self {
            Self::Verdict => "ocsp",
            Self::List(_) => "crl",
        }
    }
}

/// The server that is asked, or asked first.
fn lane_of(job: &Job) -> Box<str> {
    let url = job.asked().first().map_or("", String::as_str);
    let location = Location::parse(url);
    location.map_or_else(|_| url.into(), |location| location.authority)
}

/// Lists that are downloaded and read at a time, each of which may take 100 MB of memory meanwhile.
const MAX_LISTS: usize = 4;
/// How often planned attempts are looked at.
const TICK: Duration = Duration::from_millis(250);
/// Questions that wait for their turn.
const MAX_WAITING: usize = 10_000;
/// Attempts planned. What is not planned is asked again when somebody wants to know.
const MAX_PLANNED: usize = 200_000;
