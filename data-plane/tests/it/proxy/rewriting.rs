//! Header fields that rules set and remove, on the way to backends and back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_plane::limits::Limits;
use data_plane::rewrite::{
    Condition, HeaderAction, Matcher, Part, Pattern, RewriteRule, RewriteRuleSet, Source, Variable,
};
use data_plane::settings::AccessLog;
use data_plane::snapshot::{UpstreamHost, VirtualHost};
use http_body_util::Full;

use super::backend::{Answer, Backend, behind_tls};
use super::client::Client;
use super::gateway::{Gateway, host, http, https, over_tls, settings, upstream, with_tls};
use super::http2::H2;
use super::own_address;
use super::pki::{self, Ca};

/// A backend whose responses have two cookies and a redirect.
async fn backend() -> Backend {
    Backend::start(|_| {
        Answer::Keep(
            b"HTTP/1.1 302 Found\r\nServer: IIS\r\nLocation: http://10.0.0.1/next\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
              Content-Length: 2\r\n\r\nok"
                .to_vec(),
        )
    })
    .await
}

fn condition(source: Source, pattern: &str) -> Condition {
    Condition {
        source,
        pattern: Pattern::new(pattern, false).unwrap(),
        negate: false,
        captures: true,
    }
}

fn text(text: &str) -> Part {
    Part::Text(text.into())
}

pub(crate) fn action(name: &str, value: Vec<Part>) -> HeaderAction {
    HeaderAction {
        name: name.into(),
        matcher: None,
        value,
    }
}

fn request_header(name: &str) -> Part {
    Part::Source(Source::RequestHeader(name.into()))
}

/// Gives a virtual host these rules.
pub(crate) fn with_rules(mut host: VirtualHost, rules: Vec<RewriteRule>) -> VirtualHost {
    let route = host.route.as_mut().expect("a route");
    route.rewrites = Some(Arc::new(RewriteRuleSet { rules }));
    host
}

pub(crate) fn request_rule(request_headers: Vec<HeaderAction>) -> RewriteRule {
    RewriteRule {
        request_headers,
        ..RewriteRule::default()
    }
}

/// Changes of both directions; the host of the client is needed on the way back.
fn rules() -> Vec<RewriteRule> {
    let both = RewriteRule {
        name: "both".into(),
        conditions: vec![condition(Source::Variable(Variable::UriPath), "^/(.*)$")],
        request_headers: vec![
            action(
                "X-Path",
                vec![Part::Capture {
                    condition: 0,
                    group: 1,
                }],
            ),
            action("User-Agent", vec![text("gateway")]),
            action(
                "X-Forwarded-For",
                vec![Part::Source(Source::Variable(
                    Variable::AddXForwardedForProxy,
                ))],
            ),
            action("X-Forwarded-Port", Vec::new()),
            action("Accept-Encoding", Vec::new()),
        ],
        response_headers: vec![
            action("Server", Vec::new()),
            action("X-Frame-Options", vec![text("DENY")]),
        ],
    };
    let redirect = RewriteRule {
        name: "redirect".into(),
        conditions: vec![
            condition(
                Source::ResponseHeader("Location".into()),
                r"^http://10\.0\.0\.1(/.*)$",
            ),
            condition(Source::Variable(Variable::HttpStatus), "^30"),
        ],
        response_headers: vec![
            action(
                "Location",
                vec![
                    text("https://"),
                    Part::Source(Source::Variable(Variable::Host)),
                    Part::Capture {
                        condition: 0,
                        group: 1,
                    },
                ],
            ),
            HeaderAction {
                matcher: Some(Matcher {
                    pattern: Pattern::new("^b=", false).unwrap(),
                    negate: false,
                }),
                ..action(
                    "Set-Cookie",
                    vec![Part::MatcherCapture(0), text("; Secure")],
                )
            },
        ],
        ..RewriteRule::default()
    };
    vec![both, redirect]
}

