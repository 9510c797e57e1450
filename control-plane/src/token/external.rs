//! An external issuer: its rules are settings, its keys are fetched.
//!
//! One task for each issuer fetches. A request never does: its caller may hang up, and thousands may ask at once. A request
//! that needs a key which is not there asks the task and waits for its next attempt.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Refused,
    fetch::{FetchError, Fetcher, shown},
    key_set::{KeySet, NoKeySet, PublicKey},
    location::{Location, LocationError},
    rules::Rules,
};
use crate::{clock::Clock, settings::IssuerSettings, telemetry::Chain};

/// An issuer outside of the control plane.
#[derive(Debug)]
pub(super) struct External {
    rules: Rules,
    settings: IssuerSettings,
    fetcher: Fetcher,
    state: watch::Sender<State>,
    /// Somebody waits for an attempt.
    wanted: Notify,
}

/// What came of the attempts so far.
#[derive(Debug, Clone, Default)]
struct State {
    held: Option<Held>,
    attempted_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone)]
struct Held {
    keys: Arc<KeySet>,
    fetched_at: OffsetDateTime,
}

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
enum Unavailable {
    #[error("the discovery document")]
    Discovery(#[source] FetchError),
    #[error("the discovery document is none of OIDC")]
    NoDiscovery,
    #[error("the discovery document is that of another issuer, `{0}`")]
    OtherIssuer(String),
    #[error("`jwks_uri` of the discovery document {0}")]
    JwksUri(LocationError),
    #[error("the keys")]
    Keys(#[source] FetchError),
    #[error("the keys: {0}")]
    NoKeySet(#[from] NoKeySet),
}

/// OIDC Discovery 1.0 section 3.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl External {
    /// An issuer without keys; [`External::run`] fetches them.
    pub(super) fn new(settings: IssuerSettings, fetcher: Fetcher) -> Self {
        let rules = Rules {
            name: settings.name.clone(),
            issuer: settings.issuer.clone(),
            audiences: settings.audiences.clone(),
            algorithms: settings.algorithms.clone(),
            principal_claim: settings.principal_claim.clone(),
            leeway: settings.leeway,
        };
        Self {
            rules,
            settings,
            fetcher,
            state: watch::Sender::default(),
            wanted: Notify::new(),
        }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The key of that name; where it is not known, after one more attempt to fetch, if the last one is not too recent.
    ///
    /// # Errors
    /// [`Refused::UnknownKey`], [`Refused::Algorithm`], [`Refused::KeysUnavailable`].
    pub(super) async fn key(
        &self,
        now: OffsetDateTime,
        name: &str,
        algorithm: Algorithm,
    ) -> Result<PublicKey, Refused> {
        let mut attempts = self.state.subscribe();
        let (found, may_fetch) = {
            let state = attempts.borrow_and_update();
            (state.find(now, name, algorithm), state.may_fetch(now))
        };
        let is_missing = matches!(found, Err(Refused::UnknownKey | Refused::KeysUnavailable));
        if !is_missing || !may_fetch {
            return found;
        }
        self.wanted.notify_one();
        // Whatever comes of it, the state tells.
        let _ended = timeout(PATIENCE, attempts.changed()).await;
        self.state.borrow().find(now, name, algorithm)
    }

    /// Fetches the keys at once, then every hour, and when a request asks for it, until `stop`.
    pub(super) async fn run(&self, clock: &Clock, stop: &CancellationToken) {
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wanted.notified() => {
                    if !self.state.borrow().may_fetch(clock.now()) {
                        continue;
                    }
                }
                () = sleep_until(next) => {}
            }
            let now = clock.now();
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = self.fetch() => fetched,
            };
            next = Instant::now() + if fetched.is_ok() { REFRESH } else { RETRY };
            self.take(now, fetched);
        }
    }

    fn take(&self, now: OffsetDateTime, fetched: Result<KeySet, Unavailable>) {
        let issuer = self.rules.name.as_str();
        let held = match fetched {
            Ok(keys) => {
                let (usable, left_out) = keys.count();
                if usable == 0 {
                    tracing::warn!(
                        issuer,
                        left_out,
                        "the issuer has no usable key: its tokens are refused"
                    );
                } else {
                    tracing::debug!(issuer, usable, left_out, "fetched the issuer's keys");
                }
                Some(Held {
                    keys: Arc::new(keys),
                    fetched_at: now,
                })
            }
            Err(error) => {
                tracing::warn!(issuer, error = %Chain(&error), "the issuer's keys cannot be fetched");
                None
            }
        };
        self.state.send_modify(|state| {
            state.attempted_at = Some(now);
            if held.is_some() {
                state.held = held;
            }
        });
    }

    async fn fetch(&self) -> Result<KeySet, Unavailable> {
        let deadline = Instant::now() + FETCH_TIME;
        let location = match &self.settings.jwks_uri {
            Some(location) => location.clone(),
            None => self.discover(deadline).await?,
        };
        let document = self.fetcher.get(&location, deadline).await;
        let document = document.map_err(Unavailable::Keys)?;
        Ok(KeySet::parse(&document, &self.rules.algorithms)?)
    }

    async fn discover(&self, deadline: Instant) -> Result<Location, Unavailable> {
        let document = self.fetcher.get(&self.settings.discovery, deadline).await;
        let document = document.map_err(Unavailable::Discovery)?;
        let document: Discovery =
            serde_json::from_slice(&document).map_err(|_| Unavailable::NoDiscovery)?;
        if document.issuer != self.rules.issuer {
            return Err(Unavailable::OtherIssuer(shown(&document.issuer)));
        }
        Location::parse(&document.jwks_uri, self.settings.plain_http).map_err(Unavailable::JwksUri)
    }
}

impl State {
    fn find(
        &self,
        now: OffsetDateTime,
        name: &str,
        algorithm: Algorithm,
    ) -> Result<PublicKey, Refused> {
        let fresh = |held: &&Held| now < held.fetched_at.saturating_add(KEPT);
        let held = self.held.as_ref().filter(fresh);
        let held = held.ok_or(Refused::KeysUnavailable)?;
        held.keys.find(name, algorithm).cloned()
    }

    /// Whoever sends tokens with invented key names does not decide how often the issuer is asked.
    fn may_fetch(&self, now: OffsetDateTime) -> bool {
        self.attempted_at
            .is_none_or(|attempted_at| attempted_at.saturating_add(PAUSE) <= now)
    }
}

/// For discovery and keys together.
const FETCH_TIME: Duration = Duration::from_secs(5);
/// How long a request waits for an attempt: one that has begun, or one that begins now.
const PATIENCE: Duration = Duration::from_secs(6);
const REFRESH: Duration = Duration::from_hours(1);
const RETRY: Duration = Duration::from_mins(1);
/// Between attempts that requests ask for.
const PAUSE: time::Duration = time::Duration::seconds(30);
/// How long keys are used while the issuer is away.
const KEPT: time::Duration = time::Duration::hours(24);

#[cfg(test)]
impl External {
    /// Holds the keys of `document` since `at`, and asks for no others for a while.
    pub(super) fn with_keys(self, at: OffsetDateTime, document: &[u8]) -> Self {
        let keys = KeySet::parse(document, &self.rules.algorithms).unwrap();
        self.take(at, Ok(keys));
        self
    }
}
