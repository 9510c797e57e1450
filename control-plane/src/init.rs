//! Makes the key material that a deployment of both planes needs, once.
//!
//! ```text
//! DIR/ca.pem, ca.key                       CA of the configuration stream
//! DIR/control-plane/stream.pem, stream.key for --stream-cert-file, --stream-key-file
//! DIR/control-plane/workers-ca.pem         for --stream-client-ca-file
//! DIR/control-plane/master.key             for --master-key-file
//! DIR/workers/NAME/worker.pem, worker.key  for the worker's --cert-file, --key-file
//! DIR/workers/NAME/control-plane-ca.pem    for the worker's --control-plane-ca-file
//! DIR/workers/NAME/state.key               for the worker's --state-key-file
//! ```
//! Each folder can be given to its process alone; `ca.key` is needed by none of them.
//!
//! The control plane lets a worker use only the ids that its certificate names. Here the id is both the common name and
//! a subject alternative name; certificates made elsewhere need one of the two, and the purpose `clientAuth`.

use std::{
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{Engine, prelude::BASE64_STANDARD};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::tls::{
    Authority, AuthorityError, Usage, create_private_dir, write_private, write_public,
};

/// What to make.
#[derive(Debug, Clone)]
pub struct Init {
    /// Directory for everything; created with mode 0700.
    pub directory: PathBuf,
    /// DNS names and IP addresses under which workers reach the configuration stream.
    pub names: Vec<String>,
    /// Ids of the workers.
    pub workers: Vec<String>,
}

/// Where the made files are; see the module's documentation.
#[derive(Debug, Clone)]
pub struct Initialised {
    /// The CA of the configuration stream.
    pub ca_file: PathBuf,
    /// For `--stream-cert-file`.
    pub stream_cert_file: PathBuf,
    /// For `--stream-key-file`.
    pub stream_key_file: PathBuf,
    /// For `--stream-client-ca-file`.
    pub stream_client_ca_file: PathBuf,
    /// For `--master-key-file`.
    pub master_key_file: PathBuf,
    /// One entry per worker, in the order asked for.
    pub workers: Vec<WorkerFiles>,
}

/// Files of one worker.
#[derive(Debug, Clone)]
pub struct WorkerFiles {
    /// The worker's id.
    pub id: String,
    /// For `--cert-file`.
    pub cert_file: PathBuf,
    /// For `--key-file`.
    pub key_file: PathBuf,
    /// For `--control-plane-ca-file`.
    pub control_plane_ca_file: PathBuf,
    /// For `--state-key-file`.
    pub state_key_file: PathBuf,
}

/// Why key material could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The CA, or a certificate of it.
    #[error("cannot prepare the certificate authority of the configuration stream")]
    Authority(#[from] AuthorityError),
    /// A name cannot stand in a certificate.
    #[error("cannot issue a certificate for {name}")]
    Certificate {
        /// Common name of the certificate.
        name: String,
        /// What rcgen says.
        #[source]
        source: rcgen::Error,
    },
    /// Reading or writing a file failed.
    #[error("cannot write below {directory}")]
    File {
        /// The directory.
        directory: String,
        /// What the file system says.
        #[source]
        source: io::Error,
    },
    /// The file of the master key holds something else.
    #[error("{0}")]
    MasterKey(String),
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// A worker id that is no file name or that the stream would refuse.
    #[error(
        "{0:?} is not a worker id: 1 to 64 characters of A-Z a-z 0-9 . _ -, not starting with a dot"
    )]
    WorkerId(String),
}

/// Makes what is missing and keeps what exists, so it can run before every start.
///
/// Certificates are issued anew when they end within 30 days or do not carry all `names`; keys that seal data
/// (`master.key`, `state.key`) are never replaced.
///
/// # Errors
/// [`InitError`].
pub fn initialise(now: OffsetDateTime, init: &Init) -> Result<Initialised, InitError> {
    if let Some(id) = init.workers.iter().find(|id| !is_worker_id(id)) {
        return Err(InitError::WorkerId(id.clone()));
    }
    let directory = &init.directory;
    let control_plane = directory.join("control-plane");
    make_directory(&control_plane)?;
    let ca_file = directory.join("ca.pem");
    let authority = Authority::load_or_create(
        now,
        &ca_file,
        &directory.join("ca.key"),
        "Portcullis configuration stream CA",
    )?;
    let made = Initialised {
        ca_file,
        stream_cert_file: control_plane.join("stream.pem"),
        stream_key_file: control_plane.join("stream.key"),
        stream_client_ca_file: control_plane.join("workers-ca.pem"),
        master_key_file: control_plane.join("master.key"),
        workers: init
            .workers
            .iter()
            .map(|id| worker_files(directory, id))
            .collect(),
    };
    let names = stream_names(&init.names);
    let server = Wanted {
        common_name: "control-plane",
        names: &names,
        usage: Usage::Server,
    };
    server.ensure(
        now,
        &authority,
        &made.stream_cert_file,
        &made.stream_key_file,
    )?;
    ensure_ca(&authority, &made.stream_client_ca_file)?;
    ensure_secret(&made.master_key_file)?;
    for worker in &made.workers {
        ensure_worker(now, &authority, worker)?;
    }
    Ok(made)
}

