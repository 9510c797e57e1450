//! Worker identities: who may be a worker, and which gateways each may see.

use std::fmt;

use model::{GatewayId, ResourceGroupId, SubscriptionId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::subscription::Subscription;

/// Most scopes of an identity.
pub const MAX_SCOPES: usize = 100;

/// A worker's id: 1 to 64 characters of `[A-Za-z0-9._-]`, beginning with a letter or digit. Identities are told apart
/// without case; a worker says the name as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerName(String);

/// The text is no name of a worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "worker name {0:?} is invalid: 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit"
)]
pub struct InvalidWorkerName(String);

/// What an identity may see: everything, or what is below some subscriptions, resource groups and gateways. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<String>);

/// Why scopes are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScopes {
    /// There is none.
    #[error("at least one scope is needed: \"/\" is everything")]
    Empty,
    /// More than [`MAX_SCOPES`].
    #[error("{0} scopes are more than {MAX_SCOPES}")]
    TooMany(usize),
    /// Something else.
    #[error(
        "{0:?} is neither \"/\" nor the id of a subscription, a resource group or an application gateway"
    )]
    Scope(String),
}

/// One identity as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerIdentity {
    /// Named by certificates. An identity that is made anew under the same name has another one.
    pub id: Uuid,
    /// The worker's id.
    pub name: WorkerName,
    /// What it may see.
    pub scopes: Scopes,
    /// The newest certificate; absent: the worker has not joined yet.
    pub certificate: Option<IssuedCertificate>,
    /// Serial number of the certificate that asked for the newest one.
    pub previous_serial: Option<String>,
    /// When the worker was last heard of, within 15 seconds while it is connected.
    pub last_seen_at: Option<OffsetDateTime>,
    /// Set for good.
    pub revoked_at: Option<OffsetDateTime>,
    /// End of a join token that can still be used.
    pub join_token_expires_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// What the store knows of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Upper-case hex.
    pub serial: String,
    /// Its end.
    pub not_after: OffsetDateTime,
}

/// How an identity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// No worker has joined under it yet.
    Pending,
    /// A worker has a certificate, which may have expired.
    Joined,
    /// Refused for good.
    Revoked,
}

/// What a client certificate of the worker CA says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    /// The identity it was issued to.
    pub identity: Uuid,
    /// Upper-case hex.
    pub serial: String,
    /// Its end.
    pub not_after: OffsetDateTime,
}

/// Why a worker with a certificate of the worker CA may not have what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorised {
    /// No such identity: deleted, or of another control plane with the same CA.
    #[error("the identity {0} of the worker's certificate does not exist")]
    Unknown(Uuid),
    /// Revoked.
    #[error("the worker identity {0} was revoked")]
    Revoked(WorkerName),
    /// The certificate is neither the newest nor the one before.
    #[error("a newer certificate of the worker identity {0} is in use")]
    Superseded(WorkerName),
    /// The certificate of the connection has ended.
    #[error("the worker's certificate ended at {0}")]
    Expired(OffsetDateTime),
    /// The worker says another name than its certificate.
    #[error("the worker's certificate is of {named}, not of {claimed:?}")]
    OtherWorker {
        /// The identity's name.
        named: WorkerName,
        /// What the worker says.
        claimed: String,
    },
    /// The subscription is wider than the identity.
    #[error("{asked:?} is not within the scopes of the worker identity {name}")]
    OutOfScope {
        /// The first id of the subscription that is not.
        asked: String,
        /// The identity.
        name: WorkerName,
    },
}

impl WorkerName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`InvalidWorkerName`].
    pub fn parse(text: &str) -> Result<Self, InvalidWorkerName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins_well && text.len() <= 64 && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWorkerName(text.chars().take(100).collect()))
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which it is unique.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Scopes {
    /// Checks scopes; they are kept in lower case, without a slash at the end, each once, sorted.
    ///
    /// # Errors
    /// [`InvalidScopes`].
    pub fn parse(texts: &[String]) -> Result<Self, InvalidScopes> {
        if texts.is_empty() {
            return Err(InvalidScopes::Empty);
        }
        if texts.len() > MAX_SCOPES {
            return Err(InvalidScopes::TooMany(texts.len()));
        }
        let mut scopes = texts
            .iter()
            .map(|text| scope(text))
            .collect::<Result<Vec<_>, _>>()?;
        scopes.sort();
        scopes.dedup();
        Ok(Self(scopes))
    }

    /// As ARM ids; `/` for everything.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|scope| {
            if scope.is_empty() {
                "/"
            } else {
                scope.as_str()
            }
        })
    }

    /// The first id of `subscription` that is not within these scopes.
    fn first_outside(&self, subscription: &Subscription) -> Option<String> {
        let mut asked = subscription.keys();
        let outside = asked.find(|asked| !self.0.iter().any(|scope| is_within(asked, scope)))?;
        Some(if outside.is_empty() { "/" } else { outside }.to_owned())
    }
}

