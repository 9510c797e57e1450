//! The data plane: listeners, TLS, client authentication, HTTP, routing, upstreams.

pub mod snapshot;
