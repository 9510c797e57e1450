//! Ports for servers that need to know theirs before they start.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Context;

/// Below the kernel's ephemeral ports, so that no outgoing connection takes one between the check and its use.
const RANGE: std::ops::Range<u16> = 10_000..30_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A loopback port that nothing listens on and that this process has not given away before.
pub(crate) fn free() -> anyhow::Result<u16> {
    let places = u32::from(RANGE.end - RANGE.start);
    RANGE
        .map(|_| {
            let step = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
            let place = (std::process::id().wrapping_mul(61).wrapping_add(step)) % places;
            RANGE.start + u16::try_from(place).unwrap_or_default()
        })
        .find(|&port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())
        .context("no free port")
}
