//! The pure decision what a worker needs next for one gateway.

use std::collections::HashSet;

use crate::store::WantedGateway;

/// What a session knows about one gateway on its worker.
#[derive(Debug, Default)]
pub(super) struct OnWorker {
    /// ARM id as last seen.
    pub(super) id: String,
    /// SHA-256 of the snapshot in force; `None`: the worker does not serve the gateway.
    pub(super) in_force: Option<[u8; 32]>,
    /// Generation that the worker named in its Hello.
    pub(super) reported_generation: u64,
    /// What the store knows to be in force.
    pub(super) recorded: Option<Version>,
    /// What the worker refused on this stream.
    pub(super) refused: Option<Version>,
    /// Blobs that the worker keeps for what is in force.
    pub(super) blobs: HashSet<[u8; 32]>,
}

/// One generation of one gateway, told apart from those of an earlier gateway of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    resource_guid: String,
    generation: i64,
}

/// What a worker needs next for one gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Send the wanted snapshot.
    Apply,
    /// Nothing.
    Nothing,
    /// Nothing, but the store has yet to know that it is so.
    Record,
    /// Tell it to stop serving the gateway.
    Remove,
}

impl Version {
    pub(super) fn of(wanted: &WantedGateway) -> Self {
        Self {
            resource_guid: wanted.resource_guid.clone(),
            generation: wanted.generation,
        }
    }
}

impl OnWorker {
    /// Decides. `wanted` is `None` for a gateway that does not exist or that the worker does not subscribe to.
    pub(super) fn next_step(&self, wanted: Option<&WantedGateway>) -> Step {
        let Some(wanted) = wanted else {
            return match self.in_force {
                Some(_) => Step::Remove,
                None => Step::Nothing,
            };
        };
        let version = Some(Version::of(wanted));
        if self.refused == version {
            return Step::Nothing;
        }
        match (self.in_force == wanted.sha256, wanted.sha256) {
            (true, _) if self.recorded == version => Step::Nothing,
            (true, _) => Step::Record,
            (false, Some(_)) => Step::Apply,
            (false, None) => Step::Remove,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(generation: i64, sha256: Option<u8>) -> WantedGateway {
        WantedGateway {
            key: "/gw".to_owned(),
            id: "/GW".to_owned(),
            resource_guid: "guid".to_owned(),
            generation,
            sha256: sha256.map(|byte| [byte; 32]),
        }
    }

    fn on_worker(in_force: Option<u8>, recorded: Option<i64>) -> OnWorker {
        OnWorker {
            in_force: in_force.map(|byte| [byte; 32]),
            recorded: recorded.map(|generation| Version::of(&wanted(generation, None))),
            ..OnWorker::default()
        }
    }

    fn check(name: &str, on_worker: &OnWorker, wanted: Option<WantedGateway>, step: Step) {
        assert_eq!(on_worker.next_step(wanted.as_ref()), step, "{name}");
    }

    #[test]
    fn a_worker_gets_what_it_lacks_and_nothing_else() {
        let one = || Some(wanted(1, Some(1)));
        let two = || Some(wanted(2, Some(2)));
        let gone = || Some(wanted(3, None));
        check("new", &on_worker(None, None), one(), Step::Apply);
        check("older", &on_worker(Some(1), Some(1)), two(), Step::Apply);
        check("same", &on_worker(Some(1), Some(1)), one(), Step::Nothing);
        check(
            "same content, unknown to the store",
            &on_worker(Some(1), None),
            one(),
            Step::Record,
        );
        check(
            "same content in a newer generation",
            &on_worker(Some(1), Some(1)),
            Some(wanted(2, Some(1))),
            Step::Record,
        );
        check(
            "deleted",
            &on_worker(Some(1), Some(1)),
            gone(),
            Step::Remove,
        );
        check(
            "deleted, never had",
            &on_worker(None, None),
            gone(),
            Step::Record,
        );
        check(
            "deleted, known",
            &on_worker(None, Some(3)),
            gone(),
            Step::Nothing,
        );
        check("unknown", &on_worker(Some(1), None), None, Step::Remove);
        check(
            "unknown, not served",
            &on_worker(None, None),
            None,
            Step::Nothing,
        );
    }

    #[test]
    fn a_refused_generation_is_not_sent_again_but_the_next_is() {
        let refused = OnWorker {
            refused: Some(Version::of(&wanted(2, None))),
            ..on_worker(Some(1), Some(1))
        };
        check("refused", &refused, Some(wanted(2, Some(2))), Step::Nothing);
        check("next", &refused, Some(wanted(3, Some(2))), Step::Apply);
        check("back", &refused, Some(wanted(3, Some(1))), Step::Record);
    }
}
