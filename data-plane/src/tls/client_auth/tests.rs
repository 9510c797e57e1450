//! Real handshakes between a client and a server in memory, on TLS 1.2 and 1.3: what the client is told.

use std::rc::Rc;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use client_auth::{Authenticator, Policy, Reason, TrustBundle};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Connection, HandshakeKind, RootCertStore,
    ServerConfig, ServerConnection, SupportedProtocolVersion, version,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::*;
use crate::clock::Clock;
use crate::connection::ConnectionId;
use crate::snapshot::{IdentityHeaders, RefusalForm};
use crate::testing::{Ca, Leaf};
use crate::tls::handshake::Handshake;
use crate::tls::server_config::{self, ServerTls, cipher_suite};
use crate::tls::tickets::TicketScope;
use crate::tls::tickets::keys::TicketKeys;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

/// A server that lets in clients of one CA, and the CA.
struct Door {
    server_root: CertificateDer<'static>,
    config: Arc<ServerConfig>,
}

/// How a handshake ended: `Ok`, or the alert that the client received; and what was decided.
type Outcome = (Result<(), AlertDescription>, Option<Result<(), Reason>>);

fn door(bundles: Vec<TrustBundle>, clock: &Clock) -> Door {
    let authenticator = Authenticator::new(Policy::strict("profile", bundles, false));
    doors(vec![Some(authenticator)], clock).remove(0)
}

/// Servers of one name and certificate, with and without client authentication.
fn doors(authenticators: Vec<Option<Authenticator>>, clock: &Clock) -> Vec<Door> {
    let server_ca = Ca::new("server CA");
    let server = server_ca.server("www.example");
    let provider = server_config::provider(Vec::new());
    let chain = vec![server.certificate.clone()];
    let certificate =
        CertifiedKey::from_der(chain, server.private_key(), &provider).expect("server certificate");
    let certificate = Arc::new(certificate);
    let keys = TicketKeys::default();
    let build = |(number, authenticator): (usize, Option<Authenticator>)| {
        let tls = ServerTls {
            versions: VERSIONS.to_vec(),
            suites: [0x1301, 0xc02b]
                .into_iter()
                .filter_map(cipher_suite)
                .collect(),
            certificate: Arc::clone(&certificate),
            client_auth: authenticator.map(client_auth),
            http2: false,
            tickets: TicketScope {
                gateway_id: "/gateway".into(),
                listener: format!("listener{number}").into(),
                keys: keys.of("/gateway"),
            },
        };
        let config = server_config::build(tls, clock).expect("server configuration");
        Door {
            server_root: server_ca.certificate.clone(),
            config: Arc::new(config),
        }
    };
    authenticators.into_iter().enumerate().map(build).collect()
}

fn client_auth(authenticator: Authenticator) -> Arc<ClientAuth> {
    Arc::new(profile(authenticator))
}

fn profile(authenticator: Authenticator) -> ClientAuth {
    ClientAuth {
        ssl_profile: "profile".into(),
        authenticator: Arc::new(authenticator),
        refusal_form: RefusalForm::TlsAlert,
        resumption_lifetime: None,
        send_ca_names: true,
        identity_headers: IdentityHeaders::default(),
        trust_epoch: 1,
        crls: Arc::default(),
    }
}

fn trusting(ca: &Ca) -> Vec<TrustBundle> {
    vec![
        TrustBundle::from_der("client-ca", std::slice::from_ref(&ca.certificate))
            .expect("one root"),
    ]
}

