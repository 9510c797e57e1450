//! The request path: listeners, TLS, HTTP, backends.

mod backend;
mod client;
mod corpus;
mod gateway;

mod forwarding;
mod http2;
mod identity;
mod lifecycle;
mod modes;
mod pki;
mod possession;
mod raw_tls;
mod resumption;
mod revocation;
mod rewriting;
mod smuggling;
mod tls;
mod upgrade;
mod withdrawal;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// An address of this machine that no other test, and no other test process, uses.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let [.., middle, low] = std::process::id().to_be_bytes();
    let number =
        u8::try_from(NEXT.fetch_add(1, Ordering::Relaxed)).expect("fewer than 255 addresses");
    SocketAddr::from((Ipv4Addr::new(127, 64 | (middle & 63), low, number), 18_443))
}

/// Waits until `probe` gives something; fails with its last complaint.
pub(crate) async fn eventually<T>(mut probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match probe().await {
            Ok(found) => return found,
            Err(last) => assert!(Instant::now() < end, "timed out: {last}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
