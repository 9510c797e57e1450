//! Content-addressed blobs from the control plane: snapshots, certificate lists and private keys, put together from
//! chunks within bounds and kept while a snapshot needs them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use proto::config::v1::{BlobChunk, BlobKind};
use zeroize::Zeroizing;

use crate::settings::BlobLimits;

/// SHA-256 of a blob.
pub(crate) type Digest = [u8; 32];

/// What a blob holds; wiped from memory when the last owner goes, since it may be a private key.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) kind: BlobKind,
    bytes: Arc<Zeroizing<Vec<u8>>>,
}

/// The blobs that a worker holds, and the one that is arriving.
#[derive(Debug)]
pub(crate) struct Blobs {
    limits: BlobLimits,
    held: HashMap<Digest, Blob>,
    held_bytes: u64,
    arriving: Option<Arriving>,
    /// Revocation lists that were interrupted by another blob, oldest first; few.
    interrupted: Vec<Arriving>,
    refused: HashMap<Digest, Refused>,
}

/// Why a blob that was sent is not held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("blob {} has {size} bytes, more than the {limit} that --max-blob-bytes allows", hex::encode(.digest))]
    TooLarge {
        digest: Digest,
        size: u64,
        limit: u64,
    },
    #[error("blob {} does not fit: all blobs together would exceed the {limit} bytes of --max-blobs-bytes", hex::encode(.digest))]
    NoRoom { digest: Digest, limit: u64 },
    #[error("blob {} arrived with other content than its SHA-256 says", hex::encode(.digest))]
    Corrupt { digest: Digest },
}

/// A chunk that the protocol does not allow; the stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChunkError {
    #[error("a blob is not named by 32 bytes")]
    Name,
    #[error("a blob is of no known kind")]
    Kind,
    #[error("a chunk is empty or larger than {MAX_CHUNK} bytes")]
    Size,
    #[error("a chunk does not continue the one before it")]
    Order,
    #[error("a chunk reaches beyond the end of its blob")]
    Overrun,
}

/// The blob whose chunks are arriving.
#[derive(Debug)]
struct Arriving {
    digest: Digest,
    kind: BlobKind,
    size: u64,
    received: u64,
    /// Absent: the blob is refused and its chunks are only counted.
    bytes: Option<Zeroizing<Vec<u8>>>,
}

/// `BlobChunk.data` is at most this long.
const MAX_CHUNK: usize = 256 * 1024;
/// Memory taken at once for an announced size; the rest is taken as bytes arrive.
const FIRST_CAPACITY: u64 = 1 << 20;
/// One is continued sooner or later, others were given up half-way.
const MAX_INTERRUPTED: usize = 2;
/// Refusals remembered until the snapshot that needs them is answered.
const MAX_REFUSED: usize = 1024;

impl Blob {
    /// Wraps bytes that were verified.
    pub(crate) fn new(kind: BlobKind, bytes: Zeroizing<Vec<u8>>) -> Self {
        Self {
            kind,
            bytes: Arc::new(bytes),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Blob({:?}, {} bytes)",
            self.kind,
            self.bytes.len()
        )
    }
}

impl Blobs {
    pub(crate) fn new(limits: BlobLimits) -> Self {
        Self {
            limits,
            held: HashMap::new(),
            held_bytes: 0,
            arriving: None,
            interrupted: Vec::new(),
            refused: HashMap::new(),
        }
    }

    /// Takes the next chunk.
    ///
    /// A blob that is too large or corrupt is not an error of the stream: it is [`refused`](Self::refusal), and so is the
    /// snapshot that needs it.
    ///
    /// # Errors
    /// [`ChunkError`] where the control plane broke the protocol.
    pub(crate) fn receive(&mut self, chunk: &BlobChunk) -> Result<(), ChunkError> {
        let arriving = match (self.arriving.take(), chunk.offset) {
            (unfinished, 0) => {
                self.set_aside(unfinished);
                self.interrupted.retain(|list| chunk.sha256 != list.digest);
                self.begin(chunk)?
            }
            (Some(arriving), _) if chunk.sha256 == arriving.digest => arriving,
            (unfinished, _) => {
                let found = self.continued(chunk)?;
                self.set_aside(unfinished);
                found
            }
        };
        let arriving = arriving.push(chunk)?;
        if arriving.received < arriving.size {
            self.arriving = Some(arriving);
        } else {
            self.finish(arriving);
        }
        Ok(())
    }

