//! Certificates and keys out of blobs.

use std::collections::{HashMap, HashSet};

use prost::Message;
use proto::config::v1 as wire;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::cache::Key;
use super::{Conversion, Rejected, unique};
use crate::blobs::{Blob, Digest};

/// The blobs that a conversion may use.
#[derive(Debug, Default)]
pub(crate) struct Material(pub(crate) HashMap<Digest, Blob>);

/// Names and kinds of all blobs that a snapshot refers to. Malformed names are left out; the conversion refuses them.
pub(crate) fn references(gateway: &wire::GatewaySnapshot) -> Vec<(Digest, wire::BlobKind)> {
    let bundles = gateway
        .client_auth_policies
        .iter()
        .flat_map(|policy| &policy.client_cas)
        .filter_map(|ca| ca.bundle.as_ref());
    let roots = gateway
        .upstreams
        .iter()
        .filter_map(|upstream| upstream.tls.as_ref())
        .flat_map(|tls| &tls.roots);
    let lists = bundles
        .chain(roots)
        .map(|bundle| (&bundle.sha256, wire::BlobKind::Certificates));
    let crls = gateway
        .client_auth_policies
        .iter()
        .flat_map(|policy| &policy.client_cas)
        .flat_map(|ca| &ca.crls)
        .map(|crl| (&crl.sha256, wire::BlobKind::Crl));
    let servers = gateway.server_certificates.iter().flat_map(|certificate| {
        [
            (&certificate.chain_sha256, wire::BlobKind::Certificates),
            (&certificate.key_sha256, wire::BlobKind::PrivateKey),
        ]
    });
    lists
        .chain(servers)
        .chain(crls)
        .filter_map(|(name, kind)| Some((Digest::try_from(name.as_slice()).ok()?, kind)))
        .collect()
}

impl Material {
    /// The bytes of a blob of this kind.
    pub(super) fn bytes(&self, digest: &[u8], kind: wire::BlobKind) -> Result<&[u8], String> {
        let found = self.0.get(digest).filter(|blob| blob.kind == kind);
        found
            .map(Blob::bytes)
            .ok_or_else(|| format!("blob {} is missing", hex::encode(digest)))
    }

    /// The certificates of a list; at least one.
    pub(super) fn certificates(
        &self,
        digest: &[u8],
    ) -> Result<Vec<CertificateDer<'static>>, String> {
        let bytes = self.bytes(digest, wire::BlobKind::Certificates)?;
        let list = wire::CertificateList::decode(bytes)
            .map_err(|error| format!("not a certificate list: {error}"))?;
        if list.certificates.is_empty() {
            return Err("the certificate list is empty".to_owned());
        }
        Ok(list
            .certificates
            .into_iter()
            .map(CertificateDer::from)
            .collect())
    }

    /// Borrowed: the blob is wiped when nobody needs it any more.
    fn private_key(&self, digest: &[u8]) -> Result<PrivateKeyDer<'_>, String> {
        let bytes = self.bytes(digest, wire::BlobKind::PrivateKey)?;
        Ok(PrivatePkcs8KeyDer::from(bytes).into())
    }
}

/// As `CertifiedKey::from_der`, which would take a copy of the key and not wipe it.
fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<CertifiedKey, rustls::Error> {
    let certified = CertifiedKey::new(chain, any_supported_type(key)?);
    certified.keys_match()?;
    Ok(certified)
}

impl Conversion<'_> {
    /// Reads every server certificate, used or not.
    pub(super) fn build_certificates(&mut self) -> Result<(), Rejected> {
        const COLLECTION: &str = "sslCertificates";
        let mut seen = HashSet::new();
        for certificate in &self.gateway.server_certificates {
            let name = certificate.name.as_str();
            unique(&mut seen, name, COLLECTION)?;
            let reject = |reason| Rejected::new(COLLECTION, name, "data", reason);
            let key = Key::new("certificate")
                .field(&certificate.chain_sha256)
                .field(&certificate.key_sha256)
                .finish();
            let material = self.material;
            let built = self.built.certificates.take_or_build(key, || {
                let chain = material
                    .certificates(&certificate.chain_sha256)
                    .map_err(reject)?;
                let key = material
                    .private_key(&certificate.key_sha256)
                    .map_err(reject)?;
                certified(chain, &key).map_err(|error| reject(error.to_string()))
            })?;
            self.certificates.insert(name, built);
        }
        Ok(())
    }
}
