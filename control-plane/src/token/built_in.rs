//! The issuer that is part of the control plane: mints tokens for service principals.
//!
//! All replicas sign with the same keys, which they find in the database.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    IssuerName, Refused,
    key_set::PublicKey,
    rules::Rules,
    signing_key::{SCHEDULE, SigningKey},
};
use crate::{
    rotation::{Due, Slot},
    store::{Store, StoreError},
};

/// No token lives longer, whatever was asked for: keys are honoured for so long after their last use.
pub const MAX_LIFETIME: Duration = Duration::from_hours(24);

/// The built-in issuer.
#[derive(Debug)]
pub struct BuiltIn {
    store: Store,
    tenant: String,
    rules: Rules,
    lifetime: Duration,
    keys: RwLock<Arc<Keys>>,
}

/// What a token is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The principal's id: `oid` and `sub`.
    pub object_id: String,
    /// The client id that signed in: `appid` and `azp`.
    pub application_id: String,
    /// For people: `app_displayname`. Empty: none.
    pub name: String,
    /// How long the token is valid; shortened to what the installation allows.
    pub lifetime: Duration,
}

/// A token and its validity. `Debug` does not show the token.
pub struct Issued {
    /// The token, for the caller only.
    pub token: Zeroizing<String>,
    /// From now; whole seconds.
    pub expires_in: Duration,
}

/// The keys as the database had them last.
#[derive(Debug, Default)]
struct Keys {
    /// In order of sequence.
    slots: Vec<Slot>,
    /// Those of `slots` that are honoured.
    opened: Vec<Arc<SigningKey>>,
}

impl BuiltIn {
    /// Opens the issuer of `tenant`, and makes its first key where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn open(
        now: OffsetDateTime,
        tenant: &str,
        lifetime: Duration,
        store: Store,
    ) -> Result<Self, StoreError> {
        let rules = Rules {
            name: IssuerName::built_in(),
            issuer: format!("urn:portcullis:{tenant}:token-service"),
            audiences: vec![format!("urn:portcullis:{tenant}")],
            algorithms: vec![Algorithm::ES256],
            principal_claim: "oid".to_owned(),
            leeway: LEEWAY,
        };
        let opened = Self {
            store,
            tenant: tenant.to_owned(),
            rules,
            lifetime: lifetime.min(MAX_LIFETIME),
            keys: RwLock::default(),
        };
        opened.keep(now).await?;
        Ok(opened)
    }

    /// Mints a token, valid from now on.
    ///
    /// # Errors
    /// [`StoreError`]: there is no key to sign with.
    pub async fn issue(&self, now: OffsetDateTime, grant: Grant) -> Result<Issued, StoreError> {
        let keys = self.keys(now).await?;
        let key = keys.signing(now);
        let key = key.ok_or_else(|| StoreError::corrupt("the signing keys"))?;
        let expires_in = Duration::from_secs(grant.lifetime.min(self.lifetime).as_secs());
        let issued_at = now.unix_timestamp();
        let mut claims = json!({
            "iss": self.issuer(),
            "aud": self.audience(),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at.saturating_add_unsigned(expires_in.as_secs()),
            "jti": Uuid::new_v4().to_string(),
            "tid": self.tenant,
            "oid": grant.object_id,
            "sub": grant.object_id,
            "appid": grant.application_id,
            "azp": grant.application_id,
            "ver": "1.0",
            "idtyp": "app",
        });
        if let (Some(claims), false) = (claims.as_object_mut(), grant.name.is_empty()) {
            claims.insert("app_displayname".to_owned(), grant.name.into());
        }
        let token = key.sign(&claims);
        let token = token.ok_or_else(|| StoreError::corrupt("a signing key"))?;
        Ok(Issued { token, expires_in })
    }

    /// The public keys of all tokens that may be alive, and the one that signs next (RFC 7517 section 5).
    ///
    /// # Errors
    /// [`StoreError`]: a key is due and cannot be made.
    pub async fn key_set(&self, now: OffsetDateTime) -> Result<Value, StoreError> {
        let keys = self.keys(now).await?;
        let members: Vec<Value> = keys.honoured(now).map(SigningKey::jwk).collect();
        Ok(json!({"keys": members}))
    }

    /// The GUID of this installation.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The one audience of tokens.
    pub fn audience(&self) -> &str {
        self.rules.audiences.first().map_or("", String::as_str)
    }

    /// `iss` of tokens; it does not depend on how clients reach the API.
    pub fn issuer(&self) -> &str {
        &self.rules.issuer
    }

    /// How long tokens are valid in this installation, at most.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The key named `name`, if tokens of it may be alive.
    pub(super) async fn key(
        &self,
        now: OffsetDateTime,
        name: &str,
        algorithm: Algorithm,
    ) -> Result<PublicKey, Refused> {
        let keys = self.keys(now).await;
        let keys = keys.map_err(|_| Refused::KeysUnavailable)?;
        let key = keys.honoured(now).find(|key| key.kid() == name);
        let key = key.ok_or(Refused::UnknownKey)?.public_key();
        if key.admits(algorithm) {
            Ok(key)
        } else {
            Err(Refused::Algorithm)
        }
    }

    /// Reads the keys anew, makes the next one when it is due, deletes those that are not honoured any more.
    pub(super) async fn keep(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let mut slots = self.store.signing_key_slots().await?;
        if let Due::Make {
            sequence,
            used_from,
        } = SCHEDULE.due(now, &slots)
        {
            self.make(now, sequence, used_from).await?;
            slots = self.store.signing_key_slots().await?;
        }
        let held = self.held();
        let (honoured, dead) = SCHEDULE.in_use(now, &slots);
        for slot in dead {
            self.store.delete_signing_key(slot).await?;
        }
        let mut opened = Vec::new();
        for slot in honoured {
            if let Some(key) = held.opened.iter().find(|key| key.id == slot.id) {
                opened.push(Arc::clone(key));
                continue;
            }
            let found = self.store.find_signing_key(&self.tenant, slot).await?;
            opened.extend(found.map(Arc::new));
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = Arc::new(Keys { slots, opened });
        Ok(())
    }

    async fn make(
        &self,
        now: OffsetDateTime,
        sequence: i64,
        used_from: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let key = SigningKey::generate();
        let key = key.ok_or_else(|| StoreError::corrupt("the system's randomness"))?;
        let slot = Slot {
            sequence,
            id: key.id,
            used_from,
        };
        let added = self.store.add_signing_key(&self.tenant, &slot, &key, now);
        if added.await? {
            tracing::info!(kid = key.kid(), sequence, signs_from = %used_from, "signing key made");
        }
        Ok(())
    }

    /// The keys, with none due.
    async fn keys(&self, now: OffsetDateTime) -> Result<Arc<Keys>, StoreError> {
        if SCHEDULE.due(now, &self.held().slots) != Due::Nothing {
            self.keep(now).await?;
        }
        Ok(self.held())
    }

    fn held(&self) -> Arc<Keys> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys)
    }
}

impl Keys {
    fn signing(&self, now: OffsetDateTime) -> Option<&SigningKey> {
        self.honoured(now).next()
    }

    /// The one that signs first.
    fn honoured(&self, now: OffsetDateTime) -> impl Iterator<Item = &SigningKey> {
        let (honoured, _dead) = SCHEDULE.in_use(now, &self.slots);
        let opened = |slot: &Slot| self.opened.iter().find(|key| key.id == slot.id);
        honoured
            .into_iter()
            .filter_map(move |slot| opened(slot).map(AsRef::as_ref))
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issued")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// The clocks of replicas differ by less.
const LEEWAY: time::Duration = time::Duration::MINUTE;
