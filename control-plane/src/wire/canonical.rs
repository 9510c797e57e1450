//! The walk over a document along the schema.

use model::ViolationCode;
use serde_json::{Map, Value};

use super::{Kind, Member, Object, access, explain, policy, table};
use crate::violations::Findings;

/// More than Azure allows of anything: 1,200 addresses in a pool. The limits of each part are checked later.
pub(super) const ARRAY_LIMIT: usize = 2000;

/// The canonical form of the body of a gateway; what does not fit the schema is reported and left out.
pub(crate) fn canonical(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &table::GATEWAY, findings)
}

/// As [`canonical`], for a client auth policy.
pub(crate) fn client_auth_policy(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &policy::CLIENT_AUTH_POLICY, findings)
}

/// As [`canonical`], for the question whether a client may in.
pub(crate) fn explain_client_certificate(
    body: &Value,
    findings: &mut Findings,
) -> Map<String, Value> {
    whole(body, &explain::EXPLAIN_CLIENT_CERTIFICATE, findings)
}

/// As [`canonical`], for a role assignment.
pub(crate) fn role_assignment(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &access::ROLE_ASSIGNMENT, findings)
}

/// As [`canonical`], for a service principal.
pub(crate) fn service_principal(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &access::SERVICE_PRINCIPAL, findings)
}

/// As [`canonical`], for a worker.
pub(crate) fn worker(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &access::WORKER, findings)
}

/// As [`canonical`], for a new join token.
pub(crate) fn create_join_token(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &access::CREATE_JOIN_TOKEN, findings)
}

/// As [`canonical`], for a new credential of a service principal.
pub(crate) fn add_credential(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &access::ADD_CREDENTIAL, findings)
}

/// As [`canonical`], for a credential that shall go.
pub(crate) fn remove_credential(body: &Value, findings: &mut Findings) -> Map<String, Value> {
    whole(body, &access::REMOVE_CREDENTIAL, findings)
}

fn whole(body: &Value, definition: &Object, findings: &mut Findings) -> Map<String, Value> {
    let Value::Object(members) = body else {
        findings.add(
            ViolationCode::InvalidJson,
            "",
            "The request content must be a JSON object.",
        );
        return Map::new();
    };
    object(members, definition, "", findings)
}

