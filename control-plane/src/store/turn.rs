//! Turns: writers of one gateway wait for each other instead of failing and parsing again.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::Arc,
};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Store;

const SHARDS: usize = 64;

/// The caller's turn to read, decide and write one gateway; ends when dropped.
///
/// It holds for this process only and is a courtesy: the generation guard of the write decides.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    _guard: Option<OwnedMutexGuard<()>>,
}

#[derive(Debug)]
pub(super) struct Turns {
    shards: Vec<Arc<Mutex<()>>>,
}

impl Store {
    /// Waits for the turn to write the resource with this key (lower-case ARM id).
    ///
    /// A handler takes it before it reads what it bases its write on, so that concurrent writes in one process do not
    /// meet [`StoreError::Conflict`](super::StoreError::Conflict); another replica's write still can.
    pub async fn turn(&self, key: &str) -> Turn {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let shards = &self.turns.shards;
        let index = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or(0);
        let guard = match shards.get(index) {
            Some(shard) => Some(Arc::clone(shard).lock_owned().await),
            None => None,
        };
        Turn { _guard: guard }
    }
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Arc::default()).collect(),
        }
    }
}
