//! Records under AES-128-GCM: TLS 1.2 (RFC 5288) and TLS 1.3 (RFC 8446 section 5).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::Version;
use super::bytes::sized;

/// Content type of a change of keys.
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
/// Content type of alerts.
pub(super) const ALERT: u8 = 21;
/// Content type of handshake messages.
pub(super) const HANDSHAKE: u8 = 22;
/// Content type of application data; in TLS 1.3, of everything under a key.
pub(super) const APPLICATION_DATA: u8 = 23;

/// A record without protection.
pub(super) fn plain(content_type: u8, body: &[u8]) -> Vec<u8> {
    [&[content_type, 3, 3][..], &sized(2, body)].concat()
}

/// One direction of a connection.
pub(super) struct Direction {
    version: Version,
    key: LessSafeKey,
    /// TLS 1.2 has four bytes of it, and sends the other eight.
    iv: Vec<u8>,
    sequence: u64,
}

impl Direction {
    pub(super) fn new(version: Version, key: &[u8], iv: &[u8]) -> Self {
        Self {
            version,
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap()),
            iv: iv.to_vec(),
            sequence: 0,
        }
    }

    /// A record with these contents.
    pub(super) fn seal(&mut self, content_type: u8, contents: &[u8]) -> Vec<u8> {
        let explicit = self.sequence.to_be_bytes();
        let mut sealed = contents.to_vec();
        if self.version == Version::V13 {
            sealed.push(content_type);
        }
        let aad = self.aad(content_type, sealed.len());
        let nonce = self.nonce(explicit);
        self.key
            .seal_in_place_append_tag(nonce, aad, &mut sealed)
            .unwrap();
        self.sequence += 1;
        match self.version {
            Version::V12 => plain(content_type, &[&explicit[..], &sealed].concat()),
            Version::V13 => plain(APPLICATION_DATA, &sealed),
        }
    }

    /// Type and contents of a record of this type, by its body.
    pub(super) fn open(&mut self, content_type: u8, body: &[u8]) -> (u8, Vec<u8>) {
        let sequence = self.sequence.to_be_bytes();
        let (explicit, sealed) = match self.version {
            Version::V12 => body.split_at(8),
            Version::V13 => (&sequence[..], body),
        };
        let nonce = self.nonce(explicit.try_into().unwrap());
        let aad = self.aad(content_type, sealed.len() - AES_128_GCM.tag_len());
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, aad, &mut sealed);
        let mut contents = opened.expect("a record of the server").to_vec();
        self.sequence += 1;
        match self.version {
            Version::V12 => (content_type, contents),
            // Nothing here pads.
            Version::V13 => (contents.pop().unwrap(), contents),
        }
    }

    fn nonce(&self, explicit: [u8; 8]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..self.iv.len()].copy_from_slice(&self.iv);
        for (byte, explicit) in nonce[4..].iter_mut().zip(explicit) {
            *byte ^= explicit;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// `length` is that of what is encrypted.
    fn aad(&self, content_type: u8, length: usize) -> Aad<Vec<u8>> {
        let length = |more: usize| u16::try_from(length + more).unwrap().to_be_bytes();
        Aad::from(match self.version {
            Version::V12 => {
                let head = [&[content_type, 3, 3][..], &length(0)].concat();
                [&self.sequence.to_be_bytes()[..], &head].concat()
            }
            Version::V13 => {
                let tag = AES_128_GCM.tag_len();
                [&[APPLICATION_DATA, 3, 3][..], &length(tag)].concat()
            }
        })
    }
}
