//! The command line and the environment, as typed by the user.

use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum, builder::BoolishValueParser};
use zeroize::Zeroizing;

use super::MasterKeyArgs;

/// Arguments of `control-plane serve`, unchecked. See [`super::Settings::check`].
///
/// Values that can be malformed stay text here, so that all problems are reported together.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address of the REST API.
    #[arg(long, env = "PORTCULLIS_LISTEN", value_name = "IP:PORT", default_value = LISTEN, help_heading = API)]
    pub listen: String,

    /// Scheme, host and port that clients use, for absolute URLs in replies and as a name of the own certificate
    /// [default: the Host header of each request].
    #[arg(long, env = "PORTCULLIS_PUBLIC_URL", value_name = "URL", help_heading = API)]
    pub public_url: Option<String>,

    /// PEM file with the API's certificate chain, leaf first [default: issued by the control plane's own CA, which is
    /// kept in the state directory; clients trust its `ca.pem`].
    #[arg(long, env = "PORTCULLIS_TLS_CERT_FILE", value_name = "FILE", help_heading = API)]
    pub tls_cert_file: Option<PathBuf>,

    /// PEM file with the private key of --tls-cert-file.
    #[arg(long, env = "PORTCULLIS_TLS_KEY_FILE", value_name = "FILE", help_heading = API)]
    pub tls_key_file: Option<PathBuf>,

    /// Further DNS name or IP address for the certificate of the own CA (repeat, or separate by commas); localhost,
    /// the loopback addresses and the host name are always in it.
    #[arg(long = "tls-name", env = "PORTCULLIS_TLS_NAME", value_name = "NAME", value_delimiter = ',', help_heading = API)]
    pub tls_names: Vec<String>,

    /// Serve the API over plain HTTP; only on a loopback address. Azure's own clients refuse plain HTTP.
    #[arg(long, env = "PORTCULLIS_ALLOW_PLAIN_HTTP", value_parser = BoolishValueParser::new(), help_heading = API)]
    pub allow_plain_http: bool,

    /// Connections that the API serves at a time.
    #[arg(long, env = "PORTCULLIS_MAX_CONNECTIONS", value_name = "N", default_value = MAX_CONNECTIONS, help_heading = API)]
    pub max_connections: String,

    /// Directory for what the control plane keeps on disk: its CA, the master key, the SQLite database.
    #[arg(long, env = "PORTCULLIS_STATE_DIR", value_name = "DIR", default_value = STATE_DIR, help_heading = STORE)]
    pub state_dir: PathBuf,

    /// `postgres://user:password@host/database` or `sqlite://path` [default: portcullis.db in the state directory].
    #[arg(
        long,
        env = "PORTCULLIS_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        help_heading = STORE
    )]
    pub database_url: Option<String>,

    /// The keys that seal secrets in the database.
    #[command(flatten)]
    pub master_key: MasterKeyArgs,

    /// How long tokens of the built-in issuer are valid (`10m`, `1h`; from a minute to a day).
    #[arg(long, env = "PORTCULLIS_TOKEN_LIFETIME", value_name = "DURATION", default_value = TOKEN_LIFETIME, help_heading = SIGN_IN)]
    pub token_lifetime: String,

    /// File with the secret of the first owner, the service principal `bootstrap` [default: a random one, written to
    /// bootstrap.json in the state directory]. Only looked at while nobody is Owner of everything. The variable
    /// `PORTCULLIS_BOOTSTRAP_SECRET` can hold the secret itself.
    #[arg(long, env = "PORTCULLIS_BOOTSTRAP_SECRET_FILE", value_name = "FILE", help_heading = SIGN_IN)]
    pub bootstrap_secret_file: Option<PathBuf>,

    /// The same as text; for the environment, since everybody on the machine sees command lines.
    #[arg(
        long,
        env = "PORTCULLIS_BOOTSTRAP_SECRET",
        hide = true,
        hide_env_values = true
    )]
    pub bootstrap_secret: Option<SecretText>,

    /// Client id, a GUID, by which the first owner signs in [default: a random one].
    #[arg(long, env = "PORTCULLIS_BOOTSTRAP_CLIENT_ID", value_name = "GUID", help_heading = SIGN_IN)]
    pub bootstrap_client_id: Option<String>,

    /// Principal of an external issuer that is the first owner instead: the issuer's name, a slash, the principal's id.
    #[arg(long, env = "PORTCULLIS_BOOTSTRAP_PRINCIPAL", value_name = "ISSUER/ID", help_heading = SIGN_IN)]
    pub bootstrap_principal: Option<String>,

    /// JSON file with the OIDC issuers whose tokens the API takes; docs/operating.md describes it.
    #[arg(long, env = "PORTCULLIS_OIDC_ISSUERS_FILE", value_name = "FILE", help_heading = SIGN_IN)]
    pub oidc_issuers_file: Option<PathBuf>,

    /// Issue no tokens, and take none of the built-in issuer; only with --oidc-issuers-file.
    #[arg(long, env = "PORTCULLIS_NO_BUILT_IN_ISSUER", value_parser = BoolishValueParser::new(), help_heading = SIGN_IN)]
    pub no_built_in_issuer: bool,

    /// Address of the configuration stream, for the workers.
    #[arg(long, env = "PORTCULLIS_STREAM_LISTEN", value_name = "IP:PORT", default_value = STREAM_LISTEN, help_heading = STREAM)]
    pub stream_listen: String,

    /// DNS name or IP address under which workers reach the stream (repeat, or separate by commas); localhost, the
    /// loopback addresses and the host name are always in the stream's certificate.
    #[arg(long = "stream-name", env = "PORTCULLIS_STREAM_NAME", value_name = "NAME", value_delimiter = ',', help_heading = STREAM)]
    pub stream_names: Vec<String>,

    /// PEM file with the CA that issues certificates to workers and to the stream [default: {state-dir}/worker-ca.pem,
    /// made at first start]. Several replicas share one. It may hold more CAs, which are trusted.
    #[arg(long, env = "PORTCULLIS_WORKER_CA_CERT_FILE", value_name = "FILE", help_heading = STREAM)]
    pub worker_ca_cert_file: Option<PathBuf>,

    /// PEM file with the private key of --worker-ca-cert-file [default: {state-dir}/worker-ca.key].
    #[arg(long, env = "PORTCULLIS_WORKER_CA_KEY_FILE", value_name = "FILE", help_heading = STREAM)]
    pub worker_ca_key_file: Option<PathBuf>,

    /// Name of an environment variable that holds that key, instead of a file.
    #[arg(long, env = "PORTCULLIS_WORKER_CA_KEY_ENV", value_name = "NAME", help_heading = STREAM)]
    pub worker_ca_key_env: Option<String>,

    /// Program, with arguments separated by spaces, that prints that key, instead of a file. It runs once, at start,
    /// without a shell, and has ten seconds.
    #[arg(
        long, env = "PORTCULLIS_WORKER_CA_KEY_COMMAND", hide_env_values = true, value_name = "COMMAND",
        help_heading = STREAM
    )]
    pub worker_ca_key_command: Option<String>,

    /// How long a worker's certificate is good; a worker renews it after two thirds of that.
    #[arg(long, env = "PORTCULLIS_WORKER_CERTIFICATE_LIFETIME", value_name = "DURATION", default_value = WORKER_CERTIFICATE_LIFETIME, help_heading = STREAM)]
    pub worker_certificate_lifetime: String,

    /// Serve the stream without TLS; only on a loopback address. It carries private keys.
    #[arg(long, env = "PORTCULLIS_STREAM_ALLOW_PLAINTEXT", value_parser = BoolishValueParser::new(), help_heading = STREAM)]
    pub stream_allow_plaintext: bool,

    /// Address of the admin port: /healthz, /readyz and /metrics over plain HTTP.
    #[arg(long, env = "PORTCULLIS_ADMIN_LISTEN", value_name = "IP:PORT", default_value = ADMIN_LISTEN, help_heading = OPERATION)]
    pub admin_listen: String,

    /// How long workers have to put a change in force before its operation fails (`500ms`, `30s`, `2m`).
    #[arg(long, env = "PORTCULLIS_OPERATION_DEADLINE", value_name = "DURATION", default_value = "30s", help_heading = OPERATION)]
    pub operation_deadline: String,

    /// How long requests may still run after SIGTERM or SIGINT.
    #[arg(long, env = "PORTCULLIS_DRAIN_DEADLINE", value_name = "DURATION", default_value = "30s", help_heading = OPERATION)]
    pub drain_deadline: String,

    /// Shape of a log line.
    #[arg(long, env = "PORTCULLIS_LOG_FORMAT", value_name = "FORMAT", default_value = "human", help_heading = OPERATION)]
    pub log_format: LogFormat,

    /// What is logged: a level, or directives such as `info,control_plane::store=debug`.
    #[arg(long, env = "PORTCULLIS_LOG_FILTER", value_name = "FILTER", default_value = LOG_FILTER, help_heading = OPERATION)]
    pub log_filter: String,
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text, for eyes.
    Human,
    /// One JSON object per line, for machines.
    Json,
}

