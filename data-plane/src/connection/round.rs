//! One look at all connections of a core, in slices, so that traffic goes on in between.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::cores::core::Core;

/// A look that is under way.
#[derive(Debug)]
pub(crate) struct Round {
    next: usize,
    known: Instant,
}

impl Round {
    /// A look because of something that the worker has known since `known`. Whatever was under way begins anew with it.
    pub(crate) fn begin(under_way: Option<Self>, known: Instant) -> Self {
        let known = under_way.map_or(known, |round| round.known.min(known));
        Self { next: 0, known }
    }

    /// Looks at the next connections, for a moment. `None`: that were all.
    pub(crate) fn go_on(mut self, core: &Rc<Core>) -> Option<Self> {
        let end = core.time.now() + SLICE;
        loop {
            let connections = core.registry.authenticated(self.next, BATCH)?;
            self.next += BATCH;
            for connection in connections {
                connection.recheck(self.known);
            }
            if core.time.now() >= end {
                return Some(self);
            }
        }
    }
}

/// The longest that requests wait for it.
const SLICE: Duration = Duration::from_millis(1);
/// Places of the registry that are looked at between two looks at the time.
const BATCH: usize = 32;
