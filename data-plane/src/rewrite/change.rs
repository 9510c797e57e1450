//! What becomes of the fields of one request.

use std::borrow::Cow;

/// One field: set to this value, or removed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Option<Cow<'a, [u8]>>,
}

/// The changes so far; one for each field.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a>(Vec<Change<'a>>);

/// How large a field may become, and who hears of one that would be larger. It is left out as a whole: what is cut off says
/// something else.
#[derive(Clone, Copy)]
pub(crate) struct Room<'a> {
    /// Bytes of name and value.
    pub(crate) max_bytes: usize,
    pub(crate) owner: &'a dyn LeaveOut,
}

/// Hears of fields that are left out because they would be too large.
pub(crate) trait LeaveOut {
    /// The field `name` would have had so many bytes.
    fn left_out(&self, name: &str, bytes: usize);
}

impl<'a> Changes<'a> {
    /// Adds a change; one of the same field that was there is gone.
    pub(crate) fn push(&mut self, change: Change<'a>) {
        self.0
            .retain(|known| !known.name.eq_ignore_ascii_case(change.name));
        self.0.push(change);
    }

    /// What becomes of the field `name`.
    pub(crate) fn find(&self, name: &str) -> Option<&Change<'a>> {
        self.0
            .iter()
            .find(|change| change.name.eq_ignore_ascii_case(name))
    }

    /// Whether something becomes of the field `name`.
    pub(crate) fn concern(&self, name: &str) -> bool {
        !self.0.is_empty() && self.find(name).is_some()
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Change<'a>> {
        self.0.iter()
    }

    /// The fields that are set.
    pub(crate) fn set(&self) -> impl Iterator<Item = (&'a str, &[u8])> {
        self.0
            .iter()
            .filter_map(|change| Some((change.name, change.value.as_deref()?)))
    }
}

impl Room<'_> {
    /// Whether a value of so many bytes may be sent; the owner hears of one that may not.
    pub(super) fn admits(&self, name: &str, value_bytes: usize) -> bool {
        let bytes = name.len().saturating_add(value_bytes);
        let admitted = bytes <= self.max_bytes;
        if !admitted {
            self.owner.left_out(name, bytes);
        }
        admitted
    }

    /// The value that a field may be sent with; `None`: it is left out. Blanks around it are no part of a value
    /// (RFC 9110, 5.5), and without one there is no field.
    pub(crate) fn fit(&self, name: &str, value: Vec<u8>) -> Option<Vec<u8>> {
        let trimmed = value.trim_ascii();
        if trimmed.is_empty() || !trimmed.iter().all(|&byte| is_field_octet(byte)) {
            return None;
        }
        if !self.admits(name, trimmed.len()) {
            return None;
        }
        if trimmed.len() == value.len() {
            Some(value)
        } else {
            Some(trimmed.to_vec())
        }
    }
}

/// Visible characters, blanks, tabs and what is not ASCII (RFC 9110, 5.5). No value that is made here has others: this keeps
/// a mistake from becoming a second field.
fn is_field_octet(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::testing::Told;

    fn change<'a>(name: &'a str, value: Option<&'a str>) -> Change<'a> {
        Change {
            name,
            value: value.map(|value| value.as_bytes().into()),
        }
    }

    #[test]
    fn the_last_change_of_a_field_counts() {
        let mut changes = Changes::default();
        changes.push(change("X-A", Some("1")));
        changes.push(change("X-B", Some("2")));
        changes.push(change("x-a", None));
        assert_eq!(changes.find("X-a").unwrap().value, None);
        assert!(changes.concern("X-B") && !changes.concern("X-C"));
        assert_eq!(changes.set().collect::<Vec<_>>(), [("X-B", &b"2"[..])]);
    }

    #[test]
    fn what_cannot_be_sent_is_left_out() {
        let told = Told::default();
        let room = Room {
            max_bytes: 8,
            owner: &told,
        };
        let fit = |value: &str| room.fit("X-A", value.as_bytes().to_vec());
        assert_eq!(fit(" a b\t").as_deref(), Some(&b"a b"[..]));
        assert_eq!(fit("12345").as_deref(), Some(&b"12345"[..]));
        for gone in ["", "  ", "a\r\nb", "a\nb", "a\0b", "a\x7fb"] {
            assert_eq!(fit(gone), None, "{gone:?}");
        }
        assert_eq!(told.names(), [""; 0]);
        assert_eq!(fit("123456"), None);
        assert_eq!(told.names(), ["X-A"]);
    }
}
