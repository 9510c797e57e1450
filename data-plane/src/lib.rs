//! The data plane: listeners, TLS, client authentication, HTTP, routing, upstreams.

pub mod admin;
pub mod clock;
pub mod limits;
pub mod settings;
pub mod snapshot;
pub mod telemetry;
