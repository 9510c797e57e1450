//! A TLS client of our own, for what `curl` and `openssl` cannot do: thousands of connections at a time, watching them
//! end, and offering sessions where they do not belong.

mod http1;
mod http2;
mod sessions;
mod tap;
mod websocket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, SupportedProtocolVersion,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::pki::Identity;
use crate::tls_client::{Target, Tls};

pub use http1::{Http1, Reply};
pub use http2::Http2;
pub use sessions::Sessions;
pub use websocket::WebSocket;

/// A client of one listener. Cloning shares the sessions.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    host: String,
    address: SocketAddr,
}

impl Client {
    /// A client that shows `identity` and keeps no session.
    ///
    /// # Panics
    ///
    /// When the files cannot be read.
    pub fn new(target: &Target<'_>, identity: Option<&Identity>, tls: Tls) -> Self {
        let mut config = config(target, identity, tls);
        config.resumption = Resumption::disabled();
        Self {
            config: Arc::new(config),
            host: target.host.to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], target.port)),
        }
    }

    /// This client, with sessions kept in and taken from `sessions`.
    #[must_use]
    pub fn with_sessions(mut self, sessions: &Arc<Sessions>) -> Self {
        let sessions: Arc<Sessions> = Arc::clone(sessions);
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::store(sessions);
        config.enable_early_data = true;
        self.config = Arc::new(config);
        self
    }

    /// This client, with another name in SNI and Host.
    #[must_use]
    pub fn named(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// This client, at another address (of another worker).
    ///
    /// # Panics
    ///
    /// When `ip` is none.
    #[must_use]
    pub fn at(mut self, ip: &str) -> Self {
        self.address.set_ip(ip.parse().expect("IP address"));
        self
    }

    /// This client, at another port.
    #[must_use]
    pub fn on_port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Makes a handshake for HTTP/1.1.
    ///
    /// # Errors
    ///
    /// When there is no connection, or the handshake fails on this side. A refusal of the client's certificate comes
    /// with the first answer in TLS 1.3.
    pub async fn connect(&self) -> io::Result<Http1> {
        let stream = self.handshake(b"http/1.1").await?;
        Ok(Http1::new(stream, &self.host))
    }

    /// Makes a handshake for HTTP/2.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`], and when the server does not choose HTTP/2.
    pub async fn connect_http2(&self) -> io::Result<Http2> {
        let stream = self.handshake(b"h2").await?;
        Http2::begin(stream, &self.host).await
    }

    /// Upgrades a new connection to WebSocket.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`], and when the server does not switch protocols.
    pub async fn connect_websocket(&self, path: &str) -> io::Result<WebSocket> {
        WebSocket::upgrade(self.connect().await?, path).await
    }

    /// Whether the session that would be offered next allows early data. It is used up by that.
    ///
    /// # Panics
    ///
    /// When the host is no name.
    pub fn may_send_early_data(&self) -> bool {
        let name = ServerName::try_from(self.host.clone()).expect("host name");
        let mut connection =
            ClientConnection::new(Arc::clone(&self.config), name).expect("TLS client");
        connection.early_data().is_some()
    }

    async fn handshake(&self, protocol: &[u8]) -> io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let socket = TcpStream::connect(self.address).await?;
        socket.set_nodelay(true)?;
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
    }
}

/// Whether the handshake of a connection resumed a session.
fn resumed(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
}

fn config(target: &Target<'_>, identity: Option<&Identity>, tls: Tls) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(&target.ca_file).expect("CA file");
    roots.add(root).expect("CA certificate");
    let versions: &[&SupportedProtocolVersion] = match tls {
        Tls::V12 => &[&rustls::version::TLS12],
        Tls::V13 => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(versions)
        .expect("TLS versions")
        .with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_file_iter(&identity.certificate)
                .expect("certificate file")
                .collect::<Result<Vec<_>, _>>()
                .expect("certificates");
            let key = PrivateKeyDer::from_pem_file(&identity.key).expect("key file");
            builder
                .with_client_auth_cert(chain, key)
                .expect("client certificate")
        }
    }
}

/// The cheapest key exchange only: thousands of handshakes are made, on both sides without optimisation.
fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::CryptoProvider {
        kx_groups: vec![rustls::crypto::aws_lc_rs::kx_group::X25519],
        ..rustls::crypto::aws_lc_rs::default_provider()
    }
}