impl WorkerIdentity {
    /// How it stands.
    pub fn state(&self) -> WorkerState {
        match (&self.revoked_at, &self.certificate) {
            (Some(_), _) => WorkerState::Revoked,
            (None, Some(_)) => WorkerState::Joined,
            (None, None) => WorkerState::Pending,
        }
    }

    /// Decides whether the certificate may still be used at all.
    ///
    /// # Errors
    /// [`Unauthorised::Revoked`], [`Unauthorised::Expired`], [`Unauthorised::Superseded`].
    pub fn check_certificate(
        &self,
        now: OffsetDateTime,
        shown: &ShownCertificate,
    ) -> Result<(), Unauthorised> {
        if self.revoked_at.is_some() {
            return Err(Unauthorised::Revoked(self.name.clone()));
        }
        if shown.not_after <= now {
            return Err(Unauthorised::Expired(shown.not_after));
        }
        let newest = self.certificate.as_ref().map(|newest| &newest.serial);
        if newest == Some(&shown.serial) || self.previous_serial.as_ref() == Some(&shown.serial) {
            Ok(())
        } else {
            Err(Unauthorised::Superseded(self.name.clone()))
        }
    }

    /// Decides whether a worker of this name may have what it subscribes to.
    ///
    /// # Errors
    /// [`Unauthorised::OtherWorker`], [`Unauthorised::OutOfScope`].
    pub fn check_request(
        &self,
        worker: &str,
        subscription: &Subscription,
    ) -> Result<(), Unauthorised> {
        if worker != self.name.as_str() {
            return Err(Unauthorised::OtherWorker {
                named: self.name.clone(),
                claimed: worker.to_owned(),
            });
        }
        match self.scopes.first_outside(subscription) {
            None => Ok(()),
            Some(asked) => Err(Unauthorised::OutOfScope {
                asked,
                name: self.name.clone(),
            }),
        }
    }
}

impl Unauthorised {
    /// The closed word of `stream.proto`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown",
            Self::Revoked(_) => "revoked",
            Self::Superseded(_) => "superseded",
            Self::Expired(_) => "expired",
            Self::OtherWorker { .. } => "other-worker",
            Self::OutOfScope { .. } => "out-of-scope",
        }
    }
}

fn scope(text: &str) -> Result<String, InvalidScopes> {
    if text == "/" {
        return Ok(String::new());
    }
    let key = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let subscription = key.strip_prefix("/subscriptions/");
    let valid = GatewayId::parse(&key).is_ok()
        || ResourceGroupId::parse(&key).is_ok()
        || subscription.is_some_and(|id| SubscriptionId::parse(id).is_ok());
    if valid {
        Ok(key)
    } else {
        Err(InvalidScopes::Scope(text.chars().take(200).collect()))
    }
}

