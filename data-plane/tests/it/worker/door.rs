//! The door is never open while a worker starts: a client of a foreign CA tries all the time, from before the port opens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message;
use proto::config::v1 as wire;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::control_plane::{Compiled, ControlPlane, PATIENCE, sha256};
use super::saved_state::{State, worker_with_state};
use super::{free_port, stop};

pub(super) const NAME: &str = "www.example";
const STARTS: usize = 20;

pub(super) struct Ca {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("key");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = parameters.self_signed(&key).expect("root").der().clone();
        Self {
            certificate,
            issuer: Issuer::new(parameters, key),
        }
    }

    fn leaf(&self, purpose: ExtendedKeyUsagePurpose) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().expect("key");
        let mut parameters = CertificateParams::new(vec![NAME.to_owned()]).expect("name");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![purpose];
        parameters.use_authority_key_identifier_extension = true;
        (
            parameters
                .signed_by(&key, &self.issuer)
                .expect("signed")
                .der()
                .clone(),
            key,
        )
    }
}

/// A client that shows a certificate of `client_ca`.
pub(super) fn client(server_ca: &Ca, client_ca: &Ca) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(server_ca.certificate.clone()).expect("root");
    let (certificate, key) = client_ca.leaf(ExtendedKeyUsagePurpose::ClientAuth);
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .expect("client certificate");
    TlsConnector::from(Arc::new(config))
}

/// A gateway that lets in clients of `client_ca`, unless `change` wants something else, and answers them with 404, since
/// it routes nowhere.
pub(super) fn gateway(
    port: u16,
    server_ca: &Ca,
    client_ca: &Ca,
    change: impl FnOnce(&mut wire::ClientAuthPolicy),
) -> Compiled {
    let list = |certificate: &CertificateDer<'_>| {
        wire::CertificateList {
            certificates: vec![certificate.to_vec()],
        }
        .encode_to_vec()
    };
    let (certificate, key) = server_ca.leaf(ExtendedKeyUsagePurpose::ServerAuth);
    let (chain, key, trusted) = (
        list(&certificate),
        key.serialize_der(),
        list(&client_ca.certificate),
    );
    let virtual_host = wire::VirtualHost {
        listener: "guarded".to_owned(),
        server_certificate: "www".to_owned(),
        tls_policy: Some(wire::TlsPolicy {
            versions: vec![1, 2],
            cipher_suites: vec![0x1301, 0xc02b],
        }),
        client_auth_policy: "strict".to_owned(),
        ..wire::VirtualHost::default()
    };
    let bind = wire::Bind {
        frontend_port: "https".to_owned(),
        frontend_ip_configuration: "loopback".to_owned(),
        address: "127.0.0.1".to_owned(),
        port: port.into(),
        protocol: wire::BindProtocol::Https.into(),
        virtual_hosts: vec![virtual_host],
    };
    let bundle = wire::TrustBundle {
        name: "client-ca".to_owned(),
        sha256: sha256(&trusted),
    };
    let mut policy = wire::ClientAuthPolicy {
        name: "strict".to_owned(),
        mode: wire::ClientAuthMode::Strict.into(),
        client_cas: vec![wire::ClientCa {
            bundle: Some(bundle),
            ..Default::default()
        }],
        refusal_form: wire::RefusalForm::TlsAlert.into(),
        max_intermediates: 4,
        ..Default::default()
    };
    change(&mut policy);
    let snapshot = wire::GatewaySnapshot {
        gateway_id: "/subscriptions/S/gw".to_owned(),
        binds: vec![bind],
        client_auth_policies: vec![policy],
        server_certificates: vec![wire::ServerCertificate {
            name: "www".to_owned(),
            chain_sha256: sha256(&chain),
            key_sha256: sha256(&key),
        }],
        ..wire::GatewaySnapshot::default()
    };
    let mut compiled = Compiled::of(1, &snapshot);
    compiled.blobs = vec![
        (wire::BlobKind::Certificates, chain),
        (wire::BlobKind::PrivateKey, key),
        (wire::BlobKind::Certificates, trusted),
    ];
    compiled
}

/// The first bytes of the answer to a request, if the client gets any.
pub(super) async fn ask(client: &TlsConnector, port: u16) -> std::io::Result<Vec<u8>> {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let mut stream = client
        .connect(ServerName::try_from(NAME).expect("name"), stream)
        .await?;
    stream
        .write_all(format!("GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = vec![0; 64];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// A foreign client that never rests. Counts its tries that reached a listener, and those that got an answer.
struct Intruder {
    reached: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Intruder {
    fn start(client: TlsConnector, port: u16) -> Self {
        let (reached, answered, end) = (
            Arc::<AtomicUsize>::default(),
            Arc::<AtomicUsize>::default(),
            CancellationToken::new(),
        );
        let counters = (Arc::clone(&reached), Arc::clone(&answered), end.clone());
        let task = tokio::spawn(async move {
            while !counters.2.is_cancelled() {
                match ask(&client, port).await {
                    Ok(answer) if !answer.is_empty() => {
                        counters.1.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                    Ok(_) | Err(_) => {
                        counters.0.fetch_add(1, Ordering::Relaxed);
                    }
                }
                yield_now().await;
            }
        });
        Self {
            reached,
            answered,
            end,
            task,
        }
    }

    /// Waits until it was turned away a few times, and expects that it was never answered.
    async fn expect_turned_away(self) {
        let turned_away = async {
            while self.reached.load(Ordering::Relaxed) < 3 {
                sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, turned_away)
            .await
            .expect("the intruder found no listener");
        self.end.cancel();
        self.task.await.expect("the intruder ends");
        assert_eq!(
            self.answered.load(Ordering::Relaxed),
            0,
            "a foreign client was answered"
        );
    }
}

#[tokio::test]
async fn a_foreign_client_never_gets_in_while_a_worker_starts() {
    let (server_ca, client_ca, foreign_ca) =
        (Ca::new("server"), Ca::new("clients"), Ca::new("foreign"));
    let (trusted, foreign) = (
        client(&server_ca, &client_ca),
        client(&server_ca, &foreign_ca),
    );
    let (state, port) = (State::new(), free_port());
    let mut control_plane = ControlPlane::start().await;
    let address = control_plane.address;

    let intruder = Intruder::start(foreign.clone(), port);
    let running = worker_with_state(address, &state).await;
    let (mut session, _) = control_plane.session().await;
    session
        .deliver(&gateway(port, &server_ca, &client_ca, |_| {}))
        .await;
    intruder.expect_turned_away().await;
    let answer = ask(&trusted, port)
        .await
        .expect("the trusted client is let in");
    assert!(
        answer.starts_with(b"HTTP/1.1 404 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    drop(session);
    stop(running).await;
    drop(control_plane);

    for _ in 0..STARTS {
        let intruder = Intruder::start(foreign.clone(), port);
        let running = worker_with_state(address, &state).await;
        intruder.expect_turned_away().await;
        stop(running).await;
    }
}
