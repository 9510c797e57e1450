//! Certificates made at run time.

mod extension;
mod leaf;
mod revocation_list;

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

pub use leaf::Leaf;
pub use revocation_list::RevocationList;

/// A CA that issues the certificates of a test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    key_pem: String,
}

/// Files that `curl` and `openssl` take.
#[derive(Clone, Debug)]
pub struct Identity {
    /// PEM certificate, followed by intermediates where there are any.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new self-signed root.
    pub fn root(name: &str) -> Self {
        let key = KeyPair::generate().expect("key");
        let params = ca_params(name);
        let certificate = params.self_signed(&key).expect("root certificate");
        Self {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A new intermediate below this authority.
    #[must_use]
    pub fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("key");
        let params = ca_params(name);
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("intermediate certificate");
        Self {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The authority's certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the authority's certificate to `{directory}/{name}.pem`.
    pub fn write(&self, directory: &Path, name: &str) -> PathBuf {
        write(directory, &format!("{name}.pem"), &self.pem)
    }

    /// Writes certificate and key of the authority itself below `directory`, for what signs in its name.
    pub fn write_identity(&self, directory: &Path, name: &str) -> Identity {
        identity(directory, name, &self.pem, &self.key_pem)
    }

    /// Issues `leaf` and writes certificate (with `chain` behind it) and key below `directory`.
    pub fn issue(&self, directory: &Path, leaf: &Leaf, chain: &[&Self]) -> Identity {
        let (mut certificate, key) = self.leaf(leaf);
        for authority in chain {
            certificate.push_str(authority.pem());
        }
        identity(directory, &leaf.name, &certificate, &key)
    }

    /// Issues a server certificate for `names` and returns PEM chain and key in one text.
    pub fn server(&self, names: &[&str]) -> String {
        let leaf = Leaf {
            purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
            ..Leaf::client("server").with_dns_names(names)
        };
        let (certificate, key) = self.leaf(&leaf);
        certificate + &key
    }

    /// Signs a list of revoked certificates; DER.
    pub fn revocation_list(&self, list: &RevocationList) -> Vec<u8> {
        list.signed_by(&self.issuer)
    }

    fn leaf(&self, leaf: &Leaf) -> (String, String) {
        let key = KeyPair::generate().expect("key");
        let certificate = leaf
            .params()
            .signed_by(&key, &self.issuer)
            .expect("certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A client certificate that is its own issuer.
pub fn self_signed(directory: &Path, name: &str) -> Identity {
    let key = KeyPair::generate().expect("key");
    let certificate = Leaf::client(name)
        .params()
        .self_signed(&key)
        .expect("certificate");
    identity(directory, name, &certificate.pem(), &key.serialize_pem())
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(365);
    params
}

fn identity(directory: &Path, name: &str, certificate: &str, key: &str) -> Identity {
    Identity {
        certificate: write(directory, &format!("{name}.crt"), certificate),
        key: write(directory, &format!("{name}.key"), key),
    }
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("write certificate file");
    path
}
