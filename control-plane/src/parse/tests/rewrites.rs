//! Rewrite rule sets: what is taken, what is refused and where, what workers get.

use prost::Message;
use proto::config::v1::GatewaySnapshot;
use serde_json::{Value, json};

use super::fixture::{ID, document, id, lower, parse, parse_by, to};
use crate::render;

/// The typical document with one set, in use, of these rules.
fn with(rules: Value) -> Value {
    let mut body = document();
    body["properties"]["rewriteRuleSets"] =
        json!([{"name": "set", "properties": {"rewriteRules": rules}}]);
    body["properties"]["requestRoutingRules"][0]["properties"]["rewriteRuleSet"] =
        to("rewriteRuleSets", "set");
    body
}

/// One rule of one set.
fn rule(conditions: Value, request: Value, response: Value) -> Value {
    json!([{
        "name": "rule",
        "ruleSequence": 100,
        "conditions": conditions,
        "actionSet": {"requestHeaderConfigurations": request, "responseHeaderConfigurations": response},
    }])
}

fn header(name: &str, value: &str) -> Value {
    json!({"headerName": name, "headerValue": value})
}

fn snapshot(body: &Value) -> GatewaySnapshot {
    let compiled = lower(&parse(body).unwrap());
    GatewaySnapshot::decode(compiled.snapshot.as_slice()).unwrap()
}

/// `code target: message` of each violation; the target within the rule.
fn violations(rules: Value) -> Vec<String> {
    let refused = parse(&with(rules)).err();
    let all = refused.iter().flat_map(|violations| violations.iter());
    all.map(|violation| {
        let target = violation
            .target
            .trim_start_matches("properties.rewriteRuleSets[0].properties.rewriteRules[0].");
        let message = violation
            .message
            .split_once(": ")
            .map_or(&*violation.message, |(_, why)| why);
        format!("{} {target}: {message}", violation.code)
    })
    .collect()
}

#[track_caller]
fn check(rules: Value, expected: &[&str]) {
    assert_eq!(violations(rules), expected);
}

#[track_caller]
fn check_condition(condition: Value, expected: &[&str]) {
    check(rule(json!([condition]), json!([]), json!([])), expected);
}

#[track_caller]
fn check_request(name: &str, value: &str, expected: &[&str]) {
    check(
        rule(json!([]), json!([header(name, value)]), json!([])),
        expected,
    );
}

/// All that a set can say.
fn everything() -> Value {
    json!([
        {
            "name": "later", "ruleSequence": "200",
            "conditions": [{"variable": "http_resp_Location", "pattern": "(https?)://[^/]+(.*)"}],
            "actionSet": {"responseHeaderConfigurations": [
                header("Location", "{http_resp_Location_1}://{var_host}{http_resp_Location_2}"),
                {"headerName": "Set-Cookie", "headerValue": "{capt_header_value_matcher_1}; Secure",
                 "headerValueMatcher": {"pattern": "^(session=.*)", "ignoreCase": "true", "negate": false}},
            ]},
        },
        {
            "name": "first", "ruleSequence": 100,
            "conditions": [
                {"variable": "var_client_certificate_subject", "pattern": "CN=([^,]+)", "ignoreCase": true},
                {"variable": "http_req_User-Agent", "pattern": "bot", "negate": true},
            ],
            "actionSet": {
                "requestHeaderConfigurations": [
                    header("X-Client-CN", "cn={var_client_certificate_subject_1}"),
                    header("X-Device", "{var_cookie_device}"),
                    header("X-Forwarded-For", "{var_add_x_forwarded_for_proxy}"),
                    header("Accept-Language", "en"),
                    {"headerName": "X-Gone"},
                ],
                "responseHeaderConfigurations": [header("Server", ""), header("Strict-Transport-Security", "max-age=31536000")],
            },
        },
    ])
}

#[test]
fn a_set_is_lowered_in_order_of_execution() {
    let lowered = snapshot(&with(everything()));
    insta::assert_debug_snapshot!((
        &lowered.rewrite_rule_sets,
        &lowered.reserved_request_headers
    ));
    let routes: Vec<_> = lowered
        .binds
        .iter()
        .flat_map(|bind| &bind.virtual_hosts)
        .map(|host| host.route.as_ref().unwrap().rewrite_rule_set.as_str())
        .collect();
    assert_eq!(routes, ["", "set"]);
}

