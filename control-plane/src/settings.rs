//! Settings of the control plane: everything is parsed and checked before a socket opens.
//!
//! [`ServeArgs`] is what the command line and the environment say; [`Settings::check`] turns it into values that need
//! no further check, or reports every problem at once.

mod args;
mod bootstrap;
mod check;
mod database;
mod identity;
mod issuers_file;
mod master_key;
mod secret_source;
mod sign_in;
mod worker_ca;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

pub use self::{
    args::{LogFormat, SecretText, ServeArgs},
    bootstrap::BootstrapSettings,
    check::{Problem, Problems, parse_duration},
    database::DatabaseUrl,
    identity::{Identity, IdentityError},
    master_key::{MasterKey, MasterKeyArgs, MasterKeySettings, MasterKeySource},
    secret_source::{SecretBytes, SecretSource, SourceError},
    sign_in::{IssuerSettings, Roots, SignInSettings},
};

/// Checked settings. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Directory for what the control plane keeps on disk; created at start with mode 0700.
    pub state_dir: PathBuf,
    /// The REST API.
    pub api: ApiSettings,
    /// The database and the key that seals secrets in it.
    pub store: StoreSettings,
    /// Whose tokens the API takes.
    pub sign_in: SignInSettings,
    /// Who is the first owner.
    pub bootstrap: BootstrapSettings,
    /// The configuration stream to the workers.
    pub stream: StreamSettings,
    /// Address of the admin port: `/healthz`, `/readyz`, `/metrics` over plain HTTP.
    pub admin_listen: SocketAddr,
    /// How long workers have to put a change in force before its operation fails.
    pub operation_deadline: Duration,
    /// How long requests and streams may still run after the signal to stop.
    pub drain_deadline: Duration,
    /// Logging.
    pub log: LogSettings,
}

/// The REST API.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// HTTPS, or plain HTTP on loopback.
    pub transport: ApiTransport,
    /// Scheme, host and port of absolute URLs in replies, without a trailing slash; by default taken from the `Host`
    /// header of each request.
    pub public_url: Option<String>,
    /// Connections served at a time; more wait in the listen queue.
    pub max_connections: usize,
}

/// How the REST API is offered.
#[derive(Debug, Clone)]
pub enum ApiTransport {
    /// HTTPS with a certificate that the control plane's own CA issues; its names beside the ones that it always has.
    HttpsOwnCa {
        /// Further DNS names or IP addresses of the certificate.
        names: Vec<String>,
    },
    /// HTTPS with a certificate from files.
    HttpsFromFiles {
        /// What the files hold.
        identity: Identity,
        /// The certificate chain; read again while the control plane runs.
        chain_file: PathBuf,
        /// The private key.
        key_file: PathBuf,
    },
    /// Plain HTTP; only on a loopback address.
    PlainHttp,
}

/// The database and the key that seals secrets in it.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Where the data is.
    pub database_url: DatabaseUrl,
    /// The keys that seal secrets.
    pub master_key: MasterKeySettings,
}

/// The configuration stream to the workers.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// Address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// How workers and control plane know each other.
    pub security: StreamSecurity,
    /// The worker CA.
    pub worker_ca: WorkerCaSettings,
}

/// The worker CA.
#[derive(Debug, Clone)]
pub struct WorkerCaSettings {
    /// PEM file of CA certificates; the one that `key` fits issues, the others are trusted.
    pub certificate: PathBuf,
    /// The private key.
    pub key: WorkerCaKey,
}

/// The private key of the worker CA, in PEM. `Debug` shows nothing of it.
#[derive(Clone)]
pub enum WorkerCaKey {
    /// In this file; made at start, with the certificate, when neither exists.
    File(PathBuf),
    /// From a variable or a command.
    Loaded(SecretBytes),
}

impl fmt::Debug for WorkerCaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Loaded(_) => f.write_str("Loaded(redacted)"),
        }
    }
}

/// How workers and control plane know each other.
#[derive(Debug, Clone)]
pub enum StreamSecurity {
    /// TLS with certificates that the worker CA issues for both sides; workers join with tokens.
    WorkerCa {
        /// DNS names and IP addresses under which workers reach the stream.
        names: Vec<String>,
        /// How long a worker's certificate is good.
        certificate_lifetime: Duration,
    },
    /// No protection; only on a loopback address and only when asked for.
    Plaintext,
}

/// Logging.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Shape of a line.
    pub format: LogFormat,
    /// Directives in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}
