//! The load generator of the benchmark: what the binary `load` does, one module for each of its commands.
//!
//! Every command prints one JSON object. Any transport error and any answer other than 200 (or the one to expect) fails a run.

pub mod backend;
pub mod certificates;
pub mod changes;
pub mod check;
pub mod configure;
pub mod gate;
pub mod handshakes;
pub mod http1;
pub mod idle;
pub mod keep_alive;
pub mod knock;
pub mod latency;
pub mod multiplexed;
pub mod policy;
pub mod resumed;
pub mod revocation;
pub mod tally;
pub mod target;
