//! What the lint of identity rules finds.

use super::rules::{attribute, ignoring_case, matcher, rule};
use crate::{
    IdentityField, IdentityMatcher, IdentityRule, IdentityRules, MatchKind, RuleFinding, RuleList,
    RuleProblem, Severity,
};
use IdentityField::{Issuer, SanDns, SanEmail, SanIp, SanUri, Serial, Subject};
use MatchKind::{Exact, Prefix, Regex, Suffix};

fn lint(deny: &[IdentityRule], allow: &[IdentityRule]) -> Vec<RuleFinding> {
    let (deny, allow) = (deny.to_vec(), allow.to_vec());
    IdentityRules { deny, allow }.lint()
}

/// The problems of a single allow rule with this matcher.
fn problems(matcher: IdentityMatcher) -> Vec<String> {
    let findings = lint(&[], &[rule("rule", vec![matcher])]);
    findings
        .iter()
        .map(|found| found.problem.to_string())
        .collect()
}

#[test]
fn rules_as_they_should_be_have_no_findings() {
    let good = [
        matcher(SanDns, Exact, "a.example.com"),
        matcher(SanDns, Suffix, ".example.org"),
        matcher(SanDns, Regex, r"device-[0-9]+\.example\.net"),
        matcher(SanUri, Prefix, "spiffe://example.org/ns/"),
        matcher(SanUri, Regex, r"spiffe://example\.com/[a-z]+/[0-9]{1,5}"),
        matcher(SanEmail, Suffix, "@example.com"),
        matcher(SanIp, Prefix, "10.0.0.0/8"),
        matcher(attribute("OU"), Exact, "IoT"),
        matcher(attribute("CN"), Regex, r"device\.[0-9]+"),
        matcher(Issuer, Exact, "CN=one,O=Contoso"),
        matcher(Serial, Exact, "01"),
    ];
    let rules: Vec<_> = good.iter().map(|m| rule("rule", vec![m.clone()])).collect();
    assert_eq!(lint(&[], &rules), []);
    assert_eq!(lint(&rules, &[]), []);
}

#[test]
fn a_rule_without_matchers_is_an_error() {
    let findings = lint(&[rule("empty", vec![])], &[rule("empty", vec![])]);
    let lists: Vec<_> = findings.iter().map(|found| found.list).collect();
    assert_eq!(lists, [RuleList::Deny, RuleList::Allow]);
    for found in &findings {
        assert_eq!(found.problem, RuleProblem::Empty);
        assert_eq!(found.problem.severity(), Severity::Error);
        assert_eq!((found.index, found.matcher), (0, None));
    }
}

// T-24
#[test]
fn expressions_that_everything_matches_are_reported() {
    for pattern in [
        ".*", "^.*$", "(.*)", ".+", "(?:.*)?", r"[\s\S]*", "(a|.)*", "(?i).*", "(?s:.*)", ".*|a",
        "[^,]*|.*",
    ] {
        let found = problems(matcher(SanUri, Regex, pattern));
        let text = format!("has a regular expression that every value matches: {pattern}");
        assert_eq!(found, [text]);
    }
}

// T-24
#[test]
fn expressions_that_undo_the_anchoring_are_reported() {
    for (pattern, side, kind) in [
        (r".*\.example\.com", "start", Suffix),
        (r"^.*\.example\.com$", "start", Suffix),
        (r"(?i)(.+\.example\.com)", "start", Suffix),
        ("spiffe://td/.*", "end", Prefix),
        ("(spiffe://td/.+)$", "end", Prefix),
        ("spiffe://td/.*?", "end", Prefix),
        (".*td.*", "start and end", Exact),
    ] {
        let found = lint(&[], &[rule("rule", vec![matcher(SanUri, Regex, pattern)])]);
        let expected = RuleProblem::Unanchored {
            side,
            kind,
            pattern: pattern.to_owned(),
        };
        assert_eq!(found[0].problem, expected, "{pattern}");
        assert_eq!(found[0].matcher, Some(0));
    }
    for pattern in [r"a\.*", r"a\.+", "a.*b", r"x\\\.*"] {
        assert_eq!(
            problems(matcher(SanUri, Regex, pattern)),
            [""; 0],
            "{pattern}"
        );
    }
}