#[tokio::test]
async fn fields_change_in_both_directions_over_http1() {
    let backend = backend().await;
    let all = with_rules(
        host("all", &[], Some(upstream(&[backend.address]))),
        rules(),
    );
    let gateway = Gateway::start(http(own_address(), vec![all])).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..2 {
        let reply = client
            .ask(
                "GET /shop HTTP/1.1\r\nHost: Shop.Example:81\r\nuser-agent: curl\r\nAccept-Encoding: gzip\r\nX-Forwarded-For: 10.1.1.1\r\n\
                 x-path: forged\r\nX-PATH: again\r\n\r\n",
            )
            .await;
        assert_eq!(reply.status(), 302);
        assert_eq!(reply.field("server"), None);
        assert_eq!(reply.field("x-frame-options"), Some("DENY"));
        assert_eq!(reply.field("location"), Some("https://shop.example/next"));
        assert!(
            reply
                .head
                .contains("\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Secure\r\n"),
            "{}",
            reply.head
        );
        let head = &backend.seen().pop().unwrap().head;
        assert_eq!(head.matches("X-Path: shop\r\n").count(), 1, "{head}");
        assert_eq!(head.matches("User-Agent: gateway\r\n").count(), 1, "{head}");
        assert_eq!(
            head.matches("X-Forwarded-For: 10.1.1.1, 127.0.0.1\r\n")
                .count(),
            1,
            "{head}"
        );
        assert!(head.contains("X-Forwarded-Proto: http\r\n"), "{head}");
        for gone in ["forged", "again", "curl", "gzip", "x-forwarded-port"] {
            assert!(
                !head.to_ascii_lowercase().contains(gone),
                "{gone} in {head}"
            );
        }
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn fields_change_in_both_directions_over_http2() {
    let (server, backend) = (Ca::new("server"), backend().await);
    let all = with_rules(
        host("all", &["a.example"], Some(upstream(&[backend.address]))),
        rules(),
    );
    let all = with_tls(all, pki::server(server.server("a.example"), None), 0);
    let gateway = Gateway::start(https(own_address(), vec![all])).await;
    let mut client = H2::over(&gateway, pki::client(&server, None, "h2"), "a.example").await;
    let request = http::Request::builder()
        .uri("https://a.example/shop")
        .header("x-path", "forged")
        .header("user-agent", "curl")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let (status, headers, body) = client.send(request).await.unwrap();
    assert_eq!((status.as_u16(), &body[..]), (302, &b"ok"[..]));
    assert!(headers.get("server").is_none());
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["location"], "https://a.example/next");
    let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2; Secure"]);
    let head = &backend.seen()[0].head;
    assert!(
        head.contains("\r\nX-Path: shop\r\n") && !head.contains("forged"),
        "{head}"
    );
}

#[tokio::test]
async fn a_host_that_a_rule_sets_goes_to_the_backend_and_nowhere_else() {
    let backend = Backend::echo().await;
    let set = |value| vec![request_rule(vec![action("Host", value)])];
    let mut fixed = upstream(&[backend.address]);
    fixed.host = UpstreamHost::Fixed("settings.example".into());
    let to_backend = || Some(upstream(&[backend.address]));
    let hosts = vec![
        with_rules(
            host("fixed", &["fixed.example"], Some(fixed)),
            set(vec![text("rule.example:8080")]),
        ),
        with_rules(
            host("asked", &["asked.example"], to_backend()),
            set(vec![request_header("X-Host")]),
        ),
    ];
    let gateway = Gateway::start(http(own_address(), hosts)).await;
    let mut client = Client::connect(gateway.address).await;
    client.get("fixed.example", "/").await;
    let seen = backend.seen().pop().unwrap();
    assert_eq!(seen.field("host"), Some("rule.example:8080"));
    assert_eq!(seen.field("x-original-host"), Some("fixed.example"));
    // Routing goes by what the client named.
    let asked =
        |value: &str| format!("GET / HTTP/1.1\r\nHost: asked.example\r\nX-Host: {value}\r\n\r\n");
    client.ask(asked("fixed.example")).await;
    assert_eq!(
        backend.seen().pop().unwrap().field("host"),
        Some("fixed.example")
    );
    // Nothing to set: the Host stays.
    client.get("asked.example", "/").await;
    assert_eq!(
        backend.seen().pop().unwrap().field("host"),
        Some("asked.example")
    );
    let before = backend.seen().len();
    let reply = client.ask(asked("a b/c")).await;
    assert_eq!(reply.status(), 400);
    assert_eq!(backend.seen().len(), before);
}

#[tokio::test]
async fn a_backend_is_verified_for_the_host_that_a_rule_sets_unless_its_settings_name_one() {
    let (backends, backend) = (Ca::new("backends"), Backend::echo().await);
    let tls_backend = behind_tls(backend.address, &backends, "rule.example").await;
    let rules = || {
        vec![request_rule(vec![action(
            "Host",
            vec![text("rule.example")],
        )])]
    };
    let over = |host: UpstreamHost| {
        let mut config = pki::client(&backends, None, "http/1.1");
        config.alpn_protocols = Vec::new();
        let mut upstream = over_tls(upstream(&[tls_backend]), Arc::new(config), "unused");
        upstream.key = format!("{host:?}").into();
        upstream.host = host;
        if let Some(tls) = &mut upstream.tls {
            tls.server_name = None;
        }
        upstream
    };
    let gateway = Gateway::start(http(
        own_address(),
        vec![
            with_rules(
                host(
                    "client",
                    &["client.example"],
                    Some(over(UpstreamHost::Client)),
                ),
                rules(),
            ),
            with_rules(
                host(
                    "fixed",
                    &["fixed.example"],
                    Some(over(UpstreamHost::Fixed("other.example".into()))),
                ),
                rules(),
            ),
        ],
    ))
    .await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("client.example", "/").await.status(), 200);
    assert_eq!(backend.seen()[0].field("host"), Some("rule.example"));
    assert_eq!(client.get("fixed.example", "/").await.status(), 502);
}

