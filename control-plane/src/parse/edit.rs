//! Small changes as whole documents: what a client sends for a part is put into the stored document, which then goes
//! the way of every request body.

use model::{Collection, ResourceName, Violation, ViolationCode};
use serde_json::{Map, Value, json};

use super::path;
use crate::facts::PRIVATE;
use crate::violations::Violations;

/// The stored document as a request body with one child put in (replaced, or added at the end): `body` is what the
/// client sent for the child, in its own casing. Goes through [`application_gateway`](super::application_gateway) next,
/// with the same stored document.
///
/// # Errors
/// When `body` is not an object or names another child.
pub fn with_child(
    stored: &Value,
    collection: Collection,
    name: &ResourceName,
    body: &Value,
) -> Result<Value, Violations> {
    let Value::Object(sent) = body else {
        return Err(refused(
            ViolationCode::InvalidJson,
            "",
            "The request content must be a JSON object.",
        ));
    };
    let named = sent
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("name"))
        .map(|(_, value)| value);
    let other = named.filter(|value| !value.is_null() && value.as_str() != Some(""));
    if other.is_some_and(|value| {
        !value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case(name.as_str()))
    }) {
        let message = format!("The name in the content is not that of the address, {name}.");
        return Err(refused(
            ViolationCode::InvalidResourceName,
            "name",
            &message,
        ));
    }
    let mut child: Map<String, Value> = sent
        .iter()
        .filter(|(key, _)| !key.eq_ignore_ascii_case("name"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let mut document = request_body(stored);
    edit(&mut document, collection, |children| {
        let same = children
            .iter_mut()
            .find(|old| path::name(old).eq_ignore_ascii_case(name.as_str()));
        // A child keeps the casing of its creation.
        let kept = same
            .as_ref()
            .map_or(name.as_str(), |old| path::name(old))
            .to_owned();
        child.insert("name".to_owned(), json!(kept));
        match same {
            Some(old) => *old = Value::Object(child),
            None => children.push(Value::Object(child)),
        }
    });
    Ok(Value::Object(document))
}

/// The stored document as a request body without one child; `None` when there is no such child. Goes through
/// [`application_gateway`](super::application_gateway) next, which refuses it when something still refers to the child.
pub fn without_child(stored: &Value, collection: Collection, name: &ResourceName) -> Option<Value> {
    let mut document = request_body(stored);
    edit(&mut document, collection, |children| {
        let at = children
            .iter()
            .position(|old| path::name(old).eq_ignore_ascii_case(name.as_str()))?;
        Some(children.remove(at))
    })?;
    Some(Value::Object(document))
}

/// The stored document as a request body with other tags: `PATCH`, which replaces all tags.
///
/// # Errors
/// When `body` is not `{"tags": {..}}`; `{}` and null remove all tags.
pub fn with_tags(stored: &Value, body: &Value) -> Result<Value, Violations> {
    let Value::Object(sent) = body else {
        return Err(refused(
            ViolationCode::InvalidJson,
            "",
            "The request content must be a JSON object.",
        ));
    };
    if let Some(key) = sent.keys().find(|key| !key.eq_ignore_ascii_case("tags")) {
        let key: String = key.chars().take(100).collect();
        let message =
            format!("Could not find member '{key}' on object of type 'TagsObject'. Path '{key}'.");
        return Err(refused(ViolationCode::InvalidJson, &key, &message));
    }
    let mut document = request_body(stored);
    let tags = sent.values().next().filter(|tags| !tags.is_null()).cloned();
    document.insert("tags".to_owned(), tags.unwrap_or_else(|| json!({})));
    Ok(Value::Object(document))
}

/// The stored document as a request body.
pub(super) fn unchanged(stored: &Value) -> Value {
    Value::Object(request_body(stored))
}

/// Without what no request may hold.
fn request_body(stored: &Value) -> Map<String, Value> {
    let mut document = stored.as_object().cloned().unwrap_or_default();
    for certificate in path::children_mut(&mut document, Collection::SSL_CERTIFICATES.as_str()) {
        if let Some(properties) = path::properties_mut(certificate) {
            properties.shift_remove(PRIVATE);
        }
    }
    document
}

fn edit<T>(
    document: &mut Map<String, Value>,
    collection: Collection,
    change: impl FnOnce(&mut Vec<Value>) -> T,
) -> T {
    let mut properties = match document.shift_remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    let mut children = match properties.shift_remove(collection.as_str()) {
        Some(Value::Array(children)) => children,
        _ => Vec::new(),
    };
    let result = change(&mut children);
    properties.insert(collection.as_str().to_owned(), Value::Array(children));
    document.insert("properties".to_owned(), Value::Object(properties));
    result
}

fn refused(code: ViolationCode, target: &str, message: &str) -> Violations {
    Violations::from(Violation::new(code, target, message))
}
