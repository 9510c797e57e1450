//! Header fields that only the gateway may set.

/// Request fields that no client may send, besides those that every worker removes by itself: backends take them for the
/// gateway's word. A name is found in time that depends on its length alone.
#[derive(Debug, Default)]
pub struct ReservedFields {
    /// Bit `n`: a name of `n` bytes is there; the last bit is for all longer ones.
    lengths: u64,
    /// By hash; a power of two of them, or none.
    buckets: Box<[Vec<Box<str>>]>,
}

impl ReservedFields {
    /// Takes names in any case.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<Box<str>> = names
            .into_iter()
            .map(|name| name.to_ascii_lowercase().into())
            .collect();
        if names.is_empty() {
            return Self::default();
        }
        let mut reserved = Self {
            lengths: 0,
            buckets: vec![Vec::new(); names.len().next_power_of_two()].into(),
        };
        for name in names {
            reserved.lengths |= length_bit(&name);
            let place = reserved.place(&name);
            if let Some(bucket) = reserved.buckets.get_mut(place)
                && !bucket.contains(&name)
            {
                bucket.push(name);
            }
        }
        reserved
    }

    /// Whether `name`, in any case, is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.lengths & length_bit(name) != 0
            && self
                .buckets
                .get(self.place(name))
                .is_some_and(|bucket| bucket.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    fn place(&self, name: &str) -> usize {
        hash(name) & self.buckets.len().wrapping_sub(1)
    }
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

/// FNV-1a over lower case. The names come from the configuration: no client can make them collide.
fn hash(name: &str) -> usize {
    name.bytes().fold(0x811c_9dc5, |hash: usize, byte| {
        (hash ^ usize::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_reserved_by_default() {
        let none = ReservedFields::default();
        assert!(!none.contains("") && !none.contains("x-client-cert"));
    }

    #[test]
    fn names_are_found_in_any_case() {
        let long = "x".repeat(100);
        let reserved = ReservedFields::new(["x-client-cert", "X-Tenant", "x-tenant", &long]);
        for name in [
            "X-Client-Cert",
            "x-client-cert",
            "X-TENANT",
            &long.to_uppercase(),
        ] {
            assert!(reserved.contains(name), "{name}");
        }
        for name in [
            "",
            "x-client-cer",
            "x-client-certs",
            "y-client-cert",
            &"x".repeat(99),
        ] {
            assert!(!reserved.contains(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_it_was_given(
            names in prop::collection::vec("[a-zA-Z0-9-]{1,70}", 0..40),
            other in "[a-z]{1,4}",
        ) {
            let reserved = ReservedFields::new(names.iter().map(String::as_str));
            for name in &names {
                prop_assert!(reserved.contains(&name.to_ascii_uppercase()));
            }
            let given = names.iter().any(|name| name.eq_ignore_ascii_case(&other));
            prop_assert_eq!(reserved.contains(&other), given);
        }
    }
}
