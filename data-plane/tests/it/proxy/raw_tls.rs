//! A TLS client that sends exactly the messages that a test wants: those of the client libraries cannot leave one out, or
//! send one that nobody asked for.
//!
//! It knows one suite (ECDHE with X25519, ECDSA, AES-128-GCM, SHA-256), resumes nothing and believes any server.

mod bytes;
mod hello;
mod record;
mod secrets;

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::bytes::{Fields, sized};
use self::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, Direction, HANDSHAKE};

pub(crate) use self::hello::ECDSA_SHA256;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V12,
    V13,
}

/// What the server said until it closed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    /// Level and description of each.
    pub(crate) alerts: Vec<[u8; 2]>,
    /// Application data.
    pub(crate) data: Vec<u8>,
}

/// A connection after the server's first flight. What it is told to send goes out when it next reads.
pub(crate) struct RawTls {
    version: Version,
    stream: TcpStream,
    hello: Vec<u8>,
    public_key: Vec<u8>,
    signature_algorithms: Option<Vec<u16>>,
    /// All handshake messages so far.
    transcript: Vec<u8>,
    secret: Secret,
    up: Option<Direction>,
    down: Option<Direction>,
    /// What is to be sent.
    flight: Vec<u8>,
    end: End,
}

/// Where the client's keys come from.
enum Secret {
    /// The master secret, and both directions after the change of keys.
    V12(Vec<u8>, Option<Direction>, Option<Direction>),
    /// The client's traffic secrets: of the handshake and of what is after it.
    V13(Vec<u8>, Vec<u8>),
}

impl RawTls {
    /// Says hello to the server of this name, and reads all that it says before it waits for the client.
    pub(crate) async fn connect(address: SocketAddr, version: Version, name: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let key = PrivateKey::generate(&agreement::X25519).unwrap();
        let public_key = key.compute_public_key().unwrap().as_ref().to_vec();
        let random = hello::random();
        let hello = hello::client_hello(version, name, &random, &public_key);
        let mut client = Self {
            version,
            stream,
            hello: hello.clone(),
            public_key,
            signature_algorithms: None,
            transcript: Vec::new(),
            secret: Secret::V13(Vec::new(), Vec::new()),
            up: None,
            down: None,
            flight: Vec::new(),
            end: End::default(),
        };
        client.client_hello();
        client.first_flight(&key, &random).await;
        client
    }

    /// The signature algorithms that the server takes; nothing where it asked for no certificate.
    pub(crate) fn signature_algorithms(&self) -> Option<&[u16]> {
        self.signature_algorithms.as_deref()
    }

    /// `ClientHello`, the same as at first.
    pub(crate) fn client_hello(&mut self) {
        self.message(1, &self.hello.clone());
    }

    /// `Certificate`, with this one or with none.
    pub(crate) fn certificate(&mut self, certificate: Option<&[u8]>) {
        let entry = certificate.map(|certificate| sized(3, certificate));
        let mut body = Vec::new();
        if let Some(entry) = entry {
            body.extend(entry);
            if self.version == Version::V13 {
                body.extend(sized(2, &[]));
            }
        }
        body = sized(3, &body);
        if self.version == Version::V13 {
            body.insert(0, 0);
        }
        self.message(11, &body);
    }

    /// `ClientKeyExchange`; in TLS 1.3 there is none.
    pub(crate) fn key_exchange(&mut self) {
        if self.version == Version::V12 {
            self.message(16, &sized(1, &self.public_key.clone()));
        }
    }

    /// What a signature has to be of at this point.
    pub(crate) fn to_sign(&self) -> Vec<u8> {
        match self.version {
            Version::V12 => self.transcript.clone(),
            Version::V13 => [
                &[b' '; 64][..],
                b"TLS 1.3, client CertificateVerify\0",
                &secrets::hash(&self.transcript),
            ]
            .concat(),
        }
    }

    /// `CertificateVerify`.
    pub(crate) fn certificate_verify(&mut self, algorithm: u16, signature: &[u8]) {
        let body = [&algorithm.to_be_bytes()[..], &sized(2, signature)].concat();
        self.message(15, &body);
    }

    /// `Finished`, as it has to be after what was said so far, and the change of keys around it.
    pub(crate) fn finished(&mut self) {
        let transcript = secrets::hash(&self.transcript);
        match &mut self.secret {
            Secret::V12(master, up, _) => {
                let verify = secrets::prf(master, "client finished", &transcript, 12);
                self.flight.extend(record::plain(CHANGE_CIPHER_SPEC, &[1]));
                self.up = up.take();
                self.message(20, &verify);
            }
            Secret::V13(handshake, after) => {
                let key = secrets::expand(handshake, "finished", b"", 32);
                let next = secrets::direction(after);
                self.message(20, &secrets::hmac(&key, &transcript));
                self.up = Some(next);
            }
        }
    }

    /// Application data.
    pub(crate) fn application_data(&mut self, bytes: &[u8]) {
        self.send(APPLICATION_DATA, bytes);
    }

