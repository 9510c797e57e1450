//! Files that the settings name, read and checked.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::value::Problems;
use super::{StateKey, StreamTls};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{path}: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("{path} holds no certificate in PEM")]
    NoCertificate { path: String },
    #[error("{path}: {source}")]
    NotPem { path: String, source: pem::Error },
    #[error(
        "{path} is accessible to others (mode {mode:03o}): take that away, for example with chmod 600"
    )]
    Exposed { path: String, mode: u32 },
    #[error("{path} does not hold 32 bytes in base64")]
    NotAKey { path: String },
}

/// Reads the three files of the configuration stream; notes everything wrong with them.
pub(crate) fn stream_tls(
    ca: &Path,
    certificate: &Path,
    key: &Path,
    problems: &mut Problems,
) -> Option<StreamTls> {
    let ca = problems.take("--control-plane-ca-file", certificates(ca));
    let chain = problems.take("--cert-file", certificates(certificate));
    let key = problems.take("--key-file", private_key(key));
    let (certificate, parsed_chain) = chain?;
    let (key, parsed_key) = key?;
    let signer = problems.take(
        "--key-file",
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&parsed_key),
    )?;
    let pair = rustls::sign::CertifiedKey::new(parsed_chain, signer);
    if let Err(error) = pair.keys_match() {
        problems.add("--key-file", format!("does not fit --cert-file: {error}"));
        return None;
    }
    Some(StreamTls {
        ca: ca?.0,
        certificate,
        key,
    })
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

fn certificates(path: &Path) -> Result<(Vec<u8>, Vec<CertificateDer<'static>>), FileError> {
    let pem = fs::read(path).map_err(|source| FileError::Unreadable {
        path: path.display().to_string(),
        source,
    })?;
    let parsed = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| FileError::NotPem {
            path: path.display().to_string(),
            source,
        })?;
    if parsed.is_empty() {
        return Err(FileError::NoCertificate {
            path: path.display().to_string(),
        });
    }
    Ok((pem, parsed))
}

fn private_key(path: &Path) -> Result<(Zeroizing<Vec<u8>>, PrivateKeyDer<'static>), FileError> {
    let pem = fs::read(path).map_err(|source| FileError::Unreadable {
        path: path.display().to_string(),
        source,
    })?;
    let pem = Zeroizing::new(pem);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|source| FileError::NotPem {
        path: path.display().to_string(),
        source,
    })?;
    Ok((pem, key))
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
    fn a_missing_state_key_is_named() {
        let error = state_key(Path::new("/nonexistent/key")).unwrap_err();
        assert!(
            error.to_string().starts_with("/nonexistent/key: "),
            "{error}"
        );
    }
}
