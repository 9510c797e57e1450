//! Makes the key material that a deployment of both planes needs, once.
//!
//! ```text
//! DIR/control-plane/master.key       for --master-key-file
//! DIR/control-plane/worker-ca.pem    for --worker-ca-cert-file
//! DIR/control-plane/worker-ca.key    for --worker-ca-key-file
//! DIR/workers/NAME/state.key         for the worker's --state-key-file
//! ```
//! Each folder can be given to its process alone. Replicas of the control plane share theirs.

use std::{
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{Engine, prelude::BASE64_STANDARD};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    tls::{AuthorityError, WorkerAuthority, create_private_dir, write_private},
    worker_identity::{InvalidWorkerName, WorkerName},
};

/// What to make.
#[derive(Debug, Clone)]
pub struct Init {
    /// Directory for everything; created with mode 0700.
    pub directory: PathBuf,
    /// Ids of the workers.
    pub workers: Vec<String>,
}

/// Where the made files are; see the module's documentation.
#[derive(Debug, Clone)]
pub struct Initialised {
    /// For `--master-key-file`.
    pub master_key_file: PathBuf,
    /// For `--worker-ca-cert-file`.
    pub worker_ca_cert_file: PathBuf,
    /// For `--worker-ca-key-file`.
    pub worker_ca_key_file: PathBuf,
    /// One entry per worker, in the order asked for.
    pub workers: Vec<WorkerFiles>,
}

/// Files of one worker.
#[derive(Debug, Clone)]
pub struct WorkerFiles {
    /// The worker's id.
    pub id: String,
    /// For `--state-key-file`.
    pub state_key_file: PathBuf,
}

/// Why key material could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The worker CA.
    #[error("cannot prepare the worker CA")]
    Authority(#[from] AuthorityError),
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
    /// Not an id of a worker.
    #[error(transparent)]
    WorkerName(#[from] InvalidWorkerName),
}

/// Makes what is missing and keeps what exists, so it can run before every start.
///
/// # Errors
/// [`InitError`].
pub fn initialise(now: OffsetDateTime, init: &Init) -> Result<Initialised, InitError> {
    for id in &init.workers {
        WorkerName::parse(id)?;
    }
    let control_plane = init.directory.join("control-plane");
    make_directory(&control_plane)?;
    let made = Initialised {
        master_key_file: control_plane.join("master.key"),
        worker_ca_cert_file: control_plane.join("worker-ca.pem"),
        worker_ca_key_file: control_plane.join("worker-ca.key"),
        workers: init
            .workers
            .iter()
            .map(|id| worker_files(&init.directory, id))
            .collect(),
    };
    WorkerAuthority::load_or_create(now, &made.worker_ca_cert_file, &made.worker_ca_key_file)?;
    ensure_secret(&made.master_key_file)?;
    for worker in &made.workers {
        if let Some(directory) = worker.state_key_file.parent() {
            make_directory(directory)?;
        }
        ensure_secret(&worker.state_key_file)?;
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

fn worker_files(directory: &Path, id: &str) -> WorkerFiles {
    WorkerFiles {
        id: id.to_owned(),
        state_key_file: directory.join("workers").join(id).join("state.key"),
    }
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

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_second_run_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let init = Init {
            directory: dir.path().join("keys"),
            workers: vec!["worker_1".to_owned(), "worker-2".to_owned()],
        };
        let made = initialise(OffsetDateTime::now_utc(), &init).unwrap();
        let first = contents(&made);
        initialise(OffsetDateTime::now_utc(), &init).unwrap();
        assert!(contents(&made) == first, "a second run rewrote a file");
        for private in [
            &made.worker_ca_key_file,
            &made.master_key_file,
            &made.workers[1].state_key_file,
        ] {
            let permissions = fs::metadata(private).unwrap().permissions();
            assert_eq!(permissions.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_worker_id_cannot_leave_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        for id in ["", "..", "a/b", ".hidden", "ü"] {
            let init = Init {
                directory: dir.path().to_owned(),
                workers: vec![id.to_owned()],
            };
            assert!(
                initialise(OffsetDateTime::now_utc(), &init).is_err(),
                "{id:?}"
            );
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    fn contents(made: &Initialised) -> Vec<Vec<u8>> {
        let mut paths = vec![
            &made.master_key_file,
            &made.worker_ca_cert_file,
            &made.worker_ca_key_file,
        ];
        paths.extend(made.workers.iter().map(|worker| &worker.state_key_file));
        let read = |path| fs::read(path).unwrap();
        paths.into_iter().map(read).collect()
    }
}
