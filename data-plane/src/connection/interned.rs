//! Certificates of CAs that live connections rest on: thousands of clients share a few of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use client_auth::PathCertificate;

/// The certificates that paths of one core's connections have in common. Each lives as long as the last path with it.
#[derive(Debug, Default)]
pub(crate) struct Interned(RefCell<Known>);

#[derive(Debug, Default)]
struct Known {
    by_hash: HashMap<[u8; 32], Weak<[u8]>>,
    /// With so many, those that nobody has any more are forgotten.
    limit: usize,
}

const FEWEST: usize = 256;

impl Interned {
    /// Lets the CAs of a path, which is every certificate but the first, be the same in memory as in other paths.
    pub(crate) fn share(&self, path: &mut [PathCertificate]) {
        let mut known = self.0.borrow_mut();
        for certificate in path.iter_mut().skip(1) {
            certificate.der = known.find(certificate);
        }
    }
}

impl Known {
    fn find(&mut self, certificate: &PathCertificate) -> Arc<[u8]> {
        let hash = *certificate.sha256.as_bytes();
        let known = self.by_hash.get(&hash).and_then(Weak::upgrade);
        // The bytes decide, whatever the hash says.
        if let Some(known) = known.filter(|known| *known == certificate.der) {
            return known;
        }
        if self.by_hash.len() >= self.limit {
            self.by_hash.retain(|_, known| known.strong_count() > 0);
            self.limit = (self.by_hash.len() * 2).max(FEWEST);
        }
        self.by_hash.insert(hash, Arc::downgrade(&certificate.der));
        Arc::clone(&certificate.der)
    }
}

#[cfg(test)]
mod tests {
    use client_auth::Sha256Fingerprint;

    use super::*;

    fn path(names: &[u32]) -> Vec<PathCertificate> {
        let certificate = |name: &u32| {
            let der = name.to_be_bytes();
            PathCertificate {
                subject: name.to_string(),
                key_id: Sha256Fingerprint::of(&der),
                sha256: Sha256Fingerprint::of(&der),
                der: Arc::from(&der[..]),
            }
        };
        names.iter().map(certificate).collect()
    }

    #[test]
    fn paths_share_the_certificates_of_their_cas() {
        let interned = Interned::default();
        let (mut one, mut other) = (path(&[1, 7, 8]), path(&[1, 7, 9]));
        interned.share(&mut one);
        interned.share(&mut other);
        assert!(!Arc::ptr_eq(&one[0].der, &other[0].der));
        assert!(Arc::ptr_eq(&one[1].der, &other[1].der));
        assert_eq!(other, path(&[1, 7, 9]));
    }

    #[test]
    fn what_nobody_has_is_forgotten() {
        let interned = Interned::default();
        for name in 0..10_000 {
            interned.share(&mut path(&[0, name]));
        }
        assert!(interned.0.borrow().by_hash.len() <= FEWEST);
    }
}
