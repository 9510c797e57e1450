//! Revocation lists made by hand, so that everything in them can be wrong and half a million entries take no time.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber, SigningKey,
};
use time::{Duration, OffsetDateTime, macros::format_description};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::fixture::now;

/// A CA that issues clients and signs lists.
pub(crate) struct Ca {
    key: KeyPair,
    certificate: Certificate,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let usages = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self::with_usages(name, &usages)
    }

    pub(crate) fn with_usages(name: &str, usages: &[KeyUsagePurpose]) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = usages.to_vec();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A client certificate with this serial number, as PEM.
    pub(crate) fn client(&self, serial: &[u8]) -> String {
        let mut params = CertificateParams::new(vec!["device.example".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        let issuer = Issuer::from_ca_cert_der(self.certificate.der(), &self.key).unwrap();
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &issuer).unwrap().pem()
    }

    /// The DER of its list of this number, without entries, which begins now and counts for 30 days.
    pub(crate) fn list(&self, number: u8) -> Vec<u8> {
        List::new(number).signed_by(self)
    }

    fn name(&self) -> Vec<u8> {
        let (_, certificate) = X509Certificate::from_der(self.certificate.der()).unwrap();
        certificate.subject().as_raw().to_vec()
    }
}

/// What a list says.
pub(crate) struct List {
    pub(crate) version: Option<u8>,
    pub(crate) this_update: OffsetDateTime,
    pub(crate) next_update: Option<OffsetDateTime>,
    pub(crate) entries: Vec<u8>,
    /// Each an encoded extension.
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl List {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            version: Some(1),
            this_update: now(),
            next_update: Some(now() + Duration::days(30)),
            entries: Vec::new(),
            extensions: vec![extension(&[0x55, 0x1d, 0x14], false, &tlv(0x02, &[number]))],
        }
    }

    /// With `count` entries of different serial numbers of 20 octets.
    pub(crate) fn with_entries(mut self, count: u32) -> Self {
        let mut entry = tlv(0x30, &[tlv(0x02, &[1; 20]), time(now())].concat());
        for number in 0..count {
            entry[5..9].copy_from_slice(&number.to_be_bytes());
            self.entries.extend_from_slice(&entry);
        }
        self
    }

    pub(crate) fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(crate) fn signed_by(&self, ca: &Ca) -> Vec<u8> {
        let algorithm = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            some => tlv(0xa0, &tlv(0x30, &some.concat())),
        };
        let entries = match self.entries.as_slice() {
            [] => Vec::new(),
            some => tlv(0x30, some),
        };
        let parts = [
            self.version
                .map(|version| tlv(0x02, &[version]))
                .unwrap_or_default(),
            algorithm.to_vec(),
            ca.name(),
            time(self.this_update),
            self.next_update.map(time).unwrap_or_default(),
            entries,
            extensions,
        ];
        let tbs = tlv(0x30, &parts.concat());
        let signature = ca.key.sign(&tbs).unwrap();
        let signature = tlv(0x03, &[&[0], signature.as_slice()].concat());
        tlv(0x30, &[tbs, algorithm.to_vec(), signature].concat())
    }
}

pub(crate) fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical {
        tlv(0x01, &[0xff])
    } else {
        Vec::new()
    };
    tlv(0x30, &[tlv(0x06, id), critical, tlv(0x04, value)].concat())
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let zeros = length.iter().take_while(|octet| **octet == 0).count();
    let mut encoded = vec![tag];
    match length[zeros..] {
        [] => encoded.push(0),
        [short] if short < 0x80 => encoded.push(short),
        ref long => {
            encoded.push(0x80 | u8::try_from(long.len()).unwrap());
            encoded.extend_from_slice(long);
        }
    }
    encoded.extend_from_slice(content);
    encoded
}

fn time(at: OffsetDateTime) -> Vec<u8> {
    let format = format_description!("[year repr:last_two][month][day][hour][minute][second]Z");
    tlv(0x17, at.format(format).unwrap().as_bytes())
}

/// PEM of a list.
pub(crate) fn pem(der: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let body = BASE64_STANDARD.encode(der);
    format!("-----BEGIN X509 CRL-----\n{body}\n-----END X509 CRL-----\n")
}
