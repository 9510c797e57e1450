//! Puts snapshots in force, one after the other, and remembers what is in force.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use prost::Message;
use proto::config::v1 as wire;
use tokio::task;
use tracing::{debug, error, info, warn};

use crate::blobs::{Blobs, ChunkError, Digest};
use crate::convert::{Built, Converted, Converter, Material, Rejected, references};
use crate::listener::{BindError, BindReason, Listeners};
use crate::revocation::Revocation;
use crate::state::saver::Saver;
use crate::state::{Saved, SavedGateway};
use crate::telemetry::{Metrics, SnapshotOutcome};
use crate::tls::tickets::keys::BadTicketKey;

/// Owns the configuration of the worker. One task has it; nothing else changes listeners.
#[derive(Debug)]
pub(crate) struct Applier {
    listeners: Listeners,
    converter: Arc<Converter>,
    blobs: Blobs,
    /// By ARM id in lower case.
    gateways: HashMap<String, Gateway>,
    /// Blobs of snapshots that wait for others, by ARM id in lower case.
    waiting: HashMap<String, HashSet<Digest>>,
    saver: Option<Saver>,
    revocation: Revocation,
    metrics: Metrics,
}

/// What came of a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is in force now.
    Applied,
    /// It was in force already.
    Unchanged,
    /// Nothing changed.
    Rejected(Rejected),
    /// Nothing changed; these blobs are not here.
    Missing(Vec<Digest>),
}

/// A gateway that the worker knows.
#[derive(Debug)]
struct Gateway {
    saved: SavedGateway,
    /// Every blob of the snapshot, its own included.
    blobs: HashSet<Digest>,
    built: Built,
    /// False only for a saved gateway that could not be put in force at start: it is kept on disk until the control
    /// plane replaces or removes it.
    in_force: bool,
}

impl Applier {
    pub(crate) fn new(
        listeners: Listeners,
        converter: Converter,
        blobs: Blobs,
        saver: Option<Saver>,
        revocation: Revocation,
        metrics: Metrics,
    ) -> Self {
        let converter = Arc::new(converter);
        Self {
            listeners,
            converter,
            blobs,
            gateways: HashMap::new(),
            waiting: HashMap::new(),
            saver,
            revocation,
            metrics,
        }
    }

    /// Puts the saved gateways in force, each on its own: one that cannot be served does not hold back the others.
    pub(crate) async fn restore(&mut self, saved: Saved) {
        for (digest, blob) in saved.blobs {
            self.blobs.insert(digest, blob);
        }
        for gateway in saved.gateways {
            let id = gateway.id.clone();
            match self.put_in_force(gateway.clone()).await {
                Answer::Applied | Answer::Unchanged => continue,
                Answer::Rejected(rejected) => {
                    error!(gateway = id, %rejected, "saved gateway cannot be served");
                }
                Answer::Missing(blobs) => error!(
                    gateway = id,
                    missing = blobs.len(),
                    "saved gateway is incomplete"
                ),
            }
            let blobs = self.needed(gateway.snapshot);
            let unserved = Gateway {
                saved: gateway,
                blobs,
                built: Built::default(),
                in_force: false,
            };
            self.gateways.insert(id.to_ascii_lowercase(), unserved);
        }
        self.forget_unneeded();
    }

    /// Tries the saved gateways again that could not be served at start, a taken port for one, which may be free by now.
    pub(crate) async fn retry(&mut self) {
        let unserved = self.gateways.values().filter(|gateway| !gateway.in_force);
        let unserved: Vec<SavedGateway> = unserved.map(|gateway| gateway.saved.clone()).collect();
        for gateway in unserved {
            let id = gateway.id.clone();
            match self.put_in_force(gateway).await {
                Answer::Applied | Answer::Unchanged => {
                    info!(gateway = id, "saved gateway is served after all");
                }
                Answer::Rejected(rejected) => {
                    debug!(gateway = id, %rejected, "saved gateway still cannot be served");
                }
                Answer::Missing(_) => {}
            }
        }
    }

