//! What stands around `properties`: location and tags.

use model::{GatewayId, ViolationCode as Code};
use serde_json::{Map, Value};

use crate::violations::Findings;

const TAG_LIMIT: usize = 50;
const TAG_NAME_LIMIT: usize = 512;
const TAG_VALUE_LIMIT: usize = 256;

/// Checks both; writes the location in its normal form.
pub(super) fn settle(
    document: &mut Map<String, Value>,
    stored: Option<&Map<String, Value>>,
    gateway: &GatewayId,
    findings: &mut Findings,
) {
    location(document, stored, gateway, findings);
    tags(document, findings);
}

/// ARM ignores case and blanks in locations: `West Europe` is `westeurope`.
fn location(
    document: &mut Map<String, Value>,
    stored: Option<&Map<String, Value>>,
    gateway: &GatewayId,
    findings: &mut Findings,
) {
    let old = stored.and_then(|stored| stored.get("location")?.as_str());
    let Some(sent) = document.get("location").and_then(Value::as_str) else {
        findings.add(
            Code::LocationRequired,
            "location",
            "The location property is required for this definition.",
        );
        return;
    };
    let normal: String = sent
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect();
    if normal.is_empty()
        || normal.len() > 90
        || !normal
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        findings.add(
            Code::InvalidPropertyValue,
            "location",
            "The location is not the name of a place.",
        );
    } else if let Some(old) = old.filter(|old| *old != normal) {
        let message = format!(
            "The resource '{}' already exists in location '{old}'. A resource with the same name cannot be created in \
             location '{normal}'.",
            gateway.name()
        );
        findings.add(Code::InvalidResourceLocation, "location", message);
    }
    document.insert("location".to_owned(), Value::String(normal));
}

fn tags(document: &Map<String, Value>, findings: &mut Findings) {
    let Some(tags) = document.get("tags").and_then(Value::as_object) else {
        return;
    };
    if tags.len() > TAG_LIMIT {
        let message = format!(
            "There are {} tags; at most {TAG_LIMIT} are allowed.",
            tags.len()
        );
        findings.add(Code::LimitExceeded, "tags", message);
    }
    for (name, value) in tags {
        let length = value.as_str().map_or(0, |text| text.chars().count());
        if name.is_empty() || name.chars().count() > TAG_NAME_LIMIT || length > TAG_VALUE_LIMIT {
            let message = format!(
                "A tag has a name of 1 to {TAG_NAME_LIMIT} characters and a value of up to {TAG_VALUE_LIMIT}."
            );
            findings.add(Code::InvalidPropertyValue, "tags", message);
        }
    }
}
