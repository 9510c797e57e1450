//! One delivery: the blobs of a snapshot that the worker lacks, in chunks, then the message to apply it.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use proto::config::v1::{ApplyGateway, BlobChunk, BlobKind};
use zeroize::Zeroizing;

use crate::{
    permit::{Permit, Read},
    store::{Content, Store, StoreError, WantedGateway},
};

/// Of one chunk, in bytes.
const CHUNK: usize = 256 * 1024;

/// A snapshot on its way to the worker.
pub(super) struct Delivery {
    pub(super) wanted: Arc<WantedGateway>,
    content: Content,
    rest: VecDeque<Part>,
    open: Option<OpenBlob>,
    sent: Vec<[u8; 32]>,
}

/// What comes next in a delivery.
pub(super) enum Next {
    /// Send this.
    Chunk(BlobChunk),
    /// All blobs are sent: ask the worker to apply.
    Complete,
    /// A newer generation has replaced what was being delivered.
    Gone,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    sha256: [u8; 32],
    kind: BlobKind,
}

struct OpenBlob {
    part: Part,
    bytes: Zeroizing<Vec<u8>>,
    offset: usize,
}

impl Delivery {
    /// Begins to deliver `wanted`; the worker already has the blobs of which `has` says so. `None`: a newer generation
    /// has replaced it.
    pub(super) async fn begin(
        store: &Store,
        permit: &Permit<Read>,
        wanted: Arc<WantedGateway>,
        has: impl Fn(&[u8; 32]) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        let found = store
            .find_content(permit, &wanted.key, wanted.generation)
            .await?;
        let Some(content) = found.filter(|content| Some(content.sha256) == wanted.sha256) else {
            return Ok(None);
        };
        let rest = parts(&content).filter(|part| !has(&part.sha256)).collect();
        Ok(Some(Self {
            wanted,
            content,
            rest,
            open: None,
            sent: Vec::new(),
        }))
    }

    /// Every blob that the snapshot needs, with the snapshot itself.
    pub(super) fn all(&self) -> HashSet<[u8; 32]> {
        parts(&self.content).map(|part| part.sha256).collect()
    }

    /// The blobs that were sent in full.
    pub(super) fn sent(&self) -> impl Iterator<Item = [u8; 32]> {
        self.sent.iter().copied()
    }

    /// Whether a blob is half sent.
    pub(super) fn is_inside_blob(&self) -> bool {
        self.open.is_some()
    }

    /// The next chunk, or that there is none.
    pub(super) async fn next(
        &mut self,
        store: &Store,
        permit: &Permit<Read>,
    ) -> Result<Next, StoreError> {
        if self.open.is_none() {
            let Some(part) = self.rest.pop_front() else {
                return Ok(Next::Complete);
            };
            let Some(bytes) = self.load(store, permit, part).await? else {
                return Ok(Next::Gone);
            };
            self.open = Some(OpenBlob {
                part,
                bytes,
                offset: 0,
            });
        }
        let Some(open) = &mut self.open else {
            return Ok(Next::Complete);
        };
        let chunk = open.chunk();
        if open.is_at_end() {
            self.sent.push(open.part.sha256);
            self.open = None;
        }
        Ok(Next::Chunk(chunk))
    }

    /// The message that follows the blobs.
    pub(super) fn apply(&self, nonce: u64) -> ApplyGateway {
        let others = self.content.blobs.iter().chain(&self.content.keys);
        ApplyGateway {
            nonce,
            gateway_id: self.wanted.id.clone(),
            generation: generation(&self.wanted),
            snapshot_sha256: self.content.sha256.to_vec(),
            blobs: others.map(|sha256| sha256.to_vec()).collect(),
        }
    }

    async fn load(
        &mut self,
        store: &Store,
        permit: &Permit<Read>,
        part: Part,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let key = &self.wanted.key;
        match part.kind {
            BlobKind::PrivateKey => store.find_private_key(permit, key, &part.sha256).await,
            BlobKind::Snapshot => Ok(Some(Zeroizing::new(self.content.snapshot.clone()))),
            BlobKind::Certificates | BlobKind::Crl | BlobKind::Unspecified => {
                let blob = store.find_blob(permit, key, &part.sha256).await?;
                Ok(blob.map(|blob| Zeroizing::new(blob.bytes)))
            }
        }
    }
}

impl OpenBlob {
    fn chunk(&mut self) -> BlobChunk {
        let end = self.bytes.len().min(self.offset + CHUNK);
        let data = self
            .bytes
            .get(self.offset..end)
            .unwrap_or_default()
            .to_vec();
        let offset = std::mem::replace(&mut self.offset, end);
        BlobChunk {
            sha256: self.part.sha256.to_vec(),
            kind: self.part.kind.into(),
            size: self.bytes.len() as u64,
            offset: offset as u64,
            data,
        }
    }

    fn is_at_end(&self) -> bool {
        self.offset >= self.bytes.len()
    }
}

/// A generation as on the wire; the store's check constraint keeps it positive.
pub(super) fn generation(wanted: &WantedGateway) -> u64 {
    u64::try_from(wanted.generation).unwrap_or_default()
}

/// The snapshot comes last: a worker that has it has the rest.
fn parts(content: &Content) -> impl Iterator<Item = Part> {
    let part = |kind| {
        move |sha256: &[u8; 32]| Part {
            sha256: *sha256,
            kind,
        }
    };
    let certificates = content.blobs.iter().map(part(BlobKind::Certificates));
    let keys = content.keys.iter().map(part(BlobKind::PrivateKey));
    let snapshot = std::iter::once(&content.sha256).map(part(BlobKind::Snapshot));
    certificates.chain(keys).chain(snapshot)
}