/// Azure: rewrites do not run on what the gateway itself answers.
#[tokio::test]
async fn what_the_gateway_answers_is_not_rewritten() {
    let silent = Backend::start(|_| Answer::Close(b"nonsense".to_vec())).await;
    let always = RewriteRule {
        response_headers: vec![
            action("X-Always", vec![text("yes")]),
            action("Server", Vec::new()),
        ],
        ..RewriteRule::default()
    };
    let all = with_rules(
        host("all", &["a.example"], Some(upstream(&[silent.address]))),
        vec![always],
    );
    let gateway = Gateway::start(http(own_address(), vec![all])).await;
    for (host, status) in [("a.example", 502), ("other.example", 404)] {
        let reply = Client::connect(gateway.address).await.get(host, "/").await;
        assert_eq!(reply.status(), status);
        assert_eq!(reply.field("x-always"), None);
        assert!(reply.field("server").is_some(), "{}", reply.head);
    }
}

#[tokio::test]
async fn the_access_log_tells_what_the_client_sent_and_which_host_the_backend_got() {
    let (backend, directory) = (Backend::echo().await, tempfile::tempdir().unwrap());
    let mut settings = settings(Limits::default());
    settings.access_log = AccessLog::File(directory.path().join("access.log"));
    let rules = vec![request_rule(vec![
        action("Host", vec![text("rule.example")]),
        action("User-Agent", vec![text("gateway")]),
    ])];
    let to_backend = Some(upstream(&[backend.address]));
    let all = with_rules(host("all", &[], to_backend), rules);
    let gateway = Gateway::start_with(settings, http(own_address(), vec![all])).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .ask("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: curl\r\n\r\n")
        .await;
    gateway.listeners.shutdown(Duration::from_secs(5)).await;
    let line = std::fs::read_to_string(directory.path().join("access.log")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    for (name, value) in [
        ("originalHost", "a.example"),
        ("host", "rule.example"),
        ("userAgent", "curl"),
    ] {
        assert_eq!(line["properties"][name], value, "{line}");
    }
}
