use proptest::prelude::*;

use super::*;
use crate::rewrite::field::FieldName;
use crate::rewrite::pattern::Pattern;
use crate::rewrite::variable::ServerVariable;

fn condition(variable: &str, pattern: &str, negate: bool) -> Condition {
    let pattern = Pattern::parse(pattern, false).unwrap();
    Condition::new(variable, Source::parse(variable).unwrap(), pattern, negate)
}

/// Conditions on the path (two groups), a cookie (one), a request header that must not match, and a response header.
fn conditions() -> Vec<Condition> {
    vec![
        condition("var_uri_path", "/(.+)/(.+)", false),
        condition("var_cookie_a", "(x)", false),
        condition("http_req_User-Agent", "(x)", true),
        condition("http_resp_Location", "(https?)://", false),
    ]
}

fn parse(text: &str) -> Result<Vec<Part>, InvalidTemplate> {
    let conditions = conditions();
    let matcher = Matcher {
        pattern: Pattern::parse("(a)", false).unwrap(),
        negate: false,
    };
    let scope = Scope {
        side: Side::Response,
        conditions: &conditions,
        matcher: Some(&matcher),
    };
    Template::parse(text, scope).map(|template| template.0)
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

#[test]
fn text_and_tokens_mix() {
    let ip = Part::Source(Source::Variable(ServerVariable::ClientIp));
    let agent = Part::Source(Source::RequestHeader(
        FieldName::of_request("User-Agent").unwrap(),
    ));
    let check = |value: &str, expected: &[Part]| {
        assert_eq!(parse(value).as_deref(), Ok(expected), "{value}");
    };
    check("", &[]);
    check("plain", &[text("plain")]);
    check("  plain\t", &[text("plain")]);
    check("{var_client_ip}", std::slice::from_ref(&ip));
    check(
        "a{var_client_ip}b{http_req_User-Agent}",
        &[text("a"), ip.clone(), text("b"), agent],
    );
    check("{var_client_ip}{var_client_ip}", &[ip.clone(), ip]);
    check(
        "{var_cookie_b_1}",
        &[Part::Source(Source::Cookie("b_1".into()))],
    );
}

#[test]
fn captures_refer_to_conditions_of_the_rule() {
    let check = |value: &str, condition, group| {
        assert_eq!(
            parse(value),
            Ok(vec![Part::Capture { condition, group }]),
            "{value}"
        );
    };
    check("{var_uri_path_1}", 0, 1);
    check("{var_uri_path_2}", 0, 2);
    check("{var_cookie_a_1}", 1, 1);
    check("{http_resp_Location_1}", 3, 1);
    assert_eq!(
        parse("{capt_header_value_matcher}"),
        Ok(vec![Part::MatcherCapture(0)])
    );
    assert_eq!(
        parse("{capt_header_value_matcher_1}"),
        Ok(vec![Part::MatcherCapture(1)])
    );
}

#[test]
fn braces_that_begin_no_token_are_text() {
    for value in [
        r#"{"group":"default","max_age":1,"endpoints":[{"url":"x"}]}"#,
        "{",
        "}",
        "{}",
        "a{ b",
        "{{",
        "{a b}",
    ] {
        assert_eq!(parse(value), Ok(vec![text(value)]), "{value}");
    }
}

#[test]
fn what_is_no_value_is_told_why() {
    let check = |value: &str, expected: &str| {
        let error = parse(value).unwrap_err().to_string();
        assert!(error.contains(expected), "{value:?}: {error}");
    };
    check("a\r\nX: y", "control character '\\r'");
    check("a\nb", "control character '\\n'");
    check("a\0b", "control character '\\0'");
    check("a\u{85}b", "control character");
    check("  ", "nothing but blanks");
    check(&"x".repeat(8193), "at most 8192");
    check("{client_ip}", "is no server variable (var_..)");
    check("{vra_client_ip}", "is no server variable (var_..)");
    check("{var_nope}", "there is no server variable \"nope\"");
    check("{var_client_ip", "has no closing brace");
    check("{http_req_", "has no closing brace");
    check("{http_req_}", "is not the name of a request header");
    check("{http_req_X_Y}", "is not the name of a request header");
    check("{var_client_tcp_rtt}", "is not available here");
    check(
        "{var_uri_path_0}",
        "refers to group 0, but the pattern has 2",
    );
    check(
        "{var_uri_path_3}",
        "refers to group 3, but the pattern has 2",
    );
    check(
        "{var_uri_path_99999999999999999999999}",
        "but the pattern has 2",
    );
    check(
        "{var_host_1}",
        "no condition of the rule is on that variable",
    );
    check(
        "{http_req_Accept_1}",
        "no condition of the rule is on that variable",
    );
    check(
        "{http_resp_Server_1}",
        "no condition of the rule is on that variable",
    );
    check("{http_req_User-Agent_1}", "refers to something negated");
    check("{http_resp_location_1}", "is written in another case");
    check(
        "{capt_header_value_matcher_2}",
        "refers to group 2, but the pattern has 1",
    );
    check(
        "{capt_header_value_matcher_x}",
        "is no server variable (var_..)",
    );
}

#[test]
fn a_matcher_capture_needs_a_matcher_that_captures() {
    let parse = |matcher| {
        let scope = Scope {
            side: Side::Response,
            conditions: &[],
            matcher,
        };
        Template::parse("{capt_header_value_matcher_1}", scope)
    };
    assert!(matches!(parse(None), Err(InvalidTemplate::NoMatcher(_))));
    let negated = Matcher {
        pattern: Pattern::parse("(a)", false).unwrap(),
        negate: true,
    };
    assert!(matches!(
        parse(Some(&negated)),
        Err(InvalidTemplate::Negated(_))
    ));
}

#[test]
fn a_request_header_cannot_hold_what_the_response_will_say() {
    let parse = |side, value: &str| {
        let scope = Scope {
            side,
            conditions: &[],
            matcher: None,
        };
        Template::parse(value, scope)
    };
    for value in ["{http_resp_Server}", "a{var_http_status}"] {
        assert!(
            matches!(
                parse(Side::Request, value),
                Err(InvalidTemplate::Response(_))
            ),
            "{value}"
        );
        assert!(parse(Side::Response, value).is_ok(), "{value}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_lets_a_control_character_through(value in "(\\PC|\\{var_uri_path_1\\}|[{}_\\r\\n\\x00a1]){0,12}") {
        if let Ok(parts) = parse(&value) {
            for part in parts {
                if let Part::Text(text) = part {
                    prop_assert!(!text.contains(['\r', '\n', '\0']));
                }
            }
        }
    }
}
