//! Who a client is.

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::CertificateFacts;

/// Who a client that may in is. Only a certificate that signed the TLS handshake and was let in by a
/// [`Decision`](crate::Decision) becomes an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// What its certificate says.
    pub certificate: Arc<CertificateFacts>,
    /// How far that may be believed.
    pub verification: Verification,
    /// The earliest end of validity in the verified path: from then on the identity must not be used.
    pub path_not_after: UnixTime,
}

/// How far a certificate was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verification {
    /// Along a path to a trust anchor.
    Verified,
    /// Not at all, but for the proof of possession: [`Mode::Passthrough`](crate::Mode::Passthrough).
    Passthrough,
}
