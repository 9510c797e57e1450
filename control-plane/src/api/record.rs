//! What the audit gets of requests whose changes did not bring their event along: failures, refusals, writes that changed
//! nothing.

use std::sync::{Mutex, PoisonError};

use axum::response::Response;
use time::OffsetDateTime;

use super::{Api, context::RequestContext, error::ApiError, route::Operation};
use crate::{
    audit::{AuditEvent, AuditOutcome},
    listener::Peer,
    permit::Actor,
    principal::Principal,
    telemetry::Chain,
};

/// How a request ended, for the audit.
pub(super) struct Ended {
    outcome: AuditOutcome,
    status: u16,
    code: String,
}

impl Ended {
    pub(super) fn of(answered: &Result<Response, ApiError>) -> Self {
        match answered {
            Ok(response) => Self {
                outcome: AuditOutcome::Succeeded,
                status: response.status().as_u16(),
                code: String::new(),
            },
            Err(error) => Self {
                outcome: if error.is_denial() {
                    AuditOutcome::Denied
                } else {
                    AuditOutcome::Failed
                },
                status: error.status().as_u16(),
                code: error.code().to_owned(),
            },
        }
    }
}

/// Records how the request of a known caller ended, unless the change is recorded already or nothing was to change.
pub(super) async fn outcome(api: &Api, actor: &Actor, operation: &Operation, ended: Ended) {
    let denied = ended.outcome == AuditOutcome::Denied;
    if actor.is_recorded() || !(operation.verb.changes() || denied) {
        return;
    }
    let event = AuditEvent {
        outcome: ended.outcome,
        status: ended.status,
        code: ended.code,
        ..AuditEvent::of(actor, api.parts.clock.now())
    };
    record(api, event).await;
}

/// Records a request whose caller is not known. Anybody can send those, so only so many are kept; the log has them all.
pub(super) async fn stranger(
    api: &Api,
    context: &RequestContext,
    peer: Option<Peer>,
    resource: &str,
    refused: &ApiError,
) {
    let nobody = Principal {
        issuer: String::new(),
        id: String::new(),
        application: None,
        name: String::new(),
    };
    let actor = Actor::new(
        nobody,
        String::new(),
        resource.chars().take(MAX_PATH).collect(),
        context.correlation_id.clone(),
        peer.map(|peer| peer.0.ip()),
    );
    let now = api.parts.clock.now();
    let mut event = AuditEvent::of(&actor, now);
    event.outcome = AuditOutcome::Denied;
    event.status = refused.status().as_u16();
    refused.code().clone_into(&mut event.code);
    if api.strangers.admit(now) {
        record(api, event).await;
    } else {
        tracing::warn!(
            client = event.client,
            resource_id = event.resource,
            correlation_id = event.correlation_id,
            "a request without a good token is not in the audit: there are too many of them"
        );
    }
}

async fn record(api: &Api, event: AuditEvent) {
    if let Err(error) = api.store().record_audit(&event).await {
        tracing::error!(error = %Chain(&error), ?event, "an event is not in the audit");
    }
}

/// How many requests of strangers the audit takes: so many at once, and so many a second later on.
#[derive(Debug)]
pub(super) struct Strangers(Mutex<(f64, OffsetDateTime)>);

impl Strangers {
    pub(super) fn new() -> Self {
        Self(Mutex::new((BURST, OffsetDateTime::UNIX_EPOCH)))
    }

    fn admit(&self, now: OffsetDateTime) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let elapsed = (now - since).as_seconds_f64().max(0.0);
        let left = (left + elapsed * PER_SECOND).min(BURST);
        let admitted = left >= 1.0;
        *state = (if admitted { left - 1.0 } else { left }, now);
        admitted
    }
}

const BURST: f64 = 100.0;
const PER_SECOND: f64 = 2.0;
const MAX_PATH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_fill_the_audit() {
        let strangers = Strangers::new();
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(1);
        let admitted = (0..1000).filter(|_| strangers.admit(now)).count();
        assert_eq!(admitted, 100);
        let later = now + time::Duration::seconds(5);
        assert_eq!((0..1000).filter(|_| strangers.admit(later)).count(), 10);
    }
}
