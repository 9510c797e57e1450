//! Opens the certificates of a document and leaves in it only what may be stored and shown.

use std::sync::atomic::{AtomicBool, Ordering};

use model::{
    Collection, Entry, GatewayId, ResourceName, SslCertificate, TrustedClientCertificate,
    TrustedRootCertificate, ViolationCode as Code,
};
use serde_json::{Map, Value};

use super::partial::Rootless;
use super::path::{children_mut, find, properties_mut};
use super::{SecretBlob, path};
use crate::certificate::{
    Anchor, ClientCaError, ServerCertificate, backend_roots, client_ca, sha256,
};
use crate::facts::Facts;
use crate::violations::Findings;

/// What opening needs to know, and what it finds.
pub(super) struct Opener<'a> {
    pub(super) gateway: &'a GatewayId,
    /// The stored document, if any.
    pub(super) stored: Option<&'a Map<String, Value>>,
    /// See [`ParseContext::abandoned`](super::ParseContext::abandoned).
    pub(super) abandoned: &'a AtomicBool,
    /// Which uploads of client CAs may lack a root.
    pub(super) rootless: Rootless,
    /// The keys that came with the request.
    pub(super) secrets: Vec<SecretBlob>,
}

/// One certificate of a document.
struct Entrance<'a> {
    name: Option<ResourceName>,
    id: String,
    path: String,
    properties: &'a mut Map<String, Value>,
    /// The properties of the stored certificate of the same name.
    stored: Option<&'a Map<String, Value>>,
}

