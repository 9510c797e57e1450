//! Who shows a certificate has to have its key, in every mode, and cannot begin a handshake anew to get around that.

mod messages;

use std::sync::Arc;

use client_auth::Mode;
use data_plane::snapshot::{ClientAuth, RefusalForm};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{ClientConfig, SignatureAlgorithm, SignatureScheme};

use super::backend::Backend;
use super::client::Client;
use super::gateway::{Gateway, host, https, upstream, with_profile};
use super::own_address;
use super::pki::{self, Ca, VERSIONS};

async fn guarded(server: &Ca, backend: &Backend, profile: ClientAuth) -> Gateway {
    let listener = host("a", &["a.example"], Some(upstream(&[backend.address])));
    let listener = with_profile(listener, server.server("a.example"), profile);
    Gateway::start(https(own_address(), vec![listener])).await
}

/// How a signature is not what it should be.
#[derive(Clone, Copy, Debug)]
enum Forgery {
    Empty,
    Garbage,
    OfSomethingElse,
    /// Under the name of an algorithm that the key is not for.
    Renamed(SignatureScheme),
}

#[derive(Debug)]
struct Forger {
    key: Arc<dyn SigningKey>,
    forgery: Forgery,
}

#[derive(Debug)]
struct ForgedSigner {
    signer: Box<dyn Signer>,
    forgery: Forgery,
}

impl SigningKey for Forger {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(ForgedSigner {
            signer: self.key.choose_scheme(offered)?,
            forgery: self.forgery,
        }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

impl Signer for ForgedSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        match self.forgery {
            Forgery::Empty => Ok(Vec::new()),
            Forgery::Garbage => Ok(vec![0x30; 70]),
            Forgery::OfSomethingElse => self.signer.sign(b"something else"),
            Forgery::Renamed(_) => self.signer.sign(message),
        }
    }

    fn scheme(&self) -> SignatureScheme {
        match self.forgery {
            Forgery::Renamed(scheme) => scheme,
            Forgery::Empty | Forgery::Garbage | Forgery::OfSomethingElse => self.signer.scheme(),
        }
    }
}

/// The same client with a key that does not sign as it should.
fn forging(mut config: ClientConfig, certified: &CertifiedKey, forgery: Forgery) -> ClientConfig {
    let forged = CertifiedKey::new(
        certified.cert.clone(),
        Arc::new(Forger {
            key: Arc::clone(&certified.key),
            forgery,
        }),
    );
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(forged));
    config
}

// T-09: tlsfuzzer's cases as far as the hooks of a client library reach.
#[tokio::test]
async fn a_certificate_counts_only_with_the_signature_of_its_key() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let leaf = clients.client("device");
    let forgeries = [
        Forgery::Empty,
        Forgery::Garbage,
        Forgery::OfSomethingElse,
        Forgery::Renamed(SignatureScheme::ED25519),
        Forgery::Renamed(SignatureScheme::ECDSA_NISTP384_SHA384),
        Forgery::Renamed(SignatureScheme::RSA_PKCS1_SHA1),
        Forgery::Renamed(SignatureScheme::Unknown(0xfefe)),
    ];
    for mode in [Mode::Strict, Mode::Passthrough, Mode::ReportOnly] {
        let mut policy = pki::strict("profile", &[&clients]);
        policy.mode = mode;
        let profile = ClientAuth {
            refusal_form: RefusalForm::HttpStatus,
            ..pki::client_auth(policy)
        };
        let gateway = guarded(&server, &backend, profile).await;
        for version in VERSIONS {
            for forgery in forgeries {
                let config = pki::client_of(&[version], &server, Some(&leaf), "http/1.1");
                let config = forging(config, &leaf.certified(), forgery);
                let Ok(stream) = pki::connect(gateway.address, config, "a.example").await else {
                    continue;
                };
                // In TLS 1.3 the client hears of a refusal after its own handshake is over.
                let mut client = Client::over(stream);
                let sent = client
                    .try_send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
                    .await;
                let reply = match sent {
                    Ok(()) => client.try_reply().await.map(|reply| reply.head),
                    Err(error) => Err(error),
                };
                assert!(reply.is_err(), "{mode:?} {forgery:?}: {reply:?}");
            }
        }
    }
    assert_eq!(backend.connections(), 0);
}
