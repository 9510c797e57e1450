//! The `openssl` program.

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::UnixTime;

use super::Der;

/// Runs `openssl` with `files` in a directory of its own, and gives the file `output` that it leaves there.
pub(crate) fn openssl(files: &[(&str, &[u8])], arguments: &str, output: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    let done = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {errors}");
    std::fs::read(directory.path().join(output)).unwrap()
}

pub(crate) fn pem(der: &Der) -> Vec<u8> {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n").into_bytes()
}

/// OpenSSL goes by the machine's clock.
pub(crate) fn today() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()))
}
