//! What a ticket says about the authentication that its session rests on.

use std::time::Duration;

use rustls_pki_types::UnixTime;

/// The claims of a ticket. They precede rustls' own state under the seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The version of TLS, from the ticket's header.
    pub(crate) version: u16,
    /// When the client proved possession of its key: in the first handshake of the session.
    pub(crate) authenticated_at: UnixTime,
    /// The earliest end of validity on the client's verified path, inclusive. Absent: nothing was verified.
    pub(crate) path_not_after: Option<UnixTime>,
    /// SHA-256 of the client's certificate. Absent: none was shown.
    pub(crate) leaf: Option<[u8; 32]>,
}

const NONE: u64 = u64::MAX;

impl Claims {
    /// Appends the claims.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let until = self.path_not_after.map_or(NONE, |until| until.as_secs());
        out.extend_from_slice(&self.authenticated_at.as_secs().to_be_bytes());
        out.extend_from_slice(&until.to_be_bytes());
        out.push(u8::from(self.leaf.is_some()));
        out.extend_from_slice(&self.leaf.unwrap_or_default());
    }

    /// Reads the claims at the start of an opened ticket; what follows them is rustls'.
    pub(super) fn read(plain: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader(plain);
        let authenticated_at = reader.time()?;
        let path_not_after = reader.time()?;
        let shown = reader.array::<1>()? == [1];
        let leaf = reader.array::<32>()?;
        let claims = Self {
            version: 0,
            authenticated_at,
            path_not_after: Some(path_not_after).filter(|until| until.as_secs() != NONE),
            leaf: shown.then_some(leaf),
        };
        Some((claims, reader.0))
    }
}

/// Takes fields off the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(field)
    }

    fn time(&mut self) -> Option<UnixTime> {
        let seconds = u64::from_be_bytes(self.array()?);
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
