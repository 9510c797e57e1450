//! What has to be known of the state that rustls gives to be sealed.
//!
//! The layout is rustls' own (`ServerSessionValue` of version 0.23) and documented nowhere. A state that does not look
//! like it is not sealed, which costs a full handshake; the tests notice.

use aws_lc_rs::digest;
use rustls_pki_types::CertificateDer;

use super::claims::Reader;

/// A session as rustls would restore it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State<'a> {
    /// Of TLS: 0x0303 or 0x0304.
    pub(crate) version: u16,
    extended_master_secret: bool,
    /// What the client sent, its own certificate first; empty where it sent none.
    pub(crate) chain: Vec<CertificateDer<'a>>,
}

const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

impl<'a> State<'a> {
    /// Reads the state; `None` when it is not understood.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if flag(&mut reader)? {
            short(&mut reader)?;
        }
        let version = u16::from_be_bytes(reader.array()?);
        let _suite: [u8; 2] = reader.array()?;
        short(&mut reader)?;
        let extended_master_secret = flag(&mut reader)?;
        let mut chain = Vec::new();
        if flag(&mut reader)? {
            let mut certificates = Reader(long(&mut reader)?);
            while !certificates.0.is_empty() {
                chain.push(CertificateDer::from(long(&mut certificates)?));
            }
        }
        let known = matches!(version, TLS_1_2 | TLS_1_3);
        known.then_some(Self {
            version,
            extended_master_secret,
            chain,
        })
    }

    /// A session of TLS 1.2 without the extended master secret can be spliced into another (RFC 7627 section 5.4).
    pub(super) fn may_be_resumed(&self) -> bool {
        self.version == TLS_1_3 || self.extended_master_secret
    }

    /// SHA-256 of the client's certificate.
    pub(crate) fn leaf_hash(&self) -> Option<[u8; 32]> {
        let hash = digest::digest(&digest::SHA256, self.chain.first()?);
        hash.as_ref().try_into().ok()
    }
}

fn flag(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.array()? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// After one byte of length.
fn short<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let [len] = reader.array()?;
    reader.bytes(len.into())
}

/// After three bytes of length.
fn long<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let [high, middle, low] = reader.array()?;
    let len = u32::from_be_bytes([0, high, middle, low]);
    reader.bytes(usize::try_from(len).ok()?)
}
