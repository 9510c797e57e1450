//! The gateway as a whole.

use crate::id::GatewayId;

/// A valid gateway.
#[derive(Debug, Clone)]
pub struct ApplicationGateway {
    id: GatewayId,
}

impl ApplicationGateway {
    /// Its ARM id.
    pub fn id(&self) -> &GatewayId {
        &self.id
    }
}
