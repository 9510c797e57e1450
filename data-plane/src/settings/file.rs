//! Files that the settings name, read and checked.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::StateKey;
use crate::identity::token::{InvalidToken, JoinToken};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{path}: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error(
        "{path} is accessible to others (mode {mode:03o}): take that away, for example with chmod 600"
    )]
    Exposed { path: String, mode: u32 },
    #[error("{path} does not hold 32 bytes in base64")]
    NotAKey { path: String },
    #[error("{path} {source}")]
    NotAToken { path: String, source: InvalidToken },
}

/// Reads the key of the state directory.
///
/// # Errors
/// The file cannot be read, is accessible to users other than owner and group, or does not hold 32 bytes in base64.
pub(crate) fn state_key(path: &Path) -> Result<StateKey, FileError> {
    let unreadable = |source| FileError::Unreadable {
        path: path.display().to_string(),
        source,
    };
    let mode = fs::metadata(path).map_err(unreadable)?.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(FileError::Exposed {
            path: path.display().to_string(),
            mode,
        });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
    // Longer than a key, since the decoder wants room for an estimate.
    let mut decoded = Zeroizing::new([0; 36]);
    let length = STANDARD.decode_slice(text.trim(), decoded.as_mut_slice());
    match (length, decoded.first_chunk()) {
        (Ok(32), Some(key)) => Ok(StateKey::new(Zeroizing::new(*key))),
        _ => Err(FileError::NotAKey {
            path: path.display().to_string(),
        }),
    }
}

/// Reads a join token. `None`: there is no such file, which is how it should be once the worker has joined.
///
/// # Errors
/// The file cannot be read, is accessible to users other than owner and group, or holds no join token.
pub(crate) fn join_token(path: &Path) -> Result<Option<JoinToken>, FileError> {
    let path_text = || path.display().to_string();
    let unreadable = |source| FileError::Unreadable {
        path: path_text(),
        source,
    };
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.mode() & 0o777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(source)),
    };
    if mode & 0o007 != 0 {
        return Err(FileError::Exposed {
            path: path_text(),
            mode,
        });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
    JoinToken::parse(&text)
        .map(Some)
        .map_err(|source| FileError::NotAToken {
            path: path_text(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn check(text: &str, mode: u32, expected: Result<(), &str>) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("key");
        fs::write(&path, text).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
        let outcome = state_key(&path)
            .map(drop)
            .map_err(|error| error.to_string());
        match (outcome, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) if error.contains(part) => {}
            (outcome, expected) => panic!("{text:?} {mode:o}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_state_key_is_32_bytes_that_others_cannot_read() {
        let good = STANDARD.encode([7; 32]);
        check(&good, 0o600, Ok(()));
        check(&format!("{good}\n"), 0o440, Ok(()));
        check(&good, 0o644, Err("mode 644"));
        check(&STANDARD.encode([7; 31]), 0o600, Err("32 bytes"));
        check(&STANDARD.encode([7; 33]), 0o600, Err("32 bytes"));
        check("not base64!", 0o600, Err("32 bytes"));
        check("", 0o600, Err("32 bytes"));
    }

    #[test]
    fn a_join_token_cannot_be_read_by_others_and_may_be_gone() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("token");
        assert_eq!(join_token(&path).expect("gone"), None);
        let check = |text: &str, mode: u32, expected: &str| {
            fs::write(&path, text).expect("writable");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
            let outcome = join_token(&path).map(|token| assert!(token.is_some()));
            let error = outcome.err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(error.ends_with(expected), "{error}");
            assert!(!error.contains(text) || text.is_empty(), "{error}");
        };
        let good = format!("pjt1.{}\n", "A".repeat(107));
        check(&good, 0o600, "");
        check(&good, 0o644, "with chmod 600");
        check(
            "pjt1.secret",
            0o600,
            "is not a join token: `pjt1.` and 107 characters",
        );
    }

    #[test]
    fn a_missing_state_key_is_named() {
        let error = state_key(Path::new("/nonexistent/key")).unwrap_err();
        assert!(
            error.to_string().starts_with("/nonexistent/key: "),
            "{error}"
        );
    }
}
