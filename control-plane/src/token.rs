//! Bearer tokens: who they speak for, and the issuer that is built in.
//!
//! A token is a JWT (RFC 7519) in the compact form of a signature (RFC 7515). What it says is looked at for one purpose only
//! before its signature is verified: to find the issuer whose rules and keys decide. Which algorithm may be used is a matter
//! of the issuer and of the key, never of the token (RFC 8725 section 3.1).

mod bearer;
mod built_in;
mod claims;
mod issuer_name;
mod key_set;
mod refused;
mod rules;
mod signing_key;

use std::{sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::{bearer::Bearer, key_set::PublicKey, rules::Rules};
pub use self::{
    built_in::{BuiltIn, Grant, Issued, MAX_LIFETIME},
    issuer_name::IssuerName,
    refused::Refused,
    signing_key::{SCHEDULE, SigningKey},
};
use crate::{
    clock::Clock,
    settings::SignInSettings,
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
    /// Opens the built-in issuer: finds or makes tenant id and signing key.
    ///
    /// # Errors
    /// [`StoreError`], also when the keys in the database were sealed with another master key.
    pub async fn open(
        settings: &SignInSettings,
        store: Store,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let now = clock.now();
        let tenant = store.tenant(now).await?;
        let built_in = match settings.token_lifetime {
            None => None,
            Some(lifetime) => Some(BuiltIn::open(now, &tenant, lifetime, store).await?),
        };
        Ok(Self(Arc::new(Inner {
            clock,
            tenant,
            built_in,
        })))
    }

    /// Keeps the keys of all issuers until `stop`. What fails is logged and tried again.
    pub async fn run(self, stop: CancellationToken) {
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timer.tick() => {}
            }
            let Some(built_in) = self.built_in() else {
                continue;
            };
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

    fn issuer(&self, url: &str) -> Result<Issuer<'_>, Refused> {
        let built_in = self.built_in().filter(|own| own.issuer() == url);
        built_in.map(Issuer::BuiltIn).ok_or(Refused::UnknownIssuer)
    }
}

/// The issuer that a token claims to be from.
enum Issuer<'a> {
    BuiltIn(&'a BuiltIn),
}

impl Issuer<'_> {
    fn rules(&self) -> &Rules {
        match self {
            Self::BuiltIn(built_in) => built_in.rules(),
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
        }
    }
}

/// How late a replica may hear of the keys that others made or deleted.
const INTERVAL: Duration = Duration::from_mins(1);
