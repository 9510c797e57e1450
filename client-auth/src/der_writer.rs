//! Writing DER.

/// One value: its tag, the shortest form of its length (X.690 section 10.1), and its contents in parts.
pub(crate) fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let octets = length.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let mut der = Vec::with_capacity(length + octets.len() + 2);
    der.push(tag);
    if length <= 0x7f {
        der.extend(octets.last());
    } else {
        // At most eight octets.
        let count = u8::try_from(octets.len().saturating_sub(zeros)).unwrap_or_default();
        der.push(0x80 | count);
        der.extend(octets.iter().skip(zeros));
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn lengths_have_their_shortest_form() {
        for (length, header) in [
            (0_usize, &[0x30_u8, 0][..]),
            (127, &[0x30, 127]),
            (128, &[0x30, 0x81, 128]),
            (255, &[0x30, 0x81, 255]),
            (256, &[0x30, 0x82, 1, 0]),
            (65_536, &[0x30, 0x83, 1, 0, 0]),
        ] {
            let contents = vec![7; length];
            let (first, second) = contents.split_at(length / 2);
            let der = encode(0x30, &[first, second]);
            assert_eq!(der, [header, &contents].concat(), "{length}");
        }
    }
}