impl Door {
    fn client(
        &self,
        version: &'static SupportedProtocolVersion,
        leaf: Option<&Leaf>,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.server_root.clone()).expect("root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("versions")
            .with_root_certificates(roots);
        let config = match leaf {
            None => builder.with_no_client_auth(),
            Some(leaf) => {
                // Unlike the usual way, this one lets a client claim a certificate of which it lacks the key.
                let key = any_supported_type(&leaf.private_key()).expect("key");
                let claimed = CertifiedKey::new(vec![leaf.certificate.clone()], key);
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(claimed)))
            }
        };
        Arc::new(config)
    }

    fn shake(&self, version: &'static SupportedProtocolVersion, leaf: Option<&Leaf>) -> Outcome {
        let handshake = Rc::new(Handshake::new(ConnectionId::random()));
        let client = self.client(version, leaf);
        let told = CURRENT.sync_scope(Rc::clone(&handshake), || self.connect(&client).map(drop));
        let verdict = handshake
            .take_decision()
            .map(|decision| match &decision.verdict {
                Ok(_) => Ok(()),
                Err(refusal) => Err(refusal.reason),
            });
        (told, verdict)
    }

    /// Makes a connection; tells whether it resumed a session.
    fn enter(&self, client: &Arc<ClientConfig>) -> Result<HandshakeKind, AlertDescription> {
        let handshake = Rc::new(Handshake::new(ConnectionId::random()));
        let client = CURRENT.sync_scope(handshake, || self.connect(client))?;
        Ok(client.handshake_kind().expect("a handshake"))
    }

    /// Makes a connection and returns the client's side.
    fn connect(&self, client: &Arc<ClientConfig>) -> Result<Connection, AlertDescription> {
        let name = "www.example".try_into().expect("name");
        let client = ClientConnection::new(Arc::clone(client), name).expect("client");
        let server = ServerConnection::new(Arc::clone(&self.config)).expect("server");
        pump(client.into(), server.into())
    }
}

/// Moves bytes both ways until nothing moves any more.
fn pump(mut client: Connection, mut server: Connection) -> Result<Connection, AlertDescription> {
    loop {
        let up = carry(&mut client, &mut server);
        let down = carry(&mut server, &mut client);
        // The server's own error is for its log; what counts is what the client sees of it.
        let _told_by_alert = server.process_new_packets();
        match client.process_new_packets() {
            Err(Error::AlertReceived(alert)) => return Err(alert),
            Err(error) => panic!("the client failed: {error}"),
            Ok(_) if up + down == 0 => break,
            Ok(_) => {}
        }
    }
    assert!(
        !client.is_handshaking() && !server.is_handshaking(),
        "the handshake hangs"
    );
    Ok(client)
}

fn carry(from: &mut Connection, to: &mut Connection) -> usize {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).expect("written to memory");
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).expect("read from memory");
        let _seen_by_pump = to.process_new_packets();
    }
    bytes.len()
}

/// Expects a refusal for this reason and with this alert, on both versions.
fn check(change: impl Fn(&mut CertificateParams), reason: Reason, alert: AlertDescription) {
    let ca = Ca::new("client CA");
    let leaf = ca.leaf("client.example", |parameters| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(parameters);
    });
    let door = door(trusting(&ca), &Clock::system());
    for version in VERSIONS {
        let outcome = door.shake(version, Some(&leaf));
        assert_eq!(
            outcome,
            (Err(alert), Some(Err(reason))),
            "{:?}",
            version.version
        );
    }
}

#[test]
fn a_certificate_of_the_uploaded_ca_gets_in() {
    let ca = Ca::new("client CA");
    let door = door(trusting(&ca), &Clock::system());
    for version in VERSIONS {
        assert_eq!(
            door.shake(version, Some(&ca.client("client.example"))),
            (Ok(()), Some(Ok(())))
        );
    }
}

