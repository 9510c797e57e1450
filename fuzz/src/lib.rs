//! What the fuzz targets have in common: valid material made at run time, and ways to damage it.
//!
//! A target gets bytes that mean nothing in DER. So the first byte chooses how the others are used: as the input itself, or
//! as patches of something valid, which leads deep into a parser without a committed corpus.

mod ocsp;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client_auth::{
    Authenticator, Policy, RevocationFailure, RevocationMethod, RevocationPolicy,
    RevocationQuestion, RevocationScope, TrustBundle, TrustedCa,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

/// A root, an intermediate below it, a client below that, and evidence about the client; all in DER.
pub struct Chain {
    /// Self-signed.
    pub root: Vec<u8>,
    /// Signed by the root.
    pub intermediate: Vec<u8>,
    /// Signed by the intermediate.
    pub client: Vec<u8>,
    /// Signed by the intermediate; lists others.
    pub crl: Vec<u8>,
    /// Signed by the intermediate: the client's certificate is good.
    pub ocsp_response: Vec<u8>,
}

/// Made once per process.
pub static CHAIN: LazyLock<Chain> = LazyLock::new(Chain::new);

/// Decides about clients below the root, and asks about revocation.
pub static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| authenticator(&CHAIN.root));

/// Whether the client has been revoked.
pub static QUESTION: LazyLock<Arc<RevocationQuestion>> =
    LazyLock::new(|| question(&CHAIN.root, &CHAIN.intermediate, &CHAIN.client));

/// When the process started.
pub static NOW: LazyLock<UnixTime> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::since_unix_epoch(now.unwrap_or(Duration::ZERO))
});

fn authenticator(root: &[u8]) -> Authenticator {
    let root = CertificateDer::from(root.to_vec());
    let revocation = RevocationPolicy {
        method: RevocationMethod::OcspThenCrl,
        scope: RevocationScope::Leaf,
        failure: RevocationFailure::Hard,
        responder: Some("http://responder.example/".to_owned()),
        nonce: false,
        fetch_crls: false,
    };
    let mut policy = Policy::strict("fuzz", Vec::new(), false);
    policy.trusted = vec![TrustedCa {
        bundle: TrustBundle::from_der("ca", &[root]).expect("bundle"),
        revocation,
    }];
    Authenticator::new(policy)
}

fn question(root: &[u8], intermediate: &[u8], client: &[u8]) -> Arc<RevocationQuestion> {
    let decision = authenticator(root).decide(
        &CertificateDer::from(client),
        &[CertificateDer::from(intermediate)],
        *NOW,
    );
    let questions = decision.revocation.questions;
    Arc::clone(questions.first().expect("a question"))
}

/// What the input stands for: itself, or `valid` with patches of two octets of place and one of value each.
pub fn damaged(valid: &[u8], input: &[u8]) -> Vec<u8> {
    let Some((kind, rest)) = input.split_first() else {
        return valid.to_vec();
    };
    if kind & 1 == 0 {
        return rest.to_vec();
    }
    let mut bytes = valid.to_vec();
    for patch in rest.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([patch[0], patch[1]]));
        let place = place % bytes.len().max(1);
        match (kind & 6, bytes.get_mut(place)) {
            (0, Some(byte)) => *byte = patch[2],
            (2, Some(byte)) => *byte ^= patch[2],
            (4, Some(_)) => drop(bytes.remove(place)),
            (_, Some(_)) => bytes.insert(place, patch[2]),
            (_, None) => {}
        }
    }
    bytes
}

impl Chain {
    fn new() -> Self {
        let root_key = KeyPair::generate().expect("key");
        let root_params = ca("root");
        let root = root_params.self_signed(&root_key).expect("root");
        let root_issuer = Issuer::new(root_params, root_key);
        let intermediate_key = KeyPair::generate().expect("key");
        let intermediate_params = ca("intermediate");
        let intermediate = intermediate_params
            .signed_by(&intermediate_key, &root_issuer)
            .expect("intermediate");
        let issuer = Issuer::new(intermediate_params, intermediate_key);
        let client = client()
            .signed_by(&KeyPair::generate().expect("key"), &issuer)
            .expect("client");
        let question = question(root.der(), intermediate.der(), client.der());
        let key = issuer.key().serialize_pem();
        Self {
            crl: crl(&issuer),
            ocsp_response: ocsp::answer(&question, &intermediate.pem(), &key, &SERIAL),
            root: root.der().to_vec(),
            intermediate: intermediate.der().to_vec(),
            client: client.der().to_vec(),
        }
    }
}

/// Of the client's certificate.
const SERIAL: [u8; 3] = [0x12, 0x34, 0x56];

fn crl(issuer: &Issuer<'_, KeyPair>) -> Vec<u8> {
    let now = OffsetDateTime::now_utc();
    let revoked = (1..20_u64).map(|number| RevokedCertParams {
        serial_number: SerialNumber::from(number),
        revocation_time: now - time::Duration::days(1),
        reason_code: (number % 2 == 0).then_some(rcgen::RevocationReason::KeyCompromise),
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: now - time::Duration::hours(1),
        next_update: now + time::Duration::days(300),
        crl_number: SerialNumber::from(7_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).expect("list").der().to_vec()
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(3));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn client() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&SERIAL));
    params
        .distinguished_name
        .push(DnType::CommonName, "client, with a comma");
    params
        .distinguished_name
        .push(DnType::OrganizationalUnitName, "devices");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![
        SanType::DnsName("device.example".try_into().expect("name")),
        SanType::URI("spiffe://example/device".try_into().expect("name")),
        SanType::Rfc822Name("device@example".try_into().expect("name")),
        SanType::IpAddress([192, 0, 2, 1].into()),
    ];
    params.use_authority_key_identifier_extension = true;
    params
}
