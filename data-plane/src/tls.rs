//! TLS towards clients: which virtual host a ClientHello selects, the handshake, and what the verifier decided in it.

pub(crate) mod accept;
pub mod handshake;
