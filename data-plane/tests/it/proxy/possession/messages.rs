//! Messages about the client's certificate that are missing, wrong, or that nobody asked for.

use std::time::Duration;

use client_auth::Mode;
use data_plane::clock::Clock;
use data_plane::limits::Limits;
use data_plane::snapshot::{ClientAuth, RefusalForm};
use prometheus_client::registry::Registry;
use rustls::SignatureScheme;

use super::super::backend::Backend;
use super::super::gateway::{Gateway, host, https, offering, settings, upstream, with_profile};
use super::super::pki::{self, Ca, Leaf};
use super::super::raw_tls::{ECDSA_SHA256, End, RawTls, Version};
use super::super::{eventually, own_address};

use self::Step::{
    Certificate, Exchange, Finished, Hello, KeyExchange, NoCertificate, Request, Verify,
    VerifyOther, VerifyUnder,
};
use self::Version::{V12, V13};

/// What a client does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Certificate,
    /// `Certificate` with an empty list.
    NoCertificate,
    /// In TLS 1.3 there is none.
    KeyExchange,
    /// `CertificateVerify`
    Verify,
    /// The same, with a signature of something else.
    VerifyOther,
    /// The same, with a signature as it should be under the name of another algorithm.
    VerifyUnder(u16),
    Finished,
    /// A request.
    Request,
    /// A request and its answer.
    Exchange,
    /// `ClientHello`
    Hello,
}

/// Lets the client with a certificate in.
const GOOD: &[Step] = &[Certificate, KeyExchange, Verify, Finished];
/// Lets a client without certificate in, where one was asked for.
const ANONYMOUS: &[Step] = &[NoCertificate, KeyExchange, Finished];
/// Lets a client in that was asked for nothing.
const UNASKED: &[Step] = &[KeyExchange, Finished];

/// Listeners that ask for a certificate.
const ASKING: [&str; 4] = ["strict", "status", "passthrough", "report"];
const OPEN: &str = "open";

/// Level and description.
type Alert = [u8; 2];

const UNEXPECTED_MESSAGE: Alert = [2, 10];
const ILLEGAL_PARAMETER: Alert = [2, 47];
const DECRYPT_ERROR: Alert = [2, 51];
const CERTIFICATE_REQUIRED: Alert = [2, 116];
const NO_RENEGOTIATION: Alert = [1, 100];
const CLOSE_NOTIFY: Alert = [1, 0];

/// A gateway with a listener of every kind before one backend.
struct Doors {
    gateway: Gateway,
    backend: Backend,
    client: Leaf,
}

