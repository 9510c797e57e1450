use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use client_auth::{
    ClientIdentity, Decision, PathCertificate, Reason, Refusal, RevocationPlan, SubjectAltNames,
    Verification,
};
use rustls_pki_types::UnixTime;

use super::*;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// What is known of a client that was verified and showed `certificate`, and what became of that.
fn facts(outcome: Outcome, certificate: CertificateFacts) -> ClientFacts {
    let path = |der: &[u8]| PathCertificate {
        subject: String::new(),
        key_id: [0; 32].into(),
        sha256: [0; 32].into(),
        der: der.into(),
    };
    let certificate = Arc::new(certificate);
    let decision = Decision {
        verdict: Ok(ClientIdentity {
            path_not_after: certificate.not_after,
            certificate: Arc::clone(&certificate),
            verification: Verification::Verified,
        }),
        presented: Some(certificate),
        revocation: RevocationPlan::default(),
        path: vec![path(b"leaf"), path(b"intermediate"), path(b"root")],
        checks: Vec::new(),
    };
    let mut facts = ClientFacts::new(&decision, at(1_682_868_720));
    facts.outcome = outcome;
    facts
}

pub(super) fn certificate() -> CertificateFacts {
    CertificateFacts {
        der: b"leaf".as_slice().into(),
        subject: "CN=FOO,OU=IoT,O=Contoso,L=Take,ST=NY,C=US".to_owned(),
        issuer: "CN=Azure IoT Hub Intermediate Cert Test Only".to_owned(),
        serial: "02".to_owned(),
        sha256: [0xab; 32].into(),
        sha1: [0xcd; 20].into(),
        key_id: [0xef; 32].into(),
        not_before: at(1_682_868_720),
        not_after: at(1_685_460_720),
        alt_names: SubjectAltNames {
            dns: vec!["a.example".to_owned(), "b.example".to_owned()],
            uri: vec!["spiffe://example/a".to_owned(), "urn:a,b".to_owned()],
            email: vec!["a@example".to_owned()],
            ip: vec![IpAddr::from([127, 0, 0, 1]), "2001:db8::1".parse().unwrap()],
        },
    }
}

fn text(variable: IdentityVariable, facts: &ClientFacts) -> String {
    String::from_utf8(value(variable, facts)).unwrap()
}

#[test]
fn values_have_azures_forms_to_the_byte() {
    let facts = facts(Outcome::Success, certificate());
    let leaf = "-----BEGIN%20CERTIFICATE-----%0AbGVhZg%3D%3D%0A-----END%20CERTIFICATE-----%0A";
    let intermediate =
        "-----BEGIN%20CERTIFICATE-----%0AaW50ZXJtZWRpYXRl%0A-----END%20CERTIFICATE-----%0A";
    for (variable, expected) in [
        (IdentityVariable::Certificate, leaf),
        (IdentityVariable::Chain, &format!("{leaf}{intermediate}")),
        (IdentityVariable::EndDate, "May 30 15:32:00 2023 GMT"),
        (IdentityVariable::Fingerprint, &"cd".repeat(20)),
        (IdentityVariable::FingerprintSha256, &"ab".repeat(32)),
        (
            IdentityVariable::Issuer,
            "CN=Azure IoT Hub Intermediate Cert Test Only",
        ),
        (IdentityVariable::SanDns, "a.example,b.example"),
        (IdentityVariable::SanEmail, "a@example"),
        (IdentityVariable::SanIp, "127.0.0.1,2001:db8::1"),
        (IdentityVariable::SanUri, "spiffe://example/a,urn:a%2Cb"),
        (IdentityVariable::Serial, "02"),
        (IdentityVariable::SpkiSha256, &"ef".repeat(32)),
        (IdentityVariable::StartDate, "Apr 30 15:32:00 2023 GMT"),
        (
            IdentityVariable::Subject,
            "CN=FOO,OU=IoT,O=Contoso,L=Take,ST=NY,C=US",
        ),
        (IdentityVariable::Verification, "SUCCESS"),
        (IdentityVariable::VerifiedAt, "2023-04-30T15:32:00Z"),
    ] {
        assert_eq!(text(variable, &facts), expected, "{variable:?}");
    }
}

#[test]
fn fields_tell_the_verified_path_without_its_anchor() {
    let facts = facts(Outcome::Success, certificate());
    let value = |field: IdentityField| String::from_utf8(field.value(&facts)).unwrap();
    assert_eq!(value(IdentityField::ClientCert), ":bGVhZg==:");
    assert_eq!(value(IdentityField::ClientCertChain), ":aW50ZXJtZWRpYXRl:");
    assert!(value(IdentityField::Xfcc).starts_with(&format!("Hash={};", "ab".repeat(32))));
}

#[test]
fn fields_tell_of_no_client_that_was_not_verified() {
    for outcome in [
        Outcome::Absent,
        Outcome::Passthrough,
        Outcome::Failed(Reason::Revoked),
    ] {
        let facts = facts(outcome, certificate());
        for field in [
            IdentityField::ClientCert,
            IdentityField::ClientCertChain,
            IdentityField::Xfcc,
        ] {
            assert_eq!(field.value(&facts), b"", "{outcome:?} {field:?}");
        }
    }
}

#[test]
fn who_was_not_verified_has_no_path_and_no_time() {
    for (outcome, verification) in [
        (Outcome::Passthrough, "PASSTHROUGH"),
        (
            Outcome::Failed(Reason::Revoked),
            "FAILED:certificate revoked",
        ),
    ] {
        let facts = facts(outcome, certificate());
        assert_eq!(text(IdentityVariable::Verification, &facts), verification);
        assert_eq!(text(IdentityVariable::Chain, &facts), "");
        assert_eq!(text(IdentityVariable::VerifiedAt, &facts), "");
        // Azure tells what was shown, whatever became of it.
        assert_eq!(text(IdentityVariable::Serial, &facts), "02");
    }
}

#[test]
fn who_showed_nothing_is_told_with_nothing() {
    let refusal = Refusal::new(Reason::NoCertificate, "none");
    let decision = Decision {
        verdict: Err(refusal),
        presented: None,
        revocation: RevocationPlan::default(),
        path: Vec::new(),
        checks: Vec::new(),
    };
    let facts = ClientFacts::new(&decision, at(0));
    for variable in IdentityVariable::ALL {
        let expected = match variable {
            IdentityVariable::Verification => "NONE",
            _ => "",
        };
        assert_eq!(text(*variable, &facts), expected, "{variable:?}");
    }
}
