//! How often strangers may try to join: so many times at once, then so many times a minute, by address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

/// Attempts that an address may make at once.
const BURST: u32 = 20;
/// One more attempt each.
const REFILL: Duration = Duration::seconds(3);
/// Addresses that are remembered; those that have been quiet longest go first.
const ADDRESSES: usize = 1024;

/// Attempts to join, by address. It bounds the work that strangers can cause: a secret of 32 bytes needs no protection
/// from guessing.
#[derive(Debug, Default)]
pub struct Attempts {
    by_address: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When it is full again. An attempt moves it on by [`REFILL`].
    full_at: OffsetDateTime,
}

impl Attempts {
    /// Counts an attempt; `false`: it was one too many, and is not counted.
    pub fn admit(&self, now: OffsetDateTime, address: IpAddr) -> bool {
        let mut by_address = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if by_address.len() >= ADDRESSES && !by_address.contains_key(&address) {
            forget_one(&mut by_address, now);
        }
        let bucket = by_address.entry(address).or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now) + REFILL;
        let admitted = full_at - now <= REFILL * BURST;
        if admitted {
            bucket.full_at = full_at;
        }
        admitted
    }
}

/// Makes room: for all whose bucket is full again, or for the one that will be first.
fn forget_one(by_address: &mut HashMap<IpAddr, Bucket>, now: OffsetDateTime) {
    by_address.retain(|_, bucket| bucket.full_at > now);
    if by_address.len() >= ADDRESSES {
        let quietest = by_address.iter().min_by_key(|(_, bucket)| bucket.full_at);
        if let Some(address) = quietest.map(|(address, _)| *address) {
            by_address.remove(&address);
        }
    }
}

/// A host with IPv6 has a whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_tries_too_often_has_to_wait() {
        let attempts = Attempts::default();
        for _ in 0..BURST {
            assert!(attempts.admit(NOW, address("192.0.2.1")));
        }
        assert!(!attempts.admit(NOW, address("192.0.2.1")));
        assert!(attempts.admit(NOW, address("192.0.2.2")), "another address");
        assert!(attempts.admit(NOW + REFILL, address("192.0.2.1")));
        assert!(!attempts.admit(NOW + REFILL, address("192.0.2.1")));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let attempts = Attempts::default();
        for host in 0..BURST {
            assert!(attempts.admit(NOW, address(&format!("2001:db8::{host:x}"))));
        }
        assert!(!attempts.admit(NOW, address("2001:db8::ffff")));
        assert!(attempts.admit(NOW, address("2001:db8:0:1::1")));
    }

    #[test]
    fn no_number_of_addresses_takes_more_memory() {
        let attempts = Attempts::default();
        for number in 0..5000_u32 {
            attempts.admit(NOW, IpAddr::V4(number.into()));
        }
        assert_eq!(attempts.by_address.lock().unwrap().len(), ADDRESSES);
    }
}
