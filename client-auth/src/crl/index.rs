//! The entries of a list, so that one is found soon and half a million take little memory.

use std::cmp::Ordering;
use std::fmt;

use super::CrlError;
use super::entries::Entry;
use crate::RevocationEntry;
use crate::der_value::{SEQUENCE, Tlv};

/// Entries by serial number. Numbers of one length lie end to end in one piece of memory, sorted.
#[derive(Clone, Default)]
pub(super) struct Index {
    /// By ascending width.
    shelves: Vec<Shelf>,
}

/// Entries whose serial numbers have the same length.
#[derive(Clone)]
struct Shelf {
    /// Octets of each serial number; never 0.
    width: usize,
    serials: Vec<u8>,
    revocations: Vec<RevocationEntry>,
}

impl Index {
    /// Reads all entries of a list, which may be `limit`.
    pub(super) fn of(sequence: Option<Tlv<'_>>, limit: usize) -> Result<Self, CrlError> {
        let Some(sequence) = sequence else {
            return Ok(Self::default());
        };
        let mut read = Vec::new();
        let mut entries = sequence.values()?;
        while let Some(entry) = entries.optional(SEQUENCE)? {
            if read.len() == limit {
                return Err(CrlError::TooManyEntries { limit });
            }
            read.push(Entry::parse(entry)?);
        }
        entries.finish()?;
        Ok(Self::build(read))
    }

    fn build(mut entries: Vec<Entry<'_>>) -> Self {
        entries.sort_unstable_by_key(|entry| (entry.serial.len(), entry.serial));
        let same_width = |a: &Entry<'_>, b: &Entry<'_>| a.serial.len() == b.serial.len();
        let shelves = entries.chunk_by(same_width).map(Shelf::of).collect();
        Self { shelves }
    }

    /// What the list says about the certificate with this serial number, in its shortest form.
    pub(super) fn find(&self, serial: &[u8]) -> Option<RevocationEntry> {
        let by_width = |shelf: &Shelf| shelf.width;
        let place = self.shelves.binary_search_by_key(&serial.len(), by_width);
        self.shelves.get(place.ok()?)?.find(serial)
    }

    pub(super) fn len(&self) -> usize {
        self.shelves
            .iter()
            .map(|shelf| shelf.revocations.len())
            .sum()
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let entry = size_of::<RevocationEntry>();
        let of = |shelf: &Shelf| shelf.serials.capacity() + shelf.revocations.capacity() * entry;
        self.shelves.iter().map(of).sum()
    }
}

impl Shelf {
    /// Takes sorted entries of one width.
    fn of(entries: &[Entry<'_>]) -> Self {
        let width = entries.first().map_or(1, |entry| entry.serial.len());
        let mut serials = Vec::with_capacity(width * entries.len());
        for entry in entries {
            serials.extend_from_slice(entry.serial);
        }
        Self {
            width,
            serials,
            revocations: entries.iter().map(|entry| entry.revocation).collect(),
        }
    }

    fn find(&self, serial: &[u8]) -> Option<RevocationEntry> {
        let (mut low, mut high) = (0, self.revocations.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.serial(middle)?.cmp(serial) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return self.revocations.get(middle).copied(),
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn serial(&self, position: usize) -> Option<&[u8]> {
        let start = position * self.width;
        self.serials.get(start..start + self.width)
    }
}

/// The number of entries only.
impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Index({} entries)", self.len())
    }
}

#[cfg(test)]
mod tests;
