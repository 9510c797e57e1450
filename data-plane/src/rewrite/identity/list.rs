//! Several values in one field.

/// Joins values with commas. In each value, `%` and `,` are percent-encoded: split at commas, then decode, and no two lists
/// are the same.
pub(super) fn joined<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut out = Vec::new();
    for (position, value) in values.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        for byte in value.as_ref().bytes() {
            match byte {
                b'%' => out.extend_from_slice(b"%25"),
                b',' => out.extend_from_slice(b"%2C"),
                _ => out.push(byte),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_joined_with_commas() {
        assert_eq!(joined([""; 0]), b"");
        assert_eq!(joined(["a"]), b"a");
        assert_eq!(joined(["a.example", "b.example"]), b"a.example,b.example");
        assert_eq!(joined(["a,b", "c%2C"]), b"a%2Cb,c%252C");
    }

    proptest! {
        // T-64
        #[test]
        fn a_value_never_becomes_two(values in prop::collection::vec("[ -~]{0,8}", 1..5)) {
            let text = String::from_utf8(joined(&values)).unwrap();
            let back: Vec<_> = text
                .split(',')
                .map(|value| value.replace("%2C", ",").replace("%25", "%"))
                .collect();
            prop_assert_eq!(back, values);
        }
    }
}
