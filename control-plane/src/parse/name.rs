//! Names of children: present, well-formed, unique.

use std::collections::HashSet;

use model::{Collection, ResourceName, ViolationCode as Code};
use serde_json::{Map, Value};

use super::path;
use crate::violations::Findings;

/// So many children of a kind that Azure sets no limit for. Azure's own limits are the model's.
const LIMIT: usize = 400;

/// Checks every collection of the document, typed or not.
pub(super) fn check(document: &Map<String, Value>, findings: &mut Findings) {
    for collection in Collection::ALL {
        let children = path::children(document, collection.as_str());
        if children.len() > LIMIT {
            let message = format!(
                "There are {} entries; at most {LIMIT} are allowed.",
                children.len()
            );
            findings.add(
                Code::LimitExceeded,
                &format!("properties.{collection}"),
                message,
            );
        }
        let mut seen = HashSet::new();
        for (index, child) in children.iter().enumerate() {
            let target = format!("properties.{collection}[{index}].name");
            let text = path::name(child);
            match ResourceName::parse(text) {
                Err(_) if text.is_empty() => {
                    let message = format!("An entry of {collection} has no name.");
                    findings.add(Code::MissingRequiredProperty, &target, message);
                }
                Err(error) => findings.add(Code::InvalidResourceName, &target, format!("{error}.")),
                Ok(name) => {
                    if !seen.insert(name) {
                        let message =
                            format!("There is another entry named {text} in {collection}.");
                        findings.add(Code::DuplicateResourceName, &target, message);
                    }
                }
            }
        }
    }
}
