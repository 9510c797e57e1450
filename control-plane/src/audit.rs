//! What the audit remembers of a request, and the chain that shows whether somebody changed it later.
//!
//! Each event holds the hash of the one before. Who changes, removes or inserts an event has to change all later ones; log
//! lines carry sequence and hash of each event, so a log kept elsewhere tells even then.

use aws_lc_rs::digest;
use serde_json::json;
use time::OffsetDateTime;

use crate::permit::Actor;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// The caller may not, or nobody knows who it is; nothing changed.
    Denied,
    /// The caller may, but it did not work; nothing changed.
    Failed,
    /// Done. What workers make of it is told by the operation that it began.
    Succeeded,
}

/// One write, or one request that was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: OffsetDateTime,
    /// Name of the issuer of the caller's token; empty when there was no good token.
    pub issuer: String,
    /// Id of the principal; empty when there was no good token.
    pub principal: String,
    /// The principal's name for people; empty when there was no good token.
    pub name: String,
    /// Where the request came from; empty for what came over no network.
    pub client: String,
    /// ARM's name of the operation; empty for paths and methods that name none.
    pub operation: String,
    /// ARM id of the resource, in the casing of the request.
    pub resource: String,
    /// The request's correlation id.
    pub correlation_id: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// HTTP status of the reply.
    pub status: u16,
    /// ARM error code of the reply; empty for what succeeded.
    pub code: String,
    /// Generation of the gateway before, where it is a gateway's and there was one.
    pub before: Option<i64>,
    /// Generation of the gateway afterwards.
    pub after: Option<i64>,
}

/// What a write did, for its event. Its time is that of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditedChange {
    /// When.
    pub at: OffsetDateTime,
    /// Generation of the gateway before.
    pub before: Option<i64>,
    /// Generation of the gateway afterwards.
    pub after: Option<i64>,
}

impl AuditOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Denied, Self::Failed, Self::Succeeded];

    /// The name in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "Denied",
            Self::Failed => "Failed",
            Self::Succeeded => "Succeeded",
        }
    }

    /// The outcome of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
    }
}

impl AuditedChange {
    /// Of something that has no generations.
    pub fn at(at: OffsetDateTime) -> Self {
        Self {
            at,
            before: None,
            after: None,
        }
    }
}

impl AuditEvent {
    /// The event of a write that is committed together with it.
    pub fn of_change(actor: &Actor, change: AuditedChange) -> Self {
        Self {
            before: change.before,
            after: change.after,
            ..Self::of(actor, change.at)
        }
    }

    /// The event of a request by a known caller that succeeded, without generations.
    pub fn of(actor: &Actor, at: OffsetDateTime) -> Self {
        Self {
            at,
            issuer: actor.principal.issuer.clone(),
            principal: actor.principal.id.clone(),
            name: actor.principal.name.clone(),
            client: actor.client.map(|ip| ip.to_string()).unwrap_or_default(),
            operation: actor.operation.clone(),
            resource: actor.resource.clone(),
            correlation_id: actor.correlation_id.clone(),
            outcome: AuditOutcome::Succeeded,
            status: 200,
            code: String::new(),
            before: None,
            after: None,
        }
    }

    /// Hash of the event at `sequence`, after one with the hash `previous` (32 zero bytes for the first).
    ///
    /// SHA-256 of `previous` and the event as a JSON array; what is hashed is documented for those who verify a chain with
    /// other means.
    pub fn hash(&self, sequence: i64, previous: &[u8; 32]) -> [u8; 32] {
        let micros = self.at.unix_timestamp_nanos() / 1_000;
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        let text = json!([
            sequence,
            micros,
            self.issuer,
            self.principal,
            self.name,
            self.client,
            self.operation,
            self.resource,
            self.correlation_id,
            self.outcome.as_str(),
            self.status,
            self.code,
            self.before,
            self.after,
        ])
        .to_string();
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(previous);
        context.update(text.as_bytes());
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        hash
    }

    /// The line in the log, target `control_plane::audit`.
    pub(crate) fn log(&self, sequence: i64, hash: &[u8; 32]) {
        tracing::info!(
            sequence,
            hash = hex::encode(hash),
            issuer = self.issuer,
            principal = self.principal,
            name = self.name,
            client = self.client,
            operation = self.operation,
            resource_id = self.resource,
            correlation_id = self.correlation_id,
            outcome = self.outcome.as_str(),
            status = self.status,
            code = self.code,
            generation_before = self.before,
            generation_after = self.after,
            "audit"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::Principal;

    fn event() -> AuditEvent {
        let actor = Actor::new(
            Principal::control_plane(),
            "a/write".to_owned(),
            "/a".to_owned(),
            "c".to_owned(),
            None,
        );
        AuditEvent::of(&actor, OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn every_part_of_an_event_counts_for_its_hash() {
        let original = event().hash(1, &[0; 32]);
        let changes: [fn(&mut AuditEvent); 13] = [
            |event| event.at += time::Duration::MICROSECOND,
            |event| event.issuer.push('x'),
            |event| event.principal.push('x'),
            |event| event.name.push('x'),
            |event| event.client.push('x'),
            |event| event.operation.push('x'),
            |event| event.resource.push('x'),
            |event| event.correlation_id.push('x'),
            |event| event.outcome = AuditOutcome::Denied,
            |event| event.status = 201,
            |event| event.code.push('x'),
            |event| event.before = Some(1),
            |event| event.after = Some(1),
        ];
        for change in changes {
            let mut other = event();
            change(&mut other);
            assert_ne!(other.hash(1, &[0; 32]), original, "{other:?}");
        }
        assert_ne!(event().hash(2, &[0; 32]), original);
        assert_ne!(event().hash(1, &[1; 32]), original);
        assert_eq!(event().hash(1, &[0; 32]), original);
    }

    #[test]
    fn text_does_not_flow_from_one_part_into_the_next() {
        let mut one = event();
        one.name = "a\",\"b".to_owned();
        one.client = String::new();
        let mut other = event();
        other.name = "a".to_owned();
        other.client = "b".to_owned();
        assert_ne!(one.hash(1, &[0; 32]), other.hash(1, &[0; 32]));
    }
}