    /// Forgets an unfinished blob and old refusals: a new stream starts.
    pub(crate) fn restart(&mut self) {
        self.arriving = None;
        self.interrupted.clear();
        self.refused.clear();
    }

    /// A held blob of this kind.
    pub(crate) fn find(&self, digest: &[u8], kind: BlobKind) -> Option<&Blob> {
        self.held.get(digest).filter(|blob| blob.kind == kind)
    }

    /// Holds a blob whose digest the caller vouches for.
    pub(crate) fn insert(&mut self, digest: Digest, blob: Blob) {
        let size = blob.bytes.len() as u64;
        if self.held.insert(digest, blob).is_none() {
            self.held_bytes += size;
        }
    }

    /// What is held, in no order.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.held.keys()
    }

    /// What is held, with content, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Digest, &Blob)> {
        self.held.iter()
    }

    /// Why one of these blobs is not held although it was sent.
    pub(crate) fn refusal<'a>(
        &self,
        digests: impl IntoIterator<Item = &'a Digest>,
    ) -> Option<&Refused> {
        digests
            .into_iter()
            .find_map(|digest| self.refused.get(digest))
    }

    /// Drops all but these, and forgets refusals.
    pub(crate) fn retain(&mut self, needed: &HashSet<Digest>) {
        self.held.retain(|digest, _| needed.contains(digest));
        self.held_bytes = self.held.values().map(|blob| blob.bytes.len() as u64).sum();
        self.refused.clear();
    }

    /// Keeps what arrived of a revocation list, which may be continued later; an unfinished blob of another kind was given
    /// up.
    fn set_aside(&mut self, unfinished: Option<Arriving>) {
        let Some(list) = unfinished.filter(|blob| blob.kind == BlobKind::Crl) else {
            return;
        };
        if self.interrupted.len() == MAX_INTERRUPTED {
            self.interrupted.remove(0);
        }
        self.interrupted.push(list);
    }

    /// The interrupted revocation list that a chunk continues.
    fn continued(&mut self, chunk: &BlobChunk) -> Result<Arriving, ChunkError> {
        let mut lists = self.interrupted.iter();
        let found = lists.position(|list| chunk.sha256 == list.digest);
        found
            .map(|index| self.interrupted.remove(index))
            .ok_or(ChunkError::Order)
    }

    fn begin(&self, chunk: &BlobChunk) -> Result<Arriving, ChunkError> {
        let digest = Digest::try_from(chunk.sha256.as_slice()).map_err(|_| ChunkError::Name)?;
        let kind = match BlobKind::try_from(chunk.kind) {
            Ok(BlobKind::Unspecified) | Err(_) => return Err(ChunkError::Kind),
            Ok(kind) => kind,
        };
        let fits = self.refuse(digest, chunk.size).is_none();
        let bytes = fits.then(|| {
            let capacity = usize::try_from(chunk.size.min(FIRST_CAPACITY)).unwrap_or_default();
            Zeroizing::new(Vec::with_capacity(capacity))
        });
        Ok(Arriving {
            digest,
            kind,
            size: chunk.size,
            received: 0,
            bytes,
        })
    }

    fn refuse(&self, digest: Digest, size: u64) -> Option<Refused> {
        let BlobLimits { one, total } = self.limits;
        if size > one {
            return Some(Refused::TooLarge {
                digest,
                size,
                limit: one,
            });
        }
        let coming: u64 = self.interrupted.iter().map(|list| list.size).sum();
        let taken = self.held_bytes.saturating_add(coming);
        if taken.saturating_add(size) > total {
            return Some(Refused::NoRoom {
                digest,
                limit: total,
            });
        }
        None
    }

    fn finish(&mut self, arrived: Arriving) {
        let Arriving {
            digest,
            kind,
            size,
            bytes,
            ..
        } = arrived;
        let refused = match bytes {
            Some(bytes) if sha256(&bytes) == digest => {
                self.refused.remove(&digest);
                self.insert(digest, Blob::new(kind, bytes));
                return;
            }
            Some(_) => Refused::Corrupt { digest },
            None => match self.refuse(digest, size) {
                Some(refused) => refused,
                // Room was made while it arrived: it is missing and will be asked for.
                None => return,
            },
        };
        if self.refused.len() < MAX_REFUSED {
            self.refused.insert(digest, refused);
        }
    }
}

