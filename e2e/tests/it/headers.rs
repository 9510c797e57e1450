//! What backends are told about the client, and what clients cannot make them believe.

mod forwarded;
mod spoofing;

use std::path::Path;

use e2e::deployment::{Database, Setup};
use e2e::document;
use e2e::openssl;
use e2e::pki::{Identity, Leaf};
use e2e::site::{LISTENER, Site};
use e2e::tls_client::Tls;
use rcgen::DnType;
use serde_json::{Value, json};

/// Headers of a rewrite and Azure's variables in them.
const VARIABLES: [(&str, &str); 8] = [
    ("x-client-cert", "client_certificate"),
    ("x-client-subject", "client_certificate_subject"),
    ("x-client-issuer", "client_certificate_issuer"),
    ("x-client-serial", "client_certificate_serial"),
    ("x-client-fingerprint", "client_certificate_fingerprint"),
    ("x-client-start", "client_certificate_start_date"),
    ("x-client-end", "client_certificate_end_date"),
    ("x-client-verify", "client_certificate_verification"),
];

/// Adds a rewrite rule set with [`VARIABLES`], and attaches it to the rule of the listener `mtls`.
fn rewrite(document: &mut Value, id: &str) {
    let headers: Vec<Value> = VARIABLES
        .iter()
        .map(|(header, variable)| {
            json!({"headerName": header, "headerValue": format!("{{var_{variable}}}")})
        })
        .collect();
    document["properties"]["rewriteRuleSets"] = json!([{"name": "identity", "properties": {
        "rewriteRules": [{"name": "who", "ruleSequence": 100,
            "actionSet": {"requestHeaderConfigurations": headers}}]}}]);
    document["properties"]["requestRoutingRules"][0]["properties"]["rewriteRuleSet"] =
        json!({"id": format!("{id}/rewriteRuleSets/identity")});
}

/// A certificate with a subject that has to be escaped.
fn device(site: &Site) -> Identity {
    let leaf = Leaf::client("device")
        .with_attribute(DnType::CountryName, "US")
        .with_attribute(DnType::OrganizationName, "Contoso, \"Ltd\" + Söhne")
        .with_attribute(DnType::OrganizationalUnitName, "IoT;<x>")
        .with_serial(0xA1F);
    site.issue(&leaf.with_dns_names(&["device.site.example"]))
}

/// The header fields that the echo backend got, lower-case names to values.
#[track_caller]
fn echoed(text: &str) -> Value {
    let start = text.find("{\n").expect("JSON of the echo backend");
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
    let echo = values.next().expect("an echo").expect("JSON");
    echo["headers"].clone()
}

#[test]
fn azures_variables_say_what_openssl_says_about_the_certificate() {
    let site = Site::start("variables", &Setup::new(Database::Sqlite, 1));
    let device = device(&site);
    site.put(|document| rewrite(document, &site.id));
    let file: &Path = &device.certificate;
    let rfc2253 = ["-nameopt", "RFC2253"];
    let name = |which| openssl::x509_value(file, &[&[which], &rfc2253[..]].concat());
    let expected = [
        ("x-client-subject", name("-subject")),
        ("x-client-issuer", name("-issuer")),
        ("x-client-serial", openssl::x509_value(file, &["-serial"])),
        ("x-client-fingerprint", openssl::fingerprint(file, "-sha1")),
        ("x-client-start", openssl::x509_value(file, &["-startdate"])),
        ("x-client-end", openssl::x509_value(file, &["-enddate"])),
        ("x-client-verify", "SUCCESS".to_owned()),
        ("x-client-cert", escaped_pem(file)),
    ];
    for version in ["--http1.1", "--http2"] {
        for tls in Tls::ALL {
            let answer = site.target().curl(tls, Some(&device), &[version]);
            assert_eq!(answer.status, 200, "{}", answer.text);
            let headers = echoed(&answer.text);
            for (header, value) in &expected {
                assert_eq!(headers[header], json!(value), "{version} {header}");
            }
        }
    }
}

/// The PEM text as Azure (and nginx) escape it: everything but the unreserved characters of RFC 3986.
fn escaped_pem(file: &Path) -> String {
    let pem = std::fs::read_to_string(file).expect("certificate");
    let pem = pem.replace('\r', "");
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    pem.bytes().map(escape).collect()
}

#[test]
fn a_client_that_passes_through_is_told_of_as_such() {
    let site = Site::start("unverified", &Setup::new(Database::Sqlite, 1));
    let device = device(&site);
    site.put(|document| {
        rewrite(document, &site.id);
        *document::profile(document, LISTENER) =
            json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}});
    });
    for (identity, verification) in [(Some(&device), "PASSTHROUGH"), (None, "NONE")] {
        let answer = site.target().curl(Tls::V13, identity, &[]);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let headers = echoed(&answer.text);
        assert_eq!(headers["x-client-verify"], verification, "{headers:#}");
        let shows_subject = headers["x-client-subject"].is_string();
        assert_eq!(shows_subject, identity.is_some(), "{headers:#}");
    }
}