impl Opener<'_> {
    /// Opens `sslCertificates`: takes `data` and `password` out of the document and puts the public chain in. An entry
    /// without `data` keeps what is stored under its name.
    pub(super) fn ssl(
        &mut self,
        document: &mut Map<String, Value>,
        findings: &mut Findings,
    ) -> Vec<Entry<SslCertificate>> {
        self.each(
            document,
            Collection::SSL_CERTIFICATES,
            |opener, entrance| {
                let elsewhere = entrance.is_elsewhere();
                let data = entrance.take("data");
                let password = entrance.take("password").unwrap_or_default();
                let facts = match data {
                    Some(data) => opener.open(&data, &password, entrance, findings),
                    None if elsewhere => None,
                    None => entrance.stored.and_then(Facts::read).or_else(|| {
                        let message = format!("Data of certificate {} must be given.", entrance.id);
                        findings.add(Code::MissingRequiredProperty, &entrance.at("data"), message);
                        None
                    }),
                }?;
                facts.write(entrance.properties);
                let name = entrance.name.clone()?;
                Some(SslCertificate {
                    name,
                    chain: facts.chain,
                    key_sha256: facts.key_sha256,
                })
            },
        )
    }

    fn open(
        &mut self,
        data: &str,
        password: &str,
        entrance: &Entrance<'_>,
        findings: &mut Findings,
    ) -> Option<Facts> {
        if self.abandoned.load(Ordering::Relaxed) {
            let message = format!("Certificate {} was not opened in time.", entrance.id);
            let code = Code::ApplicationGatewaySslCertificateInvalidData;
            findings.add(code, &entrance.at("data"), message);
            return None;
        }
        match ServerCertificate::open(data, password) {
            Ok(ServerCertificate { chain, key }) => {
                let key_sha256 = sha256(key.expose());
                if !self
                    .secrets
                    .iter()
                    .any(|secret| secret.sha256 == key_sha256)
                {
                    self.secrets.push(SecretBlob {
                        sha256: key_sha256,
                        pkcs8: key,
                    });
                }
                Some(Facts { chain, key_sha256 })
            }
            Err(error) => {
                // The first sentence is Azure's, to the letter.
                let message = format!(
                    "Data or Password for certificate {} is invalid. Reason: {error}.",
                    entrance.id
                );
                findings.add(
                    Code::ApplicationGatewaySslCertificateInvalidData,
                    &entrance.at("data"),
                    message,
                );
                None
            }
        }
    }

    /// Validates `trustedClientCertificates` and fills in what Azure derives from them; `data` stays as it was sent.
    pub(super) fn trusted_client(
        &mut self,
        document: &mut Map<String, Value>,
        findings: &mut Findings,
    ) -> Vec<Entry<TrustedClientCertificate>> {
        self.each(
            document,
            Collection::TRUSTED_CLIENT_CERTIFICATES,
            |opener, entrance| {
                let name = entrance.name.clone()?;
                let data = entrance
                    .properties
                    .get("data")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let anchor = if opener.rootless.allows(&name) {
                    Anchor::AnyCa
                } else {
                    Anchor::Root
                };
                match client_ca(name.as_str(), data, anchor) {
                    Ok(ca) => {
                        entrance.put("validatedCertData", ca.validated);
                        entrance.put("clientCertIssuerDN", ca.bundle.issuer_display().to_owned());
                        Some(TrustedClientCertificate {
                            name,
                            bundle: ca.bundle,
                        })
                    }
                    Err(error) => {
                        let message = format!(
                            "Data of trusted client certificate {} is refused: {error}.",
                            entrance.id
                        );
                        findings.add(client_ca_code(&error), &entrance.at("data"), message);
                        None
                    }
                }
            },
        )
    }

    /// Validates `trustedRootCertificates`. An entry without `data` keeps what is stored under its name, since Azure
    /// does not show it.
    pub(super) fn trusted_root(
        &mut self,
        document: &mut Map<String, Value>,
        findings: &mut Findings,
    ) -> Vec<Entry<TrustedRootCertificate>> {
        self.each(
            document,
            Collection::TRUSTED_ROOT_CERTIFICATES,
            |_, entrance| {
                let stored = entrance.stored.and_then(|stored| stored.get("data"));
                if let Some(stored) = stored
                    && !entrance.properties.contains_key("data")
                {
                    entrance
                        .properties
                        .insert("data".to_owned(), stored.clone());
                }
                if entrance.is_elsewhere() {
                    return None;
                }
                let name = entrance.name.clone()?;
                let data = entrance
                    .properties
                    .get("data")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                match backend_roots(data) {
                    Ok(certificates) => Some(TrustedRootCertificate { name, certificates }),
                    Err(error) => {
                        let message = format!(
                            "Data of trusted root certificate {} is refused: {error}.",
                            entrance.id
                        );
                        let code = Code::ApplicationGatewayTrustedRootCertificateInvalidData;
                        findings.add(code, &entrance.at("data"), message);
                        None
                    }
                }
            },
        )
    }

    fn each<T>(
        &mut self,
        document: &mut Map<String, Value>,
        collection: Collection,
        mut open: impl FnMut(&mut Self, &mut Entrance<'_>) -> Option<T>,
    ) -> Vec<Entry<T>> {
        let stored = self.stored.map_or(&[][..], |stored| {
            path::children(stored, collection.as_str())
        });
        let mut entries = Vec::new();
        for (index, child) in children_mut(document, collection.as_str())
            .iter_mut()
            .enumerate()
        {
            let name = ResourceName::parse(path::name(child)).ok();
            let id = name.clone().map_or_else(String::new, |name| {
                self.gateway.child(collection, name).to_string()
            });
            let stored = find(stored, path::name(child))
                .and_then(|child| child.get("properties")?.as_object());
            let path = format!("properties.{collection}[{index}]");
            let opened = properties_mut(child).and_then(|properties| {
                open(
                    self,
                    &mut Entrance {
                        name: name.clone(),
                        id,
                        path,
                        properties,
                        stored,
                    },
                )
            });
            entries.push(opened.map_or(Entry::Refused(name), Entry::Valid));
        }
        entries
    }
}

impl Entrance<'_> {
    fn at(&self, member: &str) -> String {
        format!("{}.properties.{member}", self.path)
    }

    /// Whether the certificate is kept by a service that is not supported, which is reported.
    fn is_elsewhere(&self) -> bool {
        let kept = ["keyVaultSecretId", "hsm"]
            .iter()
            .any(|member| self.properties.contains_key(*member));
        kept && !self.properties.contains_key("data")
    }

    fn take(&mut self, member: &str) -> Option<zeroize::Zeroizing<String>> {
        match self.properties.remove(member) {
            Some(Value::String(text)) => Some(zeroize::Zeroizing::new(text)),
            _ => None,
        }
    }

    fn put(&mut self, member: &str, text: String) {
        self.properties
            .insert(member.to_owned(), Value::String(text));
    }
}

fn client_ca_code(error: &ClientCaError) -> Code {
    match error {
        ClientCaError::Empty => Code::ApplicationGatewayTrustedClientCertificateMustSpecifyData,
        ClientCaError::TooLarge(_) => Code::LimitExceeded,
        ClientCaError::PrivateKey => {
            Code::ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey
        }
        ClientCaError::Invalid(_) => Code::ApplicationGatewayTrustedClientCertificateInvalidData,
        ClientCaError::NoCa => {
            Code::ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate
        }
        ClientCaError::RootCount(_) => {
            Code::ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate
        }
    }
}
