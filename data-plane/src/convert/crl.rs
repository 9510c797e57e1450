//! Uploaded CRLs out of blobs.

use std::collections::HashSet;
use std::sync::Arc;

use client_auth::crl::{Crl, CrlError, SignedCrl};
use proto::config::v1 as wire;

use super::cache::Key;
use super::client_auth::CLIENT_CAS;
use super::{Conversion, Rejected};
use crate::revocation::{UploadedList, UploadedLists, at_low_priority};

impl Conversion<'_> {
    /// Reads and verifies the lists of every client CA of a policy. A list that was there before is not read again.
    pub(super) fn uploaded_lists(
        &mut self,
        policy: &wire::ClientAuthPolicy,
    ) -> Result<Arc<UploadedLists>, Rejected> {
        let mut lists = Vec::new();
        for client_ca in &policy.client_cas {
            let mut seen = HashSet::new();
            for list in &client_ca.crls {
                let ca = client_ca.bundle.as_ref().map_or("", |bundle| &bundle.name);
                let reject = |reason: String| {
                    let property = format!("certificateRevocationLists/{}", list.name);
                    Rejected::new(CLIENT_CAS, ca, &property, reason)
                };
                if list.name.is_empty() || !seen.insert(list.name.as_str()) {
                    return Err(reject("the name is empty or given twice".to_owned()));
                }
                lists.push(UploadedList {
                    name: Arc::from(list.name.as_str()),
                    ca: Arc::from(ca),
                    crl: self.list(client_ca, list).map_err(reject)?,
                });
            }
        }
        Ok(Arc::new(UploadedLists::new(lists)))
    }

    fn list(
        &mut self,
        client_ca: &wire::ClientCa,
        list: &wire::RevocationList,
    ) -> Result<Arc<SignedCrl>, String> {
        let bundle = client_ca.bundle.as_ref();
        let bundle = bundle.ok_or("it belongs to no client CA")?;
        // Whether it is signed depends on the CAs as well.
        let key = Key::new("crl")
            .field(&list.sha256)
            .field(&bundle.sha256)
            .finish();
        let material = self.material;
        self.built.crls.take_or_build(key, || {
            let cas = material.certificates(&bundle.sha256)?;
            let der = material.bytes(&list.sha256, wire::BlobKind::Crl)?;
            let cas: Vec<&[u8]> = cas.iter().map(AsRef::as_ref).collect();
            let read = at_low_priority(|| read(der, &cas)).map_err(|error| error.to_string())?;
            read.map_err(|error| error.to_string())
        })
    }
}

fn read(der: &[u8], cas: &[&[u8]]) -> Result<SignedCrl, CrlError> {
    Crl::parse(der)?.find_signer(cas.iter().copied())
}