#[test]
fn a_set_comes_back_as_it_was_sent() {
    let stored = parse(&with(everything())).unwrap();
    let shown = render::application_gateway(&render::GatewayFacts {
        id: &id(),
        document: &stored.document,
        etag: "W/\"1\"",
        resource_guid: "2",
        provisioning_state: model::ProvisioningState::Succeeded,
        operational_state: model::OperationalState::Running,
    });
    let set = &shown["properties"]["rewriteRuleSets"][0];
    assert_eq!(set["id"], json!(format!("{ID}/rewriteRuleSets/set")));
    assert_eq!(
        set["type"],
        json!("Microsoft.Network/applicationGateways/rewriteRuleSets")
    );
    assert_eq!(
        set["properties"]["requestRoutingRules"],
        json!([to("requestRoutingRules", "r1")])
    );
    assert_eq!(set["properties"]["rewriteRules"][0]["name"], json!("later"));
    assert_eq!(
        set["properties"]["rewriteRules"][1]["actionSet"]["requestHeaderConfigurations"][4],
        json!({"headerName": "X-Gone", "headerValue": ""})
    );
    let again = parse_by("2026-03-01", Some(&stored.document), &shown).unwrap();
    assert_eq!(again.document, stored.document);
    assert_eq!(lower(&again), lower(&stored));
}

#[test]
fn saying_a_default_and_not_saying_it_are_equal() {
    let said = json!([{"name": "a", "ruleSequence": 100, "conditions": [{"variable": "var_host", "pattern": "a", "ignoreCase": false, "negate": "false"}],
        "actionSet": {"requestHeaderConfigurations": [], "responseHeaderConfigurations": [{"headerName": "A", "headerValue": ""}]}}]);
    let unsaid = json!([{"name": "a", "conditions": [{"variable": "var_host", "pattern": "a"}],
        "actionSet": {"responseHeaderConfigurations": [{"headerName": "A"}]}}]);
    assert_eq!(
        parse(&with(said)).unwrap().document,
        parse(&with(unsaid)).unwrap().document
    );
    assert!(parse(&with(json!(null))).is_ok());
}

#[test]
fn what_clients_may_not_send_is_reserved() {
    let reserved = |request: Value| {
        let conditions = json!([{"variable": "var_client_certificate_issuer", "pattern": "(.*)"}, {"variable": "var_host", "pattern": "(.*)"}]);
        let mut body = with(rule(
            conditions,
            request,
            json!([header("X-Response", "x")]),
        ));
        // Not in use: what backends take for the gateway's word stays that.
        body["properties"]["requestRoutingRules"][0]["properties"]["rewriteRuleSet"] = json!(null);
        let lowered = snapshot(&body);
        assert_eq!(lowered.rewrite_rule_sets, []);
        lowered.reserved_request_headers
    };
    assert_eq!(
        reserved(json!([
            header("X-Client-Cert", "{var_client_certificate}"),
            header("B-Tenant", "fixed"),
            header("x-client-cert", "again"),
            header("X-Removed", ""),
        ])),
        ["b-tenant", "x-client-cert"]
    );
    for ordinary in [
        "User-Agent",
        "accept",
        "Accept-Encoding",
        "Cookie",
        "Authorization",
        "Content-Type",
        "Cache-Control",
        "Origin",
        "Referer",
        "Range",
        "If-None-Match",
        "X-Forwarded-For",
        "Sec-Fetch-Mode",
        "TraceParent",
    ] {
        assert_eq!(
            reserved(json!([header(ordinary, "x")])),
            [""; 0],
            "{ordinary}"
        );
        let identity = header(ordinary, "Bearer {var_client_certificate_fingerprint}");
        assert_eq!(reserved(json!([identity])), [ordinary.to_ascii_lowercase()]);
        let captured = header(ordinary, "{var_client_certificate_issuer_1}");
        assert_eq!(reserved(json!([captured])), [ordinary.to_ascii_lowercase()]);
        assert_eq!(reserved(json!([header(ordinary, "{var_host_1}")])), [""; 0]);
    }
    for custom in ["Acceptance", "X-Accept", "Contents", "Iff"] {
        assert_eq!(
            reserved(json!([header(custom, "x")])),
            [custom.to_ascii_lowercase()]
        );
    }
    assert_eq!(
        reserved(json!([header("Host", "{var_client_certificate_issuer_1}")])),
        [""; 0]
    );
}

