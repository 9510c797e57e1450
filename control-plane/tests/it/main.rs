//! The control plane against real databases and real sockets. One executable for all of it.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails by panicking"
)]

#![cfg(test)]

mod api;
mod database;
mod fixture;
mod store;
mod stream;
