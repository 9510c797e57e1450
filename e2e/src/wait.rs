//! Waiting for conditions instead of sleeping.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Asks `probe` until it says `Ok`, and returns that.
///
/// # Panics
///
/// After `limit`, with what was waited for and the last state seen.
#[track_caller]
pub fn until<T, E: Debug>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return value,
            Err(last) if start.elapsed() > limit => {
                panic!("{what}: not within {limit:?}; last state: {last:?}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
