//! Tells a load beside a test that the test is over.

use std::sync::atomic::{AtomicBool, Ordering};

/// Sets the flag when it is dropped, also by a test that fails: a scope waits for its threads.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
