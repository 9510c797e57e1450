//! Bearer tokens: who they speak for, the issuer that is built in, and external ones.
//!
//! A token is a JWT (RFC 7519) in the compact form of a signature (RFC 7515). What it says is looked at for one purpose only
//! before its signature is verified: to find the issuer whose rules and keys decide. Which algorithm may be used is a matter
//! of the issuer and of the key, never of the token (RFC 8725 section 3.1).

mod bearer;
mod built_in;
mod claims;
mod external;
mod fetch;
mod issuer_name;
mod key_set;
mod location;
mod refused;
mod rules;
mod signing_key;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use jsonwebtoken::Algorithm;
use rustls::RootCertStore;
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub(crate) use self::location::{Location, PlainHttp};
use self::{bearer::Bearer, external::External, fetch::Fetcher, key_set::PublicKey, rules::Rules};
pub use self::{
    built_in::{BuiltIn, Grant, Issued, MAX_LIFETIME},
    issuer_name::{IssuerName, IssuerNameError},
    refused::Refused,
    signing_key::{SCHEDULE, SigningKey},
};
use crate::{
    clock::Clock,
    settings::{Roots, SignInSettings},
    store::{Store, StoreError},
    telemetry::Chain,
};

/// All issuers whose tokens are taken. Cheap to clone; clones share keys.
#[derive(Debug, Clone)]
pub struct Issuers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    tenant: String,
    built_in: Option<BuiltIn>,
    external: Vec<External>,
}

/// Why the issuers cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum IssuersError {
    /// The keys of the built-in issuer, sealed with another master key for instance.
    #[error("the keys of the built-in issuer cannot be found or made")]
    Store(#[from] StoreError),
    /// An external issuer is to be verified by the system's roots.
    #[error("this system has no readable root certificates; give the issuer a `caFile`")]
    NoSystemRoots,
    /// TLS cannot be set up.
    #[error("no TLS towards external issuers")]
    Tls(#[source] rustls::Error),
}

/// What a verified token says. `issuer` and `subject` together name a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose rules and keys the token was verified by.
    pub issuer: IssuerName,
    /// The principal's id: `oid` of the built-in issuer, the configured claim of an external one.
    pub subject: String,
    /// The application that the token was issued to (`appid`, else `azp`).
    pub application: Option<String>,
    /// For people: `name`, else `preferred_username`, else `app_displayname`. Issuers let users choose it.
    pub name: Option<String>,
    /// The issuer's tenant (`tid`).
    pub tenant: Option<String>,
    /// The end of its validity, without leeway.
    pub expires_at: OffsetDateTime,
}

impl Issuers {
    /// Opens the built-in issuer: finds or makes tenant id and signing key. Fetches nothing: tokens of external issuers are
    /// refused until [`Issuers::run`] has their keys.
    ///
    /// # Errors
    /// [`IssuersError`].
    pub async fn open(
        settings: &SignInSettings,
        store: Store,
        clock: Clock,
    ) -> Result<Self, IssuersError> {
        let now = clock.now();
        let tenant = store.tenant(now).await?;
        let built_in = match settings.token_lifetime {
            None => None,
            Some(lifetime) => Some(BuiltIn::open(now, &tenant, lifetime, store).await?),
        };
        let mut external = Vec::new();
        for issuer in &settings.issuers {
            let roots = roots(&issuer.roots)?;
            let fetcher = Fetcher::new(roots).map_err(IssuersError::Tls)?;
            external.push(External::new(issuer.clone(), fetcher));
        }
        Ok(Self(Arc::new(Inner {
            clock,
            tenant,
            built_in,
            external,
        })))
    }

    /// Keeps the keys of all issuers until `stop`. What fails is logged and tried again.
    pub async fn run(self, stop: CancellationToken) {
        let external = self.0.external.iter();
        let external = external.map(|issuer| issuer.run(&self.0.clock, &stop));
        tokio::join!(self.keep_built_in(&stop), join_all(external));
    }

    async fn keep_built_in(&self, stop: &CancellationToken) {
        let Some(built_in) = self.built_in() else {
            return;
        };
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timer.tick() => {}
            }
            if let Err(error) = built_in.keep(self.0.clock.now()).await {
                tracing::warn!(error = %Chain(&error), "signing keys cannot be kept");
            }
        }
    }

    /// Tells whom `token` speaks for. `token` is what follows `Bearer `.
    ///
    /// No claim is believed before issuer, algorithm, signature, audience and time have been checked.
    ///
    /// # Errors
    /// [`Refused`]; nobody gets in.
    pub async fn verify(&self, now: OffsetDateTime, token: &str) -> Result<Verified, Refused> {
        let bearer = Bearer::parse(token)?;
        let issuer = self.issuer(bearer.issuer()?)?;
        let rules = issuer.rules();
        rules.admit(bearer.algorithm())?;
        let key = issuer.key(now, bearer.kid()?, bearer.algorithm()).await?;
        rules.judge(now, &bearer.open(&key)?)
    }

    /// The built-in issuer; `None` when a setting switches it off.
    pub fn built_in(&self) -> Option<&BuiltIn> {
        self.0.built_in.as_ref()
    }

    /// The GUID of this installation, whichever issuers there are.
    pub fn tenant(&self) -> &str {
        &self.0.tenant
    }

    /// Whether tokens of the external issuer with this name are taken.
    pub fn knows(&self, issuer: &IssuerName) -> bool {
        let mut external = self.0.external.iter();
        external.any(|own| own.rules().name == *issuer)
    }

    /// The external issuer, where there is exactly one.
    pub fn only_external(&self) -> Option<&IssuerName> {
        match self.0.external.as_slice() {
            [only] => Some(&only.rules().name),
            _ => None,
        }
    }

    fn issuer(&self, url: &str) -> Result<Issuer<'_>, Refused> {
        let built_in = self.built_in().map(Issuer::BuiltIn);
        let external = self.0.external.iter().map(Issuer::External);
        let mut all = built_in.into_iter().chain(external);
        let named = all.find(|issuer| issuer.rules().issuer == url);
        named.ok_or(Refused::UnknownIssuer)
    }
}

/// The issuer that a token claims to be from.
enum Issuer<'a> {
    BuiltIn(&'a BuiltIn),
    External(&'a External),
}

impl Issuer<'_> {
    fn rules(&self) -> &Rules {
        match self {
            Self::BuiltIn(built_in) => built_in.rules(),
            Self::External(external) => external.rules(),
        }
    }

    async fn key(
        &self,
        now: OffsetDateTime,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<PublicKey, Refused> {
        match self {
            Self::BuiltIn(built_in) => built_in.key(now, kid, algorithm).await,
            Self::External(external) => external.key(now, kid, algorithm).await,
        }
    }
}

/// The roots to verify an issuer by; an error rather than none at all.
fn roots(roots: &Roots) -> Result<Arc<RootCertStore>, IssuersError> {
    match roots {
        Roots::Own(store) => Ok(Arc::clone(store)),
        Roots::System => {
            let loaded = rustls_native_certs::load_native_certs();
            for error in &loaded.errors {
                tracing::warn!(%error, "a system root cannot be read");
            }
            let mut store = RootCertStore::empty();
            let (added, _ignored) = store.add_parsable_certificates(loaded.certs);
            if added == 0 {
                return Err(IssuersError::NoSystemRoots);
            }
            Ok(Arc::new(store))
        }
    }
}

/// How late a replica may hear of the keys that others made or deleted.
const INTERVAL: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
