//! RFC 9440 and Envoy's XFCC, compared with the certificates themselves.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::deployment::{Database, Setup};
use e2e::document;
use e2e::openssl;
use e2e::pki::{Identity, Leaf};
use e2e::site::{LISTENER, Site};
use e2e::tls_client::Tls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::echoed;

#[track_caller]
fn headers(site: &Site, identity: Option<&Identity>, version: &str) -> Value {
    let lie = "Client-Cert: :c3Bvb2ZlZA==:";
    let answer = site
        .target()
        .curl(Tls::V13, identity, &[version, "--header", lie]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    echoed(&answer.text)
}

/// The certificates of a PEM file, each as a byte sequence (RFC 8941, 3.3.5).
fn byte_sequences(file: &Path) -> Vec<String> {
    CertificateDer::pem_file_iter(file)
        .expect("PEM file")
        .map(|certificate| format!(":{}:", STANDARD.encode(certificate.expect("certificate"))))
        .collect()
}

#[test]
fn a_verified_client_is_handed_on_in_the_forms_of_rfc_9440_and_envoy_and_nobody_else() {
    let site = Site::start("forwarded", &Setup::new(Database::Sqlite, 1));
    let intermediate = site.root.intermediate("Client Intermediate");
    let leaf = Leaf::client("device")
        .with_uri("spiffe://site/device")
        .with_dns_names(&["device.site.example"]);
    let device = intermediate.issue(site.directory(), &leaf, &[&intermediate]);
    let file = &device.certificate;
    site.put(|_| {});
    let on = json!({"clientCert": true, "clientCertChain": true, "xfcc": true});
    site.put_policy(&json!({"identityHeaders": on}));

    let subject = openssl::x509_value(file, &["-subject", "-nameopt", "RFC2253"]);
    let hash = openssl::fingerprint(file, "-sha256");
    let xfcc = format!(
        "Hash={hash};Subject=\"{subject}\";URI=spiffe://site/device;DNS=device.site.example"
    );
    let certificates = byte_sequences(file);
    for version in ["--http1.1", "--http2"] {
        let headers = headers(&site, Some(&device), version);
        assert_eq!(headers["client-cert"], certificates[0], "{version}");
        // The anchor is not in the chain (RFC 9440, 2.3).
        assert_eq!(headers["client-cert-chain"], certificates[1], "{version}");
        assert_eq!(headers["x-forwarded-client-cert"], xfcc, "{version}");
    }

    site.put(|document| {
        *document::profile(document, LISTENER) =
            json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}});
    });
    for identity in [Some(&device), None] {
        let headers = headers(&site, identity, "--http1.1");
        for name in [
            "client-cert",
            "client-cert-chain",
            "x-forwarded-client-cert",
        ] {
            assert!(headers[name].is_null(), "{headers:#}");
        }
    }
}