// T-24
#[test]
fn dots_that_any_character_matches_are_reported() {
    for (pattern, expected) in [
        ("www.example.com", true),
        (r"www\.example.com", true),
        (r"www\.example\.com", false),
        (r"a[.]b", false),
        ("a.{3}b", false),
    ] {
        let found = problems(matcher(SanUri, Regex, pattern));
        let text = format!(
            "has a regular expression with an unescaped dot, which any character matches: {pattern}"
        );
        let texts: &[String] = if expected { &[text] } else { &[] };
        assert_eq!(found, texts);
    }
}

// T-24
#[test]
fn prefixes_and_suffixes_inside_a_part_of_a_name_are_reported() {
    for (field, kind, value) in [
        (SanDns, Suffix, "example.com"),
        (SanEmail, Suffix, "example.com"),
        (SanUri, Prefix, "spiffe://example.org"),
    ] {
        let found = lint(&[], &[rule("rule", vec![matcher(field, kind, value)])]);
        assert!(
            matches!(found[0].problem, RuleProblem::InsideName { .. }),
            "{found:?}"
        );
        assert_eq!(found[0].problem.severity(), Severity::Warning);
    }
    let asterisk = problems(matcher(SanDns, Exact, "*.example.com"));
    assert_eq!(
        asterisk,
        ["has a value in which the asterisk stands for itself: *.example.com"]
    );
}

// T-23
#[test]
fn expressions_over_whole_names_are_reported() {
    for pattern in [".*,O=Contoso", "CN=[^,]+,O=Contoso", r"CN=\S*,O=Contoso"] {
        for field in [Subject, Issuer] {
            let found = lint(&[], &[rule("rule", vec![matcher(field, Regex, pattern)])]);
            assert!(
                matches!(found[0].problem, RuleProblem::WholeName { .. }),
                "{found:?}"
            );
        }
    }
    assert_eq!(
        problems(matcher(Subject, Regex, "CN=[a-z]+,O=Contoso")),
        [""; 0]
    );
}

fn single(matcher: IdentityMatcher) -> IdentityRule {
    rule("rule", vec![matcher])
}

#[test]
fn an_allow_rule_that_a_deny_rule_covers_is_an_error() {
    let deny = rule("nobody", vec![matcher(SanDns, Suffix, ".example.com")]);
    let allow = single(matcher(SanDns, Exact, "a.example.com"));
    let findings = lint(std::slice::from_ref(&deny), std::slice::from_ref(&allow));
    let problem = RuleProblem::Denied {
        by: "nobody".to_owned(),
    };
    assert_eq!(problem.severity(), Severity::Error);
    assert_eq!(
        findings,
        [RuleFinding {
            list: RuleList::Allow,
            index: 0,
            matcher: None,
            problem
        }]
    );
    assert_eq!(
        lint(&[allow], &[deny]),
        [],
        "a narrow deny rule below a wide allow rule"
    );
}

