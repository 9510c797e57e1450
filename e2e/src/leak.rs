//! Looks for the bytes of secrets where they must not be, in every form that a program might leave them in.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What is looked for.
#[derive(Default)]
pub struct Secrets {
    forms: Vec<Form>,
}

/// One form of one secret.
struct Form {
    secret: String,
    encoding: &'static str,
    bytes: Vec<u8>,
    /// Letters in either case.
    hex: bool,
}

impl Secrets {
    /// Adds bytes; at least 16, so that nothing holds them by chance.
    ///
    /// # Panics
    ///
    /// When there are fewer.
    pub fn add(&mut self, secret: &str, bytes: &[u8]) {
        assert!(bytes.len() >= 16, "{secret} is too short to look for");
        let mut push = |encoding, bytes: Vec<u8>| {
            self.forms.push(Form {
                secret: secret.to_owned(),
                encoding,
                hex: encoding == "hex",
                bytes,
            });
        };
        push("plain", bytes.to_vec());
        push("hex", hex(bytes).into_bytes());
        for shift in 0..3 {
            push("base64", inside(&STANDARD_NO_PAD, bytes, shift));
            push("base64url", inside(&URL_SAFE_NO_PAD, bytes, shift));
        }
    }

    /// Adds the private number of a P-256 key in PEM, which all encodings of the key hold.
    ///
    /// # Panics
    ///
    /// When it is no such key.
    pub fn add_key(&mut self, secret: &str, pem: &str) {
        self.add(secret, &private_number(pem));
    }

    /// Adds the beginning of all P-256 keys in PKCS #8, for keys that the programs make themselves.
    pub fn add_any_key(&mut self) {
        self.add("some P-256 key", &PKCS8_P256);
        self.add("some P-256 key with attributes", &PKCS8_P256[3..26]);
    }

    /// The secrets that `bytes` hold, with their form: `name (form)`.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<String> {
        let unwrapped = without_line_ends(bytes);
        let lower = bytes.to_ascii_lowercase();
        self.forms
            .iter()
            .filter(|form| {
                if form.hex {
                    contains(&lower, &form.bytes)
                } else {
                    contains(bytes, &form.bytes) || contains(&unwrapped, &form.bytes)
                }
            })
            .map(|form| format!("{} ({})", form.secret, form.encoding))
            .collect()
    }

    /// All findings in the files below `directory`, but for those in `except`: `path: name (form)`.
    ///
    /// # Panics
    ///
    /// When a file cannot be read.
    pub fn find_in_files(&self, directory: &Path, except: &[PathBuf]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for file in files(directory) {
            if except.contains(&file) {
                continue;
            }
            let bytes = std::fs::read(&file).expect("readable file");
            let here = self.find(&bytes);
            found.extend(
                here.into_iter()
                    .map(|secret| format!("{}: {secret}", file.display())),
            );
        }
        found
    }
}

/// All files below `directory`, in order.
///
/// # Panics
///
/// When a folder cannot be read.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The private number of a P-256 key in PEM (PKCS #8).
///
/// # Panics
///
/// When it is no such key.
pub fn private_number(pem: &str) -> Vec<u8> {
    let text: String = pem
        .lines()
        .skip_while(|line| !(line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY")))
        .skip(1)
        .take_while(|line| !line.starts_with("-----"))
        .map(|line| line.trim_end_matches('='))
        .collect();
    let der = STANDARD_NO_PAD.decode(text).expect("base64");
    let start = PKCS8_P256.len();
    assert_eq!(der[3..start], PKCS8_P256[3..], "a P-256 key in PKCS #8");
    der[start..start + 32].to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

/// What of the base64 text of `bytes` is the same whatever stands around them, when `shift` bytes stand before them.
fn inside(engine: &impl Engine, bytes: &[u8], shift: usize) -> Vec<u8> {
    let padded = [vec![0; shift], bytes.to_vec()].concat();
    let whole = padded.len() / 3 * 3;
    let text = engine.encode(&padded[..whole]).into_bytes();
    // The first letters hold bits of what stands before.
    let skip = if shift == 0 { 0 } else { 4 };
    text[skip..].to_vec()
}

/// The same without line ends, also those that JSON or `Debug` writes as `\n`, so that wrapped text reads as one.
fn without_line_ends(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = match (first, after.first()) {
            (b'\r' | b'\n', _) => after,
            (b'\\', Some(b'r' | b'n')) => &after[1..],
            _ => {
                kept.push(first);
                after
            }
        };
    }
    kept
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some(&first) = part.first() else {
        return false;
    };
    // Faster than windows where no optimisation is.
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// A key in PKCS #8 as rcgen and aws-lc write it, up to the private number.
const PKCS8_P256: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02,
    0x01, 0x01, 0x04, 0x20,
];

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use rcgen::KeyPair;

    use super::*;

    fn check(secrets: &Secrets, place: &[u8], expected: Option<&str>) {
        let found = secrets.find(place);
        let shown = String::from_utf8_lossy(place);
        match expected {
            Some(form) => assert!(
                found.contains(&format!("it ({form})")),
                "{found:?}: {shown}"
            ),
            None => assert!(found.is_empty(), "{found:?}: {shown}"),
        }
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = b"a secret of 25 bytes +/~?";
        let mut secrets = Secrets::default();
        secrets.add("it", secret);
        let around = |text: &[u8]| [b"\x00before ", text, b" after\xff"].concat();
        check(&secrets, &around(secret), Some("plain"));
        let hex = hex(secret);
        check(&secrets, &around(hex.as_bytes()), Some("hex"));
        check(&secrets, hex.to_uppercase().as_bytes(), Some("hex"));
        for before in 0..7 {
            let content = [&b"0123456"[..before], secret, b"tail"].concat();
            let text = STANDARD.encode(&content);
            check(&secrets, &around(text.as_bytes()), Some("base64"));
            for line_end in ["\n", "\r\n", "\\n"] {
                let lines: Vec<&str> = [0, 7, 14, 21, 28]
                    .windows(2)
                    .map(|ends| &text[ends[0]..ends[1]])
                    .collect();
                let wrapped = lines.join(line_end) + line_end + &text[28..];
                check(&secrets, &around(wrapped.as_bytes()), Some("base64"));
            }
            let text = URL_SAFE_NO_PAD.encode(&content);
            check(&secrets, text.as_bytes(), Some("base64url"));
        }
        check(&secrets, b"a secret of 25 bytes, but another one", None);
        check(&secrets, b"", None);
    }

    #[test]
    fn a_key_is_found_in_every_encoding() {
        let key = KeyPair::generate().unwrap();
        let mut secrets = Secrets::default();
        secrets.add_key("it", &key.serialize_pem());
        check(&secrets, &key.serialize_der(), Some("plain"));
        check(&secrets, key.serialize_pem().as_bytes(), Some("base64"));
        let quoted = format!("{:?}", key.serialize_pem());
        check(&secrets, quoted.as_bytes(), Some("base64"));
        let other = KeyPair::generate().unwrap().serialize_pem();
        check(&secrets, other.as_bytes(), None);
        let mut any = Secrets::default();
        any.add_any_key();
        assert!(!any.find(other.as_bytes()).is_empty());
        assert!(!any.find(&key.serialize_der()).is_empty());
        assert!(any.find(key.public_key_pem().as_bytes()).is_empty());
    }
}
