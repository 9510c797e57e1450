//! What one stream says and how it is answered. Messages are taken one at a time: an apply is over, and answered, before
//! the next message is looked at.

use std::collections::HashMap;
use std::time::Duration;

use proto::config::v1 as wire;
use proto::config::v1::control_message::Message as Control;
use proto::config::v1::worker_message::Message as Worker;
use tokio::sync::mpsc;
use tokio::time;
use tracing::{debug, warn};
use zeroize::Zeroize;

use super::StreamError;
use crate::apply::{Answer, Applier};
use crate::blobs::Digest;
use crate::convert::Rejected;
use crate::readiness_report::ReadinessReports;
use crate::telemetry::{Metrics, SnapshotOutcome};

/// One stream from `Hello` on.
pub(super) struct Session<'a> {
    applier: &'a mut Applier,
    answers: mpsc::Sender<wire::WorkerMessage>,
    metrics: &'a Metrics,
    /// The nonce that was answered last.
    answered: u64,
    /// How often blobs were asked for under the nonce in question.
    asked: (u64, u32),
    /// The newest generation that this stream brought for each gateway, by ARM id in lower case.
    newest: HashMap<String, u64>,
}

/// So often the blobs of one snapshot are asked for; then it is refused.
const MAX_ASKED: u32 = 3;
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

impl<'a> Session<'a> {
    pub(super) fn new(
        applier: &'a mut Applier,
        answers: mpsc::Sender<wire::WorkerMessage>,
        metrics: &'a Metrics,
    ) -> Self {
        Self {
            applier,
            answers,
            metrics,
            answered: 0,
            asked: (0, 0),
            newest: HashMap::new(),
        }
    }

    /// Whether the worker knows what it serves: a gateway, or, once all has been sent, none at all. A worker that had to
    /// refuse everything does not.
    pub(super) fn is_ready(&self, synced: bool) -> bool {
        self.applier.serves_something() || (synced && self.newest.is_empty())
    }

    /// Does what a message asks for, and answers. True for `Synced`.
    pub(super) async fn receive(
        &mut self,
        message: wire::ControlMessage,
    ) -> Result<bool, StreamError> {
        match message.message {
            Some(Control::BlobChunk(mut chunk)) => {
                let taken = self.applier.receive(&chunk);
                // It may be a private key.
                chunk.data.zeroize();
                taken.map_err(|error| StreamError::Protocol(error.to_string()))?;
            }
            Some(Control::ApplyGateway(apply)) => self.apply(&apply).await?,
            Some(Control::RemoveGateway(remove)) => self.remove(&remove).await?,
            Some(Control::TicketKeys(mut keys)) => {
                let taken = self.applier.take_ticket_keys(&keys);
                for key in &mut keys.keys {
                    key.secret.zeroize();
                }
                taken.map_err(|error| StreamError::Protocol(error.to_string()))?;
            }
            Some(Control::Synced(wire::Synced {})) => {
                debug!("in step with the control plane");
                let newest = &self.newest;
                self.applier.forget_unserved(|id| newest.contains_key(id));
                return Ok(true);
            }
            None => {
                return Err(StreamError::Protocol(
                    "a message of an unknown kind".to_owned(),
                ));
            }
        }
        Ok(false)
    }

    /// Sends what report-only profiles would have refused since the last report.
    pub(super) async fn report(&mut self, reports: &ReadinessReports) -> Result<(), StreamError> {
        for report in reports.take() {
            self.send(Worker::ReadinessReport(report)).await?;
        }
        Ok(())
    }