impl Doors {
    async fn start() -> Self {
        let (server, clients, backend) =
            (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
        let listener = |name: &str| {
            let hosts = [&*format!("{name}.example")];
            host(name, &hosts, Some(upstream(&[backend.address])))
        };
        let leaf = |name: &str| server.server(&format!("{name}.example"));
        let asking = |name: &str, mode, refusal_form| {
            let mut policy = pki::strict(name, &[&clients]);
            policy.mode = mode;
            let profile = ClientAuth {
                refusal_form,
                ..pki::client_auth(policy)
            };
            with_profile(listener(name), leaf(name), profile)
        };
        let listeners = vec![
            asking("strict", Mode::Strict, RefusalForm::TlsAlert),
            asking("status", Mode::Strict, RefusalForm::HttpStatus),
            asking("passthrough", Mode::Passthrough, RefusalForm::TlsAlert),
            asking("report", Mode::ReportOnly, RefusalForm::TlsAlert),
            offering(
                listener(OPEN),
                pki::offer(leaf(OPEN), None),
                &Clock::system(),
            ),
        ];
        let limits = Limits {
            http1_idle_timeout: Duration::from_millis(500),
            ..Limits::default()
        };
        Self {
            gateway: Gateway::start_with(settings(limits), https(own_address(), listeners)).await,
            client: clients.client("device"),
            backend,
        }
    }

    /// What the gateway says to a client that does these steps.
    async fn play(&self, version: Version, listener: &str, steps: &[Step]) -> End {
        let name = format!("{listener}.example");
        let mut client = RawTls::connect(self.gateway.address, version, &name).await;
        let offered = client.signature_algorithms().map(<[u16]>::to_vec);
        assert_eq!(offered.is_some(), listener != OPEN, "{listener}");
        for &step in steps {
            match step {
                Certificate => client.certificate(Some(self.client.der())),
                NoCertificate => client.certificate(None),
                KeyExchange => client.key_exchange(),
                Verify => {
                    let signature = self.sign(&client.to_sign());
                    client.certificate_verify(ECDSA_SHA256, &signature);
                }
                VerifyOther => {
                    client.certificate_verify(ECDSA_SHA256, &self.sign(b"something else"));
                }
                VerifyUnder(algorithm) => {
                    let offered = offered.as_deref().unwrap_or_default();
                    assert!(offered.contains(&ECDSA_SHA256));
                    assert!(!offered.contains(&algorithm), "{algorithm:#06x}");
                    let signature = self.sign(&client.to_sign());
                    client.certificate_verify(algorithm, &signature);
                }
                Finished => client.finished(),
                Request => client.application_data(request(&name, "close").as_bytes()),
                Exchange => {
                    client.application_data(request(&name, "keep-alive").as_bytes());
                    let answer = client.read_until(b"hello").await;
                    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
                }
                Hello => client.client_hello(),
            }
        }
        client.end().await
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let key = self.client.certified().key;
        let signer = key.choose_scheme(&[SignatureScheme::from(ECDSA_SHA256)]);
        signer.unwrap().sign(message).unwrap()
    }

    /// The client gets this alert and nothing else, and the failed handshake is counted by this reason.
    async fn refuses(
        &self,
        version: Version,
        listener: &str,
        steps: &[Step],
        alert: Alert,
        reason: &str,
    ) {
        let before = self.failures(reason);
        let end = self.play(version, listener, steps).await;
        let expected = End {
            alerts: vec![alert],
            data: Vec::new(),
        };
        assert_eq!(end, expected, "{version:?} {listener} {steps:?}");
        let counted = async || match self.failures(reason) - before {
            1 => Ok(()),
            more => Err(format!(
                "{more} more failures: {version:?} {listener} {steps:?}"
            )),
        };
        eventually(counted).await;
    }

    /// A client that does everything right is served, and the backend gets its request and no other.
    async fn serve_only(&self, version: Version, listener: &str, steps: &[Step]) {
        let before = self.backend.seen().len();
        let steps = [steps, &[Request]].concat();
        let end = self.play(version, listener, &steps).await;
        assert!(
            end.data.starts_with(b"HTTP/1.1 200 "),
            "{listener}: {end:?}"
        );
        assert_eq!(end.alerts, [CLOSE_NOTIFY]);
        assert_eq!(self.backend.seen().len(), before + 1, "{listener}");
    }

    /// Handshakes that failed for this reason.
    fn failures(&self, reason: &str) -> u64 {
        let mut registry = Registry::default();
        self.gateway.listeners.metrics().register(&mut registry);
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
        let name = format!("tls_handshake_failures_total{{reason=\"{reason}\"}} ");
        let sample = page.lines().find_map(|line| line.strip_prefix(&name));
        sample.map_or(0, |value| value.parse().unwrap())
    }
}

fn request(host: &str, connection: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n")
}

// T-09: CVE-2022-25638, CVE-2022-25640, CVE-2026-55962, and tlsfuzzer's cases.
#[tokio::test]
async fn a_handshake_with_a_wrong_message_about_the_certificate_ends_with_an_alert() {
    let doors = Doors::start().await;
    let play = |steps: &[&[Step]]| [steps.concat(), vec![Finished, Request]].concat();
    let mut cases = vec![
        // The certificate is not proven.
        (
            play(&[&[Certificate, KeyExchange]]),
            UNEXPECTED_MESSAGE,
            "invalid_message",
        ),
        (
            play(&[&[Certificate, KeyExchange, VerifyOther]]),
            DECRYPT_ERROR,
            "invalid_certificate",
        ),
        // There is no message about it at all, or two.
        (
            play(&[&[KeyExchange]]),
            UNEXPECTED_MESSAGE,
            "invalid_message",
        ),
        (
            play(&[&[Certificate, Certificate, KeyExchange, Verify]]),
            UNEXPECTED_MESSAGE,
            "invalid_message",
        ),
    ];
    // ECDSA and RSA with SHA-1, anonymous, and unknown.
    for algorithm in [0x0203, 0x0201, 0x0000, 0xfefe] {
        cases.push((
            play(&[&[Certificate, KeyExchange, VerifyUnder(algorithm)]]),
            ILLEGAL_PARAMETER,
            "misbehaved",
        ));
    }
    for version in [V12, V13] {
        for listener in ASKING {
            for (steps, alert, reason) in &cases {
                doors
                    .refuses(version, listener, steps, *alert, reason)
                    .await;
            }
        }
        let empty = play(&[&[NoCertificate, KeyExchange]]);
        let (alert, reason) = (CERTIFICATE_REQUIRED, "no_certificate");
        doors
            .refuses(version, "strict", &empty, alert, reason)
            .await;
        // A proof of nothing, and what nobody asked for.
        let (alert, reason) = (UNEXPECTED_MESSAGE, "invalid_message");
        let proof = play(&[&[NoCertificate, KeyExchange, Verify]]);
        for listener in ["status", "passthrough", "report"] {
            doors
                .refuses(version, listener, &proof, alert, reason)
                .await;
        }
        for steps in [
            play(&[&[Certificate, KeyExchange]]),
            play(&[&[Certificate, KeyExchange, Verify]]),
            play(&[&[NoCertificate, KeyExchange]]),
            play(&[&[KeyExchange, Verify]]),
        ] {
            doors.refuses(version, OPEN, &steps, alert, reason).await;
        }
    }
    assert_eq!(doors.backend.connections(), 0);
    for version in [V12, V13] {
        for listener in ASKING {
            doors.serve_only(version, listener, GOOD).await;
        }
        for listener in ["passthrough", "report"] {
            doors.serve_only(version, listener, ANONYMOUS).await;
        }
        doors.serve_only(version, OPEN, UNASKED).await;
    }
}

// T-09, and T-07: CVE-2009-3555
#[tokio::test]
async fn no_certificate_is_taken_after_the_handshake_and_none_is_begun_anew() {
    let doors = Doors::start().await;
    let ways_in: [(&str, &[Step]); 4] = [
        ("strict", GOOD),
        ("status", GOOD),
        ("passthrough", ANONYMOUS),
        (OPEN, UNASKED),
    ];
    // In TLS 1.2 a server may decline and go on. What the gateway says to it goes out with what it says next.
    let cases: [(&[Step], [&[Alert]; 2]); 4] = [
        (&[Certificate, Request], [&[UNEXPECTED_MESSAGE]; 2]),
        (&[Certificate, Verify, Request], [&[UNEXPECTED_MESSAGE]; 2]),
        (
            &[Hello],
            [&[NO_RENEGOTIATION, CLOSE_NOTIFY], &[UNEXPECTED_MESSAGE]],
        ),
        (
            &[Hello, Certificate, KeyExchange, Verify, Request],
            [
                &[NO_RENEGOTIATION, UNEXPECTED_MESSAGE],
                &[UNEXPECTED_MESSAGE],
            ],
        ),
    ];
    for (version, column) in [(V12, 0), (V13, 1)] {
        for (listener, way_in) in ways_in {
            for (steps, alerts) in cases {
                let seen = doors.backend.seen().len();
                let steps = [way_in, &[Exchange], steps].concat();
                let expected = End {
                    alerts: alerts[column].to_vec(),
                    data: Vec::new(),
                };
                let end = doors.play(version, listener, &steps).await;
                assert_eq!(end, expected, "{version:?} {listener} {steps:?}");
                assert_eq!(doors.backend.seen().len(), seen + 1, "{steps:?}");
            }
            doors.serve_only(version, listener, way_in).await;
        }
    }
}
