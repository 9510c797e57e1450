//! The certificates of the benchmark: ECDSA P-256 throughout, client chain root, intermediate, leaf.

use std::path::Path;

use anyhow::Context;

use crate::pki::{Authority, Leaf};

/// The server's name.
pub const HOST: &str = "bench.example";

/// Writes into `directory`: `server.pem` (certificate and key) below `server-root.pem`; `client.crt` (with its
/// intermediate) and `client.key` below `client-root.pem` and `client-intermediate.crt` with its key; and the same for
/// `other`, whose `other-root.pem` is nobody's friend at first.
///
/// # Errors
/// When the directory cannot be written to.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("{}", directory.display()))?;
    let server = Authority::root("Benchmark Server Root");
    server.write(directory, "server-root");
    std::fs::write(directory.join("server.pem"), server.server(&[HOST]))?;
    for name in ["client", "other"] {
        let root = Authority::root(&format!("Benchmark {name} root"));
        let intermediate = root.intermediate(&format!("Benchmark {name} intermediate"));
        root.write(directory, &format!("{name}-root"));
        intermediate.write_identity(directory, &format!("{name}-intermediate"));
        intermediate.issue(directory, &Leaf::client(name), &[&intermediate]);
    }
    Ok(())
}
