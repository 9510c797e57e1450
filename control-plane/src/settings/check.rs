//! From what the user typed to checked settings, with every problem reported at once.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use tracing_subscriber::EnvFilter;

use super::{
    ApiSettings, ApiTransport, BootstrapSettings, DatabaseUrl, Identity, LogSettings,
    MasterKeyArgs, MasterKeySettings, ServeArgs, Settings, SignInSettings, StoreSettings,
    StreamSecurity, StreamSettings, WorkerCaSettings,
};
use crate::tls;

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the option, with dashes.
    pub setting: &'static str,
    /// What is wrong with it; no secrets.
    pub message: String,
}

/// Everything that is wrong with the settings, in the order of `--help`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} unusable setting(s)", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {}: {}", problem.setting, problem.message))
    }
}

impl Settings {
    /// Parses and checks everything, files included; opens no socket and writes nothing.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check(args: ServeArgs) -> Result<Self, Problems> {
        let args = without_empty(args);
        let mut problems = Vec::new();
        let api = api(&args, &mut problems);
        let store = store(&args, &mut problems);
        let sign_in = SignInSettings::check(&args, &mut problems);
        let bootstrap = BootstrapSettings::check(&args, &mut problems);
        let stream = stream(&args, &mut problems);
        let admin_listen = parse::<SocketAddr>("--admin-listen", &args.admin_listen, &mut problems);
        let operation_deadline = duration(
            "--operation-deadline",
            &args.operation_deadline,
            &mut problems,
        );
        let drain_deadline = duration("--drain-deadline", &args.drain_deadline, &mut problems);
        let log = log(&args, &mut problems);
        let settings = (|| {
            Some(Self {
                state_dir: args.state_dir.clone(),
                api: api?,
                store: store?,
                sign_in: sign_in?,
                bootstrap,
                stream: stream?,
                admin_listen: admin_listen?,
                operation_deadline: operation_deadline?,
                drain_deadline: drain_deadline?,
                log: log?,
            })
        })();
        settings
            .filter(|_| problems.is_empty())
            .ok_or(Problems(problems))
    }
}

/// Compose files set variables to nothing when they mean "not set".
fn without_empty(args: ServeArgs) -> ServeArgs {
    let text = |value: Option<String>| value.filter(|value| !value.is_empty());
    let path = |value: Option<PathBuf>| value.filter(|value| !value.as_os_str().is_empty());
    let texts = |values: Vec<String>| values.into_iter().filter(|v| !v.is_empty()).collect();
    ServeArgs {
        public_url: text(args.public_url),
        tls_cert_file: path(args.tls_cert_file),
        tls_key_file: path(args.tls_key_file),
        tls_names: args
            .tls_names
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect(),
        database_url: text(args.database_url),
        master_key: MasterKeyArgs {
            file: path(args.master_key.file),
            variable: text(args.master_key.variable),
            command: text(args.master_key.command),
            previous_files: args
                .master_key
                .previous_files
                .into_iter()
                .filter_map(|file| path(Some(file)))
                .collect(),
            previous_variables: texts(args.master_key.previous_variables),
            previous_commands: texts(args.master_key.previous_commands),
        },
        oidc_issuers_file: path(args.oidc_issuers_file),
        bootstrap_secret_file: path(args.bootstrap_secret_file),
        bootstrap_secret: args
            .bootstrap_secret
            .filter(|secret| !secret.reveal().is_empty()),
        bootstrap_client_id: text(args.bootstrap_client_id),
        bootstrap_principal: text(args.bootstrap_principal),
        stream_names: args
            .stream_names
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect(),
        worker_ca_cert_file: path(args.worker_ca_cert_file),
        worker_ca_key_file: path(args.worker_ca_key_file),
        worker_ca_key_env: text(args.worker_ca_key_env),
        worker_ca_key_command: text(args.worker_ca_key_command),
        ..args
    }
}

