//! Uploads in every form, good and bad.

use std::sync::atomic::AtomicBool;

use model::{Collection, ListenerProtocol};
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519,
};
use serde_json::{Value, json};

use super::fixture::{ID, PKI, b64, ca, document, id, openssl, parse, parse_by};
use crate::api_version::ApiVersion;
use crate::extension::Policies;
use crate::parse::{ParseContext, application_gateway};

/// The code and target of each violation after a server certificate was put in.
fn server(data: &str, password: Value) -> Vec<String> {
    let mut body = document();
    body["properties"]["sslCertificates"][0]["properties"] =
        json!({"data": data, "password": password});
    let violations = parse(&body).err();
    violations
        .iter()
        .flat_map(|all| all.iter())
        .map(|one| format!("{} {}", one.code, one.target))
        .collect()
}

#[track_caller]
fn check_server(data: &str, password: Value, good: bool) {
    let bad =
        "ApplicationGatewaySslCertificateInvalidData properties.sslCertificates[0].properties.data"
            .to_owned();
    assert_eq!(
        server(data, password),
        if good { vec![] } else { vec![bad] }
    );
}

/// A PFX of the test's leaf, its key and chain.
fn pfx(password: &str, more: &[&str]) -> Vec<u8> {
    let pki = &*PKI;
    let files = [
        ("leaf.pem", pki.leaf_pem.as_bytes()),
        ("key.pem", pki.leaf_key_pem.as_bytes()),
        ("chain.pem", pki.intermediate_pem.as_bytes()),
    ];
    let password = format!("pass:{password}");
    let mut arguments = vec![
        "pkcs12",
        "-export",
        "-in",
        "leaf.pem",
        "-inkey",
        "key.pem",
        "-certfile",
        "chain.pem",
        "-passout",
        &password,
    ];
    arguments.extend_from_slice(more);
    openssl(&files, &arguments)
}

#[test]
fn pfx_files_open_with_their_password() {
    let modern = b64(pfx("Secret123", &[]));
    check_server(&modern, json!("Secret123"), true);
    check_server(&modern, json!("secret123"), false);
    check_server(&modern, json!(null), false);
    for algorithm in ["PBE-SHA1-3DES", "AES-128-CBC", "AES-256-CBC"] {
        let data = b64(pfx(
            "Secret123",
            &["-keypbe", algorithm, "-certpbe", algorithm],
        ));
        check_server(&data, json!("Secret123"), true);
    }
    let windows = b64(pfx(
        "p",
        &[
            "-legacy",
            "-keypbe",
            "PBE-SHA1-3DES",
            "-certpbe",
            "PBE-SHA1-RC2-40",
            "-macalg",
            "sha1",
        ],
    ));
    check_server(&windows, json!("p"), true);
}

#[test]
fn nothing_is_opened_for_a_request_that_nobody_waits_for() {
    let context = ParseContext {
        id: &id(),
        api_version: &ApiVersion::parse(ApiVersion::NEWEST).unwrap(),
        stored: None,
        policies: &Policies::default(),
        abandoned: &AtomicBool::new(true),
    };
    let violations = application_gateway(&context, &document()).unwrap_err();
    assert!(
        violations.message().contains("was not opened in time"),
        "{violations}"
    );
}

#[test]
fn an_empty_password_is_the_same_as_none() {
    let data = b64(pfx("", &[]));
    check_server(&data, json!(""), true);
    check_server(&data, json!(null), true);
    check_server(&data, json!("x"), false);
}

#[test]
fn pem_with_chain_and_key_is_taken_beyond_azure() {
    let pki = &*PKI;
    let all = format!(
        "{}{}{}",
        pki.leaf_key_pem, pki.intermediate_pem, pki.leaf_pem
    );
    check_server(&all, json!(null), true);
    check_server(&b64(&all), json!(null), true);
    check_server(
        &format!("{}{}", pki.leaf_pem, pki.other_key_pem),
        json!(null),
        false,
    );
    check_server(&pki.leaf_pem, json!(null), false);
    check_server(&pki.leaf_key_pem, json!(null), false);
    check_server(&format!("{all}{}", pki.other_key_pem), json!(null), false);
}

#[test]
fn keys_of_every_supported_kind_serve_and_weak_ones_do_not() {
    let certificate = |key: &KeyPair| {
        let certificate = CertificateParams::new(vec!["x".to_owned()])
            .unwrap()
            .self_signed(key)
            .unwrap();
        format!("{}{}", certificate.pem(), key.serialize_pem())
    };
    for algorithm in [
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_ECDSA_P521_SHA512,
        &PKCS_ED25519,
    ] {
        check_server(
            &certificate(&KeyPair::generate_for(algorithm).unwrap()),
            json!(null),
            true,
        );
    }
    let generated = |bits: &str| {
        String::from_utf8(openssl(
            &[],
            &[
                "req",
                "-x509",
                "-newkey",
                bits,
                "-nodes",
                "-subj",
                "/CN=x",
                "-keyout",
                "/dev/stdout",
            ],
        ))
        .unwrap()
    };
    check_server(&generated("rsa:2048"), json!(null), true);
    check_server(&generated("rsa:1024"), json!(null), false);
}

