//! The store's contract: the same tests on SQLite and on Postgres.

mod delete;
mod extension;
mod group;
mod migration;
mod operation;
mod put;
mod readiness;
mod replica;
mod sealed;
mod secret;
mod signing_key;
mod ticket_key;
mod worker_identity;
