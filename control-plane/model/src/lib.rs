//! Pure domain types and rules of the control plane, in ARM's words. No I/O, no serde, no clock.
//!
//! An [`ApplicationGateway`] is always valid: its constructor checks all that can be checked without I/O and returns
//! every violation at once.

mod caseless;
mod collection;
mod gateway;
mod id;
mod name;
mod secret;
mod state;
mod violation;

pub use collection::Collection;
pub use gateway::ApplicationGateway;
pub use id::{ChildId, GatewayId, InvalidId, ResourceGroupId};
pub use name::{InvalidName, ResourceGroupName, ResourceName, SubscriptionId};
pub use secret::Secret;
pub use state::{OperationalState, ProvisioningState};
pub use violation::{Violation, ViolationCode};