#[test]
fn traditional_key_encodings_give_the_same_key() {
    let pki = &*PKI;
    let sec1 = openssl(&[("k", pki.leaf_key_pem.as_bytes())], &["ec", "-in", "k"]);
    let body = |key: &[u8]| {
        let mut body = document();
        let data = format!("{}{}", pki.leaf_pem, String::from_utf8_lossy(key));
        body["properties"]["sslCertificates"][0]["properties"]["data"] = json!(data);
        body
    };
    let one = parse(&body(&sec1)).unwrap();
    let other = parse(&body(pki.leaf_key_pem.as_bytes())).unwrap();
    assert_eq!(one.document, other.document);
    assert_eq!(one.secrets, other.secrets);
    assert_eq!(one.keys, [one.secrets[0].sha256]);
}

#[test]
fn a_bad_server_certificate_reads_as_azure_says_it() {
    let mut body = document();
    body["properties"]["sslCertificates"][0]["properties"] =
        json!({"data": b64("not a pfx"), "password": "hunter2"});
    let violations = parse(&body).unwrap_err();
    let start = format!("Data or Password for certificate {ID}/sslCertificates/site is invalid.");
    assert!(
        violations.message().starts_with(&start),
        "{}",
        violations.message()
    );
    assert!(!format!("{violations:?}").contains("hunter2"));
}

#[test]
fn oversized_server_certificates_are_refused() {
    check_server(&b64(vec![0; 16 * 1024 + 1]), json!(null), false);
    check_server(&"A".repeat(1 << 20), json!(null), false);
    check_server("***", json!(null), false);
}

#[test]
fn the_chain_is_ordered_and_shown_as_pkcs7() {
    let mut body = document();
    body["properties"]["sslCertificates"][0]["properties"] = json!({"data": b64(pfx("", &[]))});
    let parsed = parse(&body).unwrap();
    let ListenerProtocol::Https { certificate, .. } = parsed.gateway.listeners()[0].protocol()
    else {
        panic!("no HTTPS")
    };
    assert_eq!(certificate.chain.len(), 2);
    let public =
        parsed.document["properties"]["sslCertificates"][0]["properties"]["publicCertData"]
            .as_str()
            .unwrap();
    let pkcs7 = format!("-----BEGIN PKCS7-----\n{public}\n-----END PKCS7-----\n");
    let wrapped: String = pkcs7
        .split('\n')
        .flat_map(|line| {
            line.as_bytes()
                .chunks(64)
                .map(|part| String::from_utf8_lossy(part).into_owned() + "\n")
        })
        .collect();
    let printed = String::from_utf8(openssl(
        &[("p", wrapped.as_bytes())],
        &["pkcs7", "-in", "p", "-print_certs"],
    ))
    .unwrap();
    assert_eq!(printed.matches("BEGIN CERTIFICATE").count(), 2, "{printed}");
    assert!(
        printed
            .find("CN = rcgen")
            .or_else(|| printed.find("CN=rcgen"))
            < printed.find("Intermediate").map(|at| at + 1)
    );
}

#[test]
fn no_secret_is_in_document_answer_or_debug_output() {
    let mut body = document();
    body["properties"]["sslCertificates"][0]["properties"] =
        json!({"data": b64(pfx("hunter2", &[])), "password": "hunter2"});
    let parsed = parse(&body).unwrap();
    let key = PKI.leaf_key_pem.lines().nth(1).unwrap();
    for text in [parsed.document.to_string(), format!("{parsed:?}")] {
        assert!(!text.contains("hunter2") && !text.contains(key) && !text.contains("PRIVATE KEY"));
    }
    let properties = &parsed.document["properties"]["sslCertificates"][0]["properties"];
    assert!(properties.get("data").is_none() && properties.get("password").is_none());
}

/// The violations after an upload of client CAs was put in.
fn client_ca(data: Value) -> Vec<String> {
    let mut body = document();
    body["properties"]["trustedClientCertificates"][0]["properties"] = json!({"data": data});
    let violations = parse(&body).err();
    let short = |code: &str| {
        code.replace("ApplicationGateway", "")
            .replace("TrustedClientCertificate", "..")
    };
    violations
        .iter()
        .flat_map(|all| all.iter())
        .map(|one| short(one.code.as_str()))
        .collect()
}

#[track_caller]
fn check_client_ca(data: impl Into<Value>, codes: &[&str]) {
    assert_eq!(client_ca(data.into()), codes);
}

#[test]
fn client_cas_come_as_pem_or_der_raw_or_base64() {
    let pki = &*PKI;
    let chain = format!("{}{}", pki.intermediate_pem, pki.root_pem);
    for data in [
        pki.root_pem.clone(),
        b64(&pki.root_pem),
        b64(&pki.root_der),
        chain.clone(),
        b64(&chain),
    ] {
        check_client_ca(data, &[]);
    }
    check_client_ca(format!("{}{chain}", pki.leaf_pem), &[]);
}

