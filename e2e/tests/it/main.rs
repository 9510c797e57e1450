//! Both planes together, as real processes, with the real `curl` and `openssl` as clients.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod changes;
mod concurrency;
mod crl;
mod cutting;
mod dev;
mod headers;
mod memory;
mod modes;
mod ocsp;
mod open;
mod outage;
mod over;
mod policy;
mod postgres;
mod refusal;
mod resumption;
mod secrets;
mod start;
mod walk;
mod workers;
