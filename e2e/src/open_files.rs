//! The limit of open files, which thousands of connections need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of this process, and of those that it starts from now on, to the hard one.
///
/// # Panics
///
/// When even that is less than `needed`.
pub fn allow(needed: u64) {
    let limit = getrlimit(Resource::Nofile);
    let enough = limit.maximum.is_none_or(|maximum| maximum >= needed);
    assert!(
        enough,
        "{needed} open files are needed, and the hard limit is {limit:?}"
    );
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("limit of open files");
}
