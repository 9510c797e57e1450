//! An `OpenID` provider on loopback: real TLS, and answers that a test writes.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use control_plane::token::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs};
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(super) const KEYS: &str = "/keys";

/// The provider. It answers while it lives and has been started.
pub(super) struct Provider {
    address: SocketAddr,
    /// PEM of the CA that issued the certificate.
    pub(super) ca_pem: String,
    tls: TlsAcceptor,
    answers: Arc<Mutex<Answers>>,
    serving: JoinSet<()>,
}

#[derive(Default)]
struct Answers {
    /// Status line and below, by path.
    by_path: HashMap<String, Vec<u8>>,
    asked: HashMap<String, usize>,
}

impl Provider {
    /// A provider that publishes `keys`; its port is free, and nobody listens there yet.
    pub(super) async fn new(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &ca).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .unwrap();
        let provider = Self {
            address: listener.local_addr().unwrap(),
            ca_pem: ca.pem(),
            tls: TlsAcceptor::from(Arc::new(config)),
            answers: Arc::default(),
            serving: JoinSet::new(),
        };
        let issuer = provider.issuer();
        let jwks_uri = format!("{issuer}{KEYS}");
        let document = json!({"issuer": issuer, "jwks_uri": jwks_uri});
        provider.answer_json(DISCOVERY, &document);
        provider.publish(keys);
        provider
    }

    pub(super) async fn started(keys: &[&SigningKey]) -> Self {
        let mut provider = Self::new(keys).await;
        provider.start().await;
        provider
    }

    pub(super) async fn start(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let (tls, answers) = (self.tls.clone(), Arc::clone(&self.answers));
        self.serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _peer) = listener.accept().await.unwrap();
                connections.spawn(serve(tls.clone(), stream, Arc::clone(&answers)));
            }
        });
    }

    pub(super) fn issuer(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Jwk> = keys.iter().map(|key| jwk(key)).collect();
        self.answer_json(KEYS, &json!({ "keys": keys }));
    }

    pub(super) fn answer_json(&self, path: &str, document: &Value) {
        self.answer(path, "200 OK", "", document.to_string().as_bytes());
    }

    /// `fields`: further lines of the head, each with its end of line.
    pub(super) fn answer(&self, path: &str, status: &str, fields: &str, body: &[u8]) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n");
        let answer = [head.as_bytes(), body].concat();
        let mut answers = self.answers.lock().unwrap();
        answers.by_path.insert(path.to_owned(), answer);
    }

    /// How often `path` was asked for.
    pub(super) fn asked(&self, path: &str) -> usize {
        let answers = self.answers.lock().unwrap();
        answers.asked.get(path).copied().unwrap_or_default()
    }

    /// A token for the audience `api`, valid in the year 2026 and long before and after.
    pub(super) fn token(&self, key: &SigningKey) -> String {
        let header = Header {
            kid: Some(key.kid()),
            ..Header::new(Algorithm::ES256)
        };
        let claims =
            json!({"iss": self.issuer(), "aud": "api", "exp": 4_000_000_000_u64, "sub": "alice"});
        let key = EncodingKey::from_ec_der(key.pkcs8());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }
}

fn jwk(key: &SigningKey) -> Jwk {
    let private = EncodingKey::from_ec_der(key.pkcs8());
    let mut jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(key.kid());
    jwk
}

/// One request of each connection; errors are the client's.
async fn serve(tls: TlsAcceptor, stream: TcpStream, answers: Arc<Mutex<Answers>>) {
    let Ok(mut stream) = tls.accept(stream).await else {
        return;
    };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        request.push(byte);
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let answer = {
        let mut answers = answers.lock().unwrap();
        let found = answers.by_path.get(&path).cloned();
        *answers.asked.entry(path).or_default() += 1;
        found
    };
    let not_found = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    let _gone = stream.write_all(&answer.unwrap_or(not_found)).await;
    let _gone = stream.shutdown().await;
}
