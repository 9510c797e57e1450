//! The service with its responders: who is asked how often, and what clients get.

mod asking;
mod counts;
mod lists;
mod outages;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use client_auth::{Reason, RevocationFailure, RevocationMethod, RevocationPolicy};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::testing::world::{Status, World, ocsp};
use super::testing::{Play, Server};
use super::*;
use crate::testing::Ca;

const PATIENCE: Duration = Duration::from_secs(20);

/// A service that runs until it is dropped, and its time.
struct Fixture {
    revocation: Revocation,
    ahead: Arc<AtomicU64>,
    _running: JoinSet<()>,
}

fn settings() -> RevocationSettings {
    RevocationSettings {
        wait: Duration::from_secs(10),
        responder_timeout: Duration::from_secs(10),
        crl_timeout: Duration::from_secs(10),
        crl_cache_bytes: 1 << 20,
        cache_entries: 1000,
        max_fetches: 64,
        allowed_networks: vec!["127.0.0.0/8".parse().expect("a network")],
    }
}

impl Fixture {
    fn start(settings: RevocationSettings) -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let offset = Arc::clone(&ahead);
        let clock = Clock::from_fn(move || {
            SystemTime::now() + Duration::from_secs(offset.load(Ordering::SeqCst))
        });
        let (revocation, service) = Revocation::new(settings, clock);
        let mut running = JoinSet::new();
        running.spawn(service.run(CancellationToken::new()));
        Self {
            revocation,
            ahead,
            _running: running,
        }
    }

    fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    fn now(&self) -> UnixTime {
        self.revocation.0.clock.unix()
    }

    /// The verdict that is known without waiting.
    fn known(&self, plan: &RevocationPlan) -> Option<Result<(), Reason>> {
        self.revocation
            .known(plan, &UploadedLists::default(), self.now())
            .map(verdict)
    }

    /// The verdict after waiting.
    async fn settle(&self, plan: &RevocationPlan) -> Result<(), Reason> {
        let settled = timeout(
            PATIENCE,
            self.revocation.settle(plan, &UploadedLists::default()),
        )
        .await;
        verdict(settled.expect("in time"))
    }

    /// Waits until a condition holds.
    async fn eventually(&self, what: &str, holds: impl Fn() -> bool) {
        let looking = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, looking).await.expect(what);
    }
}

fn verdict(judgements: Vec<Judgement>) -> Result<(), Reason> {
    let result = judgements
        .into_iter()
        .map(|judgement| judgement.result)
        .collect();
    let verdict: Result<Vec<()>, _> = result;
    verdict.map(|_| ()).map_err(|refusal| refusal.reason)
}

fn soft(grace: Duration) -> RevocationPolicy {
    RevocationPolicy {
        failure: RevocationFailure::Soft { grace },
        ..ocsp()
    }
}

fn uploaded(crls: Vec<client_auth::crl::SignedCrl>) -> UploadedLists {
    let list = |crl| UploadedList {
        name: "list".into(),
        ca: "ca".into(),
        crl: Arc::new(crl),
    };
    UploadedLists::new(crls.into_iter().map(list).collect())
}
