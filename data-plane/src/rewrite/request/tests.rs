use super::*;
use crate::rewrite::testing::{source, with_request};

fn check(request: &str, expected: &[(&str, &str)]) {
    let none = Changes::default();
    with_request(request, &["x-client-cert"], None, |request| {
        for (name, value) in expected {
            let found = request.value(&source(name), &none);
            assert_eq!(String::from_utf8_lossy(&found), *value, "{name}");
        }
    });
}

#[test]
fn variables_are_what_azure_says() {
    check(
        "POST /article.aspx?id=123&title=fabrikam HTTP/1.1\r\nHost: Contoso.COM:8080\r\nX-Forwarded-For: 10.1.1.1\r\n\
         Cookie: a=1; session=x=y\r\nX-Forwarded-For: 10.2.2.2\r\nCookie: b=\"2\"\r\n\
         Authorization: basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
        &[
            (
                "var_add_x_forwarded_for_proxy",
                "10.1.1.1, 10.2.2.2, 192.0.2.7",
            ),
            ("var_ciphers_used", "TLS_AES_128_GCM_SHA256"),
            ("var_client_ip", "192.0.2.7"),
            ("var_client_port", "5000"),
            ("var_client_user", "Aladdin"),
            ("var_cookie_a", "1"),
            ("var_cookie_b", "\"2\""),
            ("var_cookie_session", "x=y"),
            ("var_cookie_Session", ""),
            ("var_host", "contoso.com"),
            ("var_http_method", "POST"),
            ("var_http_status", ""),
            ("var_http_version", "HTTP/1.1"),
            ("var_query_string", "id=123&title=fabrikam"),
            ("var_request_query", "id=123&title=fabrikam"),
            ("var_request_scheme", "https"),
            ("var_request_uri", "/article.aspx?id=123&title=fabrikam"),
            ("var_server_port", "443"),
            ("var_ssl_connection_protocol", "TLSv1.3"),
            ("var_ssl_enabled", "On"),
            ("var_uri_path", "/article.aspx"),
            ("var_client_certificate", ""),
            ("var_client_certificate_verification", "NONE"),
        ],
    );
    check(
        "GET /%2e%2e//a HTTP/1.0\r\n\r\n",
        &[
            ("var_add_x_forwarded_for_proxy", "192.0.2.7"),
            ("var_client_user", ""),
            ("var_cookie_a", ""),
            ("var_host", ""),
            ("var_http_version", "HTTP/1.0"),
            ("var_query_string", ""),
            ("var_uri_path", "/%2e%2e//a"),
        ],
    );
}

#[test]
fn a_user_name_that_could_not_be_sent_on_is_none() {
    for authorization in [
        "Bearer QWxhZGRpbjpvcGVu",
        "Basic",
        "Basic !!!",
        "Basic QWxhZGRpbg==",
        // "a\r\nX-Admin: 1:pw"
        "Basic YQ0KWC1BZG1pbjogMTpwdw==",
    ] {
        let request =
            format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\r\n");
        check(&request, &[("var_client_user", "")]);
    }
}

#[test]
fn fields_are_read_in_any_case_and_joined() {
    check(
        "GET /a HTTP/1.1\r\nHost: A:80\r\nx-a: 1\r\nCookie: c=1\r\nX-A: 2\r\nCookie: d=2\r\nX-Forwarded-For: 1.1.1.1\r\n\
         Connection: x-hop\r\nX-Hop: 1\r\n\r\n",
        &[
            ("http_req_X-a", "1, 2"),
            ("http_req_Cookie", "c=1; d=2"),
            ("http_req_Host", "A:80"),
            ("http_req_X-Forwarded-For", "1.1.1.1"),
            ("http_req_X-Missing", ""),
            ("http_req_X-Hop", ""),
            ("http_resp_X-A", ""),
        ],
    );
}

// T-60
#[test]
fn what_no_client_may_send_is_not_seen_by_rules_either() {
    check(
        "GET /a?b HTTP/1.1\r\nHost: a\r\nX-Client-Cert: forged\r\nClient-Cert: :Zm9yZ2Vk:\r\nX-Forwarded-Client-Cert: Hash=f\r\n\
         X-Forwarded-Proto: forged\r\nX-Forwarded-Port: 1\r\nX-Original-Host: forged\r\nX-Original-URL: /forged\r\n\r\n",
        &[
            ("http_req_X-Client-Cert", ""),
            ("http_req_Client-Cert", ""),
            ("http_req_X-Forwarded-Client-Cert", ""),
            ("http_req_X-Forwarded-Proto", "https"),
            ("http_req_x-forwarded-port", "443"),
            ("http_req_X-Original-Host", "a"),
            ("http_req_X-Original-URL", "/a?b"),
        ],
    );
}
