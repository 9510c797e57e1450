//! One kept-alive HTTP/1.1 client over TLS: any break that the server did not announce with `Connection: close` is an
//! error, and nothing is retried.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// The client with its one connection.
pub struct KeepAlive {
    host: String,
    port: u16,
    config: Arc<ClientConfig>,
    announced_close: bool,
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl KeepAlive {
    /// Connects to loopback.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn open(host: &str, port: u16, ca_file: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(ca_file).expect("CA file"))
            .expect("CA certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let config = Arc::new(config);
        let stream = connect(host, port, &config);
        Self {
            host: host.to_owned(),
            port,
            config,
            announced_close: false,
            stream,
        }
    }

    /// One GET; returns the status after the whole body was read.
    ///
    /// # Errors
    ///
    /// When the connection breaks or the answer makes no sense.
    pub fn get(&mut self, path: &str) -> io::Result<u16> {
        if std::mem::take(&mut self.announced_close) {
            self.stream = connect(&self.host, self.port, &self.config);
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.stream.get_mut().flush()?;
        let mut status = None;
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
            } else if line == "connection: close" {
                self.announced_close = true;
            } else if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            }
        }
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other("no status or no Content-Length"));
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(status)
    }
}

fn connect(
    host: &str,
    port: u16,
    config: &Arc<ClientConfig>,
) -> BufReader<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).expect("host name");
    let connection = ClientConnection::new(Arc::clone(config), name).expect("TLS client");
    let socket = TcpStream::connect(("127.0.0.1", port)).expect("connect");
    socket.set_nodelay(true).expect("no delay");
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("timeout");
    BufReader::new(StreamOwned::new(connection, socket))
}
