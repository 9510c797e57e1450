//! A scripted worker.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use proto::config::v1::{
    Ack, ApplyGateway, BlobChunk, BlobKind, ControlMessage, Hello, MissingBlobs, Nack,
    RemoveGateway, Subscription, TicketKeys, WorkerMessage,
    config_stream_client::ConfigStreamClient, control_message, worker_message,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::fixture::sha256;

const TIMEOUT: Duration = Duration::from_secs(10);
const CHUNK: usize = 256 * 1024;

pub(super) struct Worker {
    outbound: mpsc::Sender<WorkerMessage>,
    inbound: Streaming<ControlMessage>,
    /// What came since the last message that wants an answer, by SHA-256.
    pub(super) blobs: HashMap<[u8; 32], (BlobKind, Vec<u8>)>,
    /// Of the blobs that came, in bytes.
    sizes: HashMap<[u8; 32], u64>,
    /// Ticket keys that came and were not asked for yet.
    keys: VecDeque<TicketKeys>,
}

/// What a worker hears, blobs aside.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Apply(ApplyGateway),
    Remove(RemoveGateway),
    Synced,
}

impl Worker {
    pub(super) fn hello(name: &str) -> Hello {
        Hello {
            worker_id: name.to_owned(),
            version: "test".to_owned(),
            subscription: Some(Subscription {
                gateway_ids: Vec::new(),
                scopes: vec!["/".to_owned()],
            }),
            applied: Vec::new(),
            held_blobs: Vec::new(),
        }
    }

    pub(super) async fn connect(address: SocketAddr, hello: Hello) -> Self {
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        Self::connect_by(channel.connect().await.unwrap(), hello)
            .await
            .unwrap()
    }

    pub(super) async fn connect_by(channel: Channel, hello: Hello) -> Result<Self, Status> {
        let (outbound, messages) = mpsc::channel(8);
        let message = worker_message::Message::Hello(hello);
        outbound
            .send(WorkerMessage {
                message: Some(message),
            })
            .await
            .unwrap();
        let mut client = ConfigStreamClient::new(channel);
        let inbound = client.connect(ReceiverStream::new(messages)).await?;
        Ok(Self {
            outbound,
            inbound: inbound.into_inner(),
            blobs: HashMap::new(),
            sizes: HashMap::new(),
            keys: VecDeque::new(),
        })
    }

    /// The next message that is not a blob; `blobs` then holds those that came before it.
    pub(super) async fn hear(&mut self) -> Heard {
        // A list may be interrupted by the delivery of another gateway; its beginning stays.
        let sizes = &self.sizes;
        self.blobs
            .retain(|name, (_, bytes)| (bytes.len() as u64) < sizes[name]);
        loop {
            match self.message().await.unwrap() {
                control_message::Message::BlobChunk(chunk) => self.take(chunk),
                control_message::Message::ApplyGateway(apply) => return Heard::Apply(apply),
                control_message::Message::RemoveGateway(remove) => return Heard::Remove(remove),
                control_message::Message::Synced(_) => return Heard::Synced,
                control_message::Message::TicketKeys(keys) => self.keys.push_back(keys),
            }
        }
    }

    /// Waits for a part of a blob.
    pub(super) async fn hear_chunk(&mut self) {
        loop {
            match self.message().await.unwrap() {
                control_message::Message::BlobChunk(chunk) => return self.take(chunk),
                control_message::Message::TicketKeys(keys) => self.keys.push_back(keys),
                other => panic!("{other:?}"),
            }
        }
    }

    fn take(&mut self, chunk: BlobChunk) {
        let name = chunk.sha256.try_into().unwrap();
        let kind = BlobKind::try_from(chunk.kind).unwrap();
        self.sizes.insert(name, chunk.size);
        let (_, bytes) = self.blobs.entry(name).or_insert((kind, Vec::new()));
        assert_eq!(chunk.offset, bytes.len() as u64, "chunks come in order");
        assert!(chunk.data.len() <= CHUNK);
        bytes.extend(chunk.data);
        if bytes.len() as u64 == chunk.size {
            assert_eq!(sha256(bytes), name);
        }
    }

    /// The ticket keys that come next; those that came before other messages were heard count first.
    pub(super) async fn hear_keys(&mut self) -> TicketKeys {
        loop {
            if let Some(keys) = self.keys.pop_front() {
                return keys;
            }
            if let control_message::Message::TicketKeys(keys) = self.message().await.unwrap() {
                self.keys.push_back(keys);
            }
        }
    }

    pub(super) async fn hear_apply(&mut self) -> ApplyGateway {
        match self.hear().await {
            Heard::Apply(apply) => apply,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn hear_remove(&mut self) -> RemoveGateway {
        match self.hear().await {
            Heard::Remove(remove) => remove,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn hear_synced(&mut self) {
        assert_eq!(self.hear().await, Heard::Synced);
    }

    /// The first message that is not a blob; `None` when the stream ends before.
    pub(super) async fn first(&mut self) -> Option<Heard> {
        loop {
            match self.message().await {
                Ok(control_message::Message::Synced(_)) => return Some(Heard::Synced),
                Ok(control_message::Message::TicketKeys(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(_) => return None,
            }
        }
    }

    /// How the control plane ends the stream.
    pub(super) async fn hear_end(&mut self) -> Status {
        loop {
            if let Err(status) = self.message().await {
                return status;
            }
        }
    }

    pub(super) async fn ack(&self, apply: &ApplyGateway) {
        self.ack_as(apply.nonce, &apply.gateway_id, apply.generation)
            .await;
    }

    pub(super) async fn ack_as(&self, nonce: u64, gateway_id: &str, generation: u64) {
        self.say(worker_message::Message::Ack(Ack {
            nonce,
            gateway_id: gateway_id.to_owned(),
            generation,
        }))
        .await;
    }

    pub(super) async fn nack(&self, apply: &ApplyGateway, reason: &str) {
        self.say(worker_message::Message::Nack(Nack {
            nonce: apply.nonce,
            gateway_id: apply.gateway_id.clone(),
            generation: apply.generation,
            resource: "frontendPorts/https".to_owned(),
            property: "port".to_owned(),
            reason: reason.to_owned(),
        }))
        .await;
    }

    pub(super) async fn miss(&self, nonce: u64, blobs: &[[u8; 32]]) {
        self.say(worker_message::Message::MissingBlobs(MissingBlobs {
            nonce,
            sha256: blobs.iter().map(|sha256| sha256.to_vec()).collect(),
        }))
        .await;
    }

    pub(super) async fn say(&self, message: worker_message::Message) {
        self.outbound
            .send(WorkerMessage {
                message: Some(message),
            })
            .await
            .unwrap();
    }

    async fn message(&mut self) -> Result<control_message::Message, Status> {
        let message = tokio::time::timeout(TIMEOUT, self.inbound.message()).await;
        let Ok(message) = message else {
            panic!("the control plane says nothing");
        };
        let message = message?.ok_or_else(|| Status::ok("the stream ended"))?;
        Ok(message.message.unwrap())
    }
}
