//! Long-running operations: what a client polls after a `PUT` or a `DELETE`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Code of an operation that a newer one replaced.
pub const SUPERSEDED: &str = "CanceledAndSupersededDueToAnotherOperation";

/// One operation as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Unguessable; a version 4 UUID.
    pub id: String,
    /// Key (lower-case ARM id) of the gateway or resource group that it is about.
    pub resource_key: String,
    /// The same id with the casing of its creation.
    pub resource_id: String,
    /// What was asked for.
    pub kind: OperationKind,
    /// The gateway's generation that has to be in force; 0 for a resource group.
    pub generation: i64,
    /// How it stands.
    pub state: OperationState,
    /// Set exactly when the state is `Failed` or `Canceled`.
    pub error: Option<OperationError>,
    /// Correlation id of the request that began it.
    pub correlation_id: String,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// A worker that is silent until then makes it fail.
    pub deadline: OffsetDateTime,
    /// When it ended; absent while it is in progress.
    pub ended_at: Option<OffsetDateTime>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// Remove a gateway from every worker, then from the store.
    DeleteGateway,
    /// Delete the gateways of a resource group, then the group.
    DeleteResourceGroup,
    /// Put a generation of a gateway in force.
    PutGateway,
}

/// How an operation stands; ARM's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// A newer operation replaced it.
    Canceled,
    /// A worker refused, or was silent until the deadline.
    Failed,
    /// Not over.
    InProgress,
    /// Every worker that counts has done it.
    Succeeded,
}

/// Why an operation failed or was canceled, in ARM's error shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationError {
    /// ARM error code.
    pub code: String,
    /// For the operator; no secrets.
    pub message: String,
    /// The part at fault: `frontendPorts/https.port`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// One for each worker, where several failed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub details: Vec<OperationError>,
}

impl Operation {
    /// Whether the state is final.
    pub fn is_over(&self) -> bool {
        self.state != OperationState::InProgress
    }
}

impl OperationKind {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeleteGateway => "DeleteGateway",
            Self::DeleteResourceGroup => "DeleteResourceGroup",
            Self::PutGateway => "PutGateway",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [
            Self::DeleteGateway,
            Self::DeleteResourceGroup,
            Self::PutGateway,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }
}

impl OperationState {
    /// ARM's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canceled => "Canceled",
            Self::Failed => "Failed",
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [
            Self::Canceled,
            Self::Failed,
            Self::InProgress,
            Self::Succeeded,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

impl OperationError {
    pub(crate) fn new(code: &str, message: String) -> Self {
        Self {
            code: code.to_owned(),
            message,
            target: None,
            details: Vec::new(),
        }
    }

    /// The end of an operation that another one replaced; names both.
    pub(crate) fn superseded(old: &str, new: &str) -> Self {
        Self::new(
            SUPERSEDED,
            format!("operation {old} was canceled and superseded by operation {new}"),
        )
    }
}
