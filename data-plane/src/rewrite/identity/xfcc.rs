//! `X-Forwarded-Client-Cert` (Envoy).

use std::fmt::Write;

use client_auth::CertificateFacts;

/// One element: `Hash`, `Subject`, then each `URI` and each `DNS` name of the certificate. `By` is left out, since the
/// gateway has no such name, and so is `Cert`, for its size: `Client-Cert` has it.
///
/// Envoy puts values with `,`, `;` and `=` in quotes and writes `"` as `\"`. Readers differ in what a backslash before a quote
/// means, and many split without regard to quotes. So what could end a value (`,`, `;`, `"` and `\`) stands here as `\` and
/// two hex digits, as RFC 2253 has it and as control characters stand already.
pub(super) fn element(certificate: &CertificateFacts) -> Vec<u8> {
    let mut out = format!("Hash={};Subject=\"", certificate.sha256);
    push_subject(&mut out, &certificate.subject);
    out.push('"');
    let uri = certificate.alt_names.uri.iter().map(|name| ("URI", name));
    let dns = certificate.alt_names.dns.iter().map(|name| ("DNS", name));
    for (key, name) in uri.chain(dns) {
        // Writing to a string cannot fail.
        let _infallible = write!(out, ";{key}=");
        push_name(&mut out, name);
    }
    out.into()
}

/// A name in the form of RFC 2253: the commas between its parts stay, special characters in values become hex pairs.
fn push_subject(out: &mut String, subject: &str) {
    let mut characters = subject.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // Already a pair, or a special character that is none of its digits.
            '\\' if characters.peek().is_some_and(char::is_ascii_hexdigit) => out.push('\\'),
            '\\' => push_pair(out, characters.next().unwrap_or('\\')),
            '"' | ';' => push_pair(out, character),
            _ => out.push(character),
        }
    }
}

/// An alternative name: visible ASCII; a backslash begins the hex pair of what is not.
fn push_name(out: &mut String, name: &str) {
    let quoted = name.contains(['=', ' ']);
    if quoted {
        out.push('"');
    }
    for character in name.chars() {
        match character {
            ',' | ';' | '"' => push_pair(out, character),
            _ => out.push(character),
        }
    }
    if quoted {
        out.push('"');
    }
}

fn push_pair(out: &mut String, character: char) {
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        let _infallible = write!(out, "\\{byte:02X}");
    }
}

#[cfg(test)]
mod tests;
