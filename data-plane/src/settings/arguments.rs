//! The command line as text, and the checks that make [`Settings`] of it.

use std::env;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::thread;

use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches};
use tracing_subscriber::EnvFilter;

use super::file;
use super::revocation::RevocationArguments;
use super::value::Problems;
use super::{
    AccessLog, BlobLimits, ControlPlane, LogFormat, LogSettings, Settings, StateSettings,
    StreamSecurity, Subscription,
};
use crate::http::head::MOST_FIELDS;
use crate::identity::token::JoinToken;
use crate::limits::{LimitArguments, Limits};

/// Portcullis data plane: terminates TLS, verifies client certificates and routes HTTP to backends, as the control
/// plane says.
///
/// A worker keeps serving while the control plane is away. With --state-dir it also starts without the control plane,
/// from the last configuration it had, which it keeps there encrypted.
#[derive(Debug, clap::Parser)]
#[command(name = "data-plane", version)]
pub(crate) struct Arguments {
    /// Name of this worker: stable over restarts, unique, 1 to 64 of A-Z a-z 0-9 . _ -
    #[arg(long, env = "PORTCULLIS_WORKER_ID")]
    worker_id: Option<String>,
    /// Configuration stream of the control plane, for example `https://control-plane:8444`
    #[arg(long, env = "PORTCULLIS_CONTROL_PLANE_URL", value_name = "URL")]
    control_plane_url: Option<String>,
    /// Join token with which this worker gets its certificate, once; better in --join-token-file, where no list of
    /// processes shows it
    #[arg(
        long,
        env = "PORTCULLIS_JOIN_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    join_token: Option<String>,
    /// File with the join token, not accessible to others; it may be gone once the worker has joined
    #[arg(long, env = "PORTCULLIS_JOIN_TOKEN_FILE", value_name = "FILE")]
    join_token_file: Option<PathBuf>,
    /// Allow an http:// control plane URL, on loopback only; private keys travel on this stream
    #[arg(long, env = "PORTCULLIS_STREAM_ALLOW_PLAINTEXT")]
    stream_allow_plaintext: bool,
    /// ARM id of a gateway to serve; may be repeated (comma-separated in the variable)
    #[arg(
        long,
        env = "PORTCULLIS_GATEWAY",
        value_name = "ID",
        value_delimiter = ','
    )]
    gateway: Vec<String>,
    /// ARM id of a subscription or resource group to serve, or / for everything; may be repeated
    #[arg(
        long,
        env = "PORTCULLIS_SCOPE",
        value_name = "ID",
        value_delimiter = ','
    )]
    scope: Vec<String>,
    /// Directory for the last known good configuration; needs --state-key-file
    #[arg(long, env = "PORTCULLIS_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// File with the key that seals --state-dir: 32 bytes in base64, not accessible to others (openssl rand -base64 32)
    #[arg(long, env = "PORTCULLIS_STATE_KEY_FILE", value_name = "FILE")]
    state_key_file: Option<PathBuf>,
    /// Where /healthz, /readyz and /metrics are served over plain HTTP
    #[arg(
        long,
        env = "PORTCULLIS_ADMIN_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8446"
    )]
    admin_listen: String,
    /// Address that frontends with a public IP listen on
    #[arg(
        long,
        env = "PORTCULLIS_PUBLIC_ADDRESS",
        value_name = "IP",
        default_value = "0.0.0.0"
    )]
    public_address: String,
    /// Threads of the request path [default: one for each core]
    #[arg(long, env = "PORTCULLIS_THREADS")]
    threads: Option<String>,
    /// Where access log lines go: stdout, off, or a file to append to
    #[arg(long, env = "PORTCULLIS_ACCESS_LOG", default_value = "stdout")]
    access_log: String,
    /// Largest blob (certificates of one upload, one snapshot) taken from the control plane
    #[arg(long, env = "PORTCULLIS_MAX_BLOB_BYTES", default_value = "64MiB")]
    max_blob_bytes: String,
    /// Most bytes of blobs held at a time
    #[arg(long, env = "PORTCULLIS_MAX_BLOBS_BYTES", default_value = "1GiB")]
    max_blobs_bytes: String,
    /// json or human
    #[arg(long, env = "PORTCULLIS_LOG_FORMAT", default_value = "json")]
    log_format: String,
    /// What is logged, for example `info,data_plane=debug`
    #[arg(long, env = "PORTCULLIS_LOG_FILTER", default_value = "info")]
    log_filter: String,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    revocation: RevocationArguments,
}

