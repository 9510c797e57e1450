//! For whom the other end of a connection may speak.

use tonic::{Code, Status, metadata::MetadataValue};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, x509::X509Name,
};

use super::incoming::Peer;
use crate::worker_identity::{ShownCertificate, Unauthorised};

/// What a client certificate stands for on this stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// There are none: the stream has no TLS, which is for one machine only.
    Anyone,
    /// They come from a CA of settings and name the ids that they are good for.
    Names,
    /// They come from the worker CA and name a worker identity.
    Identities,
}

/// For whom a connection may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Speaker {
    /// Any worker.
    Anyone,
    /// Those that the client certificate names.
    Of(Vec<String>),
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
            (Trust::Names, shown) => Self::Of(shown.map(names_in).unwrap_or_default()),
            (Trust::Identities, None) => Self::Nobody,
            (Trust::Identities, Some(shown)) => {
                ShownCertificate::parse(shown).map_or(Self::Nobody, Self::Identity)
            }
        }
    }

    /// Decides by the certificate alone; what an identity may is for the store to say.
    ///
    /// # Errors
    /// The status that ends the stream when `worker` is somebody else's id.
    pub(super) fn check(&self, worker: &str) -> Result<(), Status> {
        match self {
            Self::Anyone | Self::Identity(_) => Ok(()),
            Self::Of(names) if names.iter().any(|name| name == worker) => Ok(()),
            Self::Of(_) => Err(Status::permission_denied(
                "the client certificate does not name this worker_id: it must be the common name or a subject \
                 alternative name (DNS or IP address)",
            )),
            Self::Nobody => Err(Status::unauthenticated(NO_CERTIFICATE)),
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

/// The common names and the DNS and IP address entries of a certificate whose signature was checked. Wildcards mean
/// nothing: an id is one worker's.
fn names_in(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Vec::new();
    };
    let mut names = common_names(certificate.subject());
    if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
        names.extend(alternative.value.general_names.iter().filter_map(text));
    }
    names
}

fn common_names(subject: &X509Name<'_>) -> Vec<String> {
    subject
        .iter_common_name()
        .filter_map(|name| Some(name.as_str().ok()?.to_owned()))
        .collect()
}

fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        // A worker id such as 10.0.0.1 stands there in this form.
        GeneralName::IPAddress(octets) => {
            let four = <[u8; 4]>::try_from(*octets).ok()?;
            Some(std::net::Ipv4Addr::from(four).to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn certificate(common_name: &str, names: &[&str]) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_speaks_for_the_ids_that_it_names_exactly() {
        let der = certificate("w1", &["w2.example", "*.example", "10.0.0.1"]);
        let names = Speaker::Of(names_in(&der));
        for own in ["w1", "w2.example", "10.0.0.1"] {
            assert!(names.check(own).is_ok(), "{own}");
        }
        for other in ["W1", "w2", "w3.example", "10.0.0.2", ""] {
            assert!(names.check(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_is_no_certificate_speaks_for_nobody() {
        assert!(Speaker::Of(names_in(b"nothing")).check("w").is_err());
        assert!(Speaker::Anyone.check("w").is_ok());
    }
}
