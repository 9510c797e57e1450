//! The address of an endpoint: an IP literal, or a DNS name that is looked up again from time to time.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where an endpoint is.
#[derive(Debug)]
pub(crate) enum Address {
    /// An IP literal.
    Fixed(SocketAddr),
    /// A DNS name.
    Named {
        name: Arc<str>,
        port: u16,
        known: RefCell<Vec<SocketAddr>>,
        /// When what is known is due for another look, in the coarse time of the core.
        due: Cell<u64>,
        turn: Cell<usize>,
    },
}

impl Address {
    pub(crate) fn new(endpoint: &Arc<str>, port: u16) -> Self {
        let literal = endpoint
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(endpoint);
        match literal.parse::<IpAddr>() {
            Ok(ip) => Self::Fixed(SocketAddr::new(ip, port)),
            Err(_) => Self::Named {
                name: Arc::clone(endpoint),
                port,
                known: RefCell::default(),
                due: Cell::new(0),
                turn: Cell::new(0),
            },
        }
    }

    /// How many addresses are known: so many attempts are worth making.
    pub(crate) fn choices(&self) -> usize {
        match self {
            Self::Fixed(_) => 1,
            Self::Named { known, .. } => known.borrow().len().max(1),
        }
    }

    /// The address to connect to now; among several, one after the other. When the look-up fails, the last good answer
    /// counts (Azure).
    ///
    /// Differs from Azure: the TTL of the records is not known here, so a name is looked up again after ten seconds.
    ///
    /// # Errors
    /// The name has never been resolved, and cannot be now.
    pub(crate) async fn resolve(&self, now: u64) -> io::Result<SocketAddr> {
        let (name, port, known, due, turn) = match self {
            Self::Fixed(address) => return Ok(*address),
            Self::Named {
                name,
                port,
                known,
                due,
                turn,
            } => (name, *port, known, due, turn),
        };
        if now >= due.get() {
            // Set before waiting: others meanwhile use what is known.
            due.set(now + TTL_MILLIS);
            match tokio::net::lookup_host((&**name, port)).await {
                Ok(found) => {
                    let found: Vec<_> = found.collect();
                    if !found.is_empty() {
                        *known.borrow_mut() = found;
                    }
                }
                Err(error) => {
                    if known.borrow().is_empty() {
                        due.set(0);
                        return Err(error);
                    }
                    tracing::warn!(%error, endpoint = %name, "cannot resolve a backend; using the last good answer");
                }
            }
        }
        if known.borrow().is_empty() {
            // The first look-up is still under way for somebody else.
            let found: Vec<_> = tokio::net::lookup_host((&**name, port)).await?.collect();
            *known.borrow_mut() = found;
        }
        let known = known.borrow();
        let place = turn.get();
        turn.set(place.wrapping_add(1));
        place
            .checked_rem(known.len())
            .and_then(|place| known.get(place).copied())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    }
}

const TTL_MILLIS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_need_no_look_up() {
        for (endpoint, expected) in [
            ("10.0.0.1", "10.0.0.1:80"),
            ("::1", "[::1]:80"),
            ("[::1]", "[::1]:80"),
        ] {
            let address = Address::new(&endpoint.into(), 80).resolve(0).await.unwrap();
            assert_eq!(address.to_string(), expected);
        }
    }

    #[tokio::test]
    async fn the_last_good_answer_outlives_the_name() {
        let address = Address::new(&"does-not-exist.invalid".into(), 80);
        assert!(address.resolve(0).await.is_err());
        let Address::Named { known, .. } = &address else {
            panic!("a name")
        };
        known
            .borrow_mut()
            .push(SocketAddr::from(([10, 0, 0, 1], 80)));
        assert_eq!(address.resolve(0).await.unwrap().to_string(), "10.0.0.1:80");
    }
}
