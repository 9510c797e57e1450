//! A responder: responses made by hand, so that everything in them can be wrong.

use std::sync::Arc;
use std::time::Duration;

use der::Encode;
use der::asn1::GeneralizedTime;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, KeyPair, SigningKey};

use super::revocation::{name_responders, questions};
use super::{Authority, Der, Edit, at, date, extension, tlv};
use crate::certificate::Certificate;
use crate::ocsp::{self, OcspAnswer, OcspError, OcspStatus};
use crate::{RevocationMethod, RevocationQuestion, Sha1Fingerprint, Sha256Fingerprint};

pub(crate) const ECDSA_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
pub(crate) const GOOD: &[u8] = &[0x80, 0];
pub(crate) const UNKNOWN: &[u8] = &[0x82, 0];
/// Seconds after which answers have to be renewed here.
pub(crate) const LIFE: i64 = 3600;

/// A CA, a client of it, and the question about the client.
pub(crate) struct World {
    pub(crate) root: Authority,
    pub(crate) question: Arc<RevocationQuestion>,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = Authority::root("root");
        let client = root.client_with("client", &|p| name_responders(p, &["http://a.example"]));
        let question = questions(RevocationMethod::Ocsp, &root.der, &[&client]).remove(0);
        Self { root, question }
    }

    /// The `CertID` of the client.
    pub(crate) fn cert_id(&self) -> CertId {
        CertId::sha1(&self.root.der, &self.question.certificate.serial)
    }

    /// An answer about the client.
    pub(crate) fn single(&self, status: &[u8]) -> Single {
        Single {
            cert_id: self.cert_id().der(),
            status: status.to_vec(),
            this_update: -60,
            next_update: Some(LIFE),
            extensions: Vec::new(),
        }
    }

    /// A response of the CA itself with this answer.
    pub(crate) fn response(&self, status: &[u8]) -> Response<'_> {
        Response::new(self.root.key(), &self.root.der, vec![self.single(status)])
    }

    pub(crate) fn verify(&self, response: &[u8]) -> Result<OcspAnswer, OcspError> {
        ocsp::verify(response, &self.question, None, at(0))
    }

    /// Checks what becomes of a response, and that nothing but `Ok` ever is a good status.
    #[track_caller]
    pub(crate) fn check(&self, what: &str, response: &Response<'_>, expected: &Outcome) {
        let found = self.verify(&response.der()).map(|answer| answer.status);
        assert_eq!(&found, expected, "{what}");
    }
}

pub(crate) type Outcome = Result<OcspStatus, OcspError>;

/// A responder's certificate, and its key.
pub(crate) fn delegate(issuer: &Authority, edit: Edit<'_>) -> (KeyPair, Der) {
    let key = KeyPair::generate().unwrap();
    let der = issuer.client_for("responder", &key, &|p| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        p.not_before = date(-30 * super::DAY);
        p.custom_extensions.push(no_check());
        edit(p);
    });
    (key, der)
}

fn no_check() -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0])
}

/// A `CertID` whose parts can be wrong.
#[derive(Clone)]
pub(crate) struct CertId {
    pub(crate) algorithm: Vec<u8>,
    pub(crate) name_hash: Vec<u8>,
    pub(crate) key_hash: Vec<u8>,
    pub(crate) serial: Vec<u8>,
}

impl CertId {
    pub(crate) fn sha1(issuer: &Der, serial: &[u8]) -> Self {
        let issuer = Certificate::parse(issuer).unwrap();
        Self {
            algorithm: tlv(0x06, &[0x2b, 0x0e, 0x03, 0x02, 0x1a]),
            name_hash: Sha1Fingerprint::of(issuer.subject).as_bytes().to_vec(),
            key_hash: Sha1Fingerprint::of(issuer.key.bits).as_bytes().to_vec(),
            serial: serial.to_vec(),
        }
    }

