//! The REST API, through its router on a real database, and once through a real socket.

mod access;
pub(crate) mod caller;
mod child;
mod client_auth_policy;
mod concurrency;
pub(crate) mod document;
mod explain;
mod gateway;
mod https;
mod matrix;
mod readiness;
mod request;
mod resource_group;
mod revocation_list;
mod trust_epoch;
mod worker;
