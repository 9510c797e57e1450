//! The worker's settings: read once from the command line and the environment, checked in full before a socket
//! opens, and printable: secrets have no `Debug` output.

pub(crate) mod arguments;
pub(crate) mod file;
pub(crate) mod revocation;
pub(crate) mod value;

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::identity::token::JoinToken;
use crate::limits::Limits;
use crate::revocation::RevocationSettings;

/// Everything a worker is told at start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Stable over restarts, unique among the workers of a control plane: 1 to 64 of `[A-Za-z0-9._-]`.
    pub worker_id: String,
    /// Where configuration comes from.
    pub control_plane: ControlPlane,
    /// What this worker serves.
    pub subscription: Subscription,
    /// Where the last known good configuration is kept; absent: in memory only.
    pub state: Option<StateSettings>,
    /// Health, readiness and metrics.
    pub admin_listen: SocketAddr,
    /// What frontends without an address of their own listen on.
    pub public_address: IpAddr,
    /// Threads of the request path, each with its own listening sockets.
    pub threads: NonZeroUsize,
    /// Where access log lines go.
    pub access_log: AccessLog,
    /// Bounds of what the control plane may send.
    pub blobs: BlobLimits,
    /// Limits and time-outs of the request path.
    pub limits: Limits,
    /// How evidence about revocation is found.
    pub revocation: RevocationSettings,
    /// How the program logs.
    pub log: LogSettings,
}

/// The control plane's configuration stream.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// `https://host:port`, or `http://` on loopback where plaintext was asked for.
    pub url: http::Uri,
    /// How the two sides know each other.
    pub security: StreamSecurity,
}

/// How the configuration stream is protected.
#[derive(Clone, Debug)]
pub enum StreamSecurity {
    /// Not at all; loopback only.
    Plaintext,
    /// The control plane issues the certificates of both sides.
    Enrolled {
        /// With which the worker joins; absent: it has joined before.
        token: Option<JoinToken>,
    },
}

/// What a worker serves: at least one entry in one of the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// ARM ids of gateways.
    pub gateways: Vec<String>,
    /// ARM ids of subscriptions or resource groups, or `/` for everything.
    pub scopes: Vec<String>,
}

/// Where and under which key the last known good configuration is kept.
#[derive(Clone, Debug)]
pub struct StateSettings {
    /// A directory that the worker may write to; created when absent.
    pub directory: PathBuf,
    /// Seals what is written there.
    pub key: StateKey,
}

/// The AES-256 key of the state on disk.
#[derive(Clone)]
pub struct StateKey(Zeroizing<[u8; 32]>);

/// Where access log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Standard output, one JSON object a line.
    Stdout,
    /// Appended to this file.
    File(PathBuf),
}

/// Bounds of what the control plane may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobLimits {
    /// Bytes of one blob.
    pub one: u64,
    /// Bytes of all blobs held at a time.
    pub total: u64,
}

/// How the program logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The shape of a line.
    pub format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For eyes.
    Human,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The command line asked for help or the version, or names options that do not exist.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// Values that cannot be used, all of them.
    #[error("the settings cannot be used:\n  {}", .0.join("\n  "))]
    Problems(Vec<String>),
}

impl Settings {
    /// Reads and checks a command line, program name first, with `PORTCULLIS_…` variables for what it leaves out.
    /// Empty variables count as unset.
    ///
    /// Reads the files it names; opens no socket.
    ///
    /// # Errors
    /// [`SettingsError::Usage`] for `--help`, `--version` and unknown options; otherwise all problems together.
    pub fn parse_from<I>(arguments: I) -> Result<Self, SettingsError>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        arguments::Arguments::read(arguments)?
            .check()
            .map_err(SettingsError::Problems)
    }
}

impl StateKey {
    /// Wraps key bytes.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The key bytes.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StateKey(redacted)")
    }
}

impl Default for BlobLimits {
    /// 64 MiB for one blob and 1 GiB in all.
    fn default() -> Self {
        Self {
            one: 64 << 20,
            total: 1 << 30,
        }
    }
}
