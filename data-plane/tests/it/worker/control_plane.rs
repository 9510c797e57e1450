//! A control plane that does what a test says, and nothing else.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest;
use prost::Message;
use proto::config::v1 as wire;
use proto::config::v1::config_stream_server::{ConfigStream, ConfigStreamServer};
use proto::config::v1::control_message::Message as Control;
use proto::config::v1::worker_message::Message as Worker;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// Everything here happens within this time, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A scripted control plane; it is gone when dropped.
pub(crate) struct ControlPlane {
    pub(crate) address: SocketAddr,
    sessions: mpsc::Receiver<Session>,
    server: JoinHandle<()>,
}

/// One stream of a worker.
pub(crate) struct Session {
    incoming: Streaming<wire::WorkerMessage>,
    outgoing: mpsc::Sender<Result<wire::ControlMessage, Status>>,
    nonce: u64,
}

/// A gateway as the control plane sends it.
#[derive(Clone)]
pub(crate) struct Compiled {
    pub(crate) id: String,
    pub(crate) generation: u64,
    pub(crate) snapshot: Vec<u8>,
    /// What the snapshot refers to.
    pub(crate) blobs: Vec<(wire::BlobKind, Vec<u8>)>,
}

struct Service(mpsc::Sender<Session>);

#[tonic::async_trait]
impl ConfigStream for Service {
    type ConnectStream = ReceiverStream<Result<wire::ControlMessage, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<wire::WorkerMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (outgoing, messages) = mpsc::channel(64);
        let session = Session {
            incoming: request.into_inner(),
            outgoing,
            nonce: 0,
        };
        self.0
            .send(session)
            .await
            .map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(messages)))
    }
}

