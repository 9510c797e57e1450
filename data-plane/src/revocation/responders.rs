//! Asks the OCSP responders of a certificate.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client_auth::RevocationQuestion;
use client_auth::ocsp::{self, NONCE_LENGTH, OcspAnswer, OcspError, Request};
use http::Method;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::fetcher::{Answer, FetchError, Fetcher, Question};
use super::location::Location;
use super::metrics::Metrics;
use super::no_answer::NoAnswer;
use crate::clock::Clock;

/// Asks one certificate's responders after the other; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Responders {
    pub(super) fetcher: Fetcher,
    pub(super) clock: Clock,
    /// For everything that one responder is asked.
    pub(super) timeout: Duration,
    pub(super) metrics: Metrics,
}

/// Why one responder gave no answer that can be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Unanswered {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Answer(#[from] OcspError),
    #[error("this machine has no random numbers")]
    Machine,
}

impl Responders {
    /// Asks until one answers. The next one is asked when one has failed, and also when it takes its time: clients wait for
    /// the answer, and the first responder may be the dead one. What answers first counts.
    ///
    /// # Errors
    /// [`NoAnswer`]: no responder gave an answer that can be believed.
    pub(super) async fn ask(
        &self,
        question: &Arc<RevocationQuestion>,
    ) -> Result<OcspAnswer, NoAnswer> {
        let mut failed = NoAnswer::default();
        let mut attempts = JoinSet::new();
        let mut next = Instant::now();
        let mut places = 0..question.responders.len();
        loop {
            if let Some(place) = (next <= Instant::now()).then(|| places.next()).flatten() {
                let (responders, question) = (self.clone(), Arc::clone(question));
                attempts.spawn(async move { (place, responders.attempt(&question, place).await) });
                next = Instant::now() + self.timeout / STAGGER;
            }
            if attempts.is_empty() && places.is_empty() {
                return Err(failed);
            }
            let ended = tokio::select! {
                Some(ended) = attempts.join_next() => ended,
                () = sleep_until(next), if !places.is_empty() => continue,
            };
            match ended {
                Ok((_, Ok(answer))) => return Ok(answer),
                Ok((place, Err(error))) => {
                    let url = question.responders.get(place).map_or("", String::as_str);
                    failed.add(url, &error, error.was_reached());
                }
                Err(broken) => failed.add("", &broken, false),
            }
            next = Instant::now();
        }
    }

    /// Asks one responder, and measures that.
    async fn attempt(
        &self,
        question: &RevocationQuestion,
        place: usize,
    ) -> Result<OcspAnswer, Unanswered> {
        let begin = Instant::now();
        let url = question.responders.get(place).map_or("", String::as_str);
        let outcome = self.ask_one(question, url, begin + self.timeout).await;
        let label = match &outcome {
            Ok(answer) => answer.status.label(),
            Err(error) => error.label(),
        };
        self.metrics.ocsp_fetched(label, begin.elapsed());
        outcome
    }

    /// GET where the request is short (RFC 6960 appendix A.1). Some responders take only one of the two methods, and some
    /// caches in between answer a GET with what is too old: whoever answered a GET, but with nothing to believe, gets a
    /// POST.
    async fn ask_one(
        &self,
        question: &RevocationQuestion,
        responder: &str,
        deadline: Instant,
    ) -> Result<OcspAnswer, Unanswered> {
        let nonce = if question.policy.nonce {
            Some(nonce()?)
        } else {
            None
        };
        let request = Request::new(question, nonce)?;
        let nonce = nonce.as_ref().map(<[u8; NONCE_LENGTH]>::as_slice);
        if let Some(url) = request.get_url(responder) {
            let get = exchange(Method::GET, &url, None)?;
            let answer = self.fetcher.fetch(get, deadline).await;
            match answer
                .map_err(Unanswered::from)
                .and_then(|answer| self.believe(answer, question, nonce))
            {
                Err(error) if error.depends_on_method() => {}
                outcome => return outcome,
            }
        }
        let body = (ocsp::REQUEST_TYPE, Bytes::copy_from_slice(request.der()));
        let post = exchange(Method::POST, responder, Some(body))?;
        let answer = self.fetcher.fetch(post, deadline).await?;
        self.believe(answer, question, nonce)
    }

    fn believe(
        &self,
        answer: Answer,
        question: &RevocationQuestion,
        nonce: Option<&[u8]>,
    ) -> Result<OcspAnswer, Unanswered> {
        if answer.media_type != ocsp::RESPONSE_TYPE {
            return Err(FetchError::MediaType(answer.media_type).into());
        }
        Ok(ocsp::verify(
            &answer.body,
            question,
            nonce,
            self.clock.unix(),
        )?)
    }
}

fn exchange(
    method: Method,
    url: &str,
    body: Option<(&'static str, Bytes)>,
) -> Result<Question, FetchError> {
    Ok(Question {
        method,
        location: Location::parse(url)?,
        body,
        accept: ocsp::RESPONSE_TYPE,
        limit: ocsp::MAX_RESPONSE,
    })
}

fn nonce() -> Result<[u8; NONCE_LENGTH], Unanswered> {
    let mut nonce = [0; NONCE_LENGTH];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| Unanswered::Machine)?;
    Ok(nonce)
}

impl Unanswered {
    /// A closed set of labels for metrics.
    fn label(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.label(),
            Self::Answer(error) => error.label(),
            Self::Machine => "machine",
        }
    }

    fn depends_on_method(&self) -> bool {
        match self {
            Self::Fetch(error) => error.depends_on_method(),
            Self::Answer(_) => true,
            Self::Machine => false,
        }
    }

    /// Whether the responder is there, whatever it says.
    fn was_reached(&self) -> bool {
        match self {
            Self::Fetch(error) => error.was_reached(),
            Self::Answer(_) => true,
            Self::Machine => false,
        }
    }
}

/// The next responder is asked as well when this part of the time for the one before is over.
const STAGGER: u32 = 4;

#[cfg(test)]
mod tests;
