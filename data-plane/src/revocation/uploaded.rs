//! The uploaded lists that are in force, by gateway: what is looked after besides being asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::lists::{UploadedList, UploadedLists};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Uploaded(Mutex<HashMap<String, Vec<Arc<UploadedLists>>>>);

impl Uploaded {
    /// Replaces those of a gateway. Tells whether that makes any difference.
    pub(super) fn put(&self, gateway_id: &str, lists: Vec<Arc<UploadedLists>>) -> bool {
        let id = gateway_id.to_ascii_lowercase();
        let digests = |lists: &[Arc<UploadedLists>]| {
            let lists = lists.iter().flat_map(|lists| lists.iter());
            let mut digests: Vec<_> = lists.map(|list| list.crl.head().sha256).collect();
            digests.sort_unstable();
            digests
        };
        let new = digests(&lists);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = if lists.iter().all(|lists| lists.iter().next().is_none()) {
            all.remove(&id)
        } else {
            all.insert(id, lists)
        };
        digests(&before.unwrap_or_default()) != new
    }

    /// Every list with its gateway, in no order.
    pub(super) fn all(&self) -> Vec<(String, UploadedList)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_gateway = |(id, lists): (&String, &Vec<Arc<UploadedLists>>)| {
            let lists = lists.iter().flat_map(|lists| lists.iter());
            lists
                .map(|list| (id.clone(), list.clone()))
                .collect::<Vec<_>>()
        };
        all.iter().flat_map(of_gateway).collect()
    }
}
