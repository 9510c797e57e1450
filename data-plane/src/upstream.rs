//! HTTP/1.1 towards backends: one client per core, with its own keep-alive pools.
//!
//! No task stands behind a connection: whoever wants the response polls it, and drives the rest of the request meanwhile.

pub(crate) mod exchange;
pub(crate) mod pool;
mod resolve;
pub(crate) mod response;
pub(crate) mod send;
pub(crate) mod stream;
pub(crate) mod upload;
