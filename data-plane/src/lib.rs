//! The data plane: listeners, TLS, client authentication, HTTP, routing, upstreams.

mod access_log;
pub mod admin;
mod blobs;
pub mod clock;
pub mod connection;
pub mod cores;
mod http;
pub mod limits;
pub mod listener;
pub mod metrics;
mod route;
pub mod settings;
pub mod snapshot;
mod state;
pub mod telemetry;
pub mod tls;
mod upstream;
