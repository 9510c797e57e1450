//! The control plane against real databases and real sockets. One executable for all of it.
#![cfg(test)]

mod api;
mod crl;
mod database;
mod fixture;
mod sign_in;
mod store;
mod stream;