#[test]
fn conditions_are_checked() {
    check_condition(json!({"variable": "var_host", "pattern": "a"}), &[]);
    check_condition(
        json!({}),
        &[
            "MissingRequiredProperty conditions[0].pattern: Property pattern of /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/rewriteRuleSets/set must be given.",
            "MissingRequiredProperty conditions[0].variable: Property variable of /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/rewriteRuleSets/set must be given.",
        ],
    );
    check_condition(
        json!({"variable": "var_location", "pattern": "(http"}),
        &[
            "InvalidPropertyValue conditions[0].pattern: it is no regular expression: unclosed group.",
            "InvalidPropertyValue conditions[0].variable: there is no server variable \"location\"; names are in lower case.",
        ],
    );
    check_condition(
        json!({"variable": "Location", "pattern": "x{1001}{1001}"}),
        &[
            "LimitExceeded conditions[0].pattern: it is too complex: it would take more than 131072 bytes.",
            "InvalidPropertyValue conditions[0].variable: \"Location\" is no server variable (var_..), request header (http_req_..) or response header (http_resp_..).",
        ],
    );
    check_condition(
        json!({"variable": "var_client_tcp_rtt", "pattern": "a"}),
        &[
            "InvalidPropertyValue conditions[0].variable: the server variable client_tcp_rtt is not available here.",
        ],
    );
}

#[test]
fn headers_of_the_gateway_are_refused_by_name() {
    for name in [
        "Connection",
        "upgrade",
        "X-ORIGINAL-HOST",
        "Content-Length",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Keep-Alive",
        "Proxy-Connection",
        "Expect",
        "HTTP2-Settings",
    ] {
        check_request(
            name,
            "x",
            &[&format!(
                "InvalidPropertyValue actionSet.requestHeaderConfigurations[0].headerName: header {name} belongs to the gateway and cannot be rewritten."
            )],
        );
    }
    check_request(
        "Host",
        "",
        &[
            "InvalidPropertyValue actionSet.requestHeaderConfigurations[0].headerValue: header Host cannot be removed.",
        ],
    );
    check_request("Host", "backend.example:8080", &[]);
    check_request(
        "X_Client",
        "x",
        &[
            "InvalidPropertyValue actionSet.requestHeaderConfigurations[0].headerName: \"X_Client\" is not the name of a request header: 1 to 256 letters, digits and '-'.",
        ],
    );
    check(
        rule(
            json!([]),
            json!([]),
            json!([header("X_Ok", "x"), header("a b", "x")]),
        ),
        &[
            "InvalidPropertyValue actionSet.responseHeaderConfigurations[1].headerName: \"a b\" is not the name of a response header: 1 to 256 characters of a token (RFC 9110, section 5.6.2).",
        ],
    );
}

#[test]
fn values_are_checked() {
    let place = "InvalidPropertyValue actionSet.requestHeaderConfigurations[0].headerValue";
    for (value, why) in [
        ("a\r\nX-Admin: 1", "it holds the control character '\\r'."),
        ("a\nb", "it holds the control character '\\n'."),
        ("a\0b", "it holds the control character '\\0'."),
        (
            "{var_nope}",
            "{var_nope}: there is no server variable \"nope\"; names are in lower case.",
        ),
        ("{var_host", "the token \"var_host\" has no closing brace."),
        (
            "{var_host_1}",
            "{var_host_1} refers to a capture, but no condition of the rule is on that variable.",
        ),
        (
            "{http_resp_Server}",
            "{http_resp_Server} is known only once there is a response.",
        ),
        (
            "{capt_header_value_matcher_1}",
            "{capt_header_value_matcher_1} needs a headerValueMatcher on the same header.",
        ),
    ] {
        check_request("X-A", value, &[&format!("{place}: {why}")]);
    }
    check(
        rule(
            json!([{"variable": "var_uri_path", "pattern": "/(.+)"}]),
            json!([header("X-A", "{var_uri_path_2}")]),
            json!([]),
        ),
        &[&format!(
            "{place}: {{var_uri_path_2}} refers to group 2, but the pattern has 1."
        )],
    );
}

#[test]
fn a_matcher_is_for_set_cookie() {
    let with_matcher = |name: &str, matcher: Value| json!({"headerName": name, "headerValue": "x", "headerValueMatcher": matcher});
    let good = json!({"pattern": "a"});
    check(
        rule(
            json!([]),
            json!([]),
            json!([with_matcher("set-cookie", good.clone())]),
        ),
        &[],
    );
    let refused = "headerValueMatcher: it is for the response header Set-Cookie only.";
    check(
        rule(
            json!([]),
            json!([with_matcher("Set-Cookie", good.clone())]),
            json!([with_matcher("Link", good)]),
        ),
        &[
            &format!("InvalidPropertyValue actionSet.requestHeaderConfigurations[0].{refused}"),
            &format!("InvalidPropertyValue actionSet.responseHeaderConfigurations[0].{refused}"),
        ],
    );
    check(
        rule(
            json!([]),
            json!([]),
            json!([with_matcher("Set-Cookie", json!({"pattern": "("}))]),
        ),
        &[
            "InvalidPropertyValue actionSet.responseHeaderConfigurations[0].headerValueMatcher.pattern: it is no regular expression: unclosed group.",
        ],
    );
}

