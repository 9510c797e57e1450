//! Serial numbers as numbers.

/// The shortest contents of an INTEGER with the same value (X.690 section 8.3.2).
///
/// Not every CA encodes serial numbers so, and a certificate and the CRL that revokes it may differ in that. Distinct
/// numbers stay distinct: 0x01 and 0x0100, 0xff (-1) and 0x00ff (255).
pub(crate) fn shortest(integer: &[u8]) -> &[u8] {
    let mut rest = integer;
    while let [first, tail @ ..] = rest {
        let redundant = match (first, tail) {
            (0x00, [next, ..]) => next & 0x80 == 0,
            (0xff, [next, ..]) => next & 0x80 != 0,
            _ => false,
        };
        if !redundant {
            break;
        }
        rest = tail;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::shortest;

    // T-41
    #[test]
    fn equal_numbers_have_one_form_and_others_stay_distinct() {
        for (integer, expected) in [
            (&[0x01][..], &[0x01][..]),
            (&[0x00, 0x01], &[0x01]),
            (&[0x00, 0x00, 0x01], &[0x01]),
            (&[0x01, 0x00], &[0x01, 0x00]),
            (&[0x01, 0x00, 0x00], &[0x01, 0x00, 0x00]),
            (&[0x00, 0xff], &[0x00, 0xff]),
            (&[0xff], &[0xff]),
            (&[0xff, 0xff], &[0xff]),
            (&[0xff, 0x7f], &[0xff, 0x7f]),
            (&[0x00], &[0x00]),
            (&[0x00, 0x00], &[0x00]),
            (&[], &[]),
        ] {
            assert_eq!(shortest(integer), expected, "{integer:02x?}");
        }
    }
}
