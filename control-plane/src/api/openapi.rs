//! The API's own description: an OpenAPI 3.0.3 document, made of the route table and of the schema that bodies are read by.
//!
//! It describes the canonical form of requests. What else is taken (names in any case, numbers as text, null for what is
//! not set) is not in it, nor is HEAD, which every GET answers, too.

mod parameter;
mod reply;
mod schema;

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use super::{
    path::ArmPath,
    route::{self, Access, Content, Operation, ROUTES, Route, Verb},
};
use crate::wire;

/// Answers at `/openapi.json`. The document never changes while the program runs.
pub(super) fn answer() -> Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document().to_string()));
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], TEXT.clone()).into_response()
}

fn document() -> Value {
    let paths: Map<String, Value> = ROUTES
        .iter()
        .map(|route| (route.template.to_owned(), path_item(route)))
        .collect();
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schema::schemas(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn path_item(route: &Route) -> Value {
    let mut item = Map::new();
    let in_path: Vec<Value> = parameter::in_path(route.template).collect();
    if !in_path.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(in_path));
    }
    // A path of the table is always found; without it nothing is said of replies, which the tests would notice.
    if let Ok(found) = route::find(&parameter::example(route.template)) {
        for operation in route.operations {
            let method = method(operation.verb).to_owned();
            item.insert(method, describe(&found.path, operation));
        }
    }
    Value::Object(item)
}

fn describe(path: &ArmPath, operation: &Operation) -> Value {
    let mut described = Map::new();
    let mut add = |name: &str, value: Value| described.insert(name.to_owned(), value);
    add("operationId", json!(operation.id));
    if operation.access == Access::Public {
        add("security", json!([]));
    } else {
        let description = format!("Needs the permission `{}`.", operation.action);
        add("description", json!(description));
    }
    let parameters: Vec<Value> = parameter::of(path, operation).collect();
    if !parameters.is_empty() {
        add("parameters", Value::Array(parameters));
    }
    if let Some(content) = content(operation.content) {
        add(
            "requestBody",
            json!({ "required": true, "content": content }),
        );
    }
    add("responses", reply::replies(path, operation));
    Value::Object(described)
}

fn content(content: Content) -> Option<Value> {
    let file = json!({ "schema": { "type": "string", "format": "binary" } });
    match content {
        Content::None => None,
        Content::Json(name) => {
            Some(json!({ "application/json": { "schema": wire::reference(name) } }))
        }
        Content::Form => {
            let schema = wire::reference("TokenRequest");
            Some(json!({ "application/x-www-form-urlencoded": { "schema": schema } }))
        }
        Content::List => Some(json!({
            "application/json": { "schema": wire::reference("CertificateRevocationList") },
            "application/pkix-crl": file,
            "application/x-pem-file": file,
        })),
    }
}

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Delete => "delete",
        Verb::Get => "get",
        Verb::Patch => "patch",
        Verb::Put => "put",
        Verb::Post | Verb::Query => "post",
    }
}

const DESCRIPTION: &str = "Gateways in the shape of Azure's Microsoft.Network/applicationGateways. Requests are described in \
     their canonical form: names and enum values match in any case, numbers and booleans may be strings, null means not set, \
     and read-only members are ignored. HEAD is answered wherever GET is.";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Calls `visit` for each object in a value.
    fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Map<String, Value>)) {
        match value {
            Value::Object(members) => {
                visit(members);
                members.values().for_each(|member| walk(member, visit));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
            _ => {}
        }
    }

    #[test]
    fn every_operation_of_the_route_table_is_described_once() {
        let document = document();
        let mut ids = BTreeSet::new();
        for route in ROUTES {
            for operation in route.operations {
                let described = &document["paths"][route.template][method(operation.verb)];
                assert_eq!(described["operationId"], operation.id, "{}", route.template);
                assert!(ids.insert(operation.id), "{} is there twice", operation.id);
            }
        }
        let methods = document["paths"].as_object().unwrap().values();
        let described: usize = methods
            .map(|item| item.as_object().unwrap().keys())
            .map(|names| names.filter(|name| *name != "parameters").count())
            .sum();
        assert_eq!(described, ids.len());
    }

    #[test]
    fn every_reference_resolves_and_every_schema_is_used() {
        let document = document();
        let mut used = BTreeSet::new();
        walk(&document, &mut |members| {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{target}");
                used.insert(target.rsplit('/').next().unwrap());
            }
        });
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let defined: BTreeSet<&str> = schemas.keys().map(String::as_str).collect();
        assert_eq!(used, defined);
    }

    #[test]
    fn every_parameter_of_a_path_is_described_and_leads_to_its_route() {
        let document = document();
        for route in ROUTES {
            let found = route::find(&parameter::example(route.template)).unwrap();
            assert_eq!(found.route.template, route.template);
            let wanted = route.template.matches('{').count();
            let parameters = &document["paths"][route.template]["parameters"];
            let described = parameters.as_array().map_or(0, Vec::len);
            assert_eq!(described, wanted, "{}", route.template);
        }
    }

    #[test]
    fn who_needs_no_token_is_not_told_of_one() {
        let document = document();
        for route in ROUTES {
            for operation in route.operations {
                let described = &document["paths"][route.template][method(operation.verb)];
                let open = operation.access == Access::Public;
                assert_eq!(described["security"] == json!([]), open, "{}", operation.id);
                assert_eq!(
                    described["responses"]["403"].is_null(),
                    open,
                    "{}",
                    operation.id
                );
                assert!(described["responses"]["500"].is_null());
            }
        }
    }

    #[test]
    fn a_gateway_is_described_as_it_is_read() {
        let document = document();
        let gateway = &document["components"]["schemas"]["ApplicationGateway"];
        assert_eq!(gateway["additionalProperties"], json!(false));
        assert_eq!(gateway["properties"]["etag"], json!({ "readOnly": true }));
        assert_eq!(
            gateway["properties"]["location"],
            json!({ "type": "string" })
        );
        let tier =
            &document["components"]["schemas"]["ApplicationGatewaySku"]["properties"]["tier"];
        assert!(
            tier["enum"]
                .as_array()
                .unwrap()
                .contains(&json!("Standard_v2"))
        );
    }
}
