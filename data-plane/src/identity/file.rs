//! The identity on disk, sealed with the state key.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::Identity;
use crate::settings::{StateKey, StateSettings};
use crate::state::{self, seal};

/// Where the identity is kept.
#[derive(Clone)]
pub(crate) struct IdentityFile {
    path: PathBuf,
    key: StateKey,
    /// Authenticated: the file of another worker, or another kind of file, does not open.
    place: String,
}

/// Why the identity cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityFileError {
    #[error("{path} cannot be read or written")]
    Io { path: PathBuf, source: io::Error },
    /// Tampered with, cut short, or sealed by another worker or under another key.
    #[error(
        "{path} cannot be unsealed with this key for this worker; remove it to join with a new token"
    )]
    Sealed { path: PathBuf },
    #[error("the system's cryptography failed")]
    Crypto,
}

const FILE_NAME: &str = "identity";

impl IdentityFile {
    pub(crate) fn new(settings: &StateSettings, worker_id: &str) -> Self {
        Self {
            path: settings.directory.join(FILE_NAME),
            key: settings.key.clone(),
            place: format!("{worker_id}\0identity"),
        }
    }

    /// `None`: there is no file.
    pub(super) fn load(&self) -> Result<Option<Identity>, IdentityFileError> {
        let sealed = match std::fs::read(&self.path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.io(source)),
        };
        let damaged = || IdentityFileError::Sealed {
            path: self.path.clone(),
        };
        let plain = seal::open(&self.key, &self.place, sealed).map_err(|error| match error {
            seal::OpenError::Format | seal::OpenError::Sealed => damaged(),
            seal::OpenError::Crypto => IdentityFileError::Crypto,
        })?;
        decode(&plain).map(Some).ok_or_else(damaged)
    }

    pub(super) fn save(&self, identity: &Identity) -> Result<(), IdentityFileError> {
        let sealed = seal::seal(&self.key, &self.place, encode(identity))
            .ok_or(IdentityFileError::Crypto)?;
        state::replace(&self.path, &sealed).map_err(|source| self.io(source))
    }

    pub(super) fn remove(&self) -> Result<(), IdentityFileError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.io(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn io(&self, source: io::Error) -> IdentityFileError {
        IdentityFileError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// `seconds since 1970 (8) | token (32)`, then key, certificate and CAs, each after its length (4).
fn encode(identity: &Identity) -> Zeroizing<Vec<u8>> {
    let issued_at = identity.issued_at.duration_since(SystemTime::UNIX_EPOCH);
    let parts = [identity.key.as_slice(), identity.certificate.as_ref()]
        .into_iter()
        .chain(identity.authorities.iter().map(AsRef::as_ref));
    let length: usize = parts.clone().map(|part| part.len() + 4).sum();
    // Room for the tag too: a buffer that moved would leave a copy behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(length + 40 + 32));
    plain.extend_from_slice(&issued_at.unwrap_or_default().as_secs().to_be_bytes());
    plain.extend_from_slice(&identity.joined_with);
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(part);
    }
    plain
}

/// Reads what [`encode`] wrote, to the last byte.
fn decode(plain: &[u8]) -> Option<Identity> {
    let (issued_at, rest) = plain.split_first_chunk()?;
    let issued_at = Duration::from_secs(u64::from_be_bytes(*issued_at));
    let (joined_with, rest) = rest.split_first_chunk()?;
    let (key, rest) = part(rest)?;
    let (certificate, mut rest) = part(rest)?;
    let mut authorities = Vec::new();
    while !rest.is_empty() {
        let (authority, others) = part(rest)?;
        authorities.push(CertificateDer::from(authority.to_vec()));
        rest = others;
    }
    let identity = Identity::of(
        certificate.to_vec().into(),
        Zeroizing::new(key.to_vec()),
        authorities,
        *joined_with,
        SystemTime::UNIX_EPOCH.checked_add(issued_at)?,
    );
    identity.ok()
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::identity::tests::identity;

    fn file(directory: &Path, key: u8, worker_id: &str) -> IdentityFile {
        let settings = StateSettings {
            directory: directory.to_owned(),
            key: StateKey::new(Zeroizing::new([key; 32])),
        };
        IdentityFile::new(&settings, worker_id)
    }

    #[test]
    fn what_was_saved_is_loaded_by_the_same_worker_with_the_same_key() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (mine, saved) = (file(directory.path(), 1, "w1"), identity(at));
        assert!(mine.load().expect("no file").is_none());
        mine.save(&saved).expect("saved");
        let loaded = mine.load().expect("loaded").expect("an identity");
        assert!(loaded.key == saved.key && loaded.certificate == saved.certificate);
        assert_eq!(loaded.authorities, saved.authorities);
        assert_eq!((loaded.issued_at, loaded.joined_with), (at, [7; 32]));
        let mode = fs::metadata(&mine.path).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for (key, worker_id) in [(2, "w1"), (1, "w2")] {
            assert!(file(directory.path(), key, worker_id).load().is_err());
        }
        mine.remove().expect("removed");
        mine.remove().expect("removed already");
        assert!(mine.load().expect("no file").is_none());
    }

    #[test]
    fn neither_key_nor_certificate_is_readable_on_disk() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (mine, saved) = (
            file(directory.path(), 1, "w1"),
            identity(SystemTime::UNIX_EPOCH),
        );
        mine.save(&saved).expect("saved");
        let bytes = fs::read(&mine.path).expect("read");
        for secret in [saved.key.as_slice(), saved.certificate.as_ref()] {
            let part = &secret[secret.len() - 32..];
            assert!(!bytes.windows(32).any(|window| window == part));
        }
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let mine = file(directory.path(), 1, "w1");
        mine.save(&identity(SystemTime::UNIX_EPOCH)).expect("saved");
        let good = fs::read(&mine.path).expect("read");
        for position in 0..good.len() {
            let mut changed = good.clone();
            changed[position] ^= 1;
            fs::write(&mine.path, &changed).expect("written");
            assert!(mine.load().is_err(), "byte {position} changed");
            fs::write(&mine.path, &good[..position]).expect("written");
            assert!(mine.load().is_err(), "cut at {position}");
        }
    }
}
