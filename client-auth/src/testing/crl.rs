//! CRLs made by hand, so that everything in them can be wrong.

use std::sync::Arc;
use std::time::Duration;

use der::Encode;
use der::asn1::UtcTime;
use rcgen::{KeyPair, SerialNumber, SigningKey};

use super::ocsp::ECDSA_SHA256;
use super::revocation::questions;
use super::{Authority, Edit, at, extension};
use crate::certificate::Certificate;
use crate::crl::{Crl, CrlAnswer, CrlError, CrlSet, SignedCrl};
use crate::der_writer::encode;
use crate::{RevocationMethod, RevocationQuestion};

const NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 0x1c];
const REASON: &[u8] = &[0x55, 0x1d, 0x15];

/// Seconds after which lists expire here.
pub(crate) const LIFE: i64 = 3600;

/// A `CertificateList`; times in seconds from now.
#[derive(Clone)]
pub(crate) struct List<'a> {
    pub(crate) key: &'a KeyPair,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) inner_algorithm: Vec<u8>,
    pub(crate) version: Option<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) this_update: i64,
    pub(crate) next_update: Option<i64>,
    pub(crate) entries: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl<'a> List<'a> {
    /// The list number 1 of `issuer` with these serial numbers.
    pub(crate) fn of(issuer: &'a Authority, serials: &[&[u8]]) -> Self {
        let entries: Vec<_> = serials.iter().map(|serial| entry(serial, &[])).collect();
        Self {
            key: issuer.key(),
            algorithm: ECDSA_SHA256.to_vec(),
            inner_algorithm: ECDSA_SHA256.to_vec(),
            version: Some(1),
            issuer: Certificate::parse(&issuer.der).unwrap().subject.to_vec(),
            this_update: -60,
            next_update: Some(LIFE),
            entries: entries.concat(),
            extensions: vec![number(&[1])],
        }
    }

    pub(crate) fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(crate) fn numbered(mut self, octets: &[u8]) -> Self {
        self.extensions[0] = number(octets);
        self
    }

    /// With a critical issuing distribution point of these fields.
    pub(crate) fn scoped(self, fields: &[u8]) -> Self {
        let point = encode(0x30, &[fields]);
        self.with(extension(ISSUING_POINT, true, &point))
    }

    pub(crate) fn during(mut self, this_update: i64, next_update: i64) -> Self {
        self.this_update = this_update;
        self.next_update = Some(next_update);
        self
    }

    pub(crate) fn tbs(&self) -> Vec<u8> {
        let version = self.version.map(|version| encode(0x02, &[&[version]]));
        let entries = match self.entries.as_slice() {
            [] => Vec::new(),
            some => encode(0x30, &[some]),
        };
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            some => encode(0xa0, &[&encode(0x30, &[&some.concat()])]),
        };
        let parts = [
            version.unwrap_or_default(),
            encode(0x30, &[&self.inner_algorithm]),
            self.issuer.clone(),
            time(self.this_update),
            self.next_update.map(time).unwrap_or_default(),
            entries,
            extensions,
        ];
        encode(0x30, &[&parts.concat()])
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.wrap(&self.tbs())
    }

    /// Signs whatever it is.
    pub(crate) fn wrap(&self, tbs: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(tbs).unwrap();
        let signature = encode(0x03, &[&[0], &signature]);
        encode(0x30, &[tbs, &encode(0x30, &[&self.algorithm]), &signature])
    }

    /// Reads and verifies it with the certificate of `issuer`.
    pub(crate) fn signed_by(&self, issuer: &Authority) -> Result<Arc<SignedCrl>, CrlError> {
        let der = self.der();
        Ok(Arc::new(Crl::parse(&der)?.check_signed_by(&issuer.der)?))
    }
}

/// One revoked certificate.
pub(crate) fn entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = match extensions {
        [] => Vec::new(),
        some => encode(0x30, &[&some.concat()]),
    };
    encode(0x30, &[&encode(0x02, &[serial]), &time(-600), &extensions])
}

/// The extension of an entry that tells the reason.
pub(crate) fn reason(code: u8) -> Vec<u8> {
    extension(REASON, false, &[0x0a, 1, code])
}

/// The extension with the number of a list.
pub(crate) fn number(octets: &[u8]) -> Vec<u8> {
    extension(NUMBER, false, &encode(0x02, &[octets]))
}

/// A `UTCTime`, `seconds` from now.
pub(crate) fn time(seconds: i64) -> Vec<u8> {
    let moment = Duration::from_secs(at(seconds).as_secs());
    UtcTime::from_unix_duration(moment)
        .unwrap()
        .to_der()
        .unwrap()
}

/// The question about a client of `root` with this serial number.
pub(crate) fn ask(root: &Authority, serial: &[u8], edit: Edit<'_>) -> Arc<RevocationQuestion> {
    let client = root.client_with("client", &|p| {
        p.serial_number = Some(SerialNumber::from_slice(serial));
        edit(p);
    });
    questions(RevocationMethod::Crl, &root.der, &[&client]).remove(0)
}

/// What lists that are all of `issuer` say, in a word.
pub(crate) fn verdict(
    issuer: &Authority,
    lists: &[List<'_>],
    question: &RevocationQuestion,
) -> &'static str {
    let set = CrlSet::new(lists.iter().map(|list| list.signed_by(issuer).unwrap()));
    word(&set.answer(question, at(0)))
}

pub(crate) fn word(answer: &CrlAnswer) -> &'static str {
    match answer {
        CrlAnswer::Good { .. } => "good",
        CrlAnswer::Revoked { .. } => "revoked",
        CrlAnswer::Unavailable { .. } => "no answer",
    }
}
