//! The control plane against real databases and real sockets. One executable for all of it.

mod database;
mod fixture;
mod store;
