//! What a document says of a server certificate in place of its secret: the public chain and the key's hash.
//!
//! They live in the certificate's `properties`, as `publicCertData` (which Azure has) and `portcullis` (which no client
//! can send, since it is in no schema, and none is shown).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value, json};

use crate::certificate::certificates_only;

/// The member that never leaves this program.
pub(crate) const PRIVATE: &str = "portcullis";
const PUBLIC: &str = "publicCertData";

/// The public part of a server certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// SHA-256 of the key as PKCS#8 DER.
    pub(crate) key_sha256: [u8; 32],
}

impl Facts {
    /// Reads them from the properties of a stored certificate.
    pub(crate) fn read(properties: &Map<String, Value>) -> Option<Self> {
        let private = properties.get(PRIVATE)?;
        let der =
            |value: &Value| Some(CertificateDer::from(STANDARD.decode(value.as_str()?).ok()?));
        let chain: Option<Vec<_>> = private.get("chain")?.as_array()?.iter().map(der).collect();
        let mut key_sha256 = [0; 32];
        hex::decode_to_slice(private.get("keySha256")?.as_str()?, &mut key_sha256).ok()?;
        Some(Self {
            chain: chain.filter(|chain| !chain.is_empty())?,
            key_sha256,
        })
    }

    /// Writes them into the properties of a certificate, in place of what came with the request.
    pub(crate) fn write(&self, properties: &mut Map<String, Value>) {
        let chain: Vec<String> = self.chain.iter().map(|der| STANDARD.encode(der)).collect();
        properties.insert(
            PUBLIC.to_owned(),
            json!(STANDARD.encode(certificates_only(&self.chain))),
        );
        properties.insert(
            PRIVATE.to_owned(),
            json!({ "chain": chain, "keySha256": hex::encode(self.key_sha256) }),
        );
    }
}
