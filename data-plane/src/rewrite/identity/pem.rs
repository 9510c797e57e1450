//! Certificates as PEM in a header field.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// PEM (RFC 7468, lines of 64 characters, each with its line feed), percent-encoded as a component of a URI: all but letters,
/// digits, `-`, `.`, `_` and `~` (RFC 3986, 2.3), in upper-case hex. Azure's form, and that of nginx'
/// `$ssl_client_escaped_cert`.
pub(super) fn escaped(der: &[u8]) -> Vec<u8> {
    let base64 = STANDARD.encode(der);
    let mut out = Vec::with_capacity(base64.len() * 11 / 10 + 128);
    out.extend_from_slice(b"-----BEGIN%20CERTIFICATE-----%0A");
    for line in base64.as_bytes().chunks(LINE) {
        for &byte in line {
            match byte {
                b'+' => out.extend_from_slice(b"%2B"),
                b'/' => out.extend_from_slice(b"%2F"),
                b'=' => out.extend_from_slice(b"%3D"),
                _ => out.push(byte),
            }
        }
        out.extend_from_slice(b"%0A");
    }
    out.extend_from_slice(b"-----END%20CERTIFICATE-----%0A");
    out
}

const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_64_characters_and_reserved_ones_are_escaped() {
        // 0xfb 0xff repeats as `+/` and the like; 49 bytes make 68 characters.
        let der = [0xfb, 0xff]
            .repeat(24)
            .into_iter()
            .chain([0xfb])
            .collect::<Vec<_>>();
        let text = String::from_utf8(escaped(&der)).unwrap();
        let plain = text
            .replace("%20", " ")
            .replace("%0A", "\n")
            .replace("%2B", "+")
            .replace("%2F", "/")
            .replace("%3D", "=");
        let expected = "-----BEGIN CERTIFICATE-----\n\
                        +//7//v/+//7//v/+//7//v/+//7//v/+//7//v/+//7//v/+//7//v/+//7//v/\n\
                        +w==\n\
                        -----END CERTIFICATE-----\n";
        assert_eq!(plain, expected);
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-%".contains(&byte))
        );
        assert!(
            text.ends_with("%2Bw%3D%3D%0A-----END%20CERTIFICATE-----%0A"),
            "{text}"
        );
    }

    #[test]
    fn nothing_has_no_lines() {
        assert_eq!(
            escaped(&[]),
            b"-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----%0A"
        );
    }
}
