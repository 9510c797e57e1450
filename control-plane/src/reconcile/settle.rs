//! The pure decision whether an operation is over.

use time::OffsetDateTime;

use crate::operation::{Operation, OperationError, OperationKind};

/// Code of an operation that a worker refused.
pub const REFUSED: &str = "WorkerRefusedConfiguration";

/// Code of an operation that a worker did not answer in time.
pub const SILENT: &str = "WorkerDidNotAnswer";

/// Code of a resource group's deletion that gateways outlived.
pub const REMAINING: &str = "ResourceGroupDeletionTimedOut";

/// What one worker that subscribes to the gateway has said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerFacts {
    /// Id of the worker.
    pub worker: String,
    /// The worker counts until then.
    pub lease_until: OffsetDateTime,
    /// The newest generation in force there (for a deletion: removed there).
    pub applied_generation: Option<i64>,
    /// Whether what is in force there equals what the operation wants, by content hash.
    pub holds_wanted: bool,
    /// The newest refusal.
    pub refused: Option<Refusal>,
}

/// A worker's NACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it refused.
    pub generation: i64,
    /// ARM collection and name of the part at fault; empty: the whole gateway.
    pub resource: String,
    /// Property of that part; empty: the part as a whole.
    pub property: String,
    /// For the operator; no secrets.
    pub reason: String,
}

/// Whether an operation is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It ends `Failed`.
    Failed(OperationError),
    /// Workers have yet to answer.
    Pending,
    /// It ends `Succeeded`.
    Succeeded,
}

/// Decides whether an operation on a gateway is over. Pure: the same facts give the same verdict.
///
/// `facts` are the workers that subscribe to the gateway; those whose lease has run out do not count, and one that
/// appeared while the operation ran counts like the others. With none that counts, what was asked for is stored and
/// the operation has succeeded.
pub fn settle(now: OffsetDateTime, operation: &Operation, facts: &[WorkerFacts]) -> Verdict {
    let counted: Vec<_> = facts.iter().filter(|f| f.lease_until > now).collect();
    let refusals: Vec<_> = counted
        .iter()
        .filter_map(|facts| refusal_of(facts, operation))
        .collect();
    if !refusals.is_empty() {
        return Verdict::Failed(one_or_many(REFUSED, refusals));
    }
    let silent: Vec<_> = counted
        .iter()
        .filter(|facts| !has_done(facts, operation))
        .map(|facts| silence_of(facts, operation))
        .collect();
    if silent.is_empty() {
        Verdict::Succeeded
    } else if now >= operation.deadline {
        Verdict::Failed(one_or_many(SILENT, silent))
    } else {
        Verdict::Pending
    }
}

/// Decides whether the deletion of a resource group is over: when its last gateway is gone. Pure.
pub fn settle_group(now: OffsetDateTime, operation: &Operation, gateways_left: i64) -> Verdict {
    if gateways_left == 0 {
        Verdict::Succeeded
    } else if now >= operation.deadline {
        let message = format!("{gateways_left} application gateways are still on workers");
        Verdict::Failed(OperationError::new(REMAINING, message))
    } else {
        Verdict::Pending
    }
}

fn has_done(facts: &WorkerFacts, operation: &Operation) -> bool {
    let generation = facts.applied_generation;
    generation.is_some_and(|generation| generation >= operation.generation)
        || (facts.holds_wanted && operation.kind == OperationKind::PutGateway)
}

fn refusal_of(facts: &WorkerFacts, operation: &Operation) -> Option<OperationError> {
    let refusal = facts.refused.as_ref()?;
    if refusal.generation != operation.generation || has_done(facts, operation) {
        return None;
    }
    let target = match (refusal.resource.as_str(), refusal.property.as_str()) {
        ("", "") => None,
        ("", property) => Some(property.to_owned()),
        (resource, "") => Some(resource.to_owned()),
        (resource, property) => Some(format!("{resource}.{property}")),
    };
    let at = target
        .as_deref()
        .map(|target| format!(" at {target}"))
        .unwrap_or_default();
    Some(OperationError {
        target,
        ..OperationError::new(
            REFUSED,
            format!(
                "worker {} refused generation {}{at}: {}",
                facts.worker, refusal.generation, refusal.reason
            ),
        )
    })
}

fn silence_of(facts: &WorkerFacts, operation: &Operation) -> OperationError {
    OperationError::new(
        SILENT,
        format!(
            "worker {} did not answer for generation {} within the deadline",
            facts.worker, operation.generation
        ),
    )
}