#[test]
fn bad_client_cas_get_azures_codes() {
    let pki = &*PKI;
    let second_root = ca("Second")
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem();
    let invalid = "..InvalidData";
    check_client_ca(Value::Null, &["..MustSpecifyData"]);
    check_client_ca("", &["..MustSpecifyData"]);
    check_client_ca("  ", &["..MustSpecifyData"]);
    check_client_ca("%%%", &[invalid]);
    check_client_ca(b64("hello"), &[invalid]);
    check_client_ca(
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        &[invalid],
    );
    check_client_ca(b64("-----BEGIN CERTIFICATE-----"), &[invalid]);
    check_client_ca(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        &[invalid],
    );
    check_client_ca(
        format!("{}{}", pki.root_pem, pki.leaf_key_pem),
        &["..MustNotHavePrivateKey"],
    );
    check_client_ca(b64(&pki.leaf_key_pem), &["..MustNotHavePrivateKey"]);
    check_client_ca(
        b64(KeyPair::generate().unwrap().serialize_der()),
        &["..MustNotHavePrivateKey"],
    );
    check_client_ca(pki.leaf_pem.clone(), &["..DoesNotContainAnyCACertificate"]);
    check_client_ca(pki.intermediate_pem.clone(), &["OnlyOneRootCAAllowedIn.."]);
    check_client_ca(
        format!("{}{second_root}", pki.root_pem),
        &["OnlyOneRootCAAllowedIn.."],
    );
    check_client_ca(b64(vec![b'x'; 25 * 1024 + 1]), &["LimitExceeded"]);
}

#[test]
fn what_azure_derives_from_client_cas_is_filled_in_and_data_stays() {
    let mut body = document();
    let data = b64(format!("# my CA\n{}{}", PKI.intermediate_pem, PKI.root_pem));
    body["properties"]["trustedClientCertificates"][0]["properties"]["data"] = json!(data);
    let parsed = parse(&body).unwrap();
    let properties = &parsed.document["properties"]["trustedClientCertificates"][0]["properties"];
    assert_eq!(properties["data"], json!(data));
    assert!(
        properties["clientCertIssuerDN"]
            .as_str()
            .unwrap()
            .contains("CN=Intermediate"),
        "{properties}"
    );
    assert!(!properties["validatedCertData"].as_str().unwrap().is_empty());
}

#[test]
fn an_entry_without_its_secret_keeps_the_stored_one() {
    let stored = parse(&document()).unwrap();
    let mut body = document();
    body["properties"]["sslCertificates"][0] =
        json!({"name": "SITE", "properties": {"publicCertData": "ignored", "password": "ignored"}});
    let again = parse_by("2026-03-01", Some(&stored.document), &body).unwrap();
    assert!(again.secrets.is_empty());
    assert_eq!(again.keys, stored.keys);
    let properties =
        |document: &Value| document["properties"]["sslCertificates"][0]["properties"].clone();
    assert_eq!(properties(&again.document), properties(&stored.document));
    body["properties"]["sslCertificates"][0]["name"] = json!("other");
    let refused = parse_by("2026-03-01", Some(&stored.document), &body).unwrap_err();
    assert!(
        refused
            .iter()
            .any(|one| one.target == "properties.sslCertificates[0].properties.data")
    );
}

#[test]
fn what_is_not_in_the_schema_cannot_be_smuggled_into_a_certificate() {
    let mut body = document();
    body["properties"]["sslCertificates"][0]["properties"]["portcullis"] =
        json!({"chain": [], "keySha256": ""});
    assert_eq!(parse(&body).unwrap_err().code(), "InvalidRequestFormat");
}

#[test]
fn roots_of_backends_are_checked_and_kept() {
    let mut body = document();
    body["properties"]["trustedRootCertificates"] =
        json!([{"name": "r", "properties": {"data": b64(&PKI.root_der)}}]);
    body["properties"]["backendHttpSettingsCollection"][0]["properties"]["protocol"] =
        json!("Https");
    let reference = json!([super::fixture::to(
        Collection::TRUSTED_ROOT_CERTIFICATES.as_str(),
        "r"
    )]);
    body["properties"]["backendHttpSettingsCollection"][0]["properties"]["trustedRootCertificates"] =
        reference;
    let stored = parse(&body).unwrap();
    body["properties"]["trustedRootCertificates"][0]["properties"] = json!({});
    let again = parse_by("2026-03-01", Some(&stored.document), &body).unwrap();
    assert_eq!(again.document, stored.document);
    body["properties"]["trustedRootCertificates"][0]["properties"] = json!({"data": b64("x")});
    assert_eq!(
        parse(&body).unwrap_err().code(),
        "ApplicationGatewayTrustedRootCertificateInvalidData"
    );
}
