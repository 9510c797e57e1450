//! What comes of all rules together.

use rcgen::SanType;

use super::{DNS, URI, allowing, attribute, facts, matcher, rule, with_names};
use crate::IdentityField::{SanDns, SanUri};
use crate::MatchKind::{Exact, Suffix};
use crate::testing::{Authority, at, decide, trusting};
use crate::{CheckName, IdentityMatcher, IdentityRules, Policy, Reason};

#[test]
fn deny_rules_win_and_allow_rules_must_match() {
    let root = Authority::root("root");
    let named = |name: &str| {
        root.client_with(name, &|p| {
            p.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        })
    };
    let (a, b, c) = (named("a.good.com"), named("b.good.com"), named("c.bad.com"));
    let suffix = |value| matcher(SanDns, Suffix, value);
    let exact = |value| matcher(SanDns, Exact, value);
    let mut policy = trusting(&[&root.der]);
    let mut judged = |deny: &[IdentityMatcher], allow: &[IdentityMatcher]| {
        let rules = |matchers: &[IdentityMatcher]| -> Vec<_> {
            matchers
                .iter()
                .map(|matcher| rule("r", vec![matcher.clone()]))
                .collect()
        };
        policy.identity = IdentityRules {
            deny: rules(deny),
            allow: rules(allow),
        };
        [&a, &b, &c].map(|client| {
            let verdict = decide(&policy, &[client], at(0)).verdict;
            verdict.map(|_| ()).map_err(|refusal| refusal.reason)
        })
    };
    let (denied, not_allowed) = (Err(Reason::IdentityDenied), Err(Reason::IdentityNotAllowed));
    assert_eq!(judged(&[], &[]), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(
        judged(&[exact("b.good.com")], &[]),
        [Ok(()), denied, Ok(())]
    );
    assert_eq!(
        judged(&[], &[suffix(".good.com")]),
        [Ok(()), Ok(()), not_allowed]
    );
    assert_eq!(
        judged(
            &[exact("b.good.com")],
            &[suffix(".good.com"), suffix(".bad.com")]
        ),
        [Ok(()), denied, Ok(())]
    );
    assert_eq!(
        judged(&[suffix(".com")], &[suffix(".good.com")]),
        [denied, denied, denied]
    );
}

#[test]
fn all_matchers_of_a_rule_must_match() {
    let certificate = with_names(&[(DNS, b"a.example.com"), (URI, b"urn:a")]);
    let rules = |all_of| IdentityRules {
        deny: Vec::new(),
        allow: vec![rule("both", all_of)],
    };
    let dns = || matcher(SanDns, Exact, "a.example.com");
    let both = rules(vec![dns(), matcher(SanUri, Exact, "urn:a")]);
    assert_eq!(both.judge(&certificate).unwrap().unwrap().name, "both");
    let one = rules(vec![dns(), matcher(SanUri, Exact, "urn:b")]);
    let refusal = one.judge(&certificate).unwrap_err();
    assert_eq!(refusal.reason, Reason::IdentityNotAllowed);
}

#[test]
fn a_rule_without_matchers_denies_everybody_and_allows_nobody() {
    let certificate = facts(&|_| {});
    let empty = vec![rule("empty", vec![])];
    let (deny, allow) = (
        IdentityRules {
            deny: empty.clone(),
            allow: vec![],
        },
        IdentityRules {
            deny: vec![],
            allow: empty,
        },
    );
    assert_eq!(
        deny.judge(&certificate).unwrap_err().reason,
        Reason::IdentityDenied
    );
    assert_eq!(
        allow.judge(&certificate).unwrap_err().reason,
        Reason::IdentityNotAllowed
    );
}

#[test]
fn the_decision_tells_which_rule_it_was() {
    let root = Authority::root("root");
    let client = root.client("client");
    let mut policy = trusting(&[&root.der]);
    let identity = |policy: &Policy| {
        let decision = decide(policy, &[&client], at(0));
        let last = decision.checks.last().unwrap().clone();
        assert_eq!(last.name, CheckName::Identity);
        let refusal = last.result.err().map(|refusal| refusal.to_string());
        refusal.unwrap_or(last.detail)
    };
    policy.identity = allowing(matcher(attribute("CN"), Exact, "client"));
    assert_eq!(
        identity(&policy),
        "the allow rule \"rule\" matches the client"
    );
    policy.identity = allowing(matcher(attribute("CN"), Exact, "other"));
    assert_eq!(
        identity(&policy),
        "identity_not_allowed: no allow rule matches the client"
    );
    policy.identity.deny = vec![rule(
        "line\nbreak",
        vec![matcher(attribute("CN"), Exact, "client")],
    )];
    assert_eq!(
        identity(&policy),
        "identity_denied: the deny rule \"line\\nbreak\" matches the client"
    );
    policy.identity = IdentityRules {
        deny: vec![rule("rule", vec![matcher(attribute("CN"), Exact, "other")])],
        allow: vec![],
    };
    assert_eq!(identity(&policy), "no deny rule matches the client");
}
