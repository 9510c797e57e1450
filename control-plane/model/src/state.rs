//! The states that ARM shows of a gateway.

use std::fmt;

/// How far the last accepted change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProvisioningState {
    /// In force on every worker that counts.
    Succeeded,
    /// Accepted, not yet in force.
    Updating,
    /// On its way out.
    Deleting,
    /// A worker refused it or did not answer in time.
    Failed,
    /// Given up for a newer change.
    Canceled,
}

/// What the gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationalState {
    /// Stopped on request.
    Stopped,
    /// No worker has the current configuration in force yet.
    Starting,
    /// In force on a worker.
    Running,
    /// Stopping on request.
    Stopping,
}

impl ProvisioningState {
    /// Azure's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}

impl OperationalState {
    /// Azure's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "Stopped",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
        }
    }
}

impl fmt::Display for ProvisioningState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for OperationalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