    /// Forgets saved gateways that are not served and that the control plane, which has sent everything, does not want
    /// any more. `is_wanted` takes ids in lower case.
    pub(crate) fn forget_unserved(&mut self, is_wanted: impl Fn(&str) -> bool) {
        let before = self.gateways.len();
        self.gateways
            .retain(|id, gateway| gateway.in_force || is_wanted(id));
        if self.gateways.len() < before {
            self.forget_unneeded();
            self.save();
        }
    }

    /// What is in force, for `Hello`.
    pub(crate) fn applied(&self) -> Vec<wire::AppliedGateway> {
        let in_force = self.gateways.values().filter(|gateway| gateway.in_force);
        in_force
            .map(|gateway| wire::AppliedGateway {
                gateway_id: gateway.saved.id.clone(),
                generation: gateway.saved.generation,
                snapshot_sha256: gateway.saved.snapshot.to_vec(),
            })
            .collect()
    }

    /// SHA-256 of each blob that is here, for `Hello`.
    pub(crate) fn held_blobs(&self) -> Vec<Vec<u8>> {
        self.blobs.digests().map(|digest| digest.to_vec()).collect()
    }

    /// A new stream starts: what the last one left unfinished is forgotten.
    pub(crate) fn restart(&mut self) {
        self.blobs.restart();
        self.waiting.clear();
        self.forget_unneeded();
    }

    /// Takes a part of a blob.
    pub(crate) fn receive(&mut self, chunk: &wire::BlobChunk) -> Result<(), ChunkError> {
        self.blobs.receive(chunk)
    }

    /// Puts a snapshot in force, or changes nothing.
    ///
    /// All that can fail comes first; then listeners switch over. Must run to its end once it was started.
    pub(crate) async fn apply(&mut self, message: &wire::ApplyGateway) -> Answer {
        let started = Instant::now();
        self.waiting
            .remove(&message.gateway_id.to_ascii_lowercase());
        let answer = self.try_apply(message).await;
        match &answer {
            Answer::Applied => {
                let (gateway, generation) = (&message.gateway_id, message.generation);
                let duration_ms = started.elapsed().as_millis();
                info!(gateway, generation, duration_ms, "snapshot applied");
                self.forget_unneeded();
                self.save();
            }
            Answer::Rejected(rejected) => self.note_rejected(&message.gateway_id, rejected),
            Answer::Missing(_) => self.wait_for_blobs(message),
            Answer::Unchanged => {}
        }
        answer
    }

    /// Tells and counts that a snapshot was refused, and forgets what it brought.
    pub(crate) fn note_rejected(&mut self, gateway_id: &str, rejected: &Rejected) {
        warn!(gateway = gateway_id, %rejected, "snapshot rejected");
        self.waiting.remove(&gateway_id.to_ascii_lowercase());
        self.metrics.count_snapshot(SnapshotOutcome::Rejected);
        self.forget_unneeded();
    }

    /// Why blobs that were sent are not here.
    pub(crate) fn refusal(&self, blobs: &[Digest]) -> Option<Rejected> {
        self.blobs.refusal(blobs).map(Rejected::whole)
    }

    /// Stops serving a gateway; one that is not known is gone already.
    pub(crate) async fn remove(&mut self, gateway_id: &str) {
        self.waiting.remove(&gateway_id.to_ascii_lowercase());
        self.converter.ticket_keys.forget(gateway_id);
        if self
            .gateways
            .remove(&gateway_id.to_ascii_lowercase())
            .is_none()
        {
            return;
        }
        self.listeners.remove_gateway(gateway_id).await;
        self.revocation.put_in_force(gateway_id, Vec::new());
        info!(gateway = gateway_id, "gateway removed");
        self.metrics.count_snapshot(SnapshotOutcome::Removed);
        self.measure();
        self.forget_unneeded();
        self.save();
    }

