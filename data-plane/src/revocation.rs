//! Whether client certificates have been revoked.
#![allow(dead_code, reason = "the service that uses the parts follows")]

mod fetcher;
mod lanes;
mod location;
pub mod network;
mod resolver;
mod schedule;
mod shelf;
#[cfg(test)]
mod testing;
