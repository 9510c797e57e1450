//! CRLs: those that were uploaded, and those that were fetched.

use std::sync::Arc;
use std::time::Duration;

use client_auth::RevocationQuestion;
use client_auth::crl::{CrlSet, SignedCrl};
use rustls_pki_types::UnixTime;

use super::shelf::{Answer, Key};
use crate::blobs::sha256;

/// The lists that were uploaded for the client CAs of one SSL profile.
#[derive(Debug, Default)]
pub struct UploadedLists {
    lists: Vec<UploadedList>,
    set: CrlSet,
}

/// One uploaded list.
#[derive(Clone, Debug)]
pub struct UploadedList {
    /// ARM name of the upload.
    pub name: Arc<str>,
    /// ARM name of the trusted client certificate that it belongs to.
    pub ca: Arc<str>,
    /// The list.
    pub crl: Arc<SignedCrl>,
}

/// A list from a distribution point.
#[derive(Clone, Debug)]
pub(super) struct FetchedList {
    pub(super) url: Arc<str>,
    pub(super) crl: Arc<SignedCrl>,
}

impl UploadedLists {
    /// These lists, all of which count together.
    pub fn new(lists: Vec<UploadedList>) -> Self {
        let set = CrlSet::new(lists.iter().map(|list| Arc::clone(&list.crl)));
        Self { lists, set }
    }

    /// The lists, in order of upload.
    pub fn iter(&self) -> impl Iterator<Item = &UploadedList> {
        self.lists.iter()
    }

    /// The uploaded lists, together with those of the issuer in question that were fetched.
    pub(super) fn with(
        &self,
        fetched: &[Arc<SignedCrl>],
        question: &RevocationQuestion,
    ) -> Option<CrlSet> {
        if fetched.is_empty() {
            return None;
        }
        let certificate = &question.certificate;
        let is_of_issuer = |crl: &&Arc<SignedCrl>| {
            let head = crl.head();
            head.issuer_key == certificate.issuer_key && head.issuer_name == certificate.issuer_name
        };
        let uploaded = self.set.lists().filter(is_of_issuer);
        Some(CrlSet::new(uploaded.chain(fetched).map(Arc::clone)))
    }

    /// The uploaded lists.
    pub(super) fn set(&self) -> &CrlSet {
        &self.set
    }
}

impl Answer for FetchedList {
    /// CAs issue lists before they are due when something has happened.
    const FRESH: Duration = Duration::from_hours(1);

    fn usable_until(&self) -> UnixTime {
        self.crl.head().next_update
    }

    fn weight(&self) -> usize {
        self.crl.memory_bytes()
    }
}

/// Names a list: whose it is, and where it comes from.
pub(super) fn key(question: &RevocationQuestion, url: &str) -> Key {
    let certificate = &question.certificate;
    let mut bytes = Vec::with_capacity(128 + url.len());
    bytes.extend_from_slice(b"crl");
    bytes.extend_from_slice(&certificate.issuer_key);
    bytes.extend_from_slice(&certificate.issuer_name);
    bytes.extend_from_slice(url.as_bytes());
    sha256(&bytes)
}