    /// Takes the session ticket keys of a gateway, which need not be here yet.
    ///
    /// # Errors
    /// [`BadTicketKey`]; nothing changes then.
    pub(crate) fn take_ticket_keys(&self, keys: &wire::TicketKeys) -> Result<(), BadTicketKey> {
        let Converter {
            ticket_keys, clock, ..
        } = &*self.converter;
        ticket_keys.replace(keys, clock.unix())
    }

    /// Gives up the listeners, to be shut down, and lets the saver end.
    pub(crate) fn into_listeners(self) -> Listeners {
        self.listeners
    }

    /// Whether any gateway is in force.
    pub(crate) fn serves_something(&self) -> bool {
        self.gateways.values().any(|gateway| gateway.in_force)
    }

    fn is_in_force(&self, wanted: &SavedGateway) -> bool {
        let known = self.gateways.get(&wanted.id.to_ascii_lowercase());
        known.is_some_and(|known| {
            known.in_force
                && known.saved.generation == wanted.generation
                && known.saved.snapshot == wanted.snapshot
        })
    }

    /// Keeps what is here of a snapshot until the rest has come.
    fn wait_for_blobs(&mut self, message: &wire::ApplyGateway) {
        let names = message.blobs.iter().chain([&message.snapshot_sha256]);
        let listed = names.filter_map(|name| Digest::try_from(name.as_slice()).ok());
        self.waiting
            .insert(message.gateway_id.to_ascii_lowercase(), listed.collect());
    }

    async fn try_apply(&mut self, message: &wire::ApplyGateway) -> Answer {
        let Ok(snapshot) = Digest::try_from(message.snapshot_sha256.as_slice()) else {
            return Answer::Rejected(Rejected::whole("the snapshot is not named by a SHA-256"));
        };
        let gateway = SavedGateway {
            id: message.gateway_id.clone(),
            generation: message.generation,
            snapshot,
        };
        if self.is_in_force(&gateway) {
            self.metrics.count_snapshot(SnapshotOutcome::Unchanged);
            return Answer::Unchanged;
        }
        let listed = message
            .blobs
            .iter()
            .filter_map(|name| Digest::try_from(name.as_slice()).ok());
        let missing = self.missing(listed.chain([snapshot]));
        if !missing.is_empty() {
            return Answer::Missing(missing);
        }
        self.put_in_force(gateway).await
    }

    async fn put_in_force(&mut self, gateway: SavedGateway) -> Answer {
        let decoded = match self.decode(&gateway) {
            Ok(decoded) => decoded,
            Err(answer) => return answer,
        };
        let blobs: HashSet<Digest> = references(&decoded)
            .into_iter()
            .map(|(digest, _)| digest)
            .chain([gateway.snapshot])
            .collect();
        let missing = self.missing(blobs.iter().copied());
        if !missing.is_empty() {
            return Answer::Missing(missing);
        }
        let Converted { snapshot, built } = match self.convert(&gateway.id, decoded).await {
            Ok(converted) => converted,
            Err(rejected) => return Answer::Rejected(rejected),
        };
        match self
            .listeners
            .prepare(&snapshot.gateway_id, &snapshot.binds)
        {
            Ok(prepared) => self.listeners.commit(prepared).await,
            Err(error) => return Answer::Rejected(Rejected::from(error)),
        }
        let lists = snapshot.uploaded_lists();
        self.revocation.put_in_force(&gateway.id, lists);
        let id = gateway.id.to_ascii_lowercase();
        self.gateways.insert(
            id,
            Gateway {
                saved: gateway,
                blobs,
                built,
                in_force: true,
            },
        );
        self.metrics.count_snapshot(SnapshotOutcome::Applied);
        self.measure();
        Answer::Applied
    }

