//! What the real `openssl x509` says about a certificate.

use std::path::Path;
use std::process::Command;

/// Runs `openssl x509` on a PEM file; what it prints, without the line end.
///
/// # Panics
///
/// When openssl fails.
pub fn x509(certificate: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-in"])
        .arg(certificate)
        .args(arguments)
        .output()
        .expect("run openssl");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("openssl prints UTF-8");
    text.trim_end().to_owned()
}

/// What follows the `=` in one line of [`x509`], such as `-serial` prints.
///
/// # Panics
///
/// When openssl fails.
pub fn x509_value(certificate: &Path, arguments: &[&str]) -> String {
    let line = x509(certificate, arguments);
    let (_, value) = line.split_once('=').expect("name=value");
    value.to_owned()
}

/// A fingerprint with `digest` (`-sha1`, `-sha256`) in lower-case hex.
///
/// # Panics
///
/// When openssl fails.
pub fn fingerprint(certificate: &Path, digest: &str) -> String {
    let value = x509_value(certificate, &["-fingerprint", digest]);
    value.replace(':', "").to_ascii_lowercase()
}
