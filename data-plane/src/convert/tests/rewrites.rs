//! Rewrite rule sets: a good one, and everything that can be wrong with one.

use wire::rewrite_source::From as Origin;
use wire::value_part::Part as WirePart;

use super::*;
use crate::rewrite::{Part, Source, Variable};

fn source(origin: Origin) -> wire::RewriteSource {
    wire::RewriteSource { from: Some(origin) }
}

fn variable(name: &str) -> wire::RewriteSource {
    source(Origin::ServerVariable(name.to_owned()))
}

fn part(part: WirePart) -> wire::ValuePart {
    wire::ValuePart { part: Some(part) }
}

fn capture(condition: u32, group: u32) -> wire::ValuePart {
    part(WirePart::ConditionCapture(wire::ConditionCapture {
        condition,
        group,
    }))
}

fn action(name: &str, value: Vec<wire::ValuePart>) -> wire::HeaderAction {
    wire::HeaderAction {
        name: name.to_owned(),
        value,
        value_matcher: None,
    }
}

fn text(text: &str) -> wire::ValuePart {
    part(WirePart::Text(text.to_owned()))
}

fn condition(source: Option<wire::RewriteSource>, pattern: &str) -> wire::RewriteCondition {
    wire::RewriteCondition {
        source,
        pattern: pattern.to_owned(),
        ..Default::default()
    }
}

/// A rule with a condition on the path that captures two groups, and one on the host that must not match.
fn rule() -> wire::RewriteRule {
    wire::RewriteRule {
        name: "rule".to_owned(),
        conditions: vec![
            condition(Some(variable("uri_path")), "/(.+)/(.+)"),
            wire::RewriteCondition {
                negate: true,
                ..condition(Some(variable("host")), "(x)")
            },
        ],
        request_headers: vec![action("X-A", vec![text("a"), capture(0, 2)])],
        response_headers: vec![action("Server", Vec::new())],
    }
}

fn with_rule(gateway: &mut wire::GatewaySnapshot, rule: wire::RewriteRule) {
    gateway.rewrite_rule_sets = vec![wire::RewriteRuleSet {
        name: "set".to_owned(),
        rules: vec![rule],
    }];
    let route = gateway.binds[0].virtual_hosts[0].route.as_mut().unwrap();
    route.rewrite_rule_set = "set".to_owned();
}

/// Expects the rule with this change to be refused with these words.
fn refused(reason: &str, change: impl FnOnce(&mut wire::RewriteRule)) {
    let mut fixture = fixture();
    let mut rule = rule();
    change(&mut rule);
    with_rule(&mut fixture.gateway, rule);
    let rejected = convert(&fixture, &Built::default()).expect_err("should be refused");
    assert_eq!(
        (rejected.resource.as_str(), rejected.property.as_str()),
        ("rewriteRuleSets/set", "rewriteRules"),
        "{rejected}"
    );
    assert!(rejected.reason.contains(reason), "{reason}: {rejected}");
}

#[test]
fn a_set_becomes_what_it_says_and_is_taken_over() {
    let mut fixture = fixture();
    with_rule(&mut fixture.gateway, rule());
    fixture.gateway.reserved_request_headers = vec!["x-a".to_owned()];
    let first = convert(&fixture, &Built::default()).expect("good");
    let rewrites = |converted: &Converted| {
        let host = &converted.snapshot.binds[0].virtual_hosts[0];
        Arc::clone(host.route.as_ref().unwrap().rewrites.as_ref().unwrap())
    };
    let set = rewrites(&first);
    let rule = &set.rules[0];
    assert_eq!(
        rule.conditions[0].source,
        Source::Variable(Variable::UriPath)
    );
    assert!(rule.conditions[0].captures && !rule.conditions[1].captures);
    assert!(matches!(
        rule.request_headers[0].value[1],
        Part::Capture {
            condition: 0,
            group: 2
        }
    ));
    let binds = &first.snapshot.binds;
    assert!(
        binds
            .iter()
            .all(|bind| bind.reserved_fields.contains("X-A"))
    );
    assert!(
        binds[1].virtual_hosts[0]
            .route
            .as_ref()
            .unwrap()
            .rewrites
            .is_none()
    );
    let second = convert(&fixture, &first.built).expect("good");
    assert!(Arc::ptr_eq(&set, &rewrites(&second)));
}