#[test]
fn shadowed_rules_are_found_where_that_can_be_told() {
    let a = || matcher(SanDns, Exact, "a.example.com");
    for (what, wide, narrow, expected) in [
        ("equal", single(a()), single(a()), true),
        (
            "equal but for case",
            single(a()),
            single(matcher(SanDns, Exact, "A.example.com.")),
            true,
        ),
        (
            "suffix over exact",
            single(matcher(SanDns, Suffix, ".com")),
            single(a()),
            true,
        ),
        (
            "exact over suffix",
            single(a()),
            single(matcher(SanDns, Suffix, ".com")),
            false,
        ),
        (
            "prefix over exact",
            single(matcher(SanDns, Prefix, "a.")),
            single(a()),
            true,
        ),
        (
            "expression over exact",
            single(matcher(SanDns, Regex, r"[a-z]\.example\.com")),
            single(a()),
            true,
        ),
        (
            "expression that does not match",
            single(matcher(SanDns, Regex, r"[b-z]\.example\.com")),
            single(a()),
            false,
        ),
        (
            "shorter suffix",
            single(matcher(SanDns, Suffix, ".com")),
            single(matcher(SanDns, Suffix, ".example.com")),
            true,
        ),
        (
            "longer suffix",
            single(matcher(SanDns, Suffix, ".example.com")),
            single(matcher(SanDns, Suffix, ".com")),
            false,
        ),
        (
            "shorter prefix",
            single(matcher(SanUri, Prefix, "urn:")),
            single(matcher(SanUri, Prefix, "urn:a:")),
            true,
        ),
        (
            "prefix over suffix",
            single(matcher(SanUri, Prefix, "urn:")),
            single(matcher(SanUri, Suffix, "urn:")),
            false,
        ),
        (
            "other field",
            single(matcher(SanUri, Suffix, ".com")),
            single(a()),
            false,
        ),
        (
            "other attribute",
            single(matcher(attribute("CN"), Exact, "a")),
            single(matcher(attribute("O"), Exact, "a")),
            false,
        ),
        (
            "network over address",
            single(matcher(SanIp, Prefix, "10.0.0.0/8")),
            single(matcher(SanIp, Exact, "10.1.1.1")),
            true,
        ),
        (
            "network over network",
            single(matcher(SanIp, Prefix, "10.0.0.0/8")),
            single(matcher(SanIp, Prefix, "10.1.0.0/16")),
            true,
        ),
        (
            "network beside address",
            single(matcher(SanIp, Prefix, "10.0.0.0/8")),
            single(matcher(SanIp, Exact, "11.1.1.1")),
            false,
        ),
        (
            "one case over any case",
            single(matcher(SanUri, Exact, "urn:a")),
            single(ignoring_case(SanUri, Exact, "urn:a")),
            false,
        ),
        (
            "any case over one case",
            single(ignoring_case(SanUri, Exact, "URN:A")),
            single(matcher(SanUri, Exact, "urn:a")),
            true,
        ),
        (
            "equal without letters",
            single(matcher(attribute("CN"), Exact, "1")),
            single(ignoring_case(attribute("CN"), Exact, "1")),
            true,
        ),
        (
            "part of a name",
            single(matcher(Subject, Suffix, "O=b")),
            single(matcher(Subject, Suffix, "CN=a,O=b")),
            true,
        ),
        (
            "escaped part of a name",
            single(matcher(Subject, Suffix, "O=b")),
            single(matcher(Subject, Suffix, r"CN=a\,O=b")),
            false,
        ),
        (
            "more matchers are narrower",
            single(a()),
            rule("rule", vec![a(), matcher(SanUri, Exact, "urn:a")]),
            true,
        ),
        (
            "fewer matchers are wider",
            rule("rule", vec![a(), matcher(SanUri, Exact, "urn:a")]),
            single(a()),
            false,
        ),
        (
            "same expression",
            single(matcher(SanUri, Regex, "urn:[a-z]")),
            single(matcher(SanUri, Regex, "urn:[a-z]")),
            true,
        ),
        (
            "another expression",
            single(matcher(SanUri, Regex, "urn:[a-z]+")),
            single(matcher(SanUri, Regex, "urn:[a-z]")),
            false,
        ),
    ] {
        let shadows = |rules: &[IdentityRule]| -> Vec<usize> {
            let shadowed =
                |found: &RuleFinding| matches!(found.problem, RuleProblem::Shadowed { .. });
            lint(&[], rules)
                .iter()
                .filter(|found| shadowed(found))
                .map(|found| found.index)
                .collect()
        };
        let found = shadows(&[wide.clone(), narrow.clone()]);
        assert_eq!(found.contains(&1), expected, "{what}: {found:?}");
        // The order of rules makes no difference to what they do, so none to what is found, but for equal ones.
        let equal = what.starts_with("equal") || what.starts_with("same");
        let found = shadows(&[narrow, wide]);
        assert_eq!(
            found.contains(&usize::from(equal)),
            expected,
            "{what}: {found:?}"
        );
    }
}

#[test]
fn a_rule_that_everything_matches_shadows_all_of_its_field() {
    let all = single(matcher(SanDns, Regex, ".*"));
    let findings = lint(&[], &[all, single(matcher(SanDns, Regex, r"[a-z]+\.com"))]);
    let problems: Vec<_> = findings
        .iter()
        .map(|found| (found.index, &found.problem))
        .collect();
    assert!(
        matches!(problems[0], (0, RuleProblem::MatchesEverything { .. })),
        "{problems:?}"
    );
    assert!(
        matches!(problems[1], (1, RuleProblem::Shadowed { .. })),
        "{problems:?}"
    );
}
