//! The memory of good signatures.
//!
//! Intermediates and returning clients repeat, and verifying their signatures is the greater part of a handshake's
//! cost. What is remembered is a mathematical fact only: this signature over these bytes verifies with this key under
//! this algorithm. It never ages, needs no invalidation, and says nothing about validity, purposes, constraints or
//! policy, which are evaluated every time. Failures are not remembered, so that nobody can fill the memory with them.
//!
//! Each thread has its own, so there is no lock; a worker has one thread per core.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::mem;

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

use crate::policy::FieldHasher;

/// An algorithm that does not verify a signature again which it found good on this thread before.
pub(crate) struct Remembered(pub(crate) &'static dyn SignatureVerificationAlgorithm);

impl fmt::Debug for Remembered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Remembered").field(&self.0).finish()
    }
}

impl SignatureVerificationAlgorithm for Remembered {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let fact = self.fact(public_key, message, signature);
        if GOOD.try_with(|good| good.borrow_mut().contains(&fact)) == Ok(true) {
            return Ok(());
        }
        self.0.verify_signature(public_key, message, signature)?;
        // A thread that is shutting down has no memory left; the answer is right all the same.
        let _forgotten = GOOD.try_with(|good| good.borrow_mut().insert(fact));
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

impl Remembered {
    /// SHA-256 over all that the verification depends on, each part length-prefixed.
    fn fact(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Fact {
        let mut hasher = FieldHasher::new(b"portcullis signature 1");
        hasher.field(self.0.public_key_alg_id().as_ref());
        hasher.field(self.0.signature_alg_id().as_ref());
        hasher.field(public_key);
        hasher.field(message);
        hasher.field(signature);
        hasher.finish()
    }
}

type Fact = [u8; 32];

/// A bounded set that forgets what was not asked for lately.
///
/// Two generations: new facts go to the young one; when that is full, it becomes the old one and the former old one is
/// dropped whole. A fact found in the old generation moves to the young one.
struct Generations {
    young: HashSet<Fact>,
    old: HashSet<Fact>,
    capacity: usize,
}

/// Facts per generation; 4,096 in all, which is about 300 KiB per thread.
const CAPACITY: usize = 2048;

thread_local! {
    static GOOD: RefCell<Generations> = RefCell::new(Generations::new(CAPACITY));
}

impl Generations {
    fn new(capacity: usize) -> Self {
        Self {
            young: HashSet::new(),
            old: HashSet::new(),
            capacity,
        }
    }

    fn contains(&mut self, fact: &Fact) -> bool {
        if self.young.contains(fact) {
            return true;
        }
        let found = self.old.remove(fact);
        if found {
            self.insert(*fact);
        }
        found
    }

    fn insert(&mut self, fact: Fact) {
        if self.young.len() >= self.capacity {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(number: u8) -> Fact {
        [number; 32]
    }

    #[test]
    fn never_holds_more_than_two_generations() {
        let mut good = Generations::new(4);
        for number in 0..=255 {
            good.insert(fact(number));
            assert!(good.young.len() + good.old.len() <= 8);
        }
        assert!(good.contains(&fact(255)));
        assert!(!good.contains(&fact(0)));
    }

    #[test]
    fn what_is_asked_for_stays() {
        let mut good = Generations::new(4);
        good.insert(fact(0));
        for number in 1..=255 {
            assert!(good.contains(&fact(0)), "forgotten before {number}");
            good.insert(fact(number));
        }
    }

    #[test]
    fn parts_of_a_fact_do_not_run_into_each_other() {
        let algorithm = Remembered(webpki::aws_lc_rs::ED25519);
        let other = Remembered(webpki::aws_lc_rs::ECDSA_P256_SHA256);
        let facts = [
            algorithm.fact(b"a", b"bc", b"d"),
            algorithm.fact(b"ab", b"c", b"d"),
            algorithm.fact(b"a", b"b", b"cd"),
            algorithm.fact(b"", b"abc", b"d"),
            other.fact(b"a", b"bc", b"d"),
        ];
        assert_eq!(HashSet::from(facts).len(), facts.len());
    }

    #[test]
    fn a_failure_is_not_remembered() {
        let algorithm = Remembered(webpki::aws_lc_rs::ED25519);
        for _ in 0..2 {
            assert!(
                algorithm
                    .verify_signature(&[0; 32], b"message", &[0; 64])
                    .is_err()
            );
        }
        GOOD.with_borrow(|good| assert!(good.young.is_empty() && good.old.is_empty()));
    }
}