#[test]
fn a_route_names_a_set_that_is_there() {
    check("rewriteRuleSets/set", "", |gateway, _| {
        with_rule(gateway, rule());
        gateway.rewrite_rule_sets.clear();
    });
    check("rewriteRuleSets/set", "name", |gateway, _| {
        with_rule(gateway, rule());
        let again = gateway.rewrite_rule_sets[0].clone();
        gateway.rewrite_rule_sets.push(again);
    });
    check("", "", |gateway, _| {
        gateway.reserved_request_headers = vec!["x_a".to_owned()];
    });
}

#[test]
fn what_is_unset_or_unknown_is_refused() {
    refused("a source is unset", |rule| rule.conditions[0].source = None);
    refused("there is no server variable `nope`", |rule| {
        rule.conditions[0].source = Some(variable("nope"));
    });
    refused("is not the name of a field", |rule| {
        rule.conditions[0].source = Some(source(Origin::RequestHeader("X_A".to_owned())));
    });
    refused("is not the name of a field", |rule| {
        rule.conditions[0].source = Some(source(Origin::Cookie(String::new())));
    });
    refused("the pattern does not compile", |rule| {
        rule.conditions[0].pattern = "(".to_owned();
    });
    refused("a part of its value is unset", |rule| {
        rule.request_headers[0].value = vec![wire::ValuePart { part: None }];
    });
}

#[test]
fn values_refer_to_what_is_there() {
    for (value, reason) in [
        (capture(0, 0), "group 0 of 2"),
        (capture(0, 3), "group 3 of 2"),
        (capture(1, 1), "group 1 of 1"),
        (capture(2, 1), "condition 2 of 2"),
        (capture(u32::MAX, 1), "of 2"),
        (
            part(WirePart::MatcherCapture(0)),
            "a matcher that it does not have",
        ),
        (
            part(WirePart::Source(variable("http_status"))),
            "known only with the response",
        ),
        (
            part(WirePart::Source(source(Origin::ResponseHeader(
                "Server".to_owned(),
            )))),
            "known only with the response",
        ),
        (text("a\r\nb"), "line break"),
        (text("a\0b"), "NUL"),
    ] {
        refused(reason, |rule| rule.request_headers[0].value = vec![value]);
    }
}

#[test]
fn a_rule_that_changes_a_request_has_no_condition_on_the_response() {
    refused("a condition on the response", |rule| {
        rule.conditions[1].source = Some(variable("http_status"));
    });
}

#[test]
fn fields_of_the_gateway_are_refused() {
    for name in [
        "Connection",
        "content-length",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "Expect",
        "X-Original-Host",
        "Keep-Alive",
    ] {
        refused("it belongs to the gateway", |rule| {
            rule.request_headers[0].name = name.to_owned();
        });
        refused("it belongs to the gateway", |rule| {
            rule.response_headers[0].name = name.to_owned();
        });
    }
    for name in ["", "a b", "X_A", "a:"] {
        refused("it is not the name of a field", |rule| {
            rule.request_headers[0].name = name.to_owned();
        });
    }
    refused("it cannot be removed", |rule| {
        rule.request_headers[0] = action("Host", Vec::new());
    });
}

#[test]
fn a_matcher_is_for_set_cookie_and_captures_what_it_can() {
    let matcher = |pattern: &str, negate| {
        Some(wire::HeaderValueMatcher {
            pattern: pattern.to_owned(),
            ignore_case: false,
            negate,
        })
    };
    refused("is for the response field Set-Cookie", |rule| {
        rule.response_headers[0].value_matcher = matcher("a", false);
    });
    let set_cookie = |pattern: &str, negate, group| wire::HeaderAction {
        value_matcher: matcher(pattern, negate),
        ..action("Set-Cookie", vec![part(WirePart::MatcherCapture(group))])
    };
    refused("the pattern does not compile", |rule| {
        rule.response_headers[0] = set_cookie("(", false, 0);
    });
    refused("group 2 of 1", |rule| {
        rule.response_headers[0] = set_cookie("(a)", false, 2);
    });
    refused("group 1 of 0", |rule| {
        rule.response_headers[0] = set_cookie("(a)", true, 1);
    });
    let mut fixture = fixture();
    let mut rule = rule();
    rule.response_headers[0] = set_cookie("(a)", false, 1);
    with_rule(&mut fixture.gateway, rule);
    assert!(convert(&fixture, &Built::default()).is_ok());
}