#[test]
fn a_rule_cannot_change_a_request_by_its_response() {
    check(
        rule(
            json!([{"variable": "var_host", "pattern": "a"}, {"variable": "var_http_status", "pattern": "404"}]),
            json!([header("X-A", "x")]),
            json!([]),
        ),
        &[
            "InvalidPropertyValue conditions[1].variable: a rule that changes request headers cannot depend on the response.",
        ],
    );
}

#[test]
fn urls_are_not_rewritten_yet() {
    let mut rules = rule(json!([]), json!([]), json!([]));
    rules[0]["actionSet"]["urlConfiguration"] = json!({"modifiedPath": "/x", "reroute": true});
    check(
        rules,
        &[
            "FeatureNotSupported actionSet.urlConfiguration: Rewriting of URLs (urlConfiguration) is not supported yet.",
        ],
    );
}

#[test]
fn a_set_has_azures_limits() {
    let place = "LimitExceeded properties.rewriteRuleSets[0].properties.rewriteRules";
    let conditions = vec![json!({"variable": "var_host", "pattern": "a"}); 41];
    check(
        rule(conditions.into(), json!([]), json!([])),
        &[&format!(
            "{place}: its rules have 41 conditions, at most 40 are allowed in a set."
        )],
    );
    let headers = vec![header("X-A", "x"); 21];
    check(
        rule(json!([]), headers[1..].into(), headers[1..].into()),
        &[],
    );
    check(
        rule(json!([]), headers[1..].into(), headers.into()),
        &[&format!(
            "{place}: its rules have 41 header configurations, at most 40 are allowed in a set."
        )],
    );
    let mut body = document();
    body["properties"]["rewriteRuleSets"] =
        (0..401).map(|n| json!({"name": format!("s{n}")})).collect();
    let refused = parse(&body).unwrap_err();
    assert_eq!(
        (refused.code(), refused.target()),
        ("LimitExceeded", Some("properties.rewriteRuleSets"))
    );
}

#[test]
fn rules_have_names_and_numbers() {
    let named = |name: Value, sequence: Value| json!([{"name": name, "ruleSequence": sequence}]);
    check(named(json!("Add HSTS (all)"), json!(0)), &[]);
    let told = violations(named(json!(null), json!(-1)));
    assert!(
        told[0].starts_with("MissingRequiredProperty name: "),
        "{told:?}"
    );
    assert_eq!(
        told[1..],
        ["InvalidPropertyValue ruleSequence: -1 is not within 0 to 2147483647."]
    );
    for bad in ["a\nb", &"x".repeat(81)] {
        check(
            named(json!(bad), json!(1)),
            &[
                "InvalidPropertyValue name: it has at most 80 characters, and no control characters.",
            ],
        );
    }
    let twice = json!([{"name": "a", "ruleSequence": 1}, {"name": "A", "ruleSequence": 2}]);
    check(
        twice,
        &[
            "DuplicateResourceName properties.rewriteRuleSets[0].properties.rewriteRules: there is another rule named \"A\".",
        ],
    );
}

#[test]
fn a_rule_refers_to_a_set_that_is_there() {
    let mut body = document();
    body["properties"]["requestRoutingRules"][0]["properties"]["rewriteRuleSet"] =
        to("rewriteRuleSets", "nope");
    let refused = parse(&body).unwrap_err();
    assert_eq!(
        (refused.code(), refused.target()),
        (
            "InvalidResourceReference",
            Some("properties.requestRoutingRules[0].properties.rewriteRuleSet")
        )
    );
}

#[test]
fn an_older_api_version_keeps_sets_and_matchers() {
    let stored = parse(&with(everything())).unwrap();
    let mut old = with(everything());
    let properties = old["properties"].as_object_mut().unwrap();
    properties.remove("rewriteRuleSets");
    properties["requestRoutingRules"][0]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("rewriteRuleSet");
    let by_2017 = parse_by("2017-06-01", Some(&stored.document), &old).unwrap();
    assert_eq!(by_2017.document, stored.document);
    let mut old = with(everything());
    let later = &mut old["properties"]["rewriteRuleSets"][0]["properties"]["rewriteRules"][0];
    later["actionSet"]["responseHeaderConfigurations"][1]
        .as_object_mut()
        .unwrap()
        .remove("headerValueMatcher");
    let by_2022 = parse_by("2022-01-01", Some(&stored.document), &old).unwrap();
    assert_eq!(by_2022.document, stored.document);
    let by_newest = parse_by("2026-03-01", Some(&stored.document), &old).unwrap_err();
    assert_eq!(by_newest.code(), "InvalidPropertyValue");
}
