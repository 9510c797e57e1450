//! Finds members of a canonical document by pattern, such as `properties.httpListeners[].properties.hostNames`.

use serde_json::{Map, Value};

/// Every value that the pattern leads to, with its path. `[]` after a member stands for each element.
pub(super) fn select<'a>(
    document: &'a Map<String, Value>,
    pattern: &str,
) -> Vec<(String, &'a Value)> {
    let mut found = Vec::new();
    walk(document, pattern, String::new(), &mut found);
    found
}

fn walk<'a>(
    object: &'a Map<String, Value>,
    pattern: &str,
    path: String,
    found: &mut Vec<(String, &'a Value)>,
) {
    let (segment, rest) = pattern
        .split_once('.')
        .map_or((pattern, None), |(segment, rest)| (segment, Some(rest)));
    let (member, each) = segment
        .strip_suffix("[]")
        .map_or((segment, false), |member| (member, true));
    let Some(value) = object.get(member) else {
        return;
    };
    let path = if path.is_empty() {
        member.to_owned()
    } else {
        format!("{path}.{member}")
    };
    let values: Vec<(String, &Value)> = match value {
        Value::Array(values) if each => values
            .iter()
            .enumerate()
            .map(|(at, value)| (format!("{path}[{at}]"), value))
            .collect(),
        _ => vec![(path, value)],
    };
    for (path, value) in values {
        match (rest, value) {
            (None, _) => found.push((path, value)),
            (Some(rest), Value::Object(object)) => walk(object, rest, path, found),
            (Some(_), _) => {}
        }
    }
}

/// The children of one collection.
pub(super) fn children<'a>(document: &'a Map<String, Value>, collection: &str) -> &'a [Value] {
    let properties = document.get("properties").and_then(Value::as_object);
    properties
        .and_then(|properties| properties.get(collection)?.as_array())
        .map_or(&[], Vec::as_slice)
}

/// The children of one collection, to be changed.
pub(super) fn children_mut<'a>(
    document: &'a mut Map<String, Value>,
    collection: &str,
) -> &'a mut [Value] {
    let properties = document
        .get_mut("properties")
        .and_then(Value::as_object_mut);
    let values = properties.and_then(|properties| properties.get_mut(collection)?.as_array_mut());
    values.map_or(&mut [], Vec::as_mut_slice)
}

/// The `properties` of a child, to be changed; made when there are none.
pub(super) fn properties_mut(child: &mut Value) -> Option<&mut Map<String, Value>> {
    let child = child.as_object_mut()?;
    child
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}

/// The name of a child as it stands there.
pub(super) fn name(child: &Value) -> &str {
    child
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The child of this name, in any case.
pub(super) fn find<'a>(children: &'a [Value], wanted: &str) -> Option<&'a Value> {
    children
        .iter()
        .find(|child| !wanted.is_empty() && name(child).eq_ignore_ascii_case(wanted))
}
