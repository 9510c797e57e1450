//! HTTP/1.1 towards backends: one client per core, with its own keep-alive pools.

pub(crate) mod pool;
