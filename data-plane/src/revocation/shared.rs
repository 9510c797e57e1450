//! What cores and the service share: the evidence at hand, and the way to have more of it asked for.

use std::slice;
use std::sync::Arc;

use client_auth::crl::{CrlAnswer, CrlSet, SignedCrl};
use client_auth::ocsp::OcspStatus;
use client_auth::{Evidence, OcspEvidence, RevocationMethod, RevocationQuestion};
use rustls_pki_types::UnixTime;
use tokio::sync::{mpsc, watch};

use super::RevocationSettings;
use super::lists::{self, FetchedList, UploadedLists};
use super::metrics::Metrics;
use super::outages::Outages;
use super::service::{Job, What};
use super::shelf::{Asking, Failed, Hold, Key, Shelf};
use super::uploaded::Uploaded;
use super::verdict::{self, Verdict};
use crate::clock::Clock;

/// See [`Revocation`](super::Revocation).
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: RevocationSettings,
    pub(super) clock: Clock,
    pub(super) verdicts: Shelf<Verdict>,
    pub(super) lists: Shelf<FetchedList>,
    pub(super) uploaded: Uploaded,
    pub(super) outages: Outages,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) changes: watch::Sender<u64>,
    pub(super) metrics: Metrics,
}

/// What is at hand for one question.
pub(super) struct Look {
    pub(super) evidence: Evidence,
    /// What the evidence should be waited for.
    pub(super) wait: Option<Asking>,
}

/// Who looks, and when.
#[derive(Clone, Copy)]
pub(super) struct Looking {
    /// Not only to see what came of an attempt.
    pub(super) first: bool,
    pub(super) now: UnixTime,
}

impl Shared {
    /// What is at hand for a question. What is missing is asked for.
    pub(super) fn look(
        &self,
        question: &Arc<RevocationQuestion>,
        uploaded: &UploadedLists,
        looking: Looking,
    ) -> Look {
        let (ocsp, wait_for_ocsp) = self.ocsp(question, looking).unzip();
        // Also where the responder has an answer: when it has none, the list is there.
        let (crl, wait_for_crl) = match question.policy.method {
            RevocationMethod::Crl | RevocationMethod::OcspThenCrl => {
                self.crl(question, uploaded, looking)
            }
            RevocationMethod::Ocsp | RevocationMethod::None => (CrlAnswer::none(), None),
        };
        let wait = match wait_for_ocsp.flatten() {
            None if ocsp.as_ref().is_some_and(is_decided) => None,
            None => wait_for_crl,
            some => some,
        };
        Look {
            evidence: Evidence { ocsp, crl },
            wait,
        }
    }

    /// What responders have said; `None` where there is nobody to ask.
    fn ocsp(
        &self,
        question: &Arc<RevocationQuestion>,
        Looking { first, now }: Looking,
    ) -> Option<(OcspEvidence, Option<Asking>)> {
        if question.responders.is_empty() {
            return None;
        }
        let key = verdict::key(question);
        let mut look = self.verdicts.look(&key, first, now);
        if look.start && !self.ask(key, question, What::Verdict) {
            look = self.verdicts.look(&key, first, now);
        }
        Some((verdict::evidence(look.answer, look.outage, now), look.wait))
    }

    /// What the lists say. Distribution points are asked one after the other, until there is an answer.
    fn crl(
        &self,
        question: &Arc<RevocationQuestion>,
        uploaded: &UploadedLists,
        Looking { first, now }: Looking,
    ) -> (CrlAnswer, Option<Asking>) {
        let mut fetched: Vec<Arc<SignedCrl>> = Vec::new();
        let mut answer = answer(uploaded, &fetched, question, now);
        let mut outage: Option<UnixTime> = None;
        for url in &question.distribution_points {
            let key = lists::key(question, url);
            let mut look = self.lists.look(&key, first, now);
            if look.start && !self.ask(key, question, What::List(Arc::from(url.as_str()))) {
                look = self.lists.look(&key, first, now);
            }
            if let Some(list) = look.answer {
                fetched.push(list.crl);
                answer = self::answer(uploaded, &fetched, question, now);
            }
            if !matches!(answer, CrlAnswer::Unavailable { .. }) {
                break;
            }
            if look.wait.is_some() {
                return (answer, look.wait);
            }
            let since = look.outage.map(|outage| outage.since);
            outage = outage.into_iter().chain(since).min();
        }
        let answer = match outage {
            Some(since) => answer.unavailable_since(since),
            None => answer,
        };
        (answer, None)
    }

    /// Has the service ask. Tells whether it will.
    fn ask(&self, key: Key, question: &Arc<RevocationQuestion>, what: What) -> bool {
        let job = Job {
            key,
            question: Arc::clone(question),
            what,
        };
        let refused = self.jobs.try_send(job).err();
        if let Some(refused) = &refused {
            let (mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) =
                refused;
            self.refuse(job);
        }
        refused.is_none()
    }

    /// Too much is being asked already: this is not.
    pub(super) fn refuse(&self, job: &Job) {
        let now = self.clock.unix();
        self.fail(job, "too many look-ups at a time", now);
    }

    /// An attempt brought no answer.
    pub(super) fn fail(&self, job: &Job, why: &str, now: UnixTime) -> Failed {
        let since = self.outage_since(job.asked(), now);
        match job.what {
            What::Verdict => self.verdicts.fail(&job.key, since, why, now),
            What::List(_) => self.lists.fail(&job.key, since, why, now),
        }
    }

    /// Answers did not come in time.
    pub(super) fn miss(&self, question: &RevocationQuestion, now: UnixTime) {
        if let Some(key) = verdict_key(question) {
            let since = self.outage_since(&question.responders, now);
            let why = "no responder answered in time";
            self.verdicts.miss(&key, since, why, now);
        }
        for url in &question.distribution_points {
            let since = self.outage_since(slice::from_ref(url), now);
            let key = lists::key(question, url);
            self.lists.miss(&key, since, "no CRL came in time", now);
        }
    }

    /// Since when there has been no answer from these URLs to which there is none `now`.
    fn outage_since(&self, urls: &[String], now: UnixTime) -> UnixTime {
        self.outages.since(urls).unwrap_or(now)
    }

    /// Keeps the evidence about a question fresh.
    pub(super) fn hold(&self, question: &RevocationQuestion, now: UnixTime) -> Vec<Hold> {
        let verdicts = verdict_key(question)
            .into_iter()
            .map(|key| self.verdicts.hold(&key, now));
        let urls = question.distribution_points.iter();
        let lists = urls.map(|url| self.lists.hold(&lists::key(question, url), now));
        verdicts.chain(lists).collect()
    }

    /// Evidence that somebody was let in by may be good no longer.
    pub(super) fn announce(&self) {
        self.changes
            .send_modify(|ticks| *ticks = ticks.wrapping_add(1));
    }
}

fn answer(
    uploaded: &UploadedLists,
    fetched: &[Arc<SignedCrl>],
    question: &RevocationQuestion,
    now: UnixTime,
) -> CrlAnswer {
    let together: Option<CrlSet> = uploaded.with(fetched, question);
    together
        .as_ref()
        .unwrap_or(uploaded.set())
        .answer(question, now)
}

/// Whether OCSP leaves nothing open.
fn is_decided(evidence: &OcspEvidence) -> bool {
    match evidence {
        OcspEvidence::Answer(answer) => answer.status != OcspStatus::Unknown,
        OcspEvidence::Unavailable { .. } => false,
    }
}

fn verdict_key(question: &RevocationQuestion) -> Option<Key> {
    (!question.responders.is_empty()).then(|| verdict::key(question))
}