impl Arguments {
    /// Reads a command line, program name first, and the environment.
    pub(crate) fn read<I>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        let mut matches = Self::command()
            .mut_args(without_empty_variable)
            .try_get_matches_from(arguments)?;
        Self::from_arg_matches_mut(&mut matches)
    }

    /// Checks everything; all problems come back together.
    pub(crate) fn check(self) -> Result<Settings, Vec<String>> {
        let mut problems = Problems::default();
        let worker_id = self.worker_id(&mut problems);
        let control_plane = self.control_plane(&mut problems);
        let subscription = self.subscription(&mut problems);
        let state = self.state(&mut problems);
        let admin_listen = problems.take("--admin-listen", self.admin_listen.parse::<SocketAddr>());
        let public_address =
            problems.take("--public-address", self.public_address.parse::<IpAddr>());
        let threads = self.threads(&mut problems);
        let blobs = BlobLimits {
            one: problems.value("--max-blob-bytes", &self.max_blob_bytes),
            total: problems.value("--max-blobs-bytes", &self.max_blobs_bytes),
        };
        let limits = Limits::check(&self.limits, &mut problems);
        if limits.max_headers > MOST_FIELDS {
            let problem = format!("`{}` is more than {MOST_FIELDS}", limits.max_headers);
            problems.add("--max-headers", problem);
        }
        let revocation = self.revocation.check(&mut problems);
        if revocation.wait >= limits.handshake_timeout {
            let problem = "is not shorter than --handshake-timeout";
            problems.add("--revocation-wait", problem);
        }
        let log = self.log(&mut problems);
        let access_log = match self.access_log.as_str() {
            "off" => AccessLog::Off,
            "stdout" => AccessLog::Stdout,
            path => AccessLog::File(path.into()),
        };
        let problems = problems.into_vec();
        match (
            worker_id,
            control_plane,
            subscription,
            admin_listen,
            public_address,
            threads,
            log,
        ) {
            (
                Some(worker_id),
                Some(control_plane),
                Some(subscription),
                Some(admin_listen),
                Some(public_address),
                Some(threads),
                Some(log),
            ) if problems.is_empty() => Ok(Settings {
                worker_id,
                control_plane,
                subscription,
                state,
                admin_listen,
                public_address,
                threads,
                access_log,
                blobs,
                limits,
                revocation,
                log,
            }),
            _ => Err(problems),
        }
    }

    fn worker_id(&self, problems: &mut Problems) -> Option<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match &self.worker_id {
            Some(id) if (1..=64).contains(&id.len()) && id.chars().all(allowed) => {
                return Some(id.clone());
            }
            Some(id) => problems.add(
                "--worker-id",
                format!("`{id}` is not 1 to 64 of A-Z a-z 0-9 . _ -"),
            ),
            None => problems.add("--worker-id", "is required"),
        }
        None
    }

    fn control_plane(&self, problems: &mut Problems) -> Option<ControlPlane> {
        let option = "--control-plane-url";
        let Some(text) = &self.control_plane_url else {
            problems.add(option, "is required");
            return None;
        };
        let url = problems.take(option, text.parse::<http::Uri>())?;
        let host = url.host().unwrap_or_default().to_owned();
        let security = match url.scheme_str() {
            Some("https") if !host.is_empty() => self.enrolled(problems)?,
            Some("http") if !self.stream_allow_plaintext => {
                problems.add(
                    option,
                    "must be https (http only with --stream-allow-plaintext, on loopback)",
                );
                return None;
            }
            Some("http") if is_loopback(&host) => StreamSecurity::Plaintext,
            Some("http") => {
                problems.add(
                    option,
                    format!("`{host}` is not a loopback address, so plaintext is not allowed"),
                );
                return None;
            }
            _ => {
                problems.add(
                    option,
                    format!("`{text}` is not of the form https://host:port"),
                );
                return None;
            }
        };
        Some(ControlPlane { url, security })
    }

    fn enrolled(&self, problems: &mut Problems) -> Option<StreamSecurity> {
        let token = match (&self.join_token, &self.join_token_file) {
            (Some(_), Some(_)) => {
                problems.add("--join-token-file", "excludes --join-token");
                return None;
            }
            (Some(text), None) => Some(problems.take("--join-token", JoinToken::parse(text))?),
            (None, Some(path)) => problems.take("--join-token-file", file::join_token(path))?,
            (None, None) => None,
        };
        if token.is_none() && self.state_dir.is_none() {
            let problem = "is required with an https control plane and without --state-dir: there is no certificate of before";
            problems.add("--join-token-file", problem);
            return None;
        }
        Some(StreamSecurity::Enrolled { token })
    }

    fn subscription(&self, problems: &mut Problems) -> Option<Subscription> {
        if self.gateway.is_empty() && self.scope.is_empty() {
            problems.add(
                "--gateway or --scope",
                "at least one is required: a worker says what it serves",
            );
            return None;
        }
        for (option, ids) in [("--gateway", &self.gateway), ("--scope", &self.scope)] {
            for id in ids.iter().filter(|id| !id.starts_with('/')) {
                problems.add(
                    option,
                    format!("`{id}` is not an ARM id: it must start with /"),
                );
            }
        }
        Some(Subscription {
            gateways: self.gateway.clone(),
            scopes: self.scope.clone(),
        })
    }

    fn state(&self, problems: &mut Problems) -> Option<StateSettings> {
        let directory = match (&self.state_dir, &self.state_key_file) {
            (Some(directory), _) => directory.clone(),
            (None, Some(_)) => {
                problems.add("--state-key-file", "has no use without --state-dir");
                return None;
            }
            (None, None) => return None,
        };
        let Some(key_file) = &self.state_key_file else {
            problems.add(
                "--state-key-file",
                "is required with --state-dir: what is kept there holds private keys",
            );
            return None;
        };
        if let Err(error) = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
        {
            problems.add("--state-dir", format!("{}: {error}", directory.display()));
        }
        let key = problems.take("--state-key-file", file::state_key(key_file))?;
        Some(StateSettings { directory, key })
    }

    fn threads(&self, problems: &mut Problems) -> Option<NonZeroUsize> {
        match &self.threads {
            None => Some(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
            Some(text) => problems.take("--threads", text.parse()),
        }
    }

    fn log(&self, problems: &mut Problems) -> Option<LogSettings> {
        let format = match self.log_format.as_str() {
            "json" => LogFormat::Json,
            "human" => LogFormat::Human,
            other => {
                problems.add(
                    "--log-format",
                    format!("`{other}` is neither json nor human"),
                );
                return None;
            }
        };
        problems.take("--log-filter", EnvFilter::try_new(&self.log_filter))?;
        Some(LogSettings {
            format,
            filter: self.log_filter.clone(),
        })
    }
}

