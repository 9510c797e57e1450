use super::*;
use crate::rewrite::rule::{Condition, HeaderAction};
use crate::rewrite::testing::{Told, action, condition, with_request};

const REQUEST: &str = "GET /shop/shoes?x HTTP/1.1\r\nHost: a.example\r\nUser-Agent: bot/1\r\nX-In: in\r\nX-Secret: forged\r\n\r\n";

fn rule(conditions: Vec<Condition>, request_headers: Vec<HeaderAction>) -> RewriteRule {
    RewriteRule {
        name: "rule".into(),
        conditions,
        request_headers,
        response_headers: Vec::new(),
    }
}

/// The changes that rules make, as `name: value`, or `name` alone where the field is removed.
fn changes(rules: Vec<RewriteRule>) -> Vec<String> {
    let set = Arc::new(RewriteRuleSet { rules });
    let told = Told::default();
    with_request(REQUEST, &["x-secret"], None, |request| {
        let mut changes = Changes::default();
        let pending = on_request(&set, request, &mut changes, told.room());
        assert!(pending.is_none());
        assert_eq!(told.names(), [""; 0]);
        let shown = |change: &Change<'_>| match &change.value {
            None => change.name.to_owned(),
            Some(value) => format!("{}: {}", change.name, String::from_utf8_lossy(value)),
        };
        changes.iter().map(shown).collect()
    })
}

#[test]
fn headers_are_set_and_removed() {
    let actions = vec![
        action("X-Ip", "{var_client_ip}"),
        action("X-Mixed", "<{http_req_X-In}|{var_uri_path}>"),
        action("X-Gone", ""),
    ];
    assert_eq!(
        changes(vec![rule(Vec::new(), actions)]),
        ["X-Ip: 192.0.2.7", "X-Mixed: <in|/shop/shoes>", "X-Gone"]
    );
}

#[test]
fn an_empty_variable_takes_the_clients_own_copy_away() {
    let actions = vec![
        action("X-In", "{var_client_certificate}"),
        action("X-Blank", "{http_req_X-Missing} {var_cookie_no}"),
    ];
    assert_eq!(
        changes(vec![rule(Vec::new(), actions)]),
        ["X-In", "X-Blank"]
    );
}

#[test]
fn all_conditions_must_hold() {
    let set = |conditions| changes(vec![rule(conditions, vec![action("X-A", "1")])]);
    let path = || condition("var_uri_path", "^/shop/", false);
    for (conditions, applies) in [
        (vec![path()], true),
        (
            vec![path(), condition("http_req_User-Agent", "bot", false)],
            true,
        ),
        (
            vec![path(), condition("http_req_User-Agent", "bot", true)],
            false,
        ),
        (
            vec![path(), condition("http_req_User-Agent", "BOT", false)],
            false,
        ),
        (vec![condition("http_req_X-Missing", ".+", false)], false),
        (vec![condition("http_req_X-Missing", ".+", true)], true),
        (vec![condition("http_req_X-Missing", "^$", false)], true),
    ] {
        let shown = format!("{conditions:?}");
        assert_eq!(set(conditions).len(), usize::from(applies), "{shown}");
    }
}

#[test]
fn captures_fill_values() {
    let conditions = vec![
        condition("var_uri_path", "/(.+)/(.+)", false),
        condition("http_req_User-Agent", "(human)?", false),
    ];
    let actions = vec![action("X-A", "category={0_1}&product={0_2}{1_1}")];
    assert_eq!(
        changes(vec![rule(conditions, actions)]),
        ["X-A: category=shop&product=shoes"]
    );
}

#[test]
fn rules_see_what_earlier_rules_did_and_the_last_one_counts() {
    let first = rule(
        Vec::new(),
        vec![
            action("X-A", "one"),
            action("X-In", ""),
            action("X-Same", "{http_req_X-In}"),
        ],
    );
    let second = rule(
        vec![condition("http_req_X-In", "^$", false)],
        vec![action("x-a", "{http_req_X-A},two")],
    );
    assert_eq!(
        changes(vec![first, second]),
        ["X-In", "X-Same: in", "x-a: one,two"]
    );
}

// T-60
#[test]
fn a_forged_copy_of_a_reserved_field_is_never_read() {
    let actions = vec![
        action("X-Secret", "{http_req_X-Secret},mine"),
        action("X-Other", "{http_req_X-Secret}"),
    ];
    assert_eq!(
        changes(vec![rule(Vec::new(), actions)]),
        ["X-Secret: ,mine", "X-Other"]
    );
}

// T-65
#[test]
fn a_value_that_is_too_large_is_left_out_whole() {
    let long = "x".repeat(16 * 1024);
    let set = Arc::new(RewriteRuleSet {
        rules: vec![rule(
            Vec::new(),
            vec![action("X-Long", &long), action("X-Ok", &long[8..])],
        )],
    });
    let told = Told::default();
    with_request(REQUEST, &[], None, |request| {
        let mut changes = Changes::default();
        on_request(&set, request, &mut changes, told.room());
        assert_eq!(changes.find("X-Long").unwrap().value, None);
        assert_eq!(
            changes.find("X-Ok").unwrap().value.as_ref().unwrap().len(),
            long.len() - 8
        );
    });
    assert_eq!(told.names(), ["X-Long"]);
}
