//! The plain form of the state: counts and lengths as big-endian numbers, so that one buffer, wiped afterwards, is all
//! that ever holds it.

use proto::config::v1::BlobKind;
use zeroize::Zeroizing;

use super::{Saved, SavedGateway};
use crate::blobs::{Blob, sha256};

/// Writes the state.
pub(super) fn encode(saved: &Saved) -> Zeroizing<Vec<u8>> {
    let gateways: usize = saved
        .gateways
        .iter()
        .map(|gateway| gateway.id.len() + 48)
        .sum();
    let blobs: usize = saved
        .blobs
        .iter()
        .map(|(_, blob)| blob.bytes().len() + 12)
        .sum();
    // Room for the tag too: a buffer that moved would leave a copy behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(gateways + blobs + 64));
    put_length(&mut plain, saved.gateways.len());
    for gateway in &saved.gateways {
        put_bytes(&mut plain, gateway.id.as_bytes());
        plain.extend_from_slice(&gateway.generation.to_be_bytes());
        plain.extend_from_slice(&gateway.snapshot);
    }
    put_length(&mut plain, saved.blobs.len());
    for (_, blob) in &saved.blobs {
        plain.extend_from_slice(&i32::from(blob.kind).to_be_bytes());
        put_bytes(&mut plain, blob.bytes());
    }
    plain
}

/// Reads what [`encode`] wrote, to the last byte.
pub(super) fn decode(plain: &[u8]) -> Option<Saved> {
    let mut reader = Reader(plain);
    let mut saved = Saved::default();
    for _ in 0..reader.length()? {
        let id = String::from_utf8(reader.bytes()?.to_vec()).ok()?;
        let generation = u64::from_be_bytes(*reader.array()?);
        saved.gateways.push(SavedGateway {
            id,
            generation,
            snapshot: *reader.array()?,
        });
    }
    for _ in 0..reader.length()? {
        let kind = BlobKind::try_from(i32::from_be_bytes(*reader.array()?)).ok()?;
        let bytes = reader.bytes()?;
        saved.blobs.push((
            sha256(bytes),
            Blob::new(kind, Zeroizing::new(bytes.to_vec())),
        ));
    }
    reader.0.is_empty().then_some(saved)
}

fn put_length(plain: &mut Vec<u8>, length: usize) {
    plain.extend_from_slice(&(length as u64).to_be_bytes());
}

fn put_bytes(plain: &mut Vec<u8>, bytes: &[u8]) {
    put_length(plain, bytes.len());
    plain.extend_from_slice(bytes);
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u64::from_be_bytes(*self.array()?)).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
