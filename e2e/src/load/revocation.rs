//! Revocation evidence of the benchmark: a long CRL.

use std::fs;
use std::path::Path;

use anyhow::Context;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

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
    let now = OffsetDateTime::now_utc();
    let revoked = (0..entries).map(|entry| RevokedCertParams {
        serial_number: SerialNumber::from_slice(&spread(entry).to_be_bytes()),
        revocation_time: now - Duration::days(1),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: now - Duration::minutes(5),
        next_update: now + Duration::days(7),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    fs::write(
        directory.join("client.crl"),
        params.signed_by(&issuer)?.der(),
    )?;
    Ok(())
}

/// Serial numbers all over the range, as CAs give them; positive, and never that of the client.
fn spread(entry: u64) -> u64 {
    (entry.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1) | 1 << 62
}
