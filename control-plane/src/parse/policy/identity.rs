//! Identity rules.

use std::collections::HashSet;

use client_auth::{
    AttributeType, IdentityField, IdentityMatcher, IdentityRule, IdentityRules, MatchKind,
    RuleFinding, RuleList, Severity,
};
use model::ViolationCode as Code;
use serde_json::{Map, Value};

use crate::parse::node::{Node, Owner, Refused};
use crate::violations::Findings;

/// Rules in each list.
const RULES: usize = 100;
/// Matchers in each rule.
const MATCHERS: usize = 8;
const NAME_CHARACTERS: usize = 80;

pub(super) fn rules(node: &Node<'_>, findings: &mut Findings) -> Option<IdentityRules> {
    let deny = list(node, "deny", findings);
    let allow = list(node, "allow", findings);
    Some(IdentityRules {
        deny: deny?,
        allow: allow?,
    })
}

/// Refuses rules that cannot be meant as they stand; what is only suspicious becomes a warning.
pub(super) fn lint(rules: &IdentityRules, owner: Owner<'_>, findings: &mut Findings) {
    for found in rules.lint() {
        match found.problem.severity() {
            Severity::Error => {
                let message = format!("{} {}.", owner.id(), message(rules, &found));
                findings.add(Code::InvalidPropertyValue, &target(&found), message);
            }
            Severity::Warning => {}
        }
    }
}

/// What is said about a finding, naming the rule.
pub(super) fn message(rules: &IdentityRules, found: &RuleFinding) -> String {
    let list = match found.list {
        RuleList::Deny => &rules.deny,
        RuleList::Allow => &rules.allow,
    };
    let name = list.get(found.index).map_or("", |rule| &rule.name);
    format!("{} rule {name:?} {}", found.list, found.problem)
}

/// Where the part is that a finding is about.
pub(super) fn target(found: &RuleFinding) -> String {
    let rule = format!("properties.identityRules.{}[{}]", found.list, found.index);
    match found.matcher {
        Some(matcher) => format!("{rule}.allOf[{matcher}]"),
        None => rule,
    }
}

/// The matchers of a policy's document.
pub(super) fn count_matchers(document: &Map<String, Value>) -> usize {
    let lists = document
        .get("properties")
        .and_then(|properties| properties.get("identityRules")?.as_object());
    let rules = lists
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_array)
        .flatten();
    rules
        .filter_map(|rule| rule.get("allOf")?.as_array())
        .map(Vec::len)
        .sum()
}

fn list(node: &Node<'_>, member: &str, findings: &mut Findings) -> Option<Vec<IdentityRule>> {
    limit(node, member, RULES, findings).ok()?;
    unique_names(node, member, findings);
    node.each(member, findings, rule).ok()
}

fn rule(node: &Node<'_>, findings: &mut Findings) -> Option<IdentityRule> {
    let name = name(node, findings);
    if node.array("allOf").is_empty() {
        node.missing("allOf", findings);
        return None;
    }
    limit(node, "allOf", MATCHERS, findings).ok()?;
    let all_of = node.each("allOf", findings, matcher).ok();
    Some(IdentityRule {
        name: name?.to_owned(),
        all_of: all_of?,
    })
}

fn name<'a>(node: &Node<'a>, findings: &mut Findings) -> Option<&'a str> {
    let Some(name) = node.text("name") else {
        node.missing("name", findings);
        return None;
    };
    if name.chars().count() > NAME_CHARACTERS || name.contains(char::is_control) {
        let why = format!(
            "it has at most {NAME_CHARACTERS} characters, none of them a control character"
        );
        node.invalid("name", why, findings);
        return None;
    }
    Some(name)
}

/// Names are what logs and findings know rules by.
fn unique_names(node: &Node<'_>, member: &str, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for (index, rule) in node.array(member).iter().enumerate() {
        let name = rule.get("name").and_then(Value::as_str);
        if let Some(name) = name.filter(|name| !seen.insert(*name)) {
            let name: String = name.chars().take(NAME_CHARACTERS).collect();
            let target = format!("{}[{index}].name", node.at(member));
            let message = format!("There is another {member} rule named {name:?}.");
            findings.add(Code::DuplicateResourceName, &target, message);
        }
    }
}

fn matcher(node: &Node<'_>, findings: &mut Findings) -> Option<IdentityMatcher> {
    let field = field(node, findings);
    let kind = match node.text("match") {
        Some("Prefix") => MatchKind::Prefix,
        Some("Suffix") => MatchKind::Suffix,
        Some("Regex") => MatchKind::Regex,
        _ => MatchKind::Exact,
    };
    let Some(value) = node.text("value") else {
        node.missing("value", findings);
        return None;
    };
    IdentityMatcher::new(field?, kind, value, node.flag("ignoreCase"))
        .map_err(|error| node.invalid("value", format!("it {error}"), findings))
        .ok()
}

fn field(node: &Node<'_>, findings: &mut Findings) -> Option<IdentityField> {
    let attribute = node.text("attribute");
    let field = match node.text("field") {
        Some("SubjectAttribute") => return subject_attribute(node, findings),
        Some("SanDns") => IdentityField::SanDns,
        Some("SanUri") => IdentityField::SanUri,
        Some("SanEmail") => IdentityField::SanEmail,
        Some("SanIp") => IdentityField::SanIp,
        Some("Subject") => IdentityField::Subject,
        Some("Issuer") => IdentityField::Issuer,
        Some("Serial") => IdentityField::Serial,
        Some("Fingerprint") => IdentityField::Fingerprint,
        Some("Spki") => IdentityField::Spki,
        Some(_) | None => {
            node.missing("field", findings);
            return None;
        }
    };
    if attribute.is_some() {
        let why = format!("{field} has no attributes; it is for SubjectAttribute");
        node.invalid("attribute", why, findings);
        return None;
    }
    Some(field)
}

fn subject_attribute(node: &Node<'_>, findings: &mut Findings) -> Option<IdentityField> {
    let Some(text) = node.text("attribute") else {
        node.missing("attribute", findings);
        return None;
    };
    text.parse::<AttributeType>()
        .map(IdentityField::SubjectAttribute)
        .map_err(|error| node.invalid("attribute", format!("it {error}"), findings))
        .ok()
}

fn limit(
    node: &Node<'_>,
    member: &str,
    limit: usize,
    findings: &mut Findings,
) -> Result<(), Refused> {
    let found = node.array(member).len();
    if found <= limit {
        return Ok(());
    }
    let message = format!("There are {found} entries; at most {limit} are allowed.");
    findings.add(Code::LimitExceeded, &node.at(member), message);
    Err(Refused)
}
