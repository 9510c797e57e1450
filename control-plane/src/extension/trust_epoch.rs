//! Trust epochs: what was decided about a client under another one counts no more.

use std::collections::BTreeMap;

use model::ResourceName;
use serde::{Deserialize, Serialize};

use super::key;

/// By SSL profile: what it demands of clients, by a hash, and the generation of the gateway that brought it.
///
/// An epoch changes whenever what is demanded does, and never returns: what is taken back and put there again is a new
/// epoch, so that a session ticket of before it was taken back stays dead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrustEpochs(BTreeMap<String, TrustEpoch>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TrustEpoch {
    /// In hex.
    sha256: String,
    epoch: u64,
}

impl TrustEpochs {
    /// The epochs once the gateway has reached `generation`, in which its profiles demand what `demands` says.
    ///
    /// A profile that no listener uses has no epoch: when it is used again, it gets a new one.
    #[must_use]
    pub fn advanced(&self, demands: &BTreeMap<ResourceName, [u8; 32]>, generation: u64) -> Self {
        let advance = |(profile, sha256): (&ResourceName, &[u8; 32])| {
            let profile = key(profile);
            let sha256 = hex::encode(sha256);
            let same = self.0.get(&profile).filter(|known| known.sha256 == sha256);
            let epoch = same.map_or(generation, |known| known.epoch);
            (profile, TrustEpoch { sha256, epoch })
        };
        Self(demands.iter().map(advance).collect())
    }

    /// The epoch of a profile that a listener uses.
    pub fn of(&self, profile: &ResourceName) -> Option<u64> {
        self.0.get(&key(profile)).map(|known| known.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demands(of: &[(&str, u8)]) -> BTreeMap<ResourceName, [u8; 32]> {
        of.iter()
            .map(|(name, hash)| (ResourceName::parse(name).unwrap(), [*hash; 32]))
            .collect()
    }

    fn epoch(epochs: &TrustEpochs, profile: &str) -> Option<u64> {
        epochs.of(&ResourceName::parse(profile).unwrap())
    }

    #[test]
    fn an_epoch_stays_while_nothing_changes_and_never_returns() {
        let first = TrustEpochs::default().advanced(&demands(&[("p", 1), ("q", 1)]), 1);
        assert_eq!((epoch(&first, "P"), epoch(&first, "q")), (Some(1), Some(1)));
        let same = first.advanced(&demands(&[("P", 1), ("q", 1)]), 2);
        assert_eq!(same, first);
        let changed = same.advanced(&demands(&[("p", 2), ("q", 1)]), 3);
        assert_eq!(
            (epoch(&changed, "p"), epoch(&changed, "q")),
            (Some(3), Some(1))
        );
        let back = changed.advanced(&demands(&[("p", 1), ("q", 1)]), 4);
        assert_eq!((epoch(&back, "p"), epoch(&back, "q")), (Some(4), Some(1)));
    }

    #[test]
    fn a_profile_that_nobody_used_for_a_while_begins_anew() {
        let used = TrustEpochs::default().advanced(&demands(&[("p", 1)]), 1);
        let unused = used.advanced(&demands(&[]), 2);
        assert_eq!(epoch(&unused, "p"), None);
        assert_eq!(
            epoch(&unused.advanced(&demands(&[("p", 1)]), 3), "p"),
            Some(3)
        );
    }
}
