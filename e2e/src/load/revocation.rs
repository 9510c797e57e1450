//! Revocation evidence of the benchmark: a long CRL.

use std::fs;
use std::path::Path;

use anyhow::Context;
use rcgen::{Issuer, KeyPair};

use crate::pki::RevocationList;

/// Writes `client.crl`, with so many revoked certificates, none of them the client's, signed by the client's intermediate.
///
/// # Errors
/// When files of `load certificates` are missing, or the folder cannot be written to.
pub fn write_crl(directory: &Path, entries: u64) -> anyhow::Result<()> {
    let read = |name: &str| {
        let file = directory.join(name);
        fs::read_to_string(&file).with_context(|| format!("{}", file.display()))
    };
    let key = KeyPair::from_pem(&read("client-intermediate.key")?)?;
    let issuer = Issuer::from_ca_cert_pem(&read("client-intermediate.crt")?, key)?;
    let list = RevocationList::new(1, (0..entries).map(spread));
    fs::write(directory.join("client.crl"), list.signed_by(&issuer))?;
    Ok(())
}

/// Serial numbers all over the range, as CAs give them; positive, and never that of the client.
fn spread(entry: u64) -> u64 {
    (entry.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1) | 1 << 62
}