/// By whole segments; both in lower case, everything is the empty text.
fn is_within(asked: &str, scope: &str) -> bool {
    asked
        .strip_prefix(scope)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";

    fn group(name: &str) -> String {
        format!("{SUBSCRIPTION}/resourceGroups/{name}")
    }

    fn gateway(group_name: &str, name: &str) -> String {
        let group = group(group_name);
        format!("{group}/providers/Microsoft.Network/applicationGateways/{name}")
    }

    fn identity(scopes: &[&str]) -> WorkerIdentity {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let at = OffsetDateTime::UNIX_EPOCH;
        WorkerIdentity {
            id: Uuid::nil(),
            name: WorkerName::parse("w1").unwrap(),
            scopes: Scopes::parse(&scopes).unwrap(),
            certificate: Some(IssuedCertificate {
                serial: "02".to_owned(),
                not_after: at + time::Duration::DAY,
            }),
            previous_serial: Some("01".to_owned()),
            last_seen_at: None,
            revoked_at: None,
            join_token_expires_at: None,
            created_at: at,
        }
    }

    fn check_scope(scopes: &[&str], gateways: &[String], asked: &[&str], outside: Option<&str>) {
        let asked: Vec<String> = asked.iter().map(|scope| (*scope).to_owned()).collect();
        let subscription = Subscription::parse(gateways, &asked).unwrap();
        let outcome = identity(scopes).check_request("w1", &subscription);
        let found = match outcome {
            Ok(()) => None,
            Err(Unauthorised::OutOfScope { asked, .. }) => Some(asked),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(
            found.as_deref(),
            outside,
            "{scopes:?} {gateways:?} {asked:?}"
        );
    }

    #[test]
    fn an_identity_sees_what_is_within_its_scopes_by_whole_segments() {
        check_scope(&["/"], &[gateway("a", "gw")], &["/", SUBSCRIPTION], None);
        check_scope(&[SUBSCRIPTION], &[gateway("A", "GW")], &[&group("a")], None);
        check_scope(&[SUBSCRIPTION], &[], &["/"], Some("/"));
        check_scope(&[&group("a")], &[gateway("A", "gw")], &[&group("A")], None);
        check_scope(&[&group("a")], &[], &[SUBSCRIPTION], Some(SUBSCRIPTION));
        let other = group("ab").to_lowercase();
        check_scope(&[&group("a")], &[], &[&group("ab")], Some(&other));
        let (mine, other) = (gateway("a", "gw"), gateway("a", "gw2").to_lowercase());
        check_scope(&[&mine], &[mine.to_uppercase()], &[], None);
        check_scope(
            &[&mine],
            &[mine.clone(), gateway("a", "gw2")],
            &[],
            Some(&other),
        );
        check_scope(
            &[&mine],
            &[],
            &[&group("a")],
            Some(&group("a").to_lowercase()),
        );
        check_scope(
            &[&mine, &group("b")],
            &[mine.clone(), gateway("b", "x")],
            &[],
            None,
        );
    }

    #[test]
    fn scopes_are_ids_of_what_can_hold_gateways() {
        for text in [
            "",
            "rg",
            "//",
            "/subscriptions/",
            "/subscriptions/x",
            "/providers/x",
        ] {
            let refused = Scopes::parse(&[text.to_owned()]);
            assert_eq!(refused, Err(InvalidScopes::Scope(text.to_owned())));
        }
        assert_eq!(Scopes::parse(&[]), Err(InvalidScopes::Empty));
        let many = vec!["/".to_owned(); MAX_SCOPES + 1];
        assert_eq!(
            Scopes::parse(&many),
            Err(InvalidScopes::TooMany(MAX_SCOPES + 1))
        );
        let scopes =
            Scopes::parse(&[format!("{}/", group("RG")), "/".to_owned(), group("rg")]).unwrap();
        assert_eq!(
            scopes.ids().collect::<Vec<_>>(),
            ["/", &group("rg").to_lowercase()]
        );
    }

    #[test]
    fn the_newest_certificate_and_the_one_before_it_are_good_until_they_end() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let check = |serial: &str, at: OffsetDateTime, revoked: bool| {
            let mut identity = identity(&["/"]);
            identity.revoked_at = revoked.then_some(now);
            let shown = ShownCertificate {
                identity: identity.id,
                serial: serial.to_owned(),
                not_after: now + time::Duration::DAY,
            };
            let outcome = identity.check_certificate(at, &shown);
            outcome.err().map(|error| error.word())
        };
        assert_eq!(check("02", now, false), None);
        assert_eq!(check("01", now, false), None);
        assert_eq!(check("00", now, false), Some("superseded"));
        assert_eq!(
            check("02", now + time::Duration::DAY, false),
            Some("expired")
        );
        assert_eq!(check("02", now, true), Some("revoked"));
    }

    #[test]
    fn a_worker_speaks_for_its_own_name_only() {
        let subscription = Subscription::parse(&[], &["/".to_owned()]).unwrap();
        for other in ["w2", "W1", ""] {
            let outcome = identity(&["/"]).check_request(other, &subscription);
            assert_eq!(outcome.unwrap_err().word(), "other-worker", "{other}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["w", "worker-1.a_B", &"w".repeat(64)] {
            assert_eq!(WorkerName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".w", "-w", "a b", "a/b", "wörker", &"w".repeat(65)] {
            assert!(WorkerName::parse(bad).is_err(), "{bad}");
        }
    }
}