#[test]
fn the_hybrid_key_exchange_is_used_with_clients_that_know_it() {
    let ca = Ca::new("client CA");
    let leaf = ca.leaf("client.example", |parameters| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let door = door(trusting(&ca), &Clock::system());
    let config = door.client(&rustls::version::TLS13, Some(&leaf));
    let client = door.connect(&config).expect("let in");
    let group = client
        .negotiated_key_exchange_group()
        .map(rustls::crypto::SupportedKxGroup::name);
    assert_eq!(group, Some(rustls::NamedGroup::X25519MLKEM768));
}

#[test]
fn a_certificate_without_its_key_is_worth_nothing() {
    let ca = Ca::new("client CA");
    let door = door(trusting(&ca), &Clock::system());
    let stolen = Leaf {
        certificate: ca.client("client.example").certificate,
        key: ca.client("client.example").key,
    };
    for version in VERSIONS {
        let (told, decided) = door.shake(version, Some(&stolen));
        assert_eq!(
            told,
            Err(AlertDescription::DecryptError),
            "{:?}",
            version.version
        );
        assert_eq!(decided, Some(Ok(())), "the certificate itself is good");
    }
}

#[test]
fn no_certificate_is_answered_with_certificate_required() {
    let door = door(trusting(&Ca::new("client CA")), &Clock::system());
    for version in VERSIONS {
        // rustls sends the alert of TLS 1.3 in TLS 1.2 too; the verifier is not asked.
        assert_eq!(
            door.shake(version, None),
            (Err(AlertDescription::CertificateRequired), None)
        );
    }
}

#[test]
fn a_certificate_of_another_ca_is_of_an_unknown_ca() {
    let door = door(trusting(&Ca::new("client CA")), &Clock::system());
    // Of the same name as the trusted one, but with another key; and of another name.
    for name in ["client CA", "other CA"] {
        let leaf = Ca::new(name).client("client.example");
        for version in VERSIONS {
            let (told, decided) = door.shake(version, Some(&leaf));
            assert!(
                matches!(
                    decided,
                    Some(Err(Reason::UnknownIssuer | Reason::BadSignature))
                ),
                "{decided:?}"
            );
            assert!(
                matches!(
                    told,
                    Err(AlertDescription::UnknownCA | AlertDescription::BadCertificate)
                ),
                "{told:?} for {name}"
            );
        }
    }
}

#[test]
fn a_self_signed_certificate_is_of_an_unknown_ca() {
    let door = door(trusting(&Ca::new("client CA")), &Clock::system());
    for version in VERSIONS {
        let outcome = door.shake(version, Some(&Leaf::self_signed("client.example")));
        assert_eq!(
            outcome,
            (
                Err(AlertDescription::UnknownCA),
                Some(Err(Reason::SelfSigned))
            )
        );
    }
}

#[test]
fn an_expired_certificate_is_expired() {
    let change = |parameters: &mut CertificateParams| {
        parameters.not_before = OffsetDateTime::now_utc() - time::Duration::days(3);
        parameters.not_after = OffsetDateTime::now_utc() - time::Duration::days(2);
    };
    check(
        change,
        Reason::Expired,
        AlertDescription::CertificateExpired,
    );
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_not_currently_valid() {
    let change = |parameters: &mut CertificateParams| {
        parameters.not_before = OffsetDateTime::now_utc() + time::Duration::days(2);
    };
    check(
        change,
        Reason::NotYetValid,
        AlertDescription::CertificateExpired,
    );
}

#[test]
fn a_certificate_for_servers_only_is_unsupported() {
    let change = |parameters: &mut CertificateParams| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    check(
        change,
        Reason::NotForClientAuth,
        AlertDescription::UnsupportedCertificate,
    );
}

#[test]
fn a_certificate_whose_key_may_not_sign_is_unsupported() {
    let change = |parameters: &mut CertificateParams| {
        parameters.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    };
    check(
        change,
        Reason::KeyUsage,
        AlertDescription::UnsupportedCertificate,
    );
}

#[test]
fn a_ca_is_no_client() {
    let change = |parameters: &mut CertificateParams| {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    check(
        change,
        Reason::CaAsClient,
        AlertDescription::UnsupportedCertificate,
    );
}

#[test]
fn with_nothing_to_trust_nobody_gets_in() {
    let door = door(Vec::new(), &Clock::system());
    for version in VERSIONS {
        let outcome = door.shake(
            version,
            Some(&Ca::new("client CA").client("client.example")),
        );
        assert_eq!(
            outcome,
            (
                Err(AlertDescription::UnknownCA),
                Some(Err(Reason::EmptyTrust))
            )
        );
        assert_eq!(
            door.shake(version, None).0,
            Err(AlertDescription::CertificateRequired)
        );
    }
}

#[test]
fn the_injected_clock_decides_about_validity() {
    let ca = Ca::new("client CA");
    let leaf = ca.client("client.example");
    let now = Arc::new(Mutex::new(SystemTime::now()));
    let moved = Arc::clone(&now);
    let clock = Clock::from_fn(move || *moved.lock().expect("clock"));
    let door = door(trusting(&ca), &clock);
    assert_eq!(door.shake(&version::TLS13, Some(&leaf)).0, Ok(()));
    *now.lock().expect("clock") += Duration::from_hours(31 * 24);
    assert_eq!(
        door.shake(&version::TLS13, Some(&leaf)).0,
        Err(AlertDescription::CertificateExpired)
    );
}

#[test]
fn a_session_of_an_open_door_opens_no_other() {
    let ca = Ca::new("client CA");
    let guard = Authenticator::new(Policy::strict("profile", trusting(&ca), false));
    let doors = doors(vec![None, None, Some(guard)], &Clock::system());
    for version in VERSIONS {
        let client = doors[0].client(version, None);
        assert_eq!(doors[0].enter(&client), Ok(HandshakeKind::Full));
        assert_eq!(
            doors[0].enter(&client),
            Ok(HandshakeKind::Resumed),
            "the session is good where it was made"
        );
        assert_eq!(doors[1].enter(&client), Ok(HandshakeKind::Full));
        assert_eq!(
            doors[0].enter(&client),
            Ok(HandshakeKind::Full),
            "the client kept the newer session"
        );
        assert_eq!(
            doors[2].enter(&client),
            Err(AlertDescription::CertificateRequired)
        );
    }
}

#[test]
fn a_guarded_door_looks_at_the_certificate_every_time() {
    let ca = Ca::new("client CA");
    let door = door(trusting(&ca), &Clock::system());
    for version in VERSIONS {
        let client = door.client(version, Some(&ca.client("client.example")));
        assert_eq!(door.enter(&client), Ok(HandshakeKind::Full));
        assert_eq!(door.enter(&client), Ok(HandshakeKind::Full));
    }
}

#[test]
fn junk_in_the_place_of_a_certificate_is_bad() {
    let ca = Ca::new("client CA");
    let authenticator = Authenticator::new(Policy::strict("profile", trusting(&ca), false));
    let verifier = Verifier::new(
        client_auth(authenticator),
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms,
    );
    let junk = CertificateDer::from(b"junk".to_vec());
    let error = verifier
        .verify_client_cert(&junk, &[], UnixTime::now())
        .expect_err("refused");
    assert_eq!(
        error,
        Error::InvalidCertificate(CertificateError::BadEncoding)
    );
}

#[test]
fn the_names_of_the_trusted_cas_are_hinted_unless_they_are_kept_back() {
    let ca = Ca::new("client CA");
    let algorithms =
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    let verifier = |send_ca_names| {
        let policy = Policy::strict("profile", trusting(&ca), false);
        let profile = ClientAuth {
            send_ca_names,
            ..profile(Authenticator::new(policy))
        };
        Verifier::new(Arc::new(profile), algorithms)
    };
    let told = verifier(true);
    let hints: Vec<&[u8]> = told
        .root_hint_subjects()
        .iter()
        .map(AsRef::as_ref)
        .collect();
    let parsed = x509_parser::parse_x509_certificate(&ca.certificate)
        .expect("parsed")
        .1;
    assert_eq!(hints, [parsed.subject().as_raw()]);
    assert!(verifier(false).root_hint_subjects().is_empty());
}

#[test]
fn every_reason_has_an_alert_on_the_wire() {
    for reason in Reason::ALL {
        let error = error_of(&Refusal::new(reason, "detail"));
        let expected = match reason.alert() {
            Alert::CertificateRequired => {
                assert_eq!(error, Error::NoCertificatesPresented);
                continue;
            }
            Alert::BadCertificate => AlertDescription::BadCertificate,
            Alert::UnsupportedCertificate => AlertDescription::UnsupportedCertificate,
            Alert::CertificateRevoked => AlertDescription::CertificateRevoked,
            Alert::CertificateExpired => AlertDescription::CertificateExpired,
            Alert::CertificateUnknown => AlertDescription::CertificateUnknown,
            Alert::UnknownCa => AlertDescription::UnknownCA,
            Alert::AccessDenied => AlertDescription::AccessDenied,
        };
        let Error::InvalidCertificate(certificate_error) = error else {
            panic!("{reason}: {error}")
        };
        assert_eq!(
            AlertDescription::from(certificate_error),
            expected,
            "{reason}"
        );
    }
}
