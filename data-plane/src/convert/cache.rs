//! Values by a hash of all that went into them, taken over from one snapshot to the next.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::blobs::Digest;

/// Values that were built before, and whether this conversion used them.
#[derive(Debug)]
pub(super) struct Cache<T>(HashMap<Digest, Entry<T>>);

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    used: bool,
}

/// Hashes fields so that no two lists of fields give the same input.
pub(super) struct Key(Context);

impl<T> Cache<T> {
    /// The value under `key`, built if it is not there.
    pub(super) fn take_or_build<E>(
        &mut self,
        key: Digest,
        build: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(entry) = self.0.get_mut(&key) {
            entry.used = true;
            return Ok(Arc::clone(&entry.value));
        }
        let value = Arc::new(build()?);
        self.0.insert(
            key,
            Entry {
                value: Arc::clone(&value),
                used: true,
            },
        );
        Ok(value)
    }

    /// Drops what was not used since the last call.
    pub(super) fn forget_unused(&mut self) {
        self.0.retain(|_, entry| std::mem::take(&mut entry.used));
    }
}

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        let entries = self.0.iter();
        Self(
            entries
                .map(|(key, entry)| {
                    (
                        *key,
                        Entry {
                            value: Arc::clone(&entry.value),
                            used: false,
                        },
                    )
                })
                .collect(),
        )
    }
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl Key {
    /// A key of this kind.
    pub(super) fn new(kind: &str) -> Self {
        Self(Context::new(&SHA256)).field(kind.as_bytes())
    }

    pub(super) fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(super) fn finish(self) -> Digest {
        let mut digest = Digest::default();
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}
