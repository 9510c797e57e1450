//! Priorities of request routing rules.

use model::{Collection, ViolationCode as Code};
use serde_json::{Map, Value, json};

use super::path;
use crate::api_version::ApiVersion;
use crate::violations::Findings;

const RULES: &str = Collection::REQUEST_ROUTING_RULES.as_str();
/// Since when every rule of a v2 gateway needs one.
const MANDATORY_SINCE: &str = "2021-08-01";
/// Distance between priorities that are filled in: room to put a rule between.
const STEP: i64 = 10;

/// Reports rules without priority, or, when no rule has one and `version` is from before priorities were mandatory, gives
/// every rule one in document order. Rules that are stored keep theirs.
pub(super) fn settle(
    document: &mut Map<String, Value>,
    stored: Option<&Map<String, Value>>,
    version: &ApiVersion,
    findings: &mut Findings,
) {
    let rules = path::children(document, RULES);
    let has_priority = |rule: &Value| {
        rule.get("properties")
            .is_some_and(|members| members.get("priority").is_some())
    };
    let target = |index| format!("properties.{RULES}[{index}].properties.priority");
    // A priority that did not fit the schema is reported already and is not missing.
    let without: Vec<usize> = (0..)
        .zip(rules)
        .filter(|(index, rule)| !has_priority(rule) && !findings.concern(&target(*index)))
        .map(|(index, _)| index)
        .collect();
    let Some(first) = without.first() else { return };
    if without.len() < rules.len() {
        let message =
            "Some request routing rules have a priority and some have none. Give each rule one.";
        let code = Code::ApplicationGatewayRequestRoutingRulePartialPriorityDefined;
        findings.add(code, &target(*first), message);
    } else if version.is_before(MANDATORY_SINCE) {
        fill(document, stored);
    } else {
        let message = format!(
            "Request routing rules must have a priority from api-version {MANDATORY_SINCE} on."
        );
        findings.add(
            Code::ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty,
            &target(*first),
            message,
        );
    }
}

fn fill(document: &mut Map<String, Value>, stored: Option<&Map<String, Value>>) {
    let stored = stored.map_or(&[][..], |stored| path::children(stored, RULES));
    let known = |rule: &Value| {
        path::find(stored, path::name(rule))?
            .get("properties")?
            .get("priority")?
            .as_i64()
    };
    let rules = path::children(document, RULES);
    let mut last = rules.iter().filter_map(known).max().unwrap_or(0);
    for rule in path::children_mut(document, RULES) {
        let priority = known(rule).unwrap_or_else(|| {
            last = last.saturating_add(STEP);
            last
        });
        if let Some(properties) = path::properties_mut(rule) {
            properties.insert("priority".to_owned(), json!(priority));
        }
    }
}