/// One worker's error as it is, or one error with a detail for each worker.
fn one_or_many(code: &str, mut errors: Vec<OperationError>) -> OperationError {
    if errors.len() == 1
        && let Some(error) = errors.pop()
    {
        return error;
    }
    let message = errors
        .iter()
        .map(|error| error.message.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    OperationError {
        target: errors.first().and_then(|error| error.target.clone()),
        details: errors,
        ..OperationError::new(code, message)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::operation::OperationState;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn at(seconds: i64) -> OffsetDateTime {
        START + Duration::seconds(seconds)
    }

    fn operation(kind: OperationKind) -> Operation {
        Operation {
            id: "op".to_owned(),
            resource_key: "/gw".to_owned(),
            resource_id: "/GW".to_owned(),
            kind,
            generation: 5,
            state: OperationState::InProgress,
            error: None,
            correlation_id: String::new(),
            created_at: START,
            deadline: at(30),
            ended_at: None,
        }
    }

    fn worker(name: &str, applied: Option<i64>) -> WorkerFacts {
        WorkerFacts {
            worker: name.to_owned(),
            lease_until: at(1000),
            applied_generation: applied,
            holds_wanted: false,
            refused: None,
        }
    }

    fn refusing(name: &str, generation: i64, resource: &str, property: &str) -> WorkerFacts {
        WorkerFacts {
            refused: Some(Refusal {
                generation,
                resource: resource.to_owned(),
                property: property.to_owned(),
                reason: "address in use".to_owned(),
            }),
            ..worker(name, Some(4))
        }
    }

    fn expired(facts: WorkerFacts) -> WorkerFacts {
        WorkerFacts {
            lease_until: at(0),
            ..facts
        }
    }

    /// `wanted`: `succeeded`, `pending`, or the code and message of the failure.
    fn check(name: &str, now: i64, facts: &[WorkerFacts], wanted: &str) {
        let got = match settle(at(now), &operation(OperationKind::PutGateway), facts) {
            Verdict::Failed(error) => format!("{}: {}", error.code, error.message),
            Verdict::Pending => "pending".to_owned(),
            Verdict::Succeeded => "succeeded".to_owned(),
        };
        assert_eq!(got, wanted, "{name}");
    }

    #[test]
    fn an_operation_ends_when_every_worker_that_counts_has_answered() {
        let holds = WorkerFacts {
            holds_wanted: true,
            ..worker("c", Some(2))
        };
        check("no worker", 1, &[], "succeeded");
        check("applied", 1, &[worker("a", Some(5))], "succeeded");
        check("newer applied", 1, &[worker("a", Some(6))], "succeeded");
        check("older applied", 1, &[worker("a", Some(4))], "pending");
        check("nothing said", 1, &[worker("a", None)], "pending");
        check("same content", 1, &[holds], "succeeded");
        check(
            "one of two",
            1,
            &[worker("a", Some(5)), worker("b", Some(4))],
            "pending",
        );
        check(
            "one expired",
            1,
            &[worker("a", Some(5)), expired(worker("b", Some(4)))],
            "succeeded",
        );
        check("all expired", 1, &[expired(worker("a", None))], "succeeded");
    }

    #[test]
    fn a_refusal_fails_the_operation_at_once_and_says_what_and_why() {
        check(
            "part and property",
            1,
            &[
                worker("a", None),
                refusing("b", 5, "frontendPorts/https", "port"),
            ],
            "WorkerRefusedConfiguration: worker b refused generation 5 at frontendPorts/https.port: address in use",
        );
        check(
            "whole gateway",
            1,
            &[refusing("b", 5, "", "")],
            "WorkerRefusedConfiguration: worker b refused generation 5: address in use",
        );
        check("older one", 1, &[refusing("b", 4, "", "")], "pending");
        check(
            "without lease",
            1,
            &[expired(refusing("b", 5, "", ""))],
            "succeeded",
        );
        let applied_later = WorkerFacts {
            applied_generation: Some(5),
            ..refusing("b", 5, "", "")
        };
        check("applied after all", 1, &[applied_later], "succeeded");
    }

    #[test]
    fn the_deadline_names_the_silent_workers() {
        check(
            "one",
            30,
            &[worker("a", Some(5)), worker("b", Some(4))],
            "WorkerDidNotAnswer: worker b did not answer for generation 5 within the deadline",
        );
        check(
            "two",
            31,
            &[worker("a", None), worker("b", Some(4))],
            "WorkerDidNotAnswer: worker a did not answer for generation 5 within the deadline; \
             worker b did not answer for generation 5 within the deadline",
        );
        check("just before", 29, &[worker("a", None)], "pending");
        check("all answered", 40, &[worker("a", Some(5))], "succeeded");
    }

    #[test]
    fn several_refusals_become_details() {
        let facts = [
            refusing("a", 5, "frontendPorts/https", "port"),
            refusing("b", 5, "sslProfiles/p", ""),
        ];
        let verdict = settle(at(1), &operation(OperationKind::PutGateway), &facts);
        let Verdict::Failed(error) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(error.target.as_deref(), Some("frontendPorts/https.port"));
        let targets: Vec<_> = error.details.iter().map(|d| d.target.as_deref()).collect();
        assert_eq!(
            targets,
            [Some("frontendPorts/https.port"), Some("sslProfiles/p")]
        );
    }

    #[test]
    fn a_deletion_is_over_only_when_it_was_removed() {
        let operation = operation(OperationKind::DeleteGateway);
        let holds = WorkerFacts {
            holds_wanted: true,
            ..worker("a", Some(4))
        };
        assert_eq!(settle(at(1), &operation, &[holds]), Verdict::Pending);
        let removed = worker("a", Some(5));
        assert_eq!(settle(at(1), &operation, &[removed]), Verdict::Succeeded);
    }
}