/// A secret of the environment. `Debug` shows nothing of it; memory is wiped at the end.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

/// The documented defaults, independent of the environment.
impl Default for ServeArgs {
    fn default() -> Self {
        Self {
            listen: LISTEN.to_owned(),
            public_url: None,
            tls_cert_file: None,
            tls_key_file: None,
            tls_names: Vec::new(),
            allow_plain_http: false,
            max_connections: MAX_CONNECTIONS.to_owned(),
            state_dir: PathBuf::from(STATE_DIR),
            database_url: None,
            master_key: MasterKeyArgs::default(),
            token_lifetime: TOKEN_LIFETIME.to_owned(),
            bootstrap_secret_file: None,
            bootstrap_secret: None,
            bootstrap_client_id: None,
            bootstrap_principal: None,
            oidc_issuers_file: None,
            no_built_in_issuer: false,
            stream_listen: STREAM_LISTEN.to_owned(),
            stream_names: Vec::new(),
            worker_ca_cert_file: None,
            worker_ca_key_file: None,
            worker_ca_key_env: None,
            worker_ca_key_command: None,
            worker_certificate_lifetime: WORKER_CERTIFICATE_LIFETIME.to_owned(),
            stream_allow_plaintext: false,
            admin_listen: ADMIN_LISTEN.to_owned(),
            operation_deadline: "30s".to_owned(),
            drain_deadline: "30s".to_owned(),
            log_format: LogFormat::Human,
            log_filter: LOG_FILTER.to_owned(),
        }
    }
}

const API: &str = "REST API";
const STORE: &str = "Store";
const SIGN_IN: &str = "Sign-in";
const STREAM: &str = "Configuration stream";
const OPERATION: &str = "Operation";

const LISTEN: &str = "127.0.0.1:8443";
const MAX_CONNECTIONS: &str = "1024";
const STATE_DIR: &str = ".portcullis/control-plane";
const TOKEN_LIFETIME: &str = "1h";
const STREAM_LISTEN: &str = "127.0.0.1:8444";
const WORKER_CERTIFICATE_LIFETIME: &str = "24h";
const ADMIN_LISTEN: &str = "127.0.0.1:8445";
const LOG_FILTER: &str = "info";
