//! From a stored document to what ARM answers: ids, etags, states, defaults and back references filled in.

use model::{Collection, GatewayId, OperationalState, ProvisioningState, ResourceName};
use serde_json::Value;

/// What the store knows of a gateway.
#[derive(Debug, Clone, Copy)]
pub struct GatewayFacts<'a> {
    /// With the casing of its creation.
    pub id: &'a GatewayId,
    /// `parse::Parsed::document`.
    pub document: &'a Value,
    /// As in the `ETag` header: `W/"{guid}"`.
    pub etag: &'a str,
    /// A GUID, the same over the life of the gateway.
    pub resource_guid: &'a str,
    /// Also shown on each child.
    pub provisioning_state: ProvisioningState,
    /// What the workers say.
    pub operational_state: OperationalState,
}

/// The whole gateway. Holds no secret.
pub fn application_gateway(_facts: &GatewayFacts<'_>) -> Value {
    todo!()
}

/// One child; `None` when there is none of this name.
pub fn child(
    _facts: &GatewayFacts<'_>,
    _collection: Collection,
    _name: &ResourceName,
) -> Option<Value> {
    todo!()
}

/// All children of one collection, in document order; for `{"value": [...]}`.
pub fn children(_facts: &GatewayFacts<'_>, _collection: Collection) -> Vec<Value> {
    todo!()
}
