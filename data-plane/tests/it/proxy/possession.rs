//! Who shows a certificate has to have its key, in every mode, and cannot begin a handshake anew to get around that.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use client_auth::Mode;
use data_plane::limits::Limits;
use data_plane::snapshot::{ClientAuth, RefusalForm};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ExtractedSecrets, SignatureAlgorithm,
    SignatureScheme,
};
use rustls_pki_types::ServerName;

use super::backend::Backend;
use super::client::Client;
use super::gateway::{Gateway, host, https, settings, upstream, with_profile};
use super::own_address;
use super::pki::{self, Ca, VERSIONS};

async fn guarded(server: &Ca, backend: &Backend, profile: ClientAuth) -> Gateway {
    let listener = host("a", &["a.example"], Some(upstream(&[backend.address])));
    let listener = with_profile(listener, server.server("a.example"), profile);
    let limits = Limits {
        http1_idle_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    Gateway::start_with(settings(limits), https(own_address(), vec![listener])).await
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

/// One direction of a connection with TLS 1.2 and AES-GCM (RFC 5288), by hand.
struct Direction {
    key: LessSafeKey,
    salt: [u8; 4],
    sequence: u64,
}

impl Direction {
    fn new((sequence, secrets): (u64, ConnectionTrafficSecrets)) -> Self {
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else {
            panic!("the test offers AES-128-GCM only")
        };
        let key = UnboundKey::new(&AES_128_GCM, &key.as_ref()[..16]).unwrap();
        Self {
            key: LessSafeKey::new(key),
            salt: iv.as_ref()[..4].try_into().unwrap(),
            sequence,
        }
    }

    fn nonce(&self, explicit: [u8; 8]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(&explicit);
        Nonce::assume_unique_for_key(nonce)
    }

    fn aad(&mut self, content_type: u8, len: usize) -> Aad<Vec<u8>> {
        let mut aad = self.sequence.to_be_bytes().to_vec();
        aad.extend([content_type, 3, 3]);
        aad.extend(u16::try_from(len).unwrap().to_be_bytes());
        self.sequence += 1;
        Aad::from(aad)
    }

    fn seal(&mut self, content_type: u8, plain: &[u8]) -> Vec<u8> {
        let explicit = self.sequence.to_be_bytes();
        let mut sealed = plain.to_vec();
        let aad = self.aad(content_type, plain.len());
        self.key
            .seal_in_place_append_tag(self.nonce(explicit), aad, &mut sealed)
            .unwrap();
        let len = u16::try_from(sealed.len() + 8).unwrap();
        let mut record = vec![content_type, 3, 3];
        record.extend(len.to_be_bytes());
        record.extend(explicit);
        record.extend(sealed);
        record
    }

    fn open(&mut self, content_type: u8, record: &[u8]) -> Vec<u8> {
        let (explicit, sealed) = record.split_at(8);
        let mut sealed = sealed.to_vec();
        let aad = self.aad(content_type, sealed.len() - 16);
        let nonce = self.nonce(explicit.try_into().unwrap());
        self.key
            .open_in_place(nonce, aad, &mut sealed)
            .unwrap()
            .to_vec()
    }
}

/// A connection whose keys are known, and the `ClientHello` that it began with.
fn keyed(
    mut client: ClientConnection,
    stream: &mut std::net::TcpStream,
) -> (Vec<u8>, ExtractedSecrets) {
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    stream.write_all(&hello).unwrap();
    while client.is_handshaking() {
        client.complete_io(stream).unwrap();
    }
    // The rest of our flight has gone, and nothing of the server's is left.
    (
        hello[5..].to_vec(),
        client.dangerous_extract_secrets().unwrap(),
    )
}

// T-07: CVE-2009-3555
#[tokio::test]
async fn a_handshake_is_never_begun_anew() {
    let (server, clients, backend) = (Ca::new("server"), Ca::new("clients"), Backend::echo().await);
    let profile = pki::client_auth(pki::strict("profile", &[&clients]));
    let gateway = guarded(&server, &backend, profile).await;
    let leaf = clients.client("device");
    let mut config = pki::client_of(&VERSIONS[..1], &server, Some(&leaf), "http/1.1");
    config.enable_secret_extraction = true;
    let address = gateway.address;
    let conversation = move || {
        let name = ServerName::try_from("a.example").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let (hello, secrets) = keyed(client, &mut stream);
        let (mut up, mut down) = (Direction::new(secrets.tx), Direction::new(secrets.rx));
        stream.write_all(&up.seal(22, &hello)).unwrap();
        // What the gateway says to it goes out with what it says next: here, that it closes.
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let mut record = vec![0; usize::from(head[3]) << 8 | usize::from(head[4])];
        stream.read_exact(&mut record).unwrap();
        (head[0], down.open(head[0], &record))
    };
    let answer = tokio::task::spawn_blocking(conversation).await.unwrap();
    // A warning: no_renegotiation (RFC 5246 section 7.2.2).
    assert_eq!(answer, (21, vec![1, 100]));
}