    pub(crate) fn sha256(issuer: &Der, serial: &[u8]) -> Self {
        let issuer = Certificate::parse(issuer).unwrap();
        Self {
            algorithm: tlv(
                0x06,
                &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            ),
            name_hash: Sha256Fingerprint::of(issuer.subject).as_bytes().to_vec(),
            key_hash: Sha256Fingerprint::of(issuer.key.bits).as_bytes().to_vec(),
            serial: serial.to_vec(),
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let fields = [
            tlv(0x30, &self.algorithm),
            tlv(0x04, &self.name_hash),
            tlv(0x04, &self.key_hash),
            tlv(0x02, &self.serial),
        ];
        tlv(0x30, &fields.concat())
    }
}

/// A `SingleResponse`; times in seconds from now.
#[derive(Clone)]
pub(crate) struct Single {
    pub(crate) cert_id: Vec<u8>,
    pub(crate) status: Vec<u8>,
    pub(crate) this_update: i64,
    pub(crate) next_update: Option<i64>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Single {
    fn der(&self) -> Vec<u8> {
        let next = self.next_update.map(|next| tlv(0xa0, &time(next)));
        let fields = [
            self.cert_id.clone(),
            self.status.clone(),
            time(self.this_update),
            next.unwrap_or_default(),
            extensions(&self.extensions),
        ];
        tlv(0x30, &fields.concat())
    }
}

/// `revoked`, `ago` seconds before now.
pub(crate) fn revoked(ago: i64, cause: Option<u8>) -> Vec<u8> {
    let cause = cause.map(|code| tlv(0xa0, &tlv(0x0a, &[code])));
    tlv(0xa1, &[time(-ago), cause.unwrap_or_default()].concat())
}

/// An `OCSPResponse`.
pub(crate) struct Response<'a> {
    pub(crate) status: u8,
    pub(crate) kind: Vec<u8>,
    pub(crate) key: &'a KeyPair,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) responder: Vec<u8>,
    pub(crate) produced_at: i64,
    pub(crate) singles: Vec<Single>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) certificates: Vec<Der>,
}

impl<'a> Response<'a> {
    /// Signed with `key`, in the name of the owner of `signer`.
    pub(crate) fn new(key: &'a KeyPair, signer: &Der, singles: Vec<Single>) -> Self {
        Self {
            status: 0,
            kind: vec![0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01],
            key,
            algorithm: ECDSA_SHA256.to_vec(),
            responder: by_name(signer),
            produced_at: -30,
            singles,
            extensions: Vec::new(),
            certificates: Vec::new(),
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        if self.status != 0 {
            return tlv(0x30, &tlv(0x0a, &[self.status]));
        }
        self.wrap(self.data())
    }

    /// The `ResponseData`.
    pub(crate) fn data(&self) -> Vec<u8> {
        let singles: Vec<_> = self.singles.iter().map(Single::der).collect();
        let data = [
            self.responder.clone(),
            time(self.produced_at),
            tlv(0x30, &singles.concat()),
            extensions(&self.extensions),
        ];
        tlv(0x30, &data.concat())
    }

    /// Signs whatever it is.
    pub(crate) fn wrap(&self, data: Vec<u8>) -> Vec<u8> {
        let signature = [vec![0], self.key.sign(&data).unwrap()].concat();
        let certificates: Vec<_> = self.certificates.iter().map(|der| der.to_vec()).collect();
        let certificates = match certificates.as_slice() {
            [] => Vec::new(),
            some => tlv(0xa0, &tlv(0x30, &some.concat())),
        };
        let signed = [
            data,
            tlv(0x30, &self.algorithm),
            tlv(0x03, &signature),
            certificates,
        ];
        let basic = tlv(0x30, &signed.concat());
        let bytes = [tlv(0x06, &self.kind), tlv(0x04, &basic)].concat();
        let outer = [tlv(0x0a, &[0]), tlv(0xa0, &tlv(0x30, &bytes))].concat();
        tlv(0x30, &outer)
    }
}

pub(crate) fn by_name(signer: &Der) -> Vec<u8> {
    tlv(0xa1, Certificate::parse(signer).unwrap().subject)
}

pub(crate) fn by_key(signer: &Der) -> Vec<u8> {
    let key = Certificate::parse(signer).unwrap().key.bits;
    tlv(0xa2, &tlv(0x04, Sha1Fingerprint::of(key).as_bytes()))
}

/// The nonce extension.
pub(crate) fn nonce(nonce: &[u8]) -> Vec<u8> {
    let id = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    extension(&id, false, &tlv(0x04, nonce))
}

fn extensions(extensions: &[Vec<u8>]) -> Vec<u8> {
    match extensions {
        [] => Vec::new(),
        some => tlv(0xa1, &tlv(0x30, &some.concat())),
    }
}

/// A `GeneralizedTime`, `seconds` from now.
pub(crate) fn time(seconds: i64) -> Vec<u8> {
    let moment = Duration::from_secs(at(seconds).as_secs());
    GeneralizedTime::from_unix_duration(moment)
        .unwrap()
        .to_der()
        .unwrap()
}
