//! The address of an endpoint: an IP literal, or a DNS name that is looked up again from time to time.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::Mutex;

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
        /// Held while the name is looked up for the first time.
        first: Mutex<()>,
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
                first: Mutex::default(),
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
    /// The name has never been resolved, and cannot be now or could not be a moment ago.
    pub(crate) async fn resolve(&self, now: u64) -> io::Result<SocketAddr> {
        self.resolve_by(now, async |name, port| {
            Ok(tokio::net::lookup_host((name, port)).await?.collect())
        })
        .await
    }

    async fn resolve_by(
        &self,
        now: u64,
        look_up: impl AsyncFn(&str, u16) -> io::Result<Vec<SocketAddr>>,
    ) -> io::Result<SocketAddr> {
        let (name, port, known, due, turn, first) = match self {
            Self::Fixed(address) => return Ok(*address),
            Self::Named {
                name,
                port,
                known,
                due,
                turn,
                first,
            } => (name, *port, known, due, turn, first),
        };
        let is_known = || !known.borrow().is_empty();
        if !is_known() {
            // One look-up for all that wait: each takes a thread, and there may be many requests.
            let _alone = first.lock().await;
            if !is_known() {
                if now < due.get() {
                    return Err(no_address());
                }
                due.set(now + RETRY_MILLIS);
                let found = look_up(name, port).await?;
                *known.borrow_mut() = found;
                due.set(now + TTL_MILLIS);
            }
        } else if now >= due.get() {
            // Set before waiting: others meanwhile use what is known.
            due.set(now + TTL_MILLIS);
            match look_up(name, port).await {
                Ok(found) if found.is_empty() => {}
                Ok(found) => *known.borrow_mut() = found,
                Err(error) => {
                    tracing::warn!(%error, endpoint = %name, "cannot resolve a backend; using the last good answer");
                }
            }
        }
        let known = known.borrow();
        let place = turn.get();
        turn.set(place.wrapping_add(1));
        place
            .checked_rem(known.len())
            .and_then(|place| known.get(place).copied())
            .ok_or_else(no_address)
    }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

const TTL_MILLIS: u64 = 10_000;
/// Until a name that could not be resolved is looked up again.
const RETRY_MILLIS: u64 = 1_000;

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
        let later = 2 * RETRY_MILLIS;
        let found = address.resolve(later).await.unwrap();
        assert_eq!(found.to_string(), "10.0.0.1:80");
    }

    /// Each look-up takes a thread for as long as the resolver likes.
    #[tokio::test]
    async fn a_name_is_looked_up_once_for_many_requests() {
        let check = async |answer: Option<SocketAddr>, now: u64, expected: usize| {
            let address = Address::new(&"backend.example".into(), 80);
            let count = Cell::new(0);
            let look_up = async |_: &str, _: u16| {
                count.set(count.get() + 1);
                tokio::task::yield_now().await;
                answer.map(|found| vec![found]).ok_or_else(no_address)
            };
            let one = || address.resolve_by(0, &look_up);
            let (one, two, three) = tokio::join!(one(), one(), one());
            let last = address.resolve_by(now, &look_up).await;
            for outcome in [one, two, three, last] {
                assert_eq!(outcome.ok(), answer);
            }
            assert_eq!(count.get(), expected, "{answer:?} {now}");
        };
        let answer = Some(SocketAddr::from(([10, 0, 0, 1], 80)));
        check(answer, RETRY_MILLIS, 1).await;
        check(answer, TTL_MILLIS, 2).await;
        check(None, RETRY_MILLIS - 1, 1).await;
        check(None, RETRY_MILLIS, 2).await;
    }
}
