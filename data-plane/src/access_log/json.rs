//! JSON strings, appended to bytes without an allocation.

/// Appends `text` as the inside of a JSON string. What is not UTF-8 becomes U+FFFD.
pub(crate) fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut plain = 0;
    for (position, &byte) in text.iter().enumerate() {
        if (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\' {
            continue;
        }
        if byte >= 0x80 {
            // Rare in HTTP: leave it to the standard library, once for the whole rest.
            out.extend_from_slice(text.get(plain..position).unwrap_or_default());
            return escape_utf8(text.get(position..).unwrap_or_default(), out);
        }
        out.extend_from_slice(text.get(plain..position).unwrap_or_default());
        escape_ascii(byte, out);
        plain = position + 1;
    }
    out.extend_from_slice(text.get(plain..).unwrap_or_default());
}

/// Appends a number in decimal.
pub(crate) fn number(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        used += 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

fn escape_utf8(rest: &[u8], out: &mut Vec<u8>) {
    let mut encoded = [0; 4];
    for character in String::from_utf8_lossy(rest).chars() {
        match u8::try_from(character) {
            Ok(byte) if byte < 0x80 => escape_ascii(byte, out),
            _ => out.extend_from_slice(character.encode_utf8(&mut encoded).as_bytes()),
        }
    }
}

fn escape_ascii(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        0x20..0x7f => out.push(byte),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend(
                [byte >> 4, byte & 15]
                    .iter()
                    .filter_map(|&nibble| HEX.get(usize::from(nibble))),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_become_a_json_string() {
        let check = |text: &[u8], expected: &str| {
            let mut out = vec![b'"'];
            escape(text, &mut out);
            out.push(b'"');
            let parsed: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(parsed, expected);
        };
        check(b"/plain?x=1", "/plain?x=1");
        check(b"a\"b\\c\nd\x00e\x7f", "a\"b\\c\nd\0e\x7f");
        check("Grüße\"".as_bytes(), "Grüße\"");
        check(b"bad \xff\xfe\"", "bad \u{fffd}\u{fffd}\"");
        check(b"", "");
    }

    #[test]
    fn numbers_are_decimal() {
        for value in [0, 7, 10, 4_294_967_296, u64::MAX] {
            let mut out = Vec::new();
            number(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