impl ControlPlane {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("address"), None).await
    }

    pub(crate) async fn start_at(address: SocketAddr, tls: Option<ServerTlsConfig>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (sender, sessions) = mpsc::channel(8);
        let mut builder = Server::builder();
        if let Some(tls) = tls {
            builder = builder.tls_config(tls).expect("TLS");
        }
        let router = builder.add_service(ConfigStreamServer::new(Service(sender)));
        let server = tokio::spawn(async move {
            router
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .expect("serving");
        });
        Self {
            address,
            sessions,
            server,
        }
    }

    /// The next stream, and the `Hello` that it began with.
    pub(crate) async fn session(&mut self) -> (Session, wire::Hello) {
        let session = timeout(PATIENCE, self.sessions.recv())
            .await
            .expect("no worker connected in time");
        let mut session = session.expect("serving");
        match session.receive().await {
            Worker::Hello(hello) => (session, hello),
            other => panic!("the worker began with {other:?}"),
        }
    }

    /// Whether a worker gets as far as a stream within `wait`.
    pub(crate) async fn is_reached(&mut self, wait: Duration) -> bool {
        timeout(wait, self.sessions.recv()).await.is_ok()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Session {
    /// What the worker says next.
    pub(crate) async fn receive(&mut self) -> Worker {
        let message = timeout(PATIENCE, self.incoming.message())
            .await
            .expect("the worker says nothing");
        message
            .expect("the stream is whole")
            .expect("the stream goes on")
            .message
            .expect("a message")
    }

    /// Whether the worker ends the stream, in whatever way.
    pub(crate) async fn is_ended(&mut self) -> bool {
        loop {
            match timeout(PATIENCE, self.incoming.message())
                .await
                .expect("the stream does not end")
            {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return true,
            }
        }
    }

    pub(crate) async fn send(&self, message: Control) {
        let message = wire::ControlMessage {
            message: Some(message),
        };
        self.outgoing
            .send(Ok(message))
            .await
            .expect("the worker listens");
    }

    /// Ends the stream.
    pub(crate) async fn end(&self, status: Status) {
        self.outgoing
            .send(Err(status))
            .await
            .expect("the worker listens");
    }

    pub(crate) async fn synced(&self) {
        self.send(Control::Synced(wire::Synced {})).await;
    }

    pub(crate) async fn blob(&self, kind: wire::BlobKind, bytes: &[u8]) {
        for (index, data) in bytes.chunks(100).enumerate() {
            self.send(Control::BlobChunk(wire::BlobChunk {
                sha256: sha256(bytes),
                kind: kind.into(),
                size: bytes.len() as u64,
                offset: (index * 100) as u64,
                data: data.to_vec(),
            }))
            .await;
        }
    }

    /// Sends all blobs of a gateway.
    pub(crate) async fn blobs(&self, gateway: &Compiled) {
        self.blob(wire::BlobKind::Snapshot, &gateway.snapshot).await;
        for (kind, bytes) in &gateway.blobs {
            self.blob(*kind, bytes).await;
        }
    }

    /// Asks to apply a gateway under the next nonce.
    pub(crate) async fn apply(&mut self, gateway: &Compiled) {
        self.nonce += 1;
        self.apply_again(gateway).await;
    }

    /// Asks to apply a gateway under the nonce that was used last.
    pub(crate) async fn apply_again(&self, gateway: &Compiled) {
        self.send(Control::ApplyGateway(wire::ApplyGateway {
            nonce: self.nonce,
            gateway_id: gateway.id.clone(),
            generation: gateway.generation,
            snapshot_sha256: sha256(&gateway.snapshot),
            blobs: gateway
                .blobs
                .iter()
                .map(|(_, bytes)| sha256(bytes))
                .collect(),
        }))
        .await;
    }

    pub(crate) async fn remove(&mut self, gateway: &Compiled) {
        self.nonce += 1;
        let (nonce, gateway_id, generation) = (self.nonce, gateway.id.clone(), gateway.generation);
        self.send(Control::RemoveGateway(wire::RemoveGateway {
            nonce,
            gateway_id,
            generation,
        }))
        .await;
    }

    /// Sends a gateway whole and expects it to be in force.
    pub(crate) async fn deliver(&mut self, gateway: &Compiled) {
        self.blobs(gateway).await;
        self.apply(gateway).await;
        self.expect_ack(gateway).await;
    }

    pub(crate) async fn expect_ack(&mut self, gateway: &Compiled) {
        let (nonce, gateway_id, generation) = (self.nonce, gateway.id.clone(), gateway.generation);
        assert_eq!(
            self.receive().await,
            Worker::Ack(wire::Ack {
                nonce,
                gateway_id,
                generation
            })
        );
    }

    /// Expects a refusal of the gateway asked for last.
    pub(crate) async fn expect_nack(&mut self, gateway: &Compiled) -> wire::Nack {
        match self.receive().await {
            Worker::Nack(nack) => {
                assert_eq!(
                    (nack.nonce, nack.generation),
                    (self.nonce, gateway.generation),
                    "{nack:?}"
                );
                assert_eq!(nack.gateway_id, gateway.id);
                nack
            }
            other => panic!("expected a refusal, not {other:?}"),
        }
    }

    /// Expects to be asked for blobs under the nonce that was used last.
    pub(crate) async fn expect_missing(&mut self) -> Vec<Vec<u8>> {
        match self.receive().await {
            Worker::MissingBlobs(missing) => {
                assert_eq!(missing.nonce, self.nonce);
                missing.sha256
            }
            other => panic!("expected a question for blobs, not {other:?}"),
        }
    }
}

impl Compiled {
    /// A gateway that listens for plain HTTP on these ports of 127.0.0.1 and routes nowhere.
    pub(crate) fn http(generation: u64, ports: &[u16]) -> Self {
        let bind = |port: &u16| wire::Bind {
            frontend_port: format!("port-{port}"),
            frontend_ip_configuration: "loopback".to_owned(),
            address: "127.0.0.1".to_owned(),
            port: u32::from(*port),
            protocol: wire::BindProtocol::Http.into(),
            virtual_hosts: vec![wire::VirtualHost {
                listener: format!("on-{port}"),
                ..wire::VirtualHost::default()
            }],
        };
        Self::of(
            generation,
            &wire::GatewaySnapshot {
                gateway_id: "/subscriptions/S/gw".to_owned(),
                binds: ports.iter().map(bind).collect(),
                ..wire::GatewaySnapshot::default()
            },
        )
    }

    pub(crate) fn of(generation: u64, snapshot: &wire::GatewaySnapshot) -> Self {
        let id = snapshot.gateway_id.clone();
        Self {
            id,
            generation,
            snapshot: snapshot.encode_to_vec(),
            blobs: Vec::new(),
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}
