//! Lists of revoked certificates.

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

/// What a CRL says.
#[derive(Clone)]
pub struct RevocationList {
    /// `cRLNumber` (RFC 5280, 5.2.3).
    pub number: u64,
    /// `thisUpdate`, relative to now.
    pub from: Duration,
    /// `nextUpdate`, relative to now.
    pub until: Duration,
    /// Serial numbers of what is revoked.
    pub revoked: Vec<u64>,
}

impl RevocationList {
    /// A list as it should be.
    pub fn new(number: u64, revoked: impl IntoIterator<Item = u64>) -> Self {
        Self {
            number,
            from: -Duration::minutes(1),
            until: Duration::days(7),
            revoked: revoked.into_iter().collect(),
        }
    }

    pub(crate) fn signed_by(&self, issuer: &Issuer<'_, KeyPair>) -> Vec<u8> {
        let now = OffsetDateTime::now_utc();
        let revoked = |&serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: now + self.from,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: now + self.from,
            next_update: now + self.until,
            crl_number: SerialNumber::from(self.number),
            issuing_distribution_point: None,
            revoked_certs: self.revoked.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(issuer).expect("revocation list");
        list.der().to_vec()
    }
}
