//! The store's contract: the same tests on SQLite and on Postgres.

mod delete;
mod group;
mod operation;
mod put;
mod replica;
mod secret;
mod ticket_key;