fn api(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<ApiSettings> {
    let listen = parse::<SocketAddr>("--listen", &args.listen, problems);
    let public_url = args
        .public_url
        .as_deref()
        .map(|url| keep("--public-url", public_url(url), problems));
    let max_connections = parse::<usize>("--max-connections", &args.max_connections, problems);
    if max_connections == Some(0) {
        refuse("--max-connections", "must be at least 1", problems);
    }
    let transport = api_transport(
        args,
        listen,
        public_url.as_ref().and_then(Option::as_ref),
        problems,
    );
    Some(ApiSettings {
        listen: listen?,
        transport: transport?,
        public_url: public_url.flatten(),
        max_connections: max_connections?,
    })
}

fn api_transport(
    args: &ServeArgs,
    listen: Option<SocketAddr>,
    public_url: Option<&String>,
    problems: &mut Vec<Problem>,
) -> Option<ApiTransport> {
    let from_files = files(
        "--tls-cert-file",
        args.tls_cert_file.as_deref(),
        "--tls-key-file",
        args.tls_key_file.as_deref(),
        problems,
    );
    if args.allow_plain_http {
        if listen.is_some_and(|address| !address.ip().is_loopback()) {
            refuse(
                "--allow-plain-http",
                "only with a loopback address in --listen",
                problems,
            );
        }
        if from_files.is_some() {
            refuse(
                "--allow-plain-http",
                "excludes --tls-cert-file and --tls-key-file",
                problems,
            );
        }
        return Some(ApiTransport::PlainHttp);
    }
    if let Some((chain, key)) = from_files {
        let identity = Identity::from_files(chain, key);
        return keep("--tls-cert-file", identity, problems).map(|identity| {
            ApiTransport::HttpsFromFiles {
                identity,
                chain_file: chain.to_owned(),
                key_file: key.to_owned(),
            }
        });
    }
    let mut names = args.tls_names.clone();
    for name in &names {
        if !is_certificate_name(name) {
            refuse(
                "--tls-name",
                format!("{name:?} is neither a DNS name nor an IP address"),
                problems,
            );
        }
    }
    names.extend(public_url.and_then(|url| host_of(url)));
    names.extend(
        listen
            .map(|address| address.ip())
            .filter(|ip| !ip.is_unspecified())
            .map(|ip| ip.to_string()),
    );
    Some(ApiTransport::HttpsOwnCa { names })
}

fn store(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<StoreSettings> {
    let in_state_dir = || {
        format!(
            "sqlite://{}",
            args.state_dir.join("portcullis.db").display()
        )
    };
    let url = args.database_url.clone().unwrap_or_else(in_state_dir);
    let database_url = keep("--database-url", DatabaseUrl::parse(&url), problems);
    let master_key = MasterKeySettings::check(&args.master_key, &args.state_dir, problems);
    Some(StoreSettings {
        database_url: database_url?,
        master_key: master_key?,
    })
}

fn stream(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<StreamSettings> {
    let listen = parse::<SocketAddr>("--stream-listen", &args.stream_listen, problems);
    let worker_ca = WorkerCaSettings::check(args, problems);
    let security = stream_security(args, listen, problems);
    Some(StreamSettings {
        listen: listen?,
        security: security?,
        worker_ca: worker_ca?,
    })
}

/// Names of the stream's certificate, and the lifetime of those of workers.
fn own_security(
    args: &ServeArgs,
    listen: Option<SocketAddr>,
    problems: &mut Vec<Problem>,
) -> Option<StreamSecurity> {
    let setting = "--worker-certificate-lifetime";
    let lifetime = duration(setting, &args.worker_certificate_lifetime, problems);
    if lifetime.is_some_and(|lifetime| lifetime > LONGEST_LIFETIME) {
        refuse(setting, "is longer than 30 days (720h)", problems);
    }
    for name in &args.stream_names {
        if !is_certificate_name(name) {
            let message = format!("{name:?} is neither a DNS name nor an IP address");
            refuse("--stream-name", message, problems);
        }
    }
    let mut names = args.stream_names.clone();
    let address = listen.map(|address| address.ip());
    names.extend(
        address
            .filter(|ip| !ip.is_unspecified())
            .map(|ip| ip.to_string()),
    );
    Some(StreamSecurity::WorkerCa {
        names: tls::with_names_of_this_machine(&names),
        certificate_lifetime: lifetime?,
    })
}

/// A worker's certificate is short-lived: what is stolen with a backup of its disk is of no use soon.
const LONGEST_LIFETIME: Duration = Duration::from_hours(720);

fn stream_security(
    args: &ServeArgs,
    listen: Option<SocketAddr>,
    problems: &mut Vec<Problem>,
) -> Option<StreamSecurity> {
    if !args.stream_allow_plaintext {
        return own_security(args, listen, problems);
    }
    if listen.is_some_and(|address| !address.ip().is_loopback()) {
        refuse(
            "--stream-allow-plaintext",
            "only with a loopback address in --stream-listen",
            problems,
        );
    }
    Some(StreamSecurity::Plaintext)
}

fn log(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<LogSettings> {
    let filter = EnvFilter::try_new(&args.log_filter).map_err(|error| error.to_string());
    keep("--log-filter", filter, problems)?;
    Some(LogSettings {
        format: args.log_format,
        filter: args.log_filter.clone(),
    })
}

/// Both files or none.
fn files<'a>(
    chain_setting: &'static str,
    chain: Option<&'a Path>,
    key_setting: &'static str,
    key: Option<&'a Path>,
    problems: &mut Vec<Problem>,
) -> Option<(&'a Path, &'a Path)> {
    match (chain, key) {
        (Some(chain), Some(key)) => Some((chain, key)),
        (None, None) => None,
        (Some(_), None) => {
            refuse(chain_setting, format!("needs {key_setting}"), problems);
            None
        }
        (None, Some(_)) => {
            refuse(key_setting, format!("needs {chain_setting}"), problems);
            None
        }
    }
}

fn public_url(url: &str) -> Result<String, String> {
    let uri = http::Uri::from_str(url).map_err(|error| format!("{url:?} is not a URL: {error}"))?;
    let scheme = uri
        .scheme_str()
        .filter(|scheme| matches!(*scheme, "https" | "http"));
    let authority = uri
        .authority()
        .filter(|authority| !authority.as_str().contains('@'));
    match (scheme, authority, uri.path()) {
        (Some(scheme), Some(authority), "" | "/") if uri.query().is_none() => {
            Ok(format!("{scheme}://{authority}"))
        }
        _ => Err(format!("{url:?} is not of the form https://host[:port]")),
    }
}

fn host_of(url: &str) -> Option<String> {
    let uri = http::Uri::from_str(url).ok()?;
    uri.host().map(|host| {
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned()
    })
}

fn is_certificate_name(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
        || rustls_pki_types::DnsName::try_from(name.trim_start_matches("*.")).is_ok()
}

/// A whole number with `ms`, `s`, `m` or `h`; more than zero.
pub(super) fn duration(
    setting: &'static str,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Option<Duration> {
    let usable = parse_duration(text);
    keep(
        setting,
        usable.ok_or_else(|| format!("{text:?} is not a duration such as 500ms, 30s or 2m")),
        problems,
    )
}

/// A whole number with `ms`, `s`, `m` or `h`; more than zero.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let millis = match text.strip_prefix(digits) {
        Some("ms") => Some(1),
        Some("s") => Some(1_000),
        Some("m") => Some(60_000),
        Some("h") => Some(3_600_000),
        _ => None,
    };
    let parsed = digits
        .parse::<u64>()
        .ok()
        .zip(millis)
        .and_then(|(count, millis)| count.checked_mul(millis));
    parsed
        .filter(|millis| *millis > 0)
        .map(Duration::from_millis)
}

fn parse<T: FromStr>(setting: &'static str, text: &str, problems: &mut Vec<Problem>) -> Option<T>
where
    T::Err: fmt::Display,
{
    keep(
        setting,
        text.parse().map_err(|error| format!("{text:?}: {error}")),
        problems,
    )
}

fn keep<T>(
    setting: &'static str,
    value: Result<T, String>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    value
        .map_err(|message| refuse(setting, message, problems))
        .ok()
}

pub(super) fn refuse(
    setting: &'static str,
    message: impl Into<String>,
    problems: &mut Vec<Problem>,
) {
    problems.push(Problem {
        setting,
        message: message.into(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_reported_together() {
        let problems = Settings::check(ServeArgs {
            listen: "nowhere".to_owned(),
            public_url: Some("https://a/b".to_owned()),
            database_url: Some("mysql://user:secret@host/db".to_owned()),
            worker_certificate_lifetime: "721h".to_owned(),
            operation_deadline: "soon".to_owned(),
            ..ServeArgs::default()
        })
        .unwrap_err();
        let settings: Vec<_> = problems.0.iter().map(|problem| problem.setting).collect();
        assert_eq!(
            settings,
            [
                "--listen",
                "--public-url",
                "--database-url",
                "--worker-certificate-lifetime",
                "--operation-deadline"
            ]
        );
        assert!(!problems.to_string().contains("secret"));
    }

    #[test]
    fn plain_text_is_only_for_loopback() {
        let args = |address: &str| ServeArgs {
            listen: address.to_owned(),
            allow_plain_http: true,
            stream_listen: address.to_owned(),
            stream_allow_plaintext: true,
            ..ServeArgs::default()
        };
        assert!(Settings::check(args("127.0.0.1:0")).is_ok());
        assert!(Settings::check(args("[::1]:0")).is_ok());
        assert_eq!(Settings::check(args("0.0.0.0:0")).unwrap_err().0.len(), 2);
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let problems = Settings::check(ServeArgs {
            tls_cert_file: Some(PathBuf::from("/nowhere/tls.pem")),
            stream_allow_plaintext: true,
            ..ServeArgs::default()
        })
        .unwrap_err();
        assert_eq!(
            problems.0,
            [Problem {
                setting: "--tls-cert-file",
                message: "needs --tls-key-file".to_owned()
            }]
        );
    }

    #[test]
    fn the_own_certificate_carries_the_host_of_the_public_url() {
        let settings = Settings::check(ServeArgs {
            public_url: Some("https://gateway.example:9443/".to_owned()),
            stream_allow_plaintext: true,
            ..ServeArgs::default()
        })
        .unwrap();
        assert_eq!(
            settings.api.public_url.as_deref(),
            Some("https://gateway.example:9443")
        );
        let ApiTransport::HttpsOwnCa { names } = settings.api.transport else {
            panic!("own CA expected")
        };
        assert!(names.contains(&"gateway.example".to_owned()), "{names:?}");
    }

    #[test]
    fn durations_have_units() {
        let check = |text: &str, expected: Option<u64>| {
            let mut problems = Vec::new();
            assert_eq!(
                duration("--x", text, &mut problems),
                expected.map(Duration::from_millis),
                "{text}"
            );
        };
        check("500ms", Some(500));
        check("30s", Some(30_000));
        check("2m", Some(120_000));
        check("1h", Some(3_600_000));
        check("0s", None);
        check("30", None);
        check("s", None);
        check("18446744073709551615h", None);
    }
}
