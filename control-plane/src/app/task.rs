//! Named tasks in phases: none may end before it is told to, and a panic in one ends the process.

use std::{collections::HashMap, error::Error, fmt, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

/// When a task is told to stop; earlier phases end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Takes requests from outside: stops first.
    Front,
    /// Carries out what was accepted.
    Stream,
    /// Serves the others.
    Background,
}

/// A task ended that should still run, or ended badly.
#[derive(Debug, thiserror::Error)]
#[error("task {name} {how}")]
pub struct TaskEnded {
    name: &'static str,
    how: How,
}

/// What a task gives back.
pub(super) type TaskResult = Result<(), Box<dyn Error + Send + Sync>>;

/// The tasks of a running control plane.
pub(super) struct Tasks {
    set: JoinSet<TaskResult>,
    names: HashMap<Id, (&'static str, Phase)>,
    tokens: [(Phase, CancellationToken); 3],
}

impl Tasks {
    pub(super) fn new() -> Self {
        let token = |phase| (phase, CancellationToken::new());
        Self {
            set: JoinSet::new(),
            names: HashMap::new(),
            tokens: [
                token(Phase::Front),
                token(Phase::Stream),
                token(Phase::Background),
            ],
        }
    }

    /// The token that tells the tasks of a phase to stop.
    pub(super) fn token(&self, phase: Phase) -> CancellationToken {
        let found = self.tokens.iter().find(|(own, _)| *own == phase);
        found.map(|(_, token)| token.clone()).unwrap_or_default()
    }

    /// Starts a task that runs until the token of its phase is cancelled.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        phase: Phase,
        task: impl Future<Output = TaskResult> + Send + 'static,
    ) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), (name, phase));
    }

    /// Waits until a task ends though no one told it to.
    pub(super) async fn ended(&mut self) -> TaskEnded {
        match self.set.join_next_with_id().await {
            Some(ended) => self.forget(ended),
            None => std::future::pending().await,
        }
    }

    /// Ends phase after phase, each within `deadline`; what is not over then is cut off.
    ///
    /// # Errors
    /// The first task that ended badly.
    pub(super) async fn stop(mut self, deadline: Duration) -> Result<(), TaskEnded> {
        let mut bad = None;
        for (phase, token) in self.tokens.clone() {
            token.cancel();
            let until = Instant::now() + deadline;
            while self.names.values().any(|(_, own)| *own == phase) {
                match time::timeout_at(until, self.set.join_next_with_id()).await {
                    Ok(Some(ended)) => {
                        bad = bad.or(Some(self.forget(ended)).filter(TaskEnded::is_bad));
                    }
                    Ok(None) => break,
                    Err(_elapsed) => {
                        tracing::warn!(?phase, "tasks did not stop within the deadline");
                        break;
                    }
                }
            }
        }
        self.set.shutdown().await;
        bad.map_or(Ok(()), Err)
    }

    fn forget(&mut self, ended: Result<(Id, TaskResult), JoinError>) -> TaskEnded {
        let (id, how) = match ended {
            Ok((id, Ok(()))) => (id, How::Returned),
            Ok((id, Err(error))) => (id, How::Failed(error)),
            Err(error) => (error.id(), How::Panicked(error)),
        };
        let name = self.names.remove(&id).map_or("unknown", |(name, _)| name);
        TaskEnded { name, how }
    }
}

impl TaskEnded {
    fn is_bad(&self) -> bool {
        !matches!(self.how, How::Returned)
    }
}

#[derive(Debug)]
enum How {
    Failed(Box<dyn Error + Send + Sync>),
    Panicked(JoinError),
    Returned,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(error) => write!(f, "panicked: {error}"),
            Self::Returned => f.write_str("ended early"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn a_panic_is_seen_with_the_name_of_its_task() {
        let mut tasks = Tasks::new();
        tasks.spawn("calm", Phase::Front, std::future::pending());
        tasks.spawn("broken", Phase::Stream, async { panic!("on purpose") });
        let ended = tasks.ended().await.to_string();
        assert!(ended.starts_with("task broken panicked"), "{ended}");
    }

    #[tokio::test]
    async fn phases_stop_one_after_the_other() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Tasks::new();
        for (name, phase) in [
            ("last", Phase::Background),
            ("first", Phase::Front),
            ("second", Phase::Stream),
        ] {
            let (order, token) = (Arc::clone(&order), tasks.token(phase));
            tasks.spawn(name, phase, async move {
                token.cancelled().await;
                order.lock().unwrap().push(name);
                Ok(())
            });
        }
        tasks.stop(Duration::from_secs(10)).await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["first", "second", "last"]);
    }

    #[tokio::test]
    async fn a_task_that_does_not_stop_is_cut_off() {
        let mut tasks = Tasks::new();
        tasks.spawn("deaf", Phase::Front, std::future::pending());
        tasks.stop(Duration::from_millis(5)).await.unwrap();
    }
}
