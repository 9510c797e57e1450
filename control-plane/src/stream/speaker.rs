//! For whom the other end of a connection may speak.

use tonic::{Code, Status, metadata::MetadataValue};

use super::incoming::Peer;
use crate::worker_identity::{ShownCertificate, Unauthorised};

/// What a client certificate stands for on this stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// There are none: the stream has no TLS, which is for one machine only.
    Anyone,
    /// They come from the worker CA and name a worker identity.
    Identities,
}

/// For whom a connection may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Speaker {
    /// Any worker.
    Anyone,
    /// An identity, if the store lets it.
    Identity(ShownCertificate),
    /// Nobody: no certificate was shown, or one that names no identity.
    Nobody,
}

impl Speaker {
    /// What a connection proves.
    pub(super) fn proven_by(peer: Option<&Peer>, trust: Trust) -> Self {
        let certificate = peer.and_then(|peer| peer.certificate.as_deref());
        match (trust, certificate) {
            (Trust::Anyone, _) => Self::Anyone,
            (Trust::Identities, None) => Self::Nobody,
            (Trust::Identities, Some(shown)) => {
                ShownCertificate::parse(shown).map_or(Self::Nobody, Self::Identity)
            }
        }
    }
}

/// What the worker is told about why it may not have what it asks for; it has proven who it is.
pub(super) fn status(refused: &Unauthorised) -> Status {
    let code = match refused {
        Unauthorised::Expired(_) | Unauthorised::Superseded(_) => Code::Unauthenticated,
        Unauthorised::Unknown(_)
        | Unauthorised::Revoked(_)
        | Unauthorised::OtherWorker { .. }
        | Unauthorised::OutOfScope { .. } => Code::PermissionDenied,
    };
    let mut status = Status::new(code, refused.to_string());
    let word = MetadataValue::from_static(refused.word());
    status.metadata_mut().insert(REFUSAL, word);
    status
}

/// Of a call that needs a certificate of the worker CA.
pub(super) const NO_CERTIFICATE: &str =
    "no client certificate of the worker CA was shown: a worker joins with a token first";

/// Trailer with the closed word of a refusal; see `stream.proto`.
const REFUSAL: &str = "portcullis-refusal";

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(certificate: Option<&[u8]>) -> Peer {
        Peer {
            address: ([127, 0, 0, 1], 1).into(),
            certificate: certificate.map(|der| der.to_vec().into()),
        }
    }

    #[test]
    fn a_certificate_that_names_no_identity_speaks_for_nobody() {
        let nameless = rcgen::generate_simple_self_signed(["w1".to_owned()]).unwrap();
        for certificate in [None, Some(&b"nothing"[..]), Some(nameless.cert.der())] {
            let speaker = Speaker::proven_by(Some(&peer(certificate)), Trust::Identities);
            assert_eq!(speaker, Speaker::Nobody);
        }
        assert_eq!(Speaker::proven_by(None, Trust::Identities), Speaker::Nobody);
        assert_eq!(Speaker::proven_by(None, Trust::Anyone), Speaker::Anyone);
    }
}
