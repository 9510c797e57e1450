//! One delivery: the blobs of a snapshot that the worker lacks, in chunks, then the message to apply it.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use proto::config::v1::{ApplyGateway, BlobChunk, BlobKind};
use zeroize::Zeroizing;

use crate::{
    permit::{Permit, Read},
    store::{Content, LIST_PART, ListInSnapshot, Store, StoreError, WantedGateway},
};

/// Of one chunk, in bytes; what is read part by part is stored in parts of this size.
const CHUNK: u64 = LIST_PART as u64;

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

/// A blob to send.
#[derive(Debug, Clone, Copy)]
enum Part {
    Certificates([u8; 32]),
    PrivateKey([u8; 32]),
    /// Read part by part: it may have 50 MiB, and many workers may read at once.
    RevocationList(ListInSnapshot),
    Snapshot([u8; 32]),
}

struct OpenBlob {
    part: Part,
    /// Empty for what is read part by part.
    bytes: Zeroizing<Vec<u8>>,
    size: u64,
    offset: u64,
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
        let rest = parts(&content).filter(|part| !has(part.sha256())).collect();
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
        parts(&self.content).map(|part| *part.sha256()).collect()
    }

    /// The blobs that were sent in full.
    pub(super) fn sent(&self) -> impl Iterator<Item = [u8; 32]> {
        self.sent.iter().copied()
    }

    /// Whether a blob is half sent.
    pub(super) fn is_inside_blob(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a revocation list is half sent, which the worker lets others interrupt.
    pub(super) fn is_inside_list(&self) -> bool {
        let part = self.open.as_ref().map(|open| &open.part);
        matches!(part, Some(Part::RevocationList(_)))
    }

    /// The next chunk, or that there is none.
    pub(super) async fn next(
        &mut self,
        store: &Store,
        permit: &Permit<Read>,
    ) -> Result<Next, StoreError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => match self.rest.pop_front() {
                None => return Ok(Next::Complete),
                Some(part) => match self.open(store, permit, part).await? {
                    None => return Ok(Next::Gone),
                    Some(open) => open,
                },
            },
        };
        let key = &self.wanted.key;
        let Some(chunk) = open.chunk(store, permit, key).await? else {
            return Ok(Next::Gone);
        };
        if open.is_at_end() {
            self.sent.push(*open.part.sha256());
        } else {
            self.open = Some(open);
        }
        Ok(Next::Chunk(chunk))
    }

    /// The message that follows the blobs.
    pub(super) fn apply(&self, nonce: u64) -> ApplyGateway {
        let content = &self.content;
        let lists = content.revocation_lists.iter().map(|list| &list.sha256);
        let others = content.blobs.iter().chain(&content.keys).chain(lists);
        ApplyGateway {
            nonce,
            gateway_id: self.wanted.id.clone(),
            generation: generation(&self.wanted),
            snapshot_sha256: self.content.sha256.to_vec(),
            blobs: others.map(|sha256| sha256.to_vec()).collect(),
        }
    }

    /// `None`: it is not there any more.
    async fn open(
        &self,
        store: &Store,
        permit: &Permit<Read>,
        part: Part,
    ) -> Result<Option<OpenBlob>, StoreError> {
        let key = &self.wanted.key;
        let bytes = match &part {
            Part::Certificates(sha256) => {
                let blob = store.find_blob(permit, key, sha256).await?;
                blob.map(|blob| Zeroizing::new(blob.bytes))
            }
            Part::PrivateKey(sha256) => store.find_private_key(permit, key, sha256).await?,
            Part::RevocationList(_) => Some(Zeroizing::default()),
            Part::Snapshot(_) => Some(Zeroizing::new(self.content.snapshot.clone())),
        };
        Ok(bytes.map(|bytes| OpenBlob {
            size: match &part {
                Part::RevocationList(list) => list.size,
                Part::Certificates(_) | Part::PrivateKey(_) | Part::Snapshot(_) => {
                    bytes.len() as u64
                }
            },
            part,
            bytes,
            offset: 0,
        }))
    }
}

impl OpenBlob {
    /// `None`: it is not there any more.
    async fn chunk(
        &mut self,
        store: &Store,
        permit: &Permit<Read>,
        gateway: &str,
    ) -> Result<Option<BlobChunk>, StoreError> {
        let end = self.size.min(self.offset + CHUNK);
        let data = match &self.part {
            Part::RevocationList(list) => {
                let position = i64::try_from(self.offset / CHUNK).unwrap_or(i64::MAX);
                let part = store.find_list_part(permit, gateway, &list.sha256, position);
                part.await?
            }
            Part::Certificates(_) | Part::PrivateKey(_) | Part::Snapshot(_) => {
                let range = index(self.offset)..index(end);
                Some(self.bytes.get(range).unwrap_or_default().to_vec())
            }
        };
        let Some(data) = data else {
            return Ok(None);
        };
        if data.len() as u64 != end - self.offset {
            return Err(StoreError::corrupt(format!("{gateway}: a part of a blob")));
        }
        let offset = std::mem::replace(&mut self.offset, end);
        Ok(Some(BlobChunk {
            sha256: self.part.sha256().to_vec(),
            kind: self.part.kind().into(),
            size: self.size,
            offset,
            data,
        }))
    }

    fn is_at_end(&self) -> bool {
        self.offset >= self.size
    }
}

impl Part {
    fn sha256(&self) -> &[u8; 32] {
        match self {
            Self::Certificates(sha256) | Self::PrivateKey(sha256) | Self::Snapshot(sha256) => {
                sha256
            }
            Self::RevocationList(list) => &list.sha256,
        }
    }

    fn kind(&self) -> BlobKind {
        match self {
            Self::Certificates(_) => BlobKind::Certificates,
            Self::PrivateKey(_) => BlobKind::PrivateKey,
            Self::RevocationList(_) => BlobKind::Crl,
            Self::Snapshot(_) => BlobKind::Snapshot,
        }
    }
}

/// An offset into what is in memory.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// A generation as on the wire; the store's check constraint keeps it positive.
pub(super) fn generation(wanted: &WantedGateway) -> u64 {
    u64::try_from(wanted.generation).unwrap_or_default()
}

/// The snapshot comes last: a worker that has it has the rest.
fn parts(content: &Content) -> impl Iterator<Item = Part> {
    let certificates = content.blobs.iter().copied().map(Part::Certificates);
    let keys = content.keys.iter().copied().map(Part::PrivateKey);
    let lists = content.revocation_lists.iter().copied();
    let lists = lists.map(Part::RevocationList);
    let snapshot = std::iter::once(Part::Snapshot(content.sha256));
    // Lists first: what is sent before one that is interrupted, the worker may have dropped when it goes on.
    lists.chain(certificates).chain(keys).chain(snapshot)
}
