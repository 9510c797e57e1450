//! Fetches CRLs from distribution points.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client_auth::RevocationQuestion;
use client_auth::crl::{Crl, CrlError, CrlHead, MAX_CRL, SignedCrl, Succession};
use http::Method;
use tokio::task;
use tokio::time::Instant;

use super::background::{Broken, at_low_priority};
use super::fetcher::{FetchError, Fetcher, Question};
use super::lists::FetchedList;
use super::location::Location;
use super::metrics::Metrics;
use super::no_answer::NoAnswer;

/// Fetches lists; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Distribution {
    pub(super) fetcher: Fetcher,
    /// For the download of one list.
    pub(super) timeout: Duration,
    pub(super) metrics: Metrics,
    pub(super) newest: Newest,
}

/// The newest list of each issuer and scope, wherever it came from: no older one takes its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Newest(Arc<Mutex<HashMap<Line, CrlHead>>>);

/// Issuer key, issuer name, scope.
type Line = ([u8; 32], [u8; 32], [u8; 32]);

/// Why a list is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    List(#[from] CrlError),
    #[error("the CRL is older than the one that is known")]
    Rollback,
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl Distribution {
    /// Fetches a list of the issuer in question, and verifies it.
    ///
    /// # Errors
    /// [`NoAnswer`]: there is no list, or none to believe.
    pub(super) async fn fetch(
        &self,
        question: &RevocationQuestion,
        url: &str,
    ) -> Result<FetchedList, NoAnswer> {
        let begin = Instant::now();
        let outcome = self.take(question, url, begin + self.timeout).await;
        let label = outcome.as_ref().map_or_else(Refused::label, |_| "loaded");
        self.metrics.crl_fetched(label, begin.elapsed());
        let url: Arc<str> = Arc::from(url);
        outcome
            .map(|crl| FetchedList {
                url: Arc::clone(&url),
                crl,
            })
            .map_err(|error| {
                let mut failure = NoAnswer::default();
                failure.add(&url, &error, error.was_reached());
                failure
            })
    }

    async fn take(
        &self,
        question: &RevocationQuestion,
        url: &str,
        deadline: Instant,
    ) -> Result<Arc<SignedCrl>, Refused> {
        let location = Location::parse(url).map_err(FetchError::from)?;
        let asked = Question {
            method: Method::GET,
            location,
            body: None,
            accept: "application/pkix-crl, */*;q=0.1",
            limit: MAX_CRL,
        };
        // Servers give lists all sorts of types. It is the signature that tells what it is.
        let der = self.fetcher.fetch(asked, deadline).await?.body;
        let issuer = Arc::clone(&question.issuer);
        let reading = task::spawn_blocking(move || at_low_priority(|| read(&der, &issuer)));
        let crl = reading
            .await
            .map_err(|error| FetchError::Protocol(error.to_string()))???;
        if !self.newest.takes(crl.head()) {
            return Err(Refused::Rollback);
        }
        Ok(Arc::new(crl))
    }
}

fn read(der: &[u8], issuer: &[u8]) -> Result<SignedCrl, CrlError> {
    Crl::parse(der)?.check_signed_by(issuer)
}

impl Newest {
    /// Whether a list is not older than the newest one of its kind. If so, it is the newest one now.
    fn takes(&self, head: &CrlHead) -> bool {
        let line = (head.issuer_key, head.issuer_name, head.scope);
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = newest
            .get(&line)
            .is_some_and(|known| head.succession(known) == Succession::Older);
        if !is_older && (newest.len() < MAX_LINES || newest.contains_key(&line)) {
            newest.insert(line, head.clone());
        }
        !is_older
    }
}

impl Refused {
    /// A closed set of labels for metrics.
    fn label(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.label(),
            Self::List(error) => error.label(),
            Self::Rollback => "rollback",
            Self::Broken(_) => "machine",
        }
    }

    fn was_reached(&self) -> bool {
        match self {
            Self::Fetch(error) => error.was_reached(),
            Self::List(_) | Self::Rollback => true,
            Self::Broken(_) => false,
        }
    }
}

/// Kinds of lists whose newest one is remembered. Only lists that a trusted CA has signed get here.
const MAX_LINES: usize = 10_000;

#[cfg(test)]
mod tests;