    async fn apply(&mut self, apply: &wire::ApplyGateway) -> Result<(), StreamError> {
        if self.is_answered(apply.nonce) {
            return Ok(());
        }
        let answer = match self.stale(apply) {
            Some(rejected) => {
                self.metrics.count_snapshot(SnapshotOutcome::Stale);
                Answer::Rejected(rejected)
            }
            None => self.applier.apply(apply).await,
        };
        let message = match answer {
            Answer::Applied | Answer::Unchanged => {
                ack(apply.nonce, &apply.gateway_id, apply.generation)
            }
            Answer::Rejected(rejected) => nack(apply, rejected),
            Answer::Missing(blobs) => match self.give_up(apply.nonce, &blobs) {
                None => return self.send(missing(apply.nonce, &blobs)).await,
                Some(rejected) => {
                    self.applier.note_rejected(&apply.gateway_id, &rejected);
                    nack(apply, rejected)
                }
            },
        };
        self.answered = apply.nonce;
        self.send(message).await
    }

    async fn remove(&mut self, remove: &wire::RemoveGateway) -> Result<(), StreamError> {
        if self.is_answered(remove.nonce) {
            return Ok(());
        }
        self.newest.remove(&remove.gateway_id.to_ascii_lowercase());
        self.applier.remove(&remove.gateway_id).await;
        self.answered = remove.nonce;
        self.send(ack(remove.nonce, &remove.gateway_id, remove.generation))
            .await
    }

    /// A nonce is answered once.
    fn is_answered(&self, nonce: u64) -> bool {
        let answered = nonce <= self.answered;
        if answered {
            warn!(
                nonce,
                answered = self.answered,
                "message with a stale nonce ignored"
            );
        }
        answered
    }

    /// Refuses a generation older than one that the same stream brought. Over streams no generation is too old: the
    /// control plane may have been restored from a backup, and the gateway deleted and made anew.
    fn stale(&mut self, apply: &wire::ApplyGateway) -> Option<Rejected> {
        let newest = self
            .newest
            .entry(apply.gateway_id.to_ascii_lowercase())
            .or_default();
        if apply.generation < *newest {
            let reason = format!(
                "generation {} is older than {newest}, which came before it",
                apply.generation
            );
            warn!(
                gateway = apply.gateway_id,
                generation = apply.generation,
                newest,
                "stale snapshot refused"
            );
            return Some(Rejected::whole(reason));
        }
        *newest = apply.generation;
        None
    }

    /// Blobs that were refused need not be asked for again, and none is asked for without end.
    fn give_up(&mut self, nonce: u64, blobs: &[Digest]) -> Option<Rejected> {
        let times = if self.asked.0 == nonce {
            self.asked.1 + 1
        } else {
            1
        };
        self.asked = (nonce, times);
        let refusal = self.applier.refusal(blobs);
        if refusal.is_some() || times <= MAX_ASKED {
            return refusal;
        }
        let first = blobs.first().map(hex::encode).unwrap_or_default();
        Some(Rejected::whole(format!(
            "{} blobs never came, {first} among them",
            blobs.len()
        )))
    }

    async fn send(&self, message: Worker) -> Result<(), StreamError> {
        let message = wire::WorkerMessage {
            message: Some(message),
        };
        match time::timeout(SEND_TIMEOUT, self.answers.send(message)).await {
            // With an error, the transport is gone, and reading says why.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(StreamError::Protocol(
                "the control plane takes no answers".to_owned(),
            )),
        }
    }
}

fn ack(nonce: u64, gateway_id: &str, generation: u64) -> Worker {
    Worker::Ack(wire::Ack {
        nonce,
        gateway_id: gateway_id.to_owned(),
        generation,
    })
}

fn nack(apply: &wire::ApplyGateway, rejected: Rejected) -> Worker {
    let Rejected {
        resource,
        property,
        reason,
    } = rejected;
    let gateway_id = apply.gateway_id.clone();
    Worker::Nack(wire::Nack {
        nonce: apply.nonce,
        gateway_id,
        generation: apply.generation,
        resource,
        property,
        reason,
    })
}

fn missing(nonce: u64, blobs: &[Digest]) -> Worker {
    let sha256 = blobs.iter().map(|digest| digest.to_vec()).collect();
    Worker::MissingBlobs(wire::MissingBlobs { nonce, sha256 })
}