fn object(
    sent: &Map<String, Value>,
    definition: &Object,
    path: &str,
    findings: &mut Findings,
) -> Map<String, Value> {
    let mut found: Vec<(usize, Value)> = Vec::with_capacity(sent.len());
    let mut seen: Vec<usize> = Vec::with_capacity(sent.len());
    for (key, value) in sent {
        let position = definition
            .members
            .iter()
            .position(|member| member.name.eq_ignore_ascii_case(key));
        let Some((at, member)) = position.and_then(|at| Some((at, definition.members.get(at)?)))
        else {
            unknown_member(key, definition, path, findings);
            continue;
        };
        let path = join(path, member.name);
        if seen.contains(&at) {
            let message = format!(
                "Member '{}' is there more than once. Path '{path}'.",
                member.name
            );
            findings.add(ViolationCode::InvalidJson, &path, message);
            continue;
        }
        seen.push(at);
        if let Some(value) = member_value(value, member, &path, findings) {
            found.push((at, value));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let name = |at: usize| {
        definition
            .members
            .get(at)
            .map(|member| member.name.to_owned())
    };
    found
        .into_iter()
        .filter_map(|(at, value)| Some((name(at)?, value)))
        .collect()
}

fn unknown_member(key: &str, definition: &Object, path: &str, findings: &mut Findings) {
    let key: String = key.chars().take(100).collect();
    let path = join(path, &key);
    let message = format!(
        "Could not find member '{key}' on object of type '{}'. Path '{path}'.",
        definition.name
    );
    findings.add(ViolationCode::InvalidJson, &path, message);
}

fn member_value(
    value: &Value,
    member: &Member,
    path: &str,
    findings: &mut Findings,
) -> Option<Value> {
    let kind = member.kind?;
    if member.keeps_empty && value.as_str() == Some("") {
        return Some(value.clone());
    }
    // A reference without id (`"sslCertificate": {"id": null}`) is none.
    let is_none =
        |value: &Value| is_reference(kind) && value.as_object().is_some_and(Map::is_empty);
    item(value, kind, path, findings).filter(|value| member.keeps_empty || !is_none(value))
}

/// The canonical value; `None` for what is unset, and for what is wrong and reported.
fn item(value: &Value, kind: Kind, path: &str, findings: &mut Findings) -> Option<Value> {
    if value.is_null() || value.as_str() == Some("") {
        return None;
    }
    let found = match kind {
        Kind::Text => text(value),
        Kind::Integer => integer(value).map(Value::from),
        Kind::Boolean => boolean(value).map(Value::from),
        Kind::Enum(words) => return word(value, words, path, findings),
        Kind::Array(kind) => value
            .as_array()
            .map(|values| array(values, *kind, path, findings)),
        Kind::Map(kind) => value
            .as_object()
            .map(|members| Value::Object(map(members, *kind, path, findings))),
        Kind::Object(definition) => value
            .as_object()
            .map(|members| Value::Object(object(members, definition, path, findings))),
    };
    if found.is_none() {
        let message = format!(
            "Could not convert a value to {}. Path '{path}'.",
            expected(kind)
        );
        findings.add(ViolationCode::InvalidJson, path, message);
    }
    found
}

/// What comes after the limit is left out: a few megabytes of `{}` would become gigabytes on their way through.
fn array(values: &[Value], kind: Kind, path: &str, findings: &mut Findings) -> Value {
    if values.len() > ARRAY_LIMIT {
        let message = format!(
            "There are {} entries; at most {ARRAY_LIMIT} are allowed.",
            values.len()
        );
        findings.add(ViolationCode::LimitExceeded, path, message);
    }
    let one = |(at, value)| element(value, kind, &format!("{path}[{at}]"), findings);
    values
        .iter()
        .take(ARRAY_LIMIT)
        .enumerate()
        .filter_map(one)
        .collect()
}

/// The canonical value of an array's element. Objects keep their place, so that targets count as the client does and an
/// empty reference in a list is not the same as none.
fn element(value: &Value, kind: Kind, path: &str, findings: &mut Findings) -> Option<Value> {
    let found = item(value, kind, path, findings);
    found.or_else(|| matches!(kind, Kind::Object(_)).then(|| Value::Object(Map::new())))
}

fn is_reference(kind: Kind) -> bool {
    matches!(kind, Kind::Object(definition) if std::ptr::eq(definition, &raw const table::SUB_RESOURCE))
}

fn map(
    sent: &Map<String, Value>,
    kind: Kind,
    path: &str,
    findings: &mut Findings,
) -> Map<String, Value> {
    let mut found = Map::new();
    for (key, value) in sent {
        let value = match (kind, value) {
            // Tags may be empty, and `userAssignedIdentities` has members that say all with their key.
            (Kind::Text, Value::Null) => Some(Value::from("")),
            (Kind::Text, Value::String(_)) => Some(value.clone()),
            (Kind::Object(_), Value::Null) => Some(Value::Object(Map::new())),
            _ => item(value, kind, &format!("{path}['{key}']"), findings),
        };
        if let Some(value) = value {
            found.insert(key.clone(), value);
        }
    }
    found
}

fn text(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value.clone()),
        Value::Number(number) => Some(Value::from(number.to_string())),
        Value::Bool(flag) => Some(Value::from(flag.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| integral(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `8080.0` is a number that some clients write for 8080.
fn integral(number: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked: whole, and far from the bounds of i64"
    )]
    let whole = number as i64;
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(whole)
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn word(value: &Value, words: &[&str], path: &str, findings: &mut Findings) -> Option<Value> {
    let sent = value.as_str().unwrap_or_default().trim();
    let known = words.iter().find(|word| word.eq_ignore_ascii_case(sent));
    if known.is_none() {
        let sent: String = value.to_string().chars().take(100).collect();
        let message = format!(
            "Value {sent} is not one of {}. Path '{path}'.",
            words.join(", ")
        );
        findings.add(ViolationCode::InvalidJson, path, message);
    }
    known.map(|word| Value::from(*word))
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Enum(_) => "a string",
        Kind::Integer => "an integer",
        Kind::Boolean => "a boolean",
        Kind::Array(_) => "an array",
        Kind::Object(_) | Kind::Map(_) => "an object",
    }
}

fn join(path: &str, member: &str) -> String {
    if path.is_empty() {
        member.to_owned()
    } else {
        format!("{path}.{member}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::violations::Violations;

    fn run(body: &Value) -> (Value, Vec<String>) {
        let mut findings = Findings::default();
        let document = canonical(body, &mut findings);
        let violations = findings.finish().err();
        let targets = violations
            .iter()
            .flat_map(Violations::iter)
            .map(|violation| violation.target.clone())
            .collect();
        (Value::Object(document), targets)
    }

    #[track_caller]
    fn check(body: Value, document: Value) {
        assert_eq!(run(&body), (document, Vec::new()));
    }

    #[track_caller]
    fn check_refused(body: Value, targets: &[&str]) {
        assert_eq!(run(&body).1, targets);
    }

    #[test]
    fn names_values_and_numbers_in_any_form_become_canonical() {
        check(
            json!({"LOCATION": "here", "Properties": {"FrontendPorts": [{"Name": "p", "Properties": {"Port": "8080"}}]}}),
            json!({"location": "here", "properties": {"frontendPorts": [{"name": "p", "properties": {"port": 8080}}]}}),
        );
        check(
            json!({"properties": {"enableHTTP2": "True"}}),
            json!({"properties": {"enableHttp2": true}}),
        );
        check(
            json!({"properties": {"sku": {"capacity": 2.0}}}),
            json!({"properties": {"sku": {"capacity": 2}}}),
        );
        check(
            json!({"properties": {"sku": {"tier": "standard_V2"}}}),
            json!({"properties": {"sku": {"tier": "Standard_v2"}}}),
        );
        check(json!({"zones": [1, "2"]}), json!({"zones": ["1", "2"]}));
    }

    #[test]
    fn nulls_empty_strings_and_empty_references_are_unset() {
        let listener = |properties: Value| json!({"properties": {"httpListeners": [{"name": "l", "properties": properties}]}});
        check(
            listener(
                json!({"SslProfile": null, "hostName": "", "sslCertificate": {"id": null}, "frontendPort": {}}),
            ),
            listener(json!({})),
        );
        check(
            json!({"zones": null, "tags": {"a": "", "b": null}}),
            json!({"tags": {"a": "", "b": ""}}),
        );
    }

    #[test]
    fn an_empty_reference_to_what_protects_is_not_the_same_as_none() {
        let listener = |profile: Value| json!({"properties": {"httpListeners": [{"name": "l", "properties": {"sslProfile": profile}}]}});
        check(listener(json!({"id": ""})), listener(json!({})));
        check(listener(json!("")), listener(json!("")));
        let profile = |trusted: Value| json!({"properties": {"sslProfiles": [{"name": "p", "properties": {"trustedClientCertificates": trusted}}]}});
        check(
            profile(json!([{"id": null}, null])),
            profile(json!([{}, {}])),
        );
    }

    #[test]
    fn read_only_members_are_ignored_whatever_they_are() {
        check(
            json!({"id": 1, "etag": [], "name": {}, "properties": {"provisioningState": {"x": 1}, "resourceGuid": "g",
                   "frontendPorts": [{"id": "x", "type": "y", "name": "p", "properties": {"httpListeners": [{"id": "z"}]}}]}}),
            json!({"properties": {"frontendPorts": [{"name": "p", "properties": {}}]}}),
        );
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_path() {
        check_refused(json!([]), &[""]);
        check_refused(
            json!({"colour": 1, "properties": {"enableHttp2": "perhaps"}}),
            &["colour", "properties.enableHttp2"],
        );
        check_refused(
            json!({"properties": {"sslCertificates": [{"name": "a"}, {"name": "b", "data": "x"}]}}),
            &["properties.sslCertificates[1].data"],
        );
        check_refused(
            json!({"properties": {"frontendPorts": {}}}),
            &["properties.frontendPorts"],
        );
        check_refused(
            json!({"properties": {"sku": {"tier": "Gold"}}}),
            &["properties.sku.tier"],
        );
        check_refused(
            json!({"properties": {"sku": {"capacity": 1.5}}}),
            &["properties.sku.capacity"],
        );
        check_refused(json!({"location": "a", "Location": "b"}), &["location"]);
    }

    #[test]
    fn an_array_that_is_longer_than_any_may_be_is_cut() {
        let body = json!({"properties": {"httpListeners": vec![json!({}); 2001], "frontendPorts": vec![json!({}); 2000]}});
        let (document, targets) = run(&body);
        assert_eq!(targets, ["properties.httpListeners"]);
        let length =
            |collection: &str| document["properties"][collection].as_array().unwrap().len();
        assert_eq!(
            (length("httpListeners"), length("frontendPorts")),
            (2000, 2000)
        );
    }

    #[test]
    fn an_unknown_member_reads_as_azure_says_it() {
        let mut findings = Findings::default();
        canonical(
            &json!({"properties": {"sslCertificates": [{"data": "x"}]}}),
            &mut findings,
        );
        let violations = findings.finish().unwrap_err();
        assert_eq!(
            violations.iter().next().unwrap().message,
            "Could not find member 'data' on object of type 'ApplicationGatewaySslCertificate'. Path \
             'properties.sslCertificates[0].data'."
        );
    }
}
