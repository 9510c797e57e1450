//! The certificates of the demo: made once, kept until they come to their end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::file;

/// How long the certificates are good for.
const VALIDITY: Duration = Duration::days(365);
/// They are made anew when less than this is left.
const MARGIN: Duration = Duration::days(30);

/// Files of the demo's certificates, absolute.
#[derive(Debug, Clone)]
pub(crate) struct Pki {
    /// The CA of the clients that the demo gateway trusts.
    pub(crate) client_ca_file: PathBuf,
    /// A client of that CA.
    pub(crate) client: Identity,
    /// A client of another CA.
    pub(crate) untrusted_client: Identity,
    /// The CA of the gateway's own certificate.
    pub(crate) server_ca_file: PathBuf,
    /// The gateway's own certificate, for localhost.
    pub(crate) server: Identity,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The certificate.
    pub(crate) cert_file: PathBuf,
    /// The private key.
    pub(crate) key_file: PathBuf,
}

/// The demo's certificates in `directory`: those that are there if they are good for another month, else new ones.
pub(crate) fn load_or_make(now: OffsetDateTime, directory: &Path) -> anyhow::Result<Pki> {
    let pki = Pki {
        client_ca_file: directory.join("client-ca.pem"),
        client: Identity::named(directory, "client"),
        untrusted_client: Identity::named(directory, "untrusted-client"),
        server_ca_file: directory.join("server-ca.pem"),
        server: Identity::named(directory, "server"),
    };
    let valid_until = directory.join("valid-until");
    let kept = fs::read_to_string(&valid_until).ok();
    let end = kept.and_then(|text| OffsetDateTime::parse(text.trim(), &Rfc3339).ok());
    if end.is_none_or(|end| end - now < MARGIN) {
        make(now, &pki).context("cannot make the demo's certificates")?;
        let end = (now + VALIDITY).format(&Rfc3339)?;
        file::write_atomically(&valid_until, &format!("{end}\n"), 0o644)?;
    }
    Ok(pki)
}

fn make(now: OffsetDateTime, pki: &Pki) -> anyhow::Result<()> {
    let clients = Authority::new(now, "Portcullis demo client CA")?;
    file::write_atomically(&pki.client_ca_file, &clients.pem, 0o644)?;
    clients.issue(now, "demo-client", Purpose::Client, &pki.client)?;
    let strangers = Authority::new(now, "Portcullis demo unknown CA")?;
    strangers.issue(
        now,
        "untrusted-client",
        Purpose::Client,
        &pki.untrusted_client,
    )?;
    let servers = Authority::new(now, "Portcullis demo server CA")?;
    file::write_atomically(&pki.server_ca_file, &servers.pem, 0o644)?;
    servers.issue(now, "localhost", Purpose::Server, &pki.server)
}

impl Identity {
    fn named(directory: &Path, name: &str) -> Self {
        Self {
            cert_file: directory.join(format!("{name}.pem")),
            key_file: directory.join(format!("{name}.key")),
        }
    }
}

#[derive(Clone, Copy)]
enum Purpose {
    Client,
    Server,
}

/// A root whose key is forgotten after use.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(now: OffsetDateTime, name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = params(now, name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
        })
    }

    fn issue(
        &self,
        now: OffsetDateTime,
        name: &str,
        purpose: Purpose,
        files: &Identity,
    ) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let (names, usage): (&[&str], _) = match purpose {
            Purpose::Client => (&[], ExtendedKeyUsagePurpose::ClientAuth),
            Purpose::Server => (
                &["localhost", "127.0.0.1", "::1"],
                ExtendedKeyUsagePurpose::ServerAuth,
            ),
        };
        let mut params = params(now, name, names)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        file::write_atomically(&files.key_file, &key.serialize_pem(), 0o600)?;
        file::write_atomically(&files.cert_file, &certificate.pem(), 0o644)
    }
}

fn params(
    now: OffsetDateTime,
    common_name: &str,
    names: &[&str],
) -> Result<CertificateParams, rcgen::Error> {
    let names = names.iter().map(ToString::to_string);
    let mut params = CertificateParams::new(names.collect::<Vec<_>>())?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = now - Duration::hours(1);
    params.not_after = now + VALIDITY;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_kept_until_their_last_month() {
        let directory = std::env::temp_dir().join(format!("portcullis-pki-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let client_at = |now| {
            let pki = load_or_make(now, &directory).unwrap();
            fs::read_to_string(pki.client.cert_file).unwrap()
        };
        let first = client_at(start);
        assert_eq!(client_at(start + VALIDITY - MARGIN), first);
        assert_ne!(
            client_at(start + VALIDITY - MARGIN + Duration::seconds(1)),
            first
        );
        fs::remove_dir_all(directory).unwrap();
    }
}
