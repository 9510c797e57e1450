//! TLS towards clients: which virtual host a `ClientHello` selects, the handshake, and what the verifier decided in it.

pub(crate) mod accept;
pub(crate) mod client_auth;
pub mod handshake;
pub(crate) mod names;
pub mod server_config;
pub mod tickets;
pub(crate) mod upstream_config;
