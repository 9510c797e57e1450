//! What is known about uploaded revocation lists. Their bytes are elsewhere, and nobody needs them to decide anything.

pub mod admission;

use std::collections::BTreeMap;

use client_auth::{
    TrustBundle,
    crl::{CrlHead, CrlNumber},
};
use model::ResourceName;
use rustls_pki_types::UnixTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::key;

/// Uploads by trusted client certificate, whether that exists or not, and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevocationLists(BTreeMap<String, BTreeMap<String, RevocationList>>);

/// One upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    /// Name of the trusted client certificate, in the casing of the upload.
    pub trusted: ResourceName,
    /// Name of the upload, in the casing of its creation.
    pub name: ResourceName,
    /// Issuer, scope, number and times.
    pub head: CrlHead,
    /// The CA that signed it, in the form of RFC 2253.
    pub issuer: String,
    /// How many certificates it lists.
    pub entry_count: u64,
    /// Of its DER, in bytes.
    pub size: u64,
}

impl RevocationList {
    /// Whether a CA of the upload of client CAs has signed it, by name and key. If none has (the CAs were replaced), the
    /// list is dormant: it stays and workers do not get it.
    pub fn is_active(&self, bundle: &TrustBundle) -> bool {
        let mut cas = bundle.certificates().iter();
        cas.any(|ca| self.head.is_signed_by(ca))
    }
}

impl RevocationLists {
    /// One upload.
    pub fn find(&self, trusted: &ResourceName, name: &ResourceName) -> Option<&RevocationList> {
        self.0.get(&key(trusted))?.get(&key(name))
    }

    /// The uploads of one trusted client certificate, in the order of their names.
    pub fn of(&self, trusted: &ResourceName) -> impl Iterator<Item = &RevocationList> {
        let lists = self.0.get(&key(trusted));
        lists.into_iter().flat_map(BTreeMap::values)
    }

    /// All uploads.
    pub fn iter(&self) -> impl Iterator<Item = &RevocationList> {
        self.0.values().flat_map(BTreeMap::values)
    }

    /// The same with an upload, which replaces the one of its name and keeps the casing of that.
    #[must_use]
    pub fn with(mut self, mut list: RevocationList) -> Self {
        if let Some(replaced) = self.find(&list.trusted, &list.name) {
            list.name = replaced.name.clone();
        }
        let lists = self.0.entry(key(&list.trusted)).or_default();
        lists.insert(key(&list.name), list);
        self
    }

    /// The same without an upload.
    #[must_use]
    pub fn without(mut self, trusted: &ResourceName, name: &ResourceName) -> Self {
        if let Some(lists) = self.0.get_mut(&key(trusted)) {
            lists.remove(&key(name));
        }
        self.0.retain(|_, lists| !lists.is_empty());
        self
    }
}

/// As stored. Hashes and numbers in hex, times in seconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    trusted: String,
    name: String,
    issuer_key: String,
    issuer_name: String,
    scope: String,
    number: Option<String>,
    this_update: u64,
    next_update: u64,
    sha256: String,
    issuer: String,
    entry_count: u64,
    size: u64,
}

impl Serialize for RevocationList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let head = &self.head;
        let stored = Stored {
            trusted: self.trusted.as_str().to_owned(),
            name: self.name.as_str().to_owned(),
            issuer_key: hex::encode(head.issuer_key),
            issuer_name: hex::encode(head.issuer_name),
            scope: hex::encode(head.scope),
            number: head
                .number
                .as_ref()
                .map(|number| hex::encode(number.octets())),
            this_update: head.this_update.as_secs(),
            next_update: head.next_update.as_secs(),
            sha256: hex::encode(head.sha256),
            issuer: self.issuer.clone(),
            entry_count: self.entry_count,
            size: self.size,
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RevocationList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let unreadable = || D::Error::custom("a revocation list is not stored readably");
        stored.read().ok_or_else(unreadable)
    }
}

impl Stored {
    fn read(self) -> Option<RevocationList> {
        let number = match self.number {
            None => None,
            Some(number) => Some(CrlNumber::from_octets(&hex::decode(number).ok()?)),
        };
        let time = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        Some(RevocationList {
            trusted: ResourceName::parse(&self.trusted).ok()?,
            name: ResourceName::parse(&self.name).ok()?,
            head: CrlHead {
                issuer_key: sha256(&self.issuer_key)?,
                issuer_name: sha256(&self.issuer_name)?,
                scope: sha256(&self.scope)?,
                number,
                this_update: time(self.this_update),
                next_update: time(self.next_update),
                sha256: sha256(&self.sha256)?,
            },
            issuer: self.issuer,
            entry_count: self.entry_count,
            size: self.size,
        })
    }
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ResourceName {
        ResourceName::parse(text).unwrap()
    }

    fn list(trusted: &str, own: &str, sha256: u8) -> RevocationList {
        let time = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        RevocationList {
            trusted: name(trusted),
            name: name(own),
            head: CrlHead {
                issuer_key: [1; 32],
                issuer_name: [2; 32],
                scope: [3; 32],
                number: Some(CrlNumber::from_octets(&[1, 0])),
                this_update: time(1),
                next_update: time(2),
                sha256: [sha256; 32],
            },
            issuer: "CN=CA".to_owned(),
            entry_count: 4,
            size: 5,
        }
    }

    #[test]
    fn an_upload_is_found_and_replaced_in_any_case() {
        let lists = RevocationLists::default().with(list("Partners", "Main", 1));
        let lists = lists.with(list("partners", "main", 2));
        assert_eq!(lists.iter().count(), 1);
        let found = lists.find(&name("PARTNERS"), &name("MAIN")).unwrap();
        assert_eq!((found.name.as_str(), found.head.sha256), ("Main", [2; 32]));
        assert_eq!(lists.of(&name("partners")).count(), 1);
        assert_eq!(lists.of(&name("others")).count(), 0);
        let none = lists.without(&name("Partners"), &name("main"));
        assert_eq!(none, RevocationLists::default());
    }

    #[test]
    fn what_is_stored_reads_back() {
        let lists = RevocationLists::default()
            .with(list("a", "one", 1))
            .with(list("b", "two", 2));
        let text = serde_json::to_string(&lists).unwrap();
        let read: RevocationLists = serde_json::from_str(&text).unwrap();
        assert_eq!(read, lists);
        let damaged = text.replace(&hex::encode([3; 32]), "00");
        assert!(serde_json::from_str::<RevocationLists>(&damaged).is_err());
    }
}