impl Arriving {
    fn push(mut self, chunk: &BlobChunk) -> Result<Self, ChunkError> {
        let same = chunk.sha256 == self.digest
            && chunk.kind == i32::from(self.kind)
            && chunk.size == self.size;
        if !same || chunk.offset != self.received {
            return Err(ChunkError::Order);
        }
        let length = chunk.data.len();
        if length > MAX_CHUNK || (length == 0 && self.size != 0) {
            return Err(ChunkError::Size);
        }
        self.received += length as u64;
        if self.received > self.size {
            return Err(ChunkError::Overrun);
        }
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(&chunk.data);
        }
        Ok(self)
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BlobLimits = BlobLimits {
        one: 1000,
        total: 1500,
    };

    fn chunks(content: &[u8], length: usize) -> Vec<BlobChunk> {
        let whole = BlobChunk {
            sha256: sha256(content).to_vec(),
            kind: BlobKind::Certificates.into(),
            size: content.len() as u64,
            offset: 0,
            data: Vec::new(),
        };
        let parts = content.chunks(length).enumerate();
        parts
            .map(|(i, data)| BlobChunk {
                offset: (i * length) as u64,
                data: data.to_vec(),
                ..whole.clone()
            })
            .collect()
    }

    fn receive_all(blobs: &mut Blobs, chunks: &[BlobChunk]) -> Result<(), ChunkError> {
        chunks.iter().try_for_each(|chunk| blobs.receive(chunk))
    }

    fn check_broken(change: impl FnOnce(&mut Vec<BlobChunk>), expected: ChunkError) {
        let mut sent = chunks(&[7; 100], 40);
        change(&mut sent);
        assert_eq!(receive_all(&mut Blobs::new(LIMITS), &sent), Err(expected));
    }

    #[test]
    fn chunks_become_the_blob() {
        for length in [1, 33, 100] {
            let mut blobs = Blobs::new(LIMITS);
            receive_all(&mut blobs, &chunks(&[7; 100], length)).expect("in order");
            let blob = blobs
                .find(&sha256(&[7; 100]), BlobKind::Certificates)
                .expect("held");
            assert_eq!(blob.bytes(), [7; 100]);
            assert!(
                blobs
                    .find(&sha256(&[7; 100]), BlobKind::PrivateKey)
                    .is_none(),
                "of another kind"
            );
        }
    }

    #[test]
    fn an_empty_blob_is_a_blob() {
        let mut blobs = Blobs::new(LIMITS);
        let chunk = BlobChunk {
            sha256: sha256(b"").to_vec(),
            kind: BlobKind::Snapshot.into(),
            ..BlobChunk::default()
        };
        blobs.receive(&chunk).expect("allowed");
        assert!(blobs.find(&sha256(b""), BlobKind::Snapshot).is_some());
    }

    #[test]
    fn an_unfinished_blob_can_be_given_up_for_another() {
        let mut blobs = Blobs::new(LIMITS);
        blobs
            .receive(&chunks(&[7; 100], 40)[0])
            .expect("first chunk");
        receive_all(&mut blobs, &chunks(&[8; 100], 40)).expect("another blob");
        assert_eq!(blobs.digests().collect::<Vec<_>>(), [&sha256(&[8; 100])]);
    }

    fn list_chunks(content: &[u8]) -> Vec<BlobChunk> {
        let mut chunks = chunks(content, 40);
        for chunk in &mut chunks {
            chunk.kind = BlobKind::Crl.into();
        }
        chunks
    }

