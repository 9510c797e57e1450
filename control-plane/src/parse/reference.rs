//! One spelling for every reference to a child of the gateway itself.

use model::{ChildId, Collection, GatewayId};
use serde_json::{Map, Value};

use super::path;

/// Rewrites the references in `document`: the gateway as it was created, collections as Azure writes them, children as
/// they are named in the document. What refers to anything else stays.
pub(super) fn canonicalise(document: &mut Map<String, Value>, gateway: &GatewayId) {
    let Some(Value::Object(mut properties)) = document.remove("properties") else {
        return;
    };
    // Names are looked up in the document as it was.
    let names = Names::of(&properties);
    for value in properties.values_mut() {
        rewrite(value, gateway, &names);
    }
    document.insert("properties".to_owned(), Value::Object(properties));
}

/// The names of all children, as written.
struct Names(std::collections::HashMap<(Collection, String), String>);

impl Names {
    fn of(properties: &Map<String, Value>) -> Self {
        let mut names = std::collections::HashMap::new();
        for collection in Collection::ALL {
            let children = properties
                .get(collection.as_str())
                .and_then(Value::as_array);
            for name in children.into_iter().flatten().map(path::name) {
                names.insert((*collection, name.to_ascii_lowercase()), name.to_owned());
            }
        }
        Self(names)
    }

    fn written(&self, id: &ChildId) -> Option<&str> {
        let key = (id.collection(), id.name().as_str().to_ascii_lowercase());
        self.0.get(&key).map(String::as_str)
    }
}

fn rewrite(value: &mut Value, gateway: &GatewayId, names: &Names) {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| rewrite(value, gateway, names)),
        Value::Object(members) if members.len() == 1 && members.contains_key("id") => {
            let id = members
                .get("id")
                .and_then(Value::as_str)
                .and_then(|text| ChildId::parse(text).ok());
            let Some(id) = id.filter(|id| id.gateway() == gateway) else {
                return;
            };
            if let Some(name) = names.written(&id) {
                let text = format!("{gateway}/{}/{name}", id.collection());
                members.insert("id".to_owned(), Value::String(text));
            }
        }
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| rewrite(value, gateway, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
