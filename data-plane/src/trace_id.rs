//! The id of one request, as the backend and the access log see it.

/// 32 lowercase hexadecimal digits: `X-AppGW-Trace-Id`, and `transactionId` in the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId([u8; 32]);

impl TraceId {
    /// A new id. Unique, not secret.
    pub(crate) fn random() -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bits = fastrand::u128(..);
        Self(std::array::from_fn(|digit| {
            let nibble = usize::try_from((bits >> (4 * digit)) & 15).unwrap_or(0);
            HEX.get(nibble).copied().unwrap_or(b'0')
        }))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lowercase_hex_and_differ() {
        let (one, other) = (TraceId::random(), TraceId::random());
        assert!(
            one.as_bytes()
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert_ne!(one, other);
    }
}