    #[test]
    fn a_revocation_list_goes_on_where_it_was_interrupted() {
        let mut blobs = Blobs::new(LIMITS);
        let list = list_chunks(&[7; 100]);
        blobs.receive(&list[0]).expect("first chunk");
        receive_all(&mut blobs, &chunks(&[8; 100], 40)).expect("another blob");
        blobs.retain(&HashSet::new());
        receive_all(&mut blobs, &list[1..]).expect("the rest");
        let found = blobs.find(&sha256(&[7; 100]), BlobKind::Crl);
        assert_eq!(found.expect("held").bytes(), [7; 100]);
        // Begun anew, the old beginning counts no more.
        let other = list_chunks(&[9; 100]);
        blobs.receive(&other[0]).expect("first chunk");
        blobs.receive(&chunks(&[8; 100], 100)[0]).expect("another");
        receive_all(&mut blobs, &other).expect("all of it");
        assert_eq!(blobs.receive(&other[1]), Err(ChunkError::Order));
    }

    #[test]
    fn lists_that_are_given_up_half_way_do_not_pile_up() {
        let mut blobs = Blobs::new(LIMITS);
        let lists: Vec<_> = (0..10).map(|byte| list_chunks(&[byte; 100])).collect();
        for list in &lists {
            blobs.receive(&list[0]).expect("first chunk");
        }
        assert!(blobs.interrupted.len() <= MAX_INTERRUPTED);
        assert_eq!(blobs.receive(&lists[0][1]), Err(ChunkError::Order));
        blobs.restart();
        assert_eq!(blobs.receive(&lists[9][1]), Err(ChunkError::Order));
    }

    #[test]
    fn broken_chunks_break_the_stream() {
        check_broken(|chunks| chunks[0].sha256.truncate(31), ChunkError::Name);
        check_broken(|chunks| chunks[0].kind = 0, ChunkError::Kind);
        check_broken(|chunks| chunks[0].kind = 99, ChunkError::Kind);
        check_broken(|chunks| chunks.swap(1, 2), ChunkError::Order);
        check_broken(|chunks| drop(chunks.remove(0)), ChunkError::Order);
        check_broken(|chunks| chunks[1].size = 101, ChunkError::Order);
        check_broken(|chunks| chunks[1].sha256 = vec![0; 32], ChunkError::Order);
        check_broken(|chunks| chunks[1].data.clear(), ChunkError::Size);
        check_broken(
            |chunks| chunks[1].data = vec![0; MAX_CHUNK + 1],
            ChunkError::Size,
        );
        check_broken(|chunks| chunks[2].data.push(7), ChunkError::Overrun);
    }

    #[test]
    fn what_is_too_large_is_refused_and_the_stream_goes_on() {
        let mut blobs = Blobs::new(LIMITS);
        receive_all(&mut blobs, &chunks(&[7; 1001], 400)).expect("no error of the stream");
        let digest = sha256(&[7; 1001]);
        assert_eq!(
            blobs.refusal([&digest]),
            Some(&Refused::TooLarge {
                digest,
                size: 1001,
                limit: 1000
            })
        );
        receive_all(&mut blobs, &chunks(&[8; 1000], 400)).expect("fits");
        receive_all(&mut blobs, &chunks(&[9; 501], 400)).expect("no error of the stream");
        let digest = sha256(&[9; 501]);
        assert_eq!(
            blobs.refusal([&digest]),
            Some(&Refused::NoRoom {
                digest,
                limit: 1500
            })
        );
        blobs.retain(&HashSet::new());
        receive_all(&mut blobs, &chunks(&[9; 501], 400)).expect("fits now");
        assert!(blobs.find(&digest, BlobKind::Certificates).is_some());
    }

    #[test]
    fn content_that_is_not_what_its_name_says_is_refused() {
        let mut blobs = Blobs::new(LIMITS);
        let mut sent = chunks(&[7; 100], 100);
        sent[0].data[5] = 8;
        receive_all(&mut blobs, &sent).expect("no error of the stream");
        let digest = sha256(&[7; 100]);
        assert_eq!(blobs.refusal([&digest]), Some(&Refused::Corrupt { digest }));
        assert_eq!(blobs.digests().count(), 0);
    }

    #[test]
    fn content_is_never_printed() {
        let blob = Blob::new(BlobKind::PrivateKey, Zeroizing::new(vec![0x41; 4]));
        assert_eq!(format!("{blob:?}"), "Blob(PrivateKey, 4 bytes)");
    }
}
