//! Lists of many entries.

use std::time::Instant;

use crate::RevocationQuestion;
use crate::crl::{Crl, CrlSet, MAX_ENTRIES};
use crate::testing::crl::{List, ask, entry, reason, word};
use crate::testing::{Authority, at, plain};

/// Bytes of memory that an entry may take: 25 MB for half a million.
const MEMORY: usize = 50;

/// Odd, so that multiples of it are distinct.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

/// `count` entries with distinct serial numbers of 20 octets, in no order, each with a reason.
fn entries(count: usize) -> Vec<u8> {
    let reason = [reason(1)];
    let mut entries = Vec::new();
    for number in 0..count as u64 {
        entries.extend(entry(&serial(number.wrapping_mul(SCATTER)), &reason));
    }
    entries
}

fn serial(number: u64) -> [u8; 20] {
    let mut serial = [0x5a; 20];
    serial[4..12].copy_from_slice(&number.to_be_bytes());
    serial
}

/// `cargo test --release -p client-auth half_a_million -- --nocapture` tells the figures.
// T-54
#[test]
fn half_a_million_entries_are_found_one_by_one_and_take_little_memory() {
    check(MAX_ENTRIES);
}

fn check(count: usize) {
    let root = Authority::root("root");
    let mut list = List::of(&root, &[]);
    list.entries = entries(count);
    let der = list.der();
    let started = Instant::now();
    let crl = Crl::parse(&der).unwrap();
    let signed = crl.check_signed_by(&root.der).unwrap();
    let (took, memory) = (started.elapsed(), signed.memory_bytes());
    println!("{} bytes read in {took:?}, {memory} kept", der.len());
    assert_eq!(signed.entry_count(), count);
    assert!(memory <= MEMORY * count, "{memory}");

    let set = CrlSet::new([signed.into()]);
    let mut question = RevocationQuestion::clone(&ask(&root, &[1; 20], &plain));
    let mut verdict = |serial: [u8; 20]| {
        question.certificate.serial = serial.into();
        word(&set.answer(&question, at(0)))
    };
    let asked: Vec<_> = (0..count as u64).step_by(97).collect();
    let answers = u32::try_from(asked.len() * 2).unwrap();
    let started = Instant::now();
    for number in asked {
        let listed = serial(number.wrapping_mul(SCATTER));
        let mut missing = listed;
        missing[19] ^= 1;
        assert_eq!((verdict(listed), verdict(missing)), ("revoked", "good"));
    }
    println!("{:?} per answer", started.elapsed() / answers);
}
