//! Certificates made at run time.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// A CA that issues the certificates of a test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// Files that `curl` and `openssl` take.
#[derive(Clone, Debug)]
pub struct Identity {
    /// PEM certificate, followed by intermediates where there are any.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// What a leaf says about itself.
#[derive(Clone)]
pub struct Leaf {
    /// Common name.
    pub name: &'static str,
    /// Extended key usages.
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
    /// Start of validity, relative to now.
    pub from: Duration,
    /// End of validity, relative to now.
    pub until: Duration,
}

impl Leaf {
    /// A client certificate as it should be.
    pub fn client(name: &'static str) -> Self {
        Self {
            name,
            purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
            from: -Duration::hours(1),
            until: Duration::days(30),
        }
    }
}

impl Authority {
    /// A new self-signed root.
    pub fn root(name: &str) -> Self {
        let key = KeyPair::generate().expect("key");
        let params = ca_params(name);
        let certificate = params.self_signed(&key).expect("root certificate");
        Self {
            pem: certificate.pem(),
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

    /// Issues `leaf` and writes certificate (with `chain` behind it) and key below `directory`.
    pub fn issue(&self, directory: &Path, leaf: &Leaf, chain: &[&Self]) -> Identity {
        let (mut certificate, key) = self.leaf(leaf, &[]);
        for authority in chain {
            certificate.push_str(authority.pem());
        }
        identity(directory, leaf.name, &certificate, &key)
    }

    /// Issues a server certificate for `names` and returns PEM chain and key in one text.
    pub fn server(&self, names: &[&str]) -> String {
        let leaf = Leaf {
            purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
            ..Leaf::client("server")
        };
        let (certificate, key) = self.leaf(&leaf, names);
        certificate + &key
    }

    fn leaf(&self, leaf: &Leaf, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().expect("key");
        let params = leaf_params(leaf, names);
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A client certificate that is its own issuer.
pub fn self_signed(directory: &Path, name: &'static str) -> Identity {
    let key = KeyPair::generate().expect("key");
    let certificate = leaf_params(&Leaf::client(name), &[])
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

fn leaf_params(leaf: &Leaf, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("subject alternative names");
    params
        .distinguished_name
        .push(DnType::CommonName, leaf.name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages.clone_from(&leaf.purposes);
    params.not_before = OffsetDateTime::now_utc() + leaf.from;
    params.not_after = OffsetDateTime::now_utc() + leaf.until;
    params.use_authority_key_identifier_extension = true;
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
