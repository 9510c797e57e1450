//! What the cross-plane tests stand on: real processes, certificates made at run time, and the real `curl` and
//! `openssl` as clients.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "only tests and the benchmark's load use this crate, and a panic is how they fail"
)]

pub mod arm;
pub mod backend;
pub mod client;
pub mod deployment;
pub mod document;
pub mod keep_alive;
pub mod leak;
pub mod load;
pub mod open_files;
pub mod openssl;
pub mod pki;
pub mod port;
pub mod process;
pub mod responder;
pub mod site;
pub mod tls_client;
pub mod wait;
