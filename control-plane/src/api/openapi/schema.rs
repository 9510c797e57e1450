//! The schemas: those of the wire, and those of what is read and written elsewhere.

use model::Collection;
use serde_json::{Map, Value, json};

use crate::wire::{self, reference};

/// All schemas by name.
pub(super) fn schemas() -> Map<String, Value> {
    let mut schemas = wire::schemas();
    let is_collection =
        |name: &str| Collection::parse(name).is_some_and(|found| found.as_str() == name);
    // Several may fit: what tells children apart are their properties.
    let children = json!({ "anyOf": wire::children(is_collection) });
    let others = [
        ("Child", children),
        (
            "TagsObject",
            json!({ "type": "object", "properties": { "tags": tags() }, "additionalProperties": false }),
        ),
        ("ResourceGroup", resource_group()),
        ("CertificateRevocationList", revocation_list()),
        ("OperationStatus", operation_status()),
        (
            "Metadata",
            json!({ "anyOf": [{ "type": "object" }, { "type": "array", "items": { "type": "object" } }] }),
        ),
        ("TokenRequest", token_request()),
        ("Token", token()),
        ("TokenError", token_error()),
        (
            "Error",
            json!({ "type": "object", "required": ["error"], "properties": { "error": reference("ErrorDetail") } }),
        ),
        ("ErrorDetail", error_detail()),
    ];
    schemas.extend(others.map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

fn tags() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn resource_group() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": read_only(),
            "name": read_only(),
            "type": read_only(),
            "location": { "type": "string", "pattern": "^[A-Za-z0-9 ]*[A-Za-z0-9][A-Za-z0-9 ]*$" },
            "managedBy": read_only(),
            "tags": {
                "type": "object",
                "maxProperties": 50,
                "additionalProperties": { "type": "string", "maxLength": 256 },
            },
            "properties": read_only(),
        },
        "additionalProperties": false,
    })
}

fn revocation_list() -> Value {
    let mut properties = Map::new();
    let data = json!({ "type": "string", "writeOnly": true });
    let flag = json!({ "type": "boolean", "writeOnly": true });
    properties.insert("data".to_owned(), data);
    properties.insert("allowRollback".to_owned(), flag);
    let shown = super::super::revocation_list::READ_ONLY.iter();
    properties.extend(shown.map(|name| ((*name).to_owned(), read_only())));
    json!({
        "type": "object",
        "required": ["properties"],
        "properties": {
            "id": read_only(),
            "name": read_only(),
            "type": read_only(),
            "etag": read_only(),
            "properties": {
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

fn operation_status() -> Value {
    json!({
        "type": "object",
        "required": ["id", "name", "status", "startTime"],
        "properties": {
            "id": { "type": "string" },
            "name": { "type": "string", "format": "uuid" },
            "status": { "type": "string", "enum": ["InProgress", "Succeeded", "Failed", "Canceled"] },
            "startTime": { "type": "string", "format": "date-time" },
            "endTime": { "type": "string", "format": "date-time" },
            "error": reference("ErrorDetail"),
        },
    })
}

fn token_request() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": { "type": "string", "enum": ["client_credentials"] },
            "client_id": text(),
            "client_secret": text(),
            "client_assertion_type": text(),
            "client_assertion": text(),
            "scope": text(),
            "resource": text(),
        },
    })
}

fn token() -> Value {
    json!({
        "type": "object",
        "required": ["token_type", "expires_in", "access_token"],
        "properties": {
            "token_type": { "type": "string", "enum": ["Bearer"] },
            "expires_in": { "type": "integer" },
            "ext_expires_in": { "type": "integer" },
            "access_token": { "type": "string" },
        },
    })
}

fn token_error() -> Value {
    json!({
        "type": "object",
        "required": ["error", "error_description"],
        "properties": {
            "error": { "type": "string" },
            "error_description": { "type": "string" },
            "error_codes": { "type": "array", "items": { "type": "integer" } },
            "correlation_id": { "type": "string" },
        },
    })
}

fn error_detail() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": { "type": "string" },
            "message": { "type": "string" },
            "target": { "type": "string", "nullable": true },
            "details": { "type": "array", "items": reference("ErrorDetail") },
        },
    })
}

fn read_only() -> Value {
    json!({ "readOnly": true })
}