    /// Reads application data up to these bytes.
    pub(crate) async fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        while !self.end.data.ends_with(end) {
            assert!(self.read().await, "closed after {:?}", self.end);
        }
        std::mem::take(&mut self.end.data)
    }

    /// Reads until the server closes.
    pub(crate) async fn end(mut self) -> End {
        while self.read().await {}
        self.end
    }

    async fn first_flight(&mut self, key: &PrivateKey, client_random: &[u8; 32]) {
        let (mut random, mut handshake) = (Vec::new(), Vec::new());
        let mut pending = Vec::new();
        loop {
            let (content_type, contents) = self.record().await.expect("the server's flight");
            match content_type {
                HANDSHAKE => pending.extend(contents),
                CHANGE_CIPHER_SPEC => continue,
                other => panic!("{other}: {contents:?}"),
            }
            while let Some((number, body)) = self.take_message(&mut pending) {
                match (self.version, number) {
                    (Version::V12, 2) => random = hello::server_hello(&body).0,
                    (Version::V12, 12) => {
                        let shared = agree(key, &hello::server_key_exchange(&body));
                        self.keys_of_12(&shared, client_random, &random);
                    }
                    // ServerHelloDone.
                    (Version::V12, 14) => return,
                    (Version::V13, 2) => {
                        let shared = agree(key, &hello::server_hello(&body).1);
                        handshake = secrets::handshake_secret(&shared);
                        self.handshake_keys_of_13(&handshake);
                    }
                    (Version::V13, 20) => {
                        self.traffic_keys_of_13(&handshake);
                        return;
                    }
                    (version, 13) => {
                        self.signature_algorithms =
                            Some(hello::signature_algorithms(version, &body));
                    }
                    // What the server says of itself.
                    (_, _) => {}
                }
            }
        }
    }

    fn keys_of_12(&mut self, shared: &[u8], client_random: &[u8], server_random: &[u8]) {
        let seed = [client_random, server_random].concat();
        let master = secrets::prf(shared, "master secret", &seed, 48);
        let seed = [server_random, client_random].concat();
        let block = secrets::prf(&master, "key expansion", &seed, 40);
        let mut fields = Fields(&block);
        let keys = [fields.bytes(16), fields.bytes(16)];
        let [up, down] = keys.map(|key| Direction::new(self.version, key, fields.bytes(4)));
        self.secret = Secret::V12(master, Some(up), Some(down));
    }

    fn handshake_keys_of_13(&mut self, handshake: &[u8]) {
        let derive = |label| secrets::derive(handshake, label, &self.transcript);
        let (client, server) = (derive("c hs traffic"), derive("s hs traffic"));
        self.up = Some(secrets::direction(&client));
        self.down = Some(secrets::direction(&server));
        self.secret = Secret::V13(client, Vec::new());
    }

    fn traffic_keys_of_13(&mut self, handshake: &[u8]) {
        let master = secrets::master_secret(handshake);
        let derive = |label| secrets::derive(&master, label, &self.transcript);
        let (client, server) = (derive("c ap traffic"), derive("s ap traffic"));
        self.down = Some(secrets::direction(&server));
        if let Secret::V13(_, after) = &mut self.secret {
            *after = client;
        }
    }

    /// The next whole handshake message; it becomes part of the transcript.
    fn take_message(&mut self, pending: &mut Vec<u8>) -> Option<(usize, Vec<u8>)> {
        let length = Fields(pending.get(1..4)?).number(3);
        pending.get(..4 + length)?;
        let message: Vec<u8> = pending.drain(..4 + length).collect();
        self.transcript.extend_from_slice(&message);
        Some((usize::from(message[0]), message[4..].to_vec()))
    }

    fn message(&mut self, number: u8, body: &[u8]) {
        let message = [&[number][..], &sized(3, body)].concat();
        self.transcript.extend_from_slice(&message);
        self.send(HANDSHAKE, &message);
    }

    fn send(&mut self, content_type: u8, contents: &[u8]) {
        self.flight.extend(match &mut self.up {
            None => record::plain(content_type, contents),
            Some(up) => up.seal(content_type, contents),
        });
    }

    /// Takes in one record; whether there was one.
    async fn read(&mut self) -> bool {
        let Some((content_type, contents)) = self.record().await else {
            return false;
        };
        match content_type {
            ALERT => self.end.alerts.push(contents.try_into().unwrap()),
            APPLICATION_DATA => self.end.data.extend(contents),
            CHANGE_CIPHER_SPEC => {
                if let Secret::V12(_, _, down) = &mut self.secret {
                    self.down = down.take();
                }
            }
            // The server's end of the handshake, which is believed.
            _ => {}
        }
        true
    }

    /// Sends what is to be sent, and reads one record.
    async fn record(&mut self) -> Option<(u8, Vec<u8>)> {
        let flight = std::mem::take(&mut self.flight);
        let reading = async {
            self.stream.write_all(&flight).await?;
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).await?;
            let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            self.stream.read_exact(&mut body).await?;
            std::io::Result::Ok((head[0], body))
        };
        let read = tokio::time::timeout(Duration::from_secs(10), reading).await;
        let (content_type, body) = read.expect("a record, or the end").ok()?;
        Some(match &mut self.down {
            Some(down) if content_type != CHANGE_CIPHER_SPEC => down.open(content_type, &body),
            _ => (content_type, body),
        })
    }
}

fn agree(key: &PrivateKey, share: &[u8]) -> Vec<u8> {
    let share = UnparsedPublicKey::new(&agreement::X25519, share);
    agreement::agree(key, share, (), |shared| Ok(shared.to_vec())).expect("a key of the server's")
}
