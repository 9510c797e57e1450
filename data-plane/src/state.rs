//! The last known good configuration on disk, sealed: with it a worker starts while the control plane is away.
//!
//! The file holds every gateway in force with all blobs that they need, private keys included, under AES-256-GCM. It
//! is read whole or not at all.

mod encoding;
pub(crate) mod saver;
pub(crate) mod seal;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::blobs::{Blob, Digest};
use crate::settings::{StateKey, StateSettings};

/// What is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saved {
    pub(crate) gateways: Vec<SavedGateway>,
    /// Snapshots and all that they refer to.
    pub(crate) blobs: Vec<(Digest, Blob)>,
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedGateway {
    /// ARM resource id.
    pub(crate) id: String,
    pub(crate) generation: u64,
    /// Names the blob with the snapshot.
    pub(crate) snapshot: Digest,
}

/// Where the state is kept.
#[derive(Clone, Debug)]
pub(crate) struct StateStore {
    path: PathBuf,
    key: StateKey,
    worker_id: String,
}

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("{path} cannot be read or written")]
    Io { path: PathBuf, source: io::Error },
    /// Tampered with, cut short, or sealed by another worker or under another key.
    #[error("{path} cannot be unsealed with this key for this worker")]
    Sealed { path: PathBuf },
    #[error("{path} is of a format that this program does not know")]
    Format { path: PathBuf },
    #[error("the system's cryptography failed")]
    Crypto,
}

const FILE_NAME: &str = "last-known-good";

/// Replaces a file that only its owner may read: after a crash at any point, the old or the new one is there, whole.
pub(crate) fn replace(path: &Path, sealed: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(sealed)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
}

impl StateStore {
    pub(crate) fn new(settings: &StateSettings, worker_id: &str) -> Self {
        Self {
            path: settings.directory.join(FILE_NAME),
            key: settings.key.clone(),
            worker_id: worker_id.to_owned(),
        }
    }

    /// Reads the state; a file that does not exist is an empty state.
    ///
    /// # Errors
    /// [`StateError`]; nothing of a damaged file is used.
    pub(crate) fn load(&self) -> Result<Saved, StateError> {
        let sealed = match fs::read(&self.path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Saved::default()),
            Err(source) => return Err(self.io(source)),
        };
        let plain =
            seal::open(&self.key, &self.worker_id, sealed).map_err(|error| match error {
                seal::OpenError::Format => StateError::Format {
                    path: self.path.clone(),
                },
                seal::OpenError::Sealed => StateError::Sealed {
                    path: self.path.clone(),
                },
                seal::OpenError::Crypto => StateError::Crypto,
            })?;
        encoding::decode(&plain).ok_or_else(|| StateError::Format {
            path: self.path.clone(),
        })
    }

    /// Replaces the state: after a crash at any point, the old or the new one is there, whole.
    ///
    /// # Errors
    /// [`StateError::Io`] and [`StateError::Crypto`]; the old state is still there.
    pub(crate) fn save(&self, saved: &Saved) -> Result<(), StateError> {
        let sealed = seal::seal(&self.key, &self.worker_id, encoding::encode(saved))
            .ok_or(StateError::Crypto)?;
        replace(&self.path, &sealed).map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> StateError {
        StateError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::config::v1::BlobKind;
    use zeroize::Zeroizing;

    use super::*;
    use crate::blobs::sha256;

    fn store(directory: &Path, key: u8, worker_id: &str) -> StateStore {
        let key = StateKey::new(Zeroizing::new([key; 32]));
        StateStore::new(
            &StateSettings {
                directory: directory.to_owned(),
                key,
            },
            worker_id,
        )
    }

    fn saved() -> Saved {
        let blob = |kind, content: &[u8]| {
            (
                sha256(content),
                Blob::new(kind, Zeroizing::new(content.to_vec())),
            )
        };
        Saved {
            gateways: vec![SavedGateway {
                id: "/gw".to_owned(),
                generation: 7,
                snapshot: sha256(b"snapshot"),
            }],
            blobs: vec![
                blob(BlobKind::Snapshot, b"snapshot"),
                blob(BlobKind::PrivateKey, b"secret-key-material"),
            ],
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let store = store(directory.path(), 1, "w1");
        store.save(&Saved::default()).expect("saved");
        store.save(&saved()).expect("saved again");
        let loaded = store.load().expect("loaded");
        assert_eq!(loaded.gateways, saved().gateways);
        let blobs: Vec<_> = loaded
            .blobs
            .iter()
            .map(|(digest, blob)| (*digest, blob.kind, blob.bytes()))
            .collect();
        let expected = saved();
        let expected: Vec<_> = expected
            .blobs
            .iter()
            .map(|(digest, blob)| (*digest, blob.kind, blob.bytes()))
            .collect();
        assert_eq!(blobs, expected);
    }

    #[test]
    fn no_file_is_an_empty_state() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let loaded = store(directory.path(), 1, "w1").load().expect("empty");
        assert!(loaded.gateways.is_empty() && loaded.blobs.is_empty());
    }

    #[test]
    fn nothing_on_disk_is_readable() {
        let directory = tempfile::tempdir().expect("temporary directory");
        store(directory.path(), 1, "w1")
            .save(&saved())
            .expect("saved");
        let files: Vec<_> = fs::read_dir(directory.path())
            .expect("listed")
            .map(|entry| entry.expect("entry"))
            .collect();
        assert_eq!(files.len(), 1, "no temporary file is left: {files:?}");
        let bytes = fs::read(files[0].path()).expect("read");
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn another_key_or_worker_cannot_open_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        store(directory.path(), 1, "w1")
            .save(&saved())
            .expect("saved");
        for (key, worker_id) in [(2, "w1"), (1, "w2")] {
            let outcome = store(directory.path(), key, worker_id).load();
            assert!(
                matches!(outcome, Err(StateError::Sealed { .. })),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let store = store(directory.path(), 1, "w1");
        store.save(&saved()).expect("saved");
        let good = fs::read(&store.path).expect("read");
        for position in 0..good.len() {
            let mut changed = good.clone();
            changed[position] ^= 1;
            fs::write(&store.path, &changed).expect("written");
            assert!(store.load().is_err(), "byte {position} changed");
            fs::write(&store.path, &good[..position]).expect("written");
            assert!(store.load().is_err(), "cut at {position}");
        }
    }
}