    fn decode(&self, gateway: &SavedGateway) -> Result<wire::GatewaySnapshot, Answer> {
        let Some(blob) = self.blobs.find(&gateway.snapshot, wire::BlobKind::Snapshot) else {
            return Err(Answer::Missing(vec![gateway.snapshot]));
        };
        let decoded = wire::GatewaySnapshot::decode(blob.bytes()).map_err(|error| {
            Answer::Rejected(Rejected::whole(format!(
                "the snapshot cannot be read: {error}"
            )))
        })?;
        if !decoded.gateway_id.eq_ignore_ascii_case(&gateway.id) {
            return Err(Answer::Rejected(Rejected::whole(
                "the snapshot is of another gateway",
            )));
        }
        Ok(decoded)
    }

    /// Converts on a thread for such work, since keys and certificates take their time.
    async fn convert(
        &self,
        id: &str,
        decoded: wire::GatewaySnapshot,
    ) -> Result<Converted, Rejected> {
        let converter = Arc::clone(&self.converter);
        let material = Material(
            self.blobs
                .iter()
                .map(|(digest, blob)| (*digest, blob.clone()))
                .collect(),
        );
        let previous = self
            .gateways
            .get(&id.to_ascii_lowercase())
            .map(|known| known.built.clone())
            .unwrap_or_default();
        let outcome =
            task::spawn_blocking(move || converter.convert(&decoded, &material, &previous)).await;
        outcome.unwrap_or_else(|error| {
            error!(gateway = id, %error, "the conversion of a snapshot broke down");
            Err(Rejected::whole("the worker broke down over the snapshot"))
        })
    }

    fn missing(&self, digests: impl IntoIterator<Item = Digest>) -> Vec<Digest> {
        let held: HashSet<&Digest> = self.blobs.digests().collect();
        digests
            .into_iter()
            .filter(|digest| !held.contains(digest))
            .collect()
    }

    /// All blobs that a held snapshot refers to, as far as it can be read.
    fn needed(&self, snapshot: Digest) -> HashSet<Digest> {
        let blob = self.blobs.find(&snapshot, wire::BlobKind::Snapshot);
        let decoded = blob.and_then(|blob| wire::GatewaySnapshot::decode(blob.bytes()).ok());
        let references = decoded.as_ref().map(references).unwrap_or_default();
        references
            .into_iter()
            .map(|(digest, _)| digest)
            .chain([snapshot])
            .collect()
    }

    fn forget_unneeded(&mut self) {
        let in_use = self.gateways.values().flat_map(|gateway| &gateway.blobs);
        let waiting = self.waiting.values().flatten();
        let needed = in_use.chain(waiting).copied().collect();
        self.blobs.retain(&needed);
    }

    fn save(&self) {
        let Some(saver) = &self.saver else { return };
        saver.save(Saved {
            gateways: self
                .gateways
                .values()
                .map(|gateway| gateway.saved.clone())
                .collect(),
            blobs: self
                .blobs
                .iter()
                .map(|(digest, blob)| (*digest, blob.clone()))
                .collect(),
        });
    }

    fn measure(&self) {
        let in_force = self.gateways.values().filter(|gateway| gateway.in_force);
        let (gateways, generations) = in_force.fold((0, 0_u64), |(count, sum), gateway| {
            (count + 1, sum.saturating_add(gateway.saved.generation))
        });
        self.metrics.gateways.set(gateways);
        self.metrics.generation.set(generations);
    }
}

impl From<BindError> for Rejected {
    fn from(error: BindError) -> Self {
        let BindError {
            frontend_port,
            address,
            reason,
        } = error;
        let reason = match reason {
            // Whose it is, is none of this gateway's business.
            BindReason::OtherGateway(other) => {
                warn!(%address, %other, "the address belongs to another gateway");
                format!("cannot listen on {address}: the worker serves another gateway there")
            }
            reason => format!("cannot listen on {address}: {reason}"),
        };
        Self::new("frontendPorts", &frontend_port, "port", reason)
    }
}
