//! The definitions as schemas of an OpenAPI document, in the canonical form.

use serde_json::{Map, Value, json};

use super::{Kind, Member, Object, access, canonical::ARRAY_LIMIT, explain, policy, table};

/// The definitions of all request bodies and of what they are made of, by name.
pub(crate) fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    for root in ROOTS {
        define(root, &mut schemas);
    }
    schemas
}

/// The definitions of those members of a gateway's properties that are lists and whose name `is_wanted`.
pub(crate) fn children(is_wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let wanted = |member: &&Member| is_wanted(member.name);
    let members = table::GATEWAY_PROPERTIES.members.iter().filter(wanted);
    let kinds = members.filter_map(|member| match member.kind {
        Some(Kind::Array(kind)) => Some(*kind),
        _ => None,
    });
    kinds.map(schema).collect()
}

/// A reference to the schema of a name.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn define(object: &'static Object, schemas: &mut Map<String, Value>) {
    if schemas.contains_key(object.name) {
        return;
    }
    let properties = object.members.iter().map(|member| {
        let schema = member.kind.map_or_else(read_only, schema);
        (member.name.to_owned(), schema)
    });
    let properties: Map<String, Value> = properties.collect();
    let schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    schemas.insert(object.name.to_owned(), schema);
    for kind in object.members.iter().filter_map(|member| member.kind) {
        if let Some(inner) = object_in(kind) {
            define(inner, schemas);
        }
    }
}

/// What a client sends there is ignored, so it may be anything.
fn read_only() -> Value {
    json!({ "readOnly": true })
}

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Integer => json!({ "type": "integer", "format": "int64" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Enum(words) => json!({ "type": "string", "enum": words }),
        Kind::Object(object) => reference(object.name),
        Kind::Array(kind) => {
            json!({ "type": "array", "items": schema(*kind), "maxItems": ARRAY_LIMIT })
        }
        Kind::Map(kind) => json!({ "type": "object", "additionalProperties": schema(*kind) }),
    }
}

/// The object that a value of this kind is or holds.
fn object_in(kind: Kind) -> Option<&'static Object> {
    match kind {
        Kind::Object(object) => Some(object),
        Kind::Array(kind) | Kind::Map(kind) => object_in(*kind),
        Kind::Text | Kind::Integer | Kind::Boolean | Kind::Enum(_) => None,
    }
}

static ROOTS: &[&Object] = &[
    &table::GATEWAY,
    &policy::CLIENT_AUTH_POLICY,
    &explain::EXPLAIN_CLIENT_CERTIFICATE,
    &access::ROLE_ASSIGNMENT,
    &access::SERVICE_PRINCIPAL,
    &access::ADD_CREDENTIAL,
    &access::REMOVE_CREDENTIAL,
    &access::WORKER,
    &access::CREATE_JOIN_TOKEN,
];