/// Writes 32 fresh random bytes in base64 with mode 0600, unless the file exists.
///
/// # Errors
/// [`InitError::File`] and [`InitError::Random`].
pub fn ensure_secret(path: &Path) -> Result<(), InitError> {
    if path.exists() {
        return Ok(());
    }
    let mut secret = Zeroizing::new([0_u8; 32]);
    SystemRandom::new()
        .fill(secret.as_mut_slice())
        .map_err(|_unspecified| InitError::Random)?;
    let text = Zeroizing::new(format!("{}\n", BASE64_STANDARD.encode(secret.as_slice())));
    write_private(path, text.as_bytes()).map_err(|source| file_error(path, source))
}

struct Wanted<'a> {
    common_name: &'a str,
    names: &'a [String],
    usage: Usage,
}

impl Wanted<'_> {
    fn ensure(
        &self,
        now: OffsetDateTime,
        authority: &Authority,
        cert_file: &Path,
        key_file: &Path,
    ) -> Result<(), InitError> {
        if authority.still_good(now, cert_file, key_file, self.names) {
            return Ok(());
        }
        let issued = authority
            .issue(now, self.common_name, self.names, self.usage)
            .map_err(|source| InitError::Certificate {
                name: self.common_name.to_owned(),
                source,
            })?;
        write_private(key_file, issued.key_pem.as_bytes())
            .map_err(|source| file_error(key_file, source))?;
        write_public(cert_file, issued.chain_pem.as_bytes())
            .map_err(|source| file_error(cert_file, source))
    }
}

fn ensure_worker(
    now: OffsetDateTime,
    authority: &Authority,
    worker: &WorkerFiles,
) -> Result<(), InitError> {
    if let Some(directory) = worker.cert_file.parent() {
        make_directory(directory)?;
    }
    let names = [worker.id.clone()];
    let wanted = Wanted {
        common_name: &worker.id,
        names: &names,
        usage: Usage::Client,
    };
    wanted.ensure(now, authority, &worker.cert_file, &worker.key_file)?;
    ensure_ca(authority, &worker.control_plane_ca_file)?;
    ensure_secret(&worker.state_key_file)
}

fn ensure_ca(authority: &Authority, path: &Path) -> Result<(), InitError> {
    let pem = authority.certificate_pem();
    if std::fs::read_to_string(path).is_ok_and(|existing| existing == pem) {
        return Ok(());
    }
    write_public(path, pem.as_bytes()).map_err(|source| file_error(path, source))
}

fn worker_files(directory: &Path, id: &str) -> WorkerFiles {
    let directory = directory.join("workers").join(id);
    WorkerFiles {
        id: id.to_owned(),
        cert_file: directory.join("worker.pem"),
        key_file: directory.join("worker.key"),
        control_plane_ca_file: directory.join("control-plane-ca.pem"),
        state_key_file: directory.join("state.key"),
    }
}

fn stream_names(extra: &[String]) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    for name in extra {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn make_directory(path: &Path) -> Result<(), InitError> {
    create_private_dir(path).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> InitError {
    InitError::File {
        directory: path.parent().unwrap_or(path).display().to_string(),
        source,
    }
}

fn is_worker_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&id.len()) && id.chars().all(allowed) && !id.starts_with('.')
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_second_run_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let init = Init {
            directory: dir.path().join("pki"),
            names: vec!["control-plane".to_owned()],
            workers: vec!["worker_1".to_owned(), "worker-2".to_owned()],
        };
        let made = initialise(OffsetDateTime::now_utc(), &init).unwrap();
        let first = contents(&made);
        initialise(OffsetDateTime::now_utc(), &init).unwrap();
        assert!(contents(&made) == first, "a second run rewrote a file");
        for private in [
            &made.stream_key_file,
            &made.master_key_file,
            &made.workers[1].state_key_file,
        ] {
            assert_eq!(
                fs::metadata(private).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn certificates_are_renewed_and_sealing_keys_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let init = Init {
            directory: dir.path().to_owned(),
            names: Vec::new(),
            workers: vec!["w".to_owned()],
        };
        let now = OffsetDateTime::now_utc();
        let made = initialise(now, &init).unwrap();
        let (old_cert, old_key) = (
            fs::read(&made.workers[0].cert_file),
            fs::read(&made.master_key_file),
        );
        initialise(now + time::Duration::days(380), &init).unwrap();
        assert_ne!(
            fs::read(&made.workers[0].cert_file).unwrap(),
            old_cert.unwrap()
        );
        assert_eq!(fs::read(&made.master_key_file).unwrap(), old_key.unwrap());
    }

    #[test]
    fn a_worker_id_cannot_leave_the_directory() {
        for id in ["", "..", "a/b", ".hidden", "ü"] {
            assert!(!is_worker_id(id), "{id:?}");
        }
    }

    fn contents(made: &Initialised) -> Vec<Vec<u8>> {
        let mut paths = vec![
            &made.ca_file,
            &made.stream_cert_file,
            &made.stream_key_file,
            &made.master_key_file,
        ];
        for worker in &made.workers {
            paths.extend([&worker.cert_file, &worker.key_file, &worker.state_key_file]);
        }
        paths
            .into_iter()
            .map(|path| fs::read(path).unwrap())
            .collect()
    }
}
