//! From a client's JSON to a valid gateway, the document to store, and the secrets to seal.
//!
//! What a client sends is a full replacement, written in any casing, by any api-version. The *document* is what is
//! kept: canonical names and values, defaults filled in, references as canonical ids, no read-only properties and no
//! secrets. Two requests that mean the same give equal documents.

use model::{Collection, GatewayId, ResourceName, Secret, Violation};
use serde_json::Value;

use crate::api_version::ApiVersion;

/// What a document is parsed against.
#[derive(Debug, Clone, Copy)]
pub struct ParseContext<'a> {
    /// The gateway's id; when it exists already, with the casing of its creation.
    pub id: &'a GatewayId,
    /// What the caller speaks.
    pub api_version: &'a ApiVersion,
    /// The document that is stored now, if any: [`Parsed::document`] of an earlier parse.
    pub stored: Option<&'a Value>,
}

/// An accepted request.
#[derive(Debug)]
pub struct Parsed {
    /// The valid gateway, to be compiled.
    pub gateway: model::ApplicationGateway,
    /// What to store. Equal to the stored one: the PUT changes nothing.
    pub document: Value,
    /// Private keys that came with this request, to be sealed and stored by hash. Keys that the document refers to
    /// and that did not come with this request are stored already.
    pub secrets: Vec<SecretBlob>,
    /// SHA-256 of every private key that the document refers to, used by a listener or not; sorted. The store drops
    /// the others.
    pub keys: Vec<[u8; 32]>,
}

/// A private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretBlob {
    /// SHA-256 of the bytes; how snapshot and document name the key.
    pub sha256: [u8; 32],
    /// The key as PKCS#8 DER.
    pub pkcs8: Secret,
}

/// All that is wrong with a request. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document breaks {} rules, first {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// In the order of the document.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// `error.code` of the reply: that of the only violation, `InvalidRequestFormat` when the JSON does not fit the
    /// schema, else `MultipleErrorsOccurred`.
    pub fn code(&self) -> &'static str {
        todo!()
    }

    /// `error.message` of the reply.
    pub fn message(&self) -> &str {
        todo!()
    }

    /// `error.target` of the reply.
    pub fn target(&self) -> Option<&str> {
        todo!()
    }

    /// `error.details` of the reply; empty when `error` itself says it all.
    pub fn details(&self) -> &[Violation] {
        todo!()
    }
}

/// Parses the body of `PUT .../applicationGateways/{name}`.
///
/// # Errors
/// Every violation of the document, with targets.
pub fn application_gateway(
    _context: &ParseContext<'_>,
    _body: &Value,
) -> Result<Parsed, Violations> {
    todo!()
}

/// The stored document as a request body with one child put in (replaced, or added at the end): `body` is what the
/// client sent for the child, in its own casing. Goes through [`application_gateway`] next, with the same stored document.
///
/// # Errors
/// When `body` is not an object or names another child.
pub fn with_child(
    _stored: &Value,
    _collection: Collection,
    _name: &ResourceName,
    _body: &Value,
) -> Result<Value, Violations> {
    todo!()
}

/// The stored document as a request body without one child; `None` when there is no such child. Goes through
/// [`application_gateway`] next, which refuses it when something still refers to the child.
pub fn without_child(
    _stored: &Value,
    _collection: Collection,
    _name: &ResourceName,
) -> Option<Value> {
    todo!()
}

/// The stored document as a request body with other tags: `PATCH`, which replaces all tags.
///
/// # Errors
/// When `body` is not `{"tags": {..}}`.
pub fn with_tags(_stored: &Value, _body: &Value) -> Result<Value, Violations> {
    todo!()
}