/// Compose files set variables to nothing when they mean "not set".
fn without_empty_variable(argument: Arg) -> Arg {
    let is_empty = |name| env::var_os(name).is_some_and(|value| value.is_empty());
    if argument.get_env().is_some_and(is_empty) {
        argument.env(Resettable::Reset)
    } else {
        argument
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const GOOD: [&str; 7] = [
        "data-plane",
        "--worker-id=w1",
        "--control-plane-url=http://127.0.0.1:8444",
        "--stream-allow-plaintext",
        "--scope=/",
        "--threads=2",
        "--access-log=off",
    ];

    fn parse(arguments: &[&str]) -> Result<Settings, Vec<String>> {
        Arguments::try_parse_from(arguments)
            .expect("known options")
            .check()
    }

    /// Expects exactly these options to be at fault when `extra` follows a good command line.
    fn check(extra: &[&str], at_fault: &[&str]) {
        let line: Vec<&str> = GOOD.iter().chain(extra).copied().collect();
        let problems = parse(&line).err().unwrap_or_default();
        let named: Vec<&str> = problems
            .iter()
            .filter_map(|problem| problem.split(": ").next())
            .collect();
        assert_eq!(named, at_fault, "{problems:?}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_plaintext_loopback_worker_needs_no_files() {
        let settings = parse(&GOOD).expect("good settings");
        assert!(matches!(
            settings.control_plane.security,
            StreamSecurity::Plaintext
        ));
        assert_eq!(settings.limits, Limits::default());
        assert_eq!(settings.blobs, BlobLimits::default());
    }

    #[test]
    fn all_problems_are_told_together() {
        let problems =
            parse(&["data-plane", "--admin-listen=x", "--handshake-timeout=0s"]).unwrap_err();
        for option in [
            "--worker-id",
            "--control-plane-url",
            "--gateway or --scope",
            "--admin-listen",
            "--handshake-timeout",
        ] {
            assert!(
                problems.iter().any(|problem| problem.starts_with(option)),
                "{option} in {problems:?}"
            );
        }
    }

    #[test]
    fn each_bad_value_is_refused_by_name() {
        let overridden = |extra: &'static str, at_fault: &'static str| {
            let name = extra.split('=').next().unwrap_or_default();
            let line: Vec<&str> = GOOD
                .iter()
                .filter(|known| !known.starts_with(name))
                .chain([&extra])
                .copied()
                .collect();
            let problems = parse(&line).err().unwrap_or_default();
            assert!(
                problems.len() == 1 && problems[0].starts_with(at_fault),
                "{extra}: {problems:?}"
            );
        };
        overridden("--worker-id=a b", "--worker-id");
        overridden("--worker-id=", "--worker-id");
        overridden(
            "--control-plane-url=http://192.0.2.1:8444",
            "--control-plane-url",
        );
        overridden("--control-plane-url=ftp://127.0.0.1", "--control-plane-url");
        overridden("--scope=subscriptions/x", "--scope");
        overridden("--threads=0", "--threads");
        check(&["--public-address=example.com"], &["--public-address"]);
        check(&["--log-format=xml"], &["--log-format"]);
        check(&["--log-filter=a=b=c"], &["--log-filter"]);
        check(&["--max-blob-bytes=lots"], &["--max-blob-bytes"]);
        check(&["--state-key-file=/k"], &["--state-key-file"]);
        check(&["--state-dir=/tmp"], &["--state-key-file"]);
        check(&["--max-headers=257"], &["--max-headers"]);
        check(&["--max-headers=256"], &[]);
        check(&["--revocation-wait=10s"], &["--revocation-wait"]);
        check(&["--revocation-wait=10s", "--handshake-timeout=11s"], &[]);
    }

    #[test]
    fn https_needs_a_token_where_no_state_is_kept() {
        let line = [
            "data-plane",
            "--worker-id=w1",
            "--control-plane-url=https://cp:8444",
            "--scope=/",
        ];
        let problems = parse(&line).unwrap_err();
        let named: Vec<&str> = problems
            .iter()
            .filter_map(|problem| problem.split(": ").next())
            .collect();
        assert_eq!(named, ["--join-token-file"]);
        let token = format!("--join-token=pjt1.{}", "A".repeat(107));
        let settings = parse(&[&line[..], &[&token]].concat()).expect("good settings");
        assert!(
            !format!("{settings:?}").contains("AAAA"),
            "the token is shown"
        );
        let problems = parse(&[&line[..], &["--join-token=secret"]].concat()).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(!problems[0].contains("secret"), "{problems:?}");
    }

    #[test]
    fn plaintext_must_be_asked_for() {
        let line = [
            "data-plane",
            "--worker-id=w1",
            "--control-plane-url=http://127.0.0.1:1",
            "--scope=/",
        ];
        let problems = parse(&line).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains("--stream-allow-plaintext"),
            "{problems:?}"
        );
    }
}
