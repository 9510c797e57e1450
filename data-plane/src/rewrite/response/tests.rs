use super::*;
use crate::rewrite::Pattern;
use crate::rewrite::change::Changes;
use crate::rewrite::rule::Condition;
use crate::rewrite::run::on_request;
use crate::rewrite::testing::{Told, action, condition, with_request};
use crate::upstream::response::{Asked, Parsed, parse};

const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\nUser-Agent: curl/2.0\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 302 Found\r\nServer: IIS\r\nLocation: https://x.azurewebsites.net/path2\r\n\
                        Set-Cookie: cookie1=a\r\nSet-Cookie: cookie2=b\r\nX-Hop: 1\r\nConnection: x-hop\r\n\r\n";

fn rule(conditions: Vec<Condition>, response_headers: Vec<HeaderAction>) -> RewriteRule {
    RewriteRule {
        name: "rule".into(),
        conditions,
        request_headers: Vec::new(),
        response_headers,
    }
}

fn matching(name: &str, value: &str, pattern: &str, negate: bool) -> HeaderAction {
    HeaderAction {
        matcher: Some(Matcher {
            pattern: Pattern::new(pattern, false).unwrap(),
            negate,
        }),
        ..action(name, value)
    }
}

/// The fields that the client gets, as `name: value`.
fn sent(rules: Vec<RewriteRule>) -> Vec<String> {
    let set = Arc::new(RewriteRuleSet { rules });
    let told = Told::default();
    let pending = with_request(REQUEST, &[], None, |request| {
        on_request(&set, request, &mut Changes::default(), told.room())
    });
    let asked = Asked {
        head: false,
        websocket: false,
    };
    let parsed = parse(RESPONSE.as_bytes(), asked, |head| {
        let Some(pending) = &pending else {
            return Ok(vec!["nothing pending".to_owned()]);
        };
        let fields = pending.apply(head, told.room());
        let shown =
            |(name, value): (&str, &[u8])| format!("{name}: {}", String::from_utf8_lossy(value));
        Ok(fields.iter().filter_map(Field::sent).map(shown).collect())
    });
    match parsed {
        Ok(Parsed::Final(_, _, fields)) => fields,
        other => panic!("{other:?}"),
    }
}

const LOCATION: &str = "Location: https://x.azurewebsites.net/path2";
const COOKIES: [&str; 2] = ["Set-Cookie: cookie1=a", "Set-Cookie: cookie2=b"];

#[test]
fn headers_are_set_replaced_and_removed() {
    let actions = vec![
        action("Strict-Transport-Security", "max-age=31536000"),
        action("server", ""),
        action("LOCATION", "/"),
    ];
    let [one, two] = COOKIES;
    assert_eq!(
        sent(vec![rule(Vec::new(), actions)]),
        [
            "Location: /",
            one,
            two,
            "Strict-Transport-Security: max-age=31536000"
        ]
    );
}

#[test]
fn a_redirect_is_rewritten_as_in_azures_documentation() {
    let location = condition(
        "http_resp_Location",
        r"(https?):\/\/.*azurewebsites\.net(.*)$",
        false,
    );
    let actions = vec![action(
        "Location",
        "{0_1}://contoso.com{0_2}?from={var_host}&by={var_http_status}",
    )];
    assert_eq!(
        sent(vec![rule(vec![location], actions)])[1],
        "Location: https://contoso.com/path2?from=a.example&by=302"
    );
}

#[test]
fn one_cookie_is_rewritten_as_in_azures_documentation() {
    let agent = condition("http_req_User-Agent", r".*2\.0", false);
    let actions = vec![matching(
        "Set-Cookie",
        "cookie2={m1};Max-Age=3600",
        "cookie2=(.*)",
        false,
    )];
    assert_eq!(
        sent(vec![rule(vec![agent], actions)])[1..],
        [LOCATION, COOKIES[0], "Set-Cookie: cookie2=b;Max-Age=3600"]
    );
    let negated = vec![matching("set-cookie", "{m0}; Secure", "cookie2", true)];
    assert_eq!(
        sent(vec![rule(Vec::new(), negated)])[2..],
        ["Set-Cookie: cookie1=a; Secure", COOKIES[1]]
    );
    let removed = vec![matching("Set-Cookie", "", "^cookie1=", false)];
    assert_eq!(sent(vec![rule(Vec::new(), removed)])[2..], [COOKIES[1]]);
    let both = vec![
        matching("Set-Cookie", "one", "cookie1", false),
        matching("Set-Cookie", "two", "cookie2", false),
    ];
    assert_eq!(
        sent(vec![rule(Vec::new(), both)])[2..],
        ["Set-Cookie: one", "Set-Cookie: two"]
    );
}

#[test]
fn without_a_matcher_one_field_takes_the_place_of_all() {
    let actions = vec![action("Set-Cookie", "only")];
    assert_eq!(
        sent(vec![rule(Vec::new(), actions)])[2..],
        ["Set-Cookie: only"]
    );
}

#[test]
fn conditions_on_request_and_response_must_both_hold() {
    let check = |conditions: Vec<Condition>, expected: &str| {
        let shown = format!("{conditions:?}");
        let fields = sent(vec![rule(conditions, vec![action("Server", "changed")])]);
        assert_eq!(fields[0], expected, "{shown}");
    };
    let status = |pattern| condition("var_http_status", pattern, false);
    check(vec![status("^30")], "Server: changed");
    check(vec![status("^200$")], "Server: IIS");
    check(
        vec![condition("http_resp_X-Hop", "1", false)],
        "Server: IIS",
    );
    check(
        vec![condition(
            "http_resp_Set-Cookie",
            "^cookie1=a, cookie2=b$",
            false,
        )],
        "Server: changed",
    );
    check(
        vec![condition("http_resp_X-Missing", "^$", false)],
        "Server: changed",
    );
    check(
        vec![status("^30"), condition("var_uri_path", "^/b", false)],
        "nothing pending",
    );
    check(
        vec![status("^30"), condition("var_uri_path", "^/a", false)],
        "Server: changed",
    );
}

#[test]
fn what_the_request_said_is_remembered() {
    let conditions = vec![condition("var_uri_path", "^/(.*)", false), status_ok()];
    let actions = vec![
        action(
            "X-A",
            "{0_1} {http_req_User-Agent} {http_resp_Server} {var_host}",
        ),
        action("X-B", "{var_client_ip}"),
    ];
    let fields = sent(vec![rule(conditions, actions)]);
    assert_eq!(
        fields[4..],
        ["X-A: a curl/2.0 IIS a.example", "X-B: 192.0.2.7"]
    );
}

fn status_ok() -> Condition {
    condition("var_http_status", "302", false)
}

#[test]
fn later_rules_see_what_earlier_ones_did() {
    let first = rule(Vec::new(), vec![action("X-A", "1"), action("Server", "")]);
    let second = rule(
        vec![condition("http_resp_Server", "^$", false)],
        vec![action("X-A", "{http_resp_X-A},2")],
    );
    assert_eq!(sent(vec![first, second])[3..], ["X-A: 1,2"]);
}

#[test]
fn what_would_break_the_head_is_left_out() {
    let actions = vec![
        action("X-A", "a\r\nX-Admin: 1"),
        action("X-B", &"x".repeat(20_000)),
    ];
    assert_eq!(sent(vec![rule(Vec::new(), actions)]).len(), 4);
}
