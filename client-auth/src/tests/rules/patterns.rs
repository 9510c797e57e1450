//! What a matcher compares values with.

use rcgen::SanType;

use super::{URI, facts, matcher, matches, with_names};
use crate::IdentityField::{Fingerprint, SanDns, SanUri, Serial, Subject, SubjectAttribute};
use crate::MatchKind::{Exact, Prefix, Regex, Suffix};
use crate::{AttributeType, IdentityMatcher, MatcherError};

#[test]
fn kinds_compare_the_whole_value_its_start_or_its_end() {
    let certificate = facts(&|p| {
        p.subject_alt_names = ["spiffe://td/ns/a", "urn:b"]
            .map(|uri| SanType::URI(uri.try_into().unwrap()))
            .into();
    });
    for (kind, value, expected) in [
        (Exact, "spiffe://td/ns/a", true),
        (Exact, "urn:b", true),
        (Exact, "spiffe://td/ns/", false),
        (Exact, "spiffe://td/ns/a/", false),
        (Prefix, "spiffe://td/", true),
        (Prefix, "spiffe://td/ns/a", true),
        (Prefix, "spiffe://td/ns/a/", false),
        (Prefix, "td/", false),
        (Suffix, "/ns/a", true),
        (Suffix, ":b", true),
        (Suffix, "x-spiffe://td/ns/a", false),
        (Suffix, "/ns/", false),
        (Regex, "spiffe://td/ns/[a-z]+", true),
        (Regex, "td/ns", false),
        (Regex, "spiffe://td/ns", false),
        (Regex, "urn:a|urn:b", true),
        (Regex, "(?i)URN:B", true),
    ] {
        assert_eq!(
            matches(&matcher(SanUri, kind, value), &certificate),
            expected,
            "{kind} {value}"
        );
    }
}

// T-24
#[test]
fn an_expression_matches_whole_values_whatever_is_in_it() {
    let certificate = with_names(&[(URI, b"aXb")]);
    for (pattern, expected) in [
        ("X", false),
        ("a|b", false),
        ("aX|Xb", false),
        ("a.b|c", true),
        ("^X$", false),
        ("(?m)^X$", false),
        (r"\Aa", false),
        (r"a\z|.*X.*", true),
        ("aX", false),
        ("Xb", false),
        ("a[^c]b", true),
        ("(?-s)a.b", true),
        ("(?x) a X b", true),
    ] {
        assert_eq!(
            matches(&matcher(SanUri, Regex, pattern), &certificate),
            expected,
            "{pattern}"
        );
    }
    let lines = with_names(&[(URI, b"a\nb")]);
    assert!(!matches(&matcher(SanUri, Regex, "a"), &lines));
    assert!(!matches(&matcher(SanUri, Regex, "(?m)^b$"), &lines));
    assert!(matches(&matcher(SanUri, Regex, "a.*b"), &lines));
}

#[test]
fn expressions_that_are_broken_or_too_large_are_refused() {
    for (pattern, expected) in [
        ("(", "unclosed group"),
        ("a)|(?:b", "unopened group"),
        (")(", "unopened group"),
        ("(?x)a # b", "unclosed group"),
        ("[", "unclosed character class"),
        (
            r"a\",
            "incomplete escape sequence, reached end of pattern prematurely",
        ),
        (
            "(?:[a-z]{1,200}){1,200}",
            "compiled, it exceeds 131072 bytes",
        ),
        (r"(a)\1", "backreferences are not supported"),
        (r"\p{Greek}", "Unicode not allowed here"),
    ] {
        let found = IdentityMatcher::new(SanUri, Regex, pattern, false);
        assert_eq!(
            found.err(),
            Some(MatcherError::Regex(expected.to_owned())),
            "{pattern}"
        );
    }
    let nested = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    assert!(IdentityMatcher::new(SanUri, Regex, &nested, false).is_err());
    let long = IdentityMatcher::new(SanUri, Exact, &"a".repeat(4097), false);
    assert_eq!(long.err(), Some(MatcherError::TooLong { limit: 4096 }));
}

#[test]
fn what_could_never_match_is_no_matcher() {
    let cn: AttributeType = "CN".parse().unwrap();
    for (field, kind, value) in [
        (SanDns, Exact, ""),
        (SanDns, Suffix, "."),
        (Subject, Suffix, ","),
        (SubjectAttribute(cn), Prefix, ""),
        (SanUri, Regex, ""),
        (Serial, Exact, ""),
        (Fingerprint, Exact, ":"),
    ] {
        let found = IdentityMatcher::new(field, kind, value, false).err();
        assert_eq!(found, Some(MatcherError::Empty), "{value}");
    }
}
