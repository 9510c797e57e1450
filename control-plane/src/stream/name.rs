//! Which worker ids the other end of a connection may use.

use tonic::{Request, Status};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, x509::X509Name,
};

/// The ids that a connection may speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    /// Any: the stream has no TLS, which is for one machine only.
    Any,
    /// Those that the client certificate names.
    Of(Vec<String>),
}

impl Names {
    /// What the connection of `request` proves.
    pub(super) fn proven_by<T>(request: &Request<T>, mutual_tls: bool) -> Self {
        if !mutual_tls {
            return Self::Any;
        }
        let certificates = request.peer_certs();
        let leaf = certificates.as_ref().and_then(|chain| chain.first());
        Self::Of(leaf.map(|leaf| names_in(leaf)).unwrap_or_default())
    }

    /// # Errors
    /// The status that ends the stream when `worker` is somebody else's id.
    pub(super) fn check(&self, worker: &str) -> Result<(), Status> {
        match self {
            Self::Any => Ok(()),
            Self::Of(names) if names.iter().any(|name| name == worker) => Ok(()),
            Self::Of(_) => Err(Status::permission_denied(
                "the client certificate does not name this worker_id: it must be the common name or a subject \
                 alternative name (DNS or IP address)",
            )),
        }
    }
}

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
        let names = Names::Of(names_in(&der));
        for own in ["w1", "w2.example", "10.0.0.1"] {
            assert!(names.check(own).is_ok(), "{own}");
        }
        for other in ["W1", "w2", "w3.example", "10.0.0.2", ""] {
            assert!(names.check(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_is_no_certificate_speaks_for_nobody() {
        assert!(Names::Of(names_in(b"nothing")).check("w").is_err());
        assert!(Names::Any.check("w").is_ok());
    }
}
