//! Rewrite rule sets.

use model::rewrite::{
    Condition, FieldName, HeaderChange, InvalidPattern, InvalidRuleSet, Matcher, Pattern, Scope,
    Side, Source, Template,
};
use model::{ResourceName, RewriteRule, RewriteRuleSet, ViolationCode as Code};

use super::node::{Node, Refused};
use crate::violations::Findings;

/// Letters of a rule's name (Azure allows as many for the name of a child).
const LONGEST_NAME: usize = 80;

/// Reads one set.
pub(super) fn rule_set(
    node: &Node<'_>,
    name: ResourceName,
    findings: &mut Findings,
) -> Option<RewriteRuleSet> {
    let rules = node.each("rewriteRules", findings, rule).ok()?;
    RewriteRuleSet::new(name, rules)
        .map_err(|error| {
            let code = match error {
                InvalidRuleSet::Duplicate(_) => Code::DuplicateResourceName,
                InvalidRuleSet::TooManyConditions(_)
                | InvalidRuleSet::TooManyHeaders(_)
                | InvalidRuleSet::TooManyRules(_) => Code::LimitExceeded,
            };
            let message = format!("Rewrite rule set {}: {error}.", node.owner.id());
            findings.add(code, &node.at("rewriteRules"), message);
        })
        .ok()
}

fn rule(node: &Node<'_>, findings: &mut Findings) -> Option<RewriteRule> {
    let name = rule_name(node, findings);
    let sequence = node.number("ruleSequence", sequence, findings);
    let conditions = node.each("conditions", findings, condition);
    // Values refer to conditions; what they say about conditions that are refused would be noise.
    let conditions = conditions.ok()?;
    let (request, response) = node.inside("actionSet", |actions| {
        let mut headers = |side, member| {
            actions.each(member, findings, |node, findings| {
                header(node, side, &conditions, findings)
            })
        };
        let request = headers(Side::Request, "requestHeaderConfigurations");
        let response = headers(Side::Response, "responseHeaderConfigurations");
        (request, response)
    });
    let (request, response) = (request.ok()?, response.ok()?);
    RewriteRule::new(name?, sequence?, conditions, request, response)
        .map_err(|error| {
            let path = format!("{}[{}]", node.at("conditions"), error.condition);
            let condition = Node {
                path: &path,
                ..*node
            };
            condition.invalid("variable", error, findings);
        })
        .ok()
}

fn rule_name<'a>(node: &Node<'a>, findings: &mut Findings) -> Option<&'a str> {
    let Some(name) = node.text("name") else {
        node.missing("name", findings);
        return None;
    };
    if name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        let why = format!("it has at most {LONGEST_NAME} characters, and no control characters");
        node.invalid("name", why, findings);
        return None;
    }
    Some(name)
}

fn sequence(number: i64) -> Result<u32, String> {
    let fits = u32::try_from(number)
        .ok()
        .filter(|number| *number < 1 << 31);
    fits.ok_or_else(|| format!("{number} is not within 0 to 2147483647"))
}

fn condition(node: &Node<'_>, findings: &mut Findings) -> Option<Condition> {
    let pattern = pattern(node, findings);
    let Some(variable) = node.text("variable") else {
        node.missing("variable", findings);
        return None;
    };
    let source = Source::parse(variable)
        .map_err(|error| node.invalid("variable", error, findings))
        .ok();
    Some(Condition::new(
        variable,
        source?,
        pattern?,
        node.flag("negate"),
    ))
}

fn pattern(node: &Node<'_>, findings: &mut Findings) -> Option<Pattern> {
    let Some(text) = node.text("pattern") else {
        node.missing("pattern", findings);
        return None;
    };
    Pattern::parse(text, node.flag("ignoreCase"))
        .map_err(|error| match error {
            InvalidPattern::TooLong(_) | InvalidPattern::TooComplex(_) => {
                let message = format!("Property pattern of {}: {error}.", node.owner.id());
                findings.add(Code::LimitExceeded, &node.at("pattern"), message);
            }
            InvalidPattern::Syntax(_) => node.invalid("pattern", error, findings),
        })
        .ok()
}

fn header(
    node: &Node<'_>,
    side: Side,
    conditions: &[Condition],
    findings: &mut Findings,
) -> Option<HeaderChange> {
    let Some(name) = node.text("headerName") else {
        node.missing("headerName", findings);
        return None;
    };
    let name = HeaderChange::name_on(side, name)
        .map_err(|error| node.invalid("headerName", error, findings))
        .ok()?;
    let matcher = matcher(node, side, &name, findings).ok()?;
    let scope = Scope {
        side,
        conditions,
        matcher: matcher.as_ref(),
    };
    let value = Template::parse(node.text("headerValue").unwrap_or_default(), scope)
        .map_err(|error| node.invalid("headerValue", error, findings))
        .ok()?;
    HeaderChange::new(side, name, value, matcher)
        .map_err(|error| node.invalid("headerValue", error, findings))
        .ok()
}

/// `Ok(None)`: there is none. Azure has it for one header only.
fn matcher(
    node: &Node<'_>,
    side: Side,
    name: &FieldName,
    findings: &mut Findings,
) -> Result<Option<Matcher>, Refused> {
    const MEMBER: &str = "headerValueMatcher";
    let Some(members) = node.object(MEMBER) else {
        return Ok(None);
    };
    if side != Side::Response || !name.is("Set-Cookie") {
        node.invalid(
            MEMBER,
            "it is for the response header Set-Cookie only",
            findings,
        );
        return Err(Refused);
    }
    let matcher = Node {
        members,
        path: &node.at(MEMBER),
        owner: node.owner,
    };
    let pattern = pattern(&matcher, findings).ok_or(Refused)?;
    Ok(Some(Matcher {
        pattern,
        negate: matcher.flag("negate"),
    }))
}
