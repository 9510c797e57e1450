//! The data plane: listeners, TLS, client authentication, HTTP, routing, upstreams.

mod access_log;
pub mod admin;
pub mod app;
mod apply;
mod blobs;
pub mod clock;
pub mod connection;
mod convert;
pub mod cores;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
pub mod identity;
pub mod limits;
pub mod listener;
pub mod memory;
pub mod metrics;
mod readiness_report;
pub mod revocation;
pub mod rewrite;
mod route;
pub mod settings;
pub mod snapshot;
mod state;
mod stream;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod tls;
mod trace_id;
mod upstream;
