//! The store's contract: the same tests on SQLite and on Postgres.

mod audit;
mod delete;
mod extension;
mod group;
mod migration;
mod operation;
mod put;
mod readiness;
mod replica;
mod role_assignment;
mod sealed;
mod secret;
mod service_principal;
mod signing_key;
mod ticket_key;
mod worker_identity;
