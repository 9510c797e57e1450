//! How log lines name a certificate.

use std::fmt;

use client_auth::RevocationQuestion;

/// `{serial number} of issuer {start of the SHA-256 of its key}`, in hex: enough to find it, without whom it stands for.
pub(super) struct Named<'a>(pub(super) &'a RevocationQuestion);

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate = &self.0.certificate;
        let issuer = certificate.issuer_key.first_chunk::<8>();
        let serial = hex::encode_upper(&certificate.serial);
        let issuer = issuer.map(hex::encode).unwrap_or_default();
        write!(formatter, "{serial} of issuer {issuer}")
    }
}
