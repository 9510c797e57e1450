//! What a load is aimed at, and its TLS client.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A listener and how to speak to it.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// Address of the listener
    #[arg(long)]
    pub address: SocketAddr,
    /// Server name for SNI and Host
    #[arg(long, default_value = super::certificates::HOST)]
    pub host: String,
    /// PEM file with the CA of the server's certificate
    #[arg(long)]
    pub ca_file: PathBuf,
    /// PEM file with the client certificate and its intermediates
    #[arg(long, requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// PEM file with the client's private key
    #[arg(long, requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// Speak TLS 1.2 instead of 1.3
    #[arg(long)]
    pub tls12: bool,
    /// Path of the requests
    #[arg(long, default_value = "/100")]
    pub path: String,
}

/// Opens connections to a [`Target`]; every handshake is a full one, unless it was made to resume.
#[derive(Clone)]
pub struct Connector {
    address: SocketAddr,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Target {
    /// The same target as seen by a client with another certificate, or none.
    #[must_use]
    pub fn with_identity(&self, identity: Option<(&Path, &Path)>) -> Self {
        Self {
            cert_file: identity.map(|(certificate, _)| certificate.to_path_buf()),
            key_file: identity.map(|(_, key)| key.to_path_buf()),
            ..self.clone()
        }
    }

    /// A TLS client that offers one cipher suite and one group, the same to every server, and never resumes.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn tls(&self, alpn: Option<&str>) -> anyhow::Result<Arc<ClientConfig>> {
        let mut config = self.config()?;
        config.resumption = Resumption::disabled();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Arc::new(config))
    }

    fn config(&self) -> anyhow::Result<ClientConfig> {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites = vec![
            aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
            aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ];
        provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
        if self.tls12 {
            // The list also says which curves a certificate may have, in TLS 1.2. X25519 is what servers prefer.
            provider.kx_groups.push(aws_lc_rs::kx_group::SECP256R1);
        }
        let version = if self.tls12 { &TLS12 } else { &TLS13 };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca_file)? {
            roots.add(certificate)?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])?
            .with_root_certificates(roots);
        Ok(match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => {
                let file = key;
                let key = PrivateKeyDer::from_pem_file(file)
                    .with_context(|| format!("{}", file.display()))?;
                builder.with_client_auth_cert(certificates(certificate)?, key)?
            }
            _ => builder.with_no_client_auth(),
        })
    }

    /// The server's name.
    ///
    /// # Errors
    /// When it is not a valid one.
    pub fn name(&self) -> anyhow::Result<ServerName<'static>> {
        ServerName::try_from(self.host.clone()).with_context(|| self.host.clone())
    }

    /// A connector that offers `alpn`.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn connector(&self, alpn: Option<&str>) -> anyhow::Result<Connector> {
        Ok(Connector {
            address: self.address,
            name: self.name()?,
            tls: TlsConnector::from(self.tls(alpn)?),
        })
    }

    /// A connector with a store of tickets of its own.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn resuming_connector(&self) -> anyhow::Result<Connector> {
        let mut config = self.config()?;
        config.resumption = Resumption::in_memory_sessions(8);
        Ok(Connector {
            address: self.address,
            name: self.name()?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }
}

impl Connector {
    /// Connects and completes the handshake, as far as the client sees it.
    ///
    /// # Errors
    /// When either fails.
    pub async fn connect(&self) -> anyhow::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(self.address).await.context("connect")?;
        socket.set_nodelay(true)?;
        self.tls
            .connect(self.name.clone(), socket)
            .await
            .context("TLS handshake")
    }
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .with_context(|| format!("{}", file.display()))
}
