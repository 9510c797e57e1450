use proptest::prelude::*;

use super::*;
use crate::der_value::Values;
use crate::der_writer::encode;
use crate::revocation::serial;
use crate::testing::crl::{entry, reason};

fn index(entries: &[u8], limit: usize) -> Result<Index, CrlError> {
    let sequence = encode(SEQUENCE, &[entries]);
    Index::of(Some(Values::only(&sequence, SEQUENCE)?), limit)
}

#[test]
fn no_more_entries_than_the_limit_are_read() {
    let entries = entry(&[1], &[]).repeat(3);
    assert_eq!(index(&entries, 3).map(|index| index.len()), Ok(3));
    let too_many = CrlError::TooManyEntries { limit: 2 };
    assert_eq!(index(&entries, 2).map(|index| index.len()), Err(too_many));
}

#[test]
fn an_index_is_shown_without_its_entries() {
    let index = index(&entry(&[1], &[]).repeat(3), 3).unwrap();
    assert_eq!(format!("{index:?}"), "Index(3 entries)");
}

proptest! {
    /// Against looking at each entry.
    #[test]
    fn exactly_the_listed_serial_numbers_are_found(
        listed in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..4), 0..40),
        asked in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..4), 0..40),
    ) {
        let entries: Vec<_> = listed.iter().map(|serial| entry(serial, &[])).collect();
        let index = index(&entries.concat(), 40).unwrap();
        for wanted in listed.iter().chain(&asked) {
            let wanted = serial::shortest(wanted);
            let expected = listed.iter().any(|serial| serial::shortest(serial) == wanted);
            prop_assert_eq!(index.find(wanted).is_some(), expected);
        }
    }

    // T-51
    #[test]
    fn no_entries_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let _unreadable = index(&bytes, 9);
        let mut entries = entry(&[7; 20], &[reason(1)]).repeat(3);
        let length = entries.len();
        for (place, value) in &changes {
            entries[place.index(length)] = *value;
        }
        let read = index(&entries, 9).map(|index| index.len());
        prop_assert!(read.unwrap_or_default() <= 9);
    }
}
