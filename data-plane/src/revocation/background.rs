//! Work that must not take time from the threads that serve clients.

use std::thread;

use rustix::process::setpriority_process;

/// Does `work` on a thread of its own that yields to all others, and waits for it.
///
/// Reading a list of half a million entries keeps a processor busy for a good part of a second. On Linux the priority is
/// that of the thread and not of the process, and cannot be raised again, hence a thread for each piece of work.
///
/// # Errors
/// The system gave no thread, or the work broke down.
pub(crate) fn at_low_priority<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Broken> {
    thread::scope(|scope| {
        let spawned = thread::Builder::new()
            .name("low-priority".to_owned())
            .spawn_scoped(scope, || {
                if let Err(error) = setpriority_process(None, NICE) {
                    tracing::debug!(%error, "work cannot be given a low priority");
                }
                work()
            });
        let thread = spawned.map_err(|error| Broken(error.to_string()))?;
        thread
            .join()
            .map_err(|_| Broken("the work broke down".to_owned()))
    })
}

/// Why there is no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(String);

/// A tenth of the share of a thread with ordinary priority.
const NICE: i32 = 10;

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn work_yields_to_others_and_the_caller_does_not() {
        let before = getpriority_process(None).expect("a priority");
        let during = at_low_priority(|| getpriority_process(None)).expect("an outcome");
        assert_eq!(during.expect("a priority"), NICE.max(before));
        assert_eq!(getpriority_process(None).expect("a priority"), before);
    }

    #[test]
    fn work_that_breaks_down_is_told() {
        let outcome: Result<(), Broken> = at_low_priority(|| panic!("on purpose"));
        assert_eq!(outcome, Err(Broken("the work broke down".to_owned())));
    }
}
