//! What rcgen cannot make: certificates changed field by field and signed anew.

use rcgen::SigningKey;

use super::authority::{Authority, Der, tlv};
use crate::der_value::{SEQUENCE, Tlv, Values};

/// Places of the fields of a `TBSCertificate` as rcgen writes it.
pub(super) const VERSION: usize = 0;
pub(super) const SERIAL: usize = 1;
pub(super) const ALGORITHM: usize = 2;
pub(super) const ISSUER: usize = 3;
pub(super) const VALIDITY: usize = 4;
pub(super) const SUBJECT: usize = 5;
pub(super) const KEY: usize = 6;
pub(super) const EXTENSIONS: usize = 7;

/// `der` with other fields, signed by `issuer`.
pub(super) fn changed(
    der: &Der,
    issuer: &Authority,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> Der {
    let [tbs, algorithm, _] = parts(der);
    signed(&with_fields(tbs, change), algorithm.raw, issuer)
}

/// `der` with other fields, and with the signature of before.
pub(super) fn forged(der: &Der, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Der {
    let [tbs, algorithm, signature] = parts(der);
    assembled(&with_fields(tbs, change), algorithm.raw, signature.raw)
}

/// `der` with another algorithm of its signature, outside and inside, signed by `issuer` as before.
pub(super) fn with_algorithm(der: &Der, issuer: &Authority, algorithm: &[u8]) -> Der {
    let [tbs, _, _] = parts(der);
    let tbs = with_fields(tbs, |fields| fields[ALGORITHM] = algorithm.to_vec());
    signed(&tbs, algorithm, issuer)
}

fn with_fields(tbs: Tlv<'_>, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut fields: Vec<_> = values(tbs).iter().map(|field| field.raw.to_vec()).collect();
    change(&mut fields);
    tlv(SEQUENCE, &fields.concat())
}

/// A certificate of these contents, whatever they are, signed by `issuer`.
pub(crate) fn signed(tbs: &[u8], algorithm: &[u8], issuer: &Authority) -> Der {
    let signature = issuer.key().sign(tbs).unwrap();
    let signature = tlv(0x03, &[&[0], &signature[..]].concat());
    assembled(tbs, algorithm, &signature)
}

fn assembled(tbs: &[u8], algorithm: &[u8], signature: &[u8]) -> Der {
    tlv(SEQUENCE, &[tbs, algorithm, signature].concat()).into()
}

/// The three parts of a certificate.
pub(crate) fn parts(der: &Der) -> [Tlv<'_>; 3] {
    let outer = Values::only(der, SEQUENCE).unwrap();
    values(outer).try_into().ok().unwrap()
}

/// The values inside a constructed one.
pub(super) fn values(outer: Tlv<'_>) -> Vec<Tlv<'_>> {
    let mut values = outer.values().unwrap();
    let mut found = Vec::new();
    while let Some(value) = values.next().unwrap() {
        found.push(value);
    }
    found
}

/// An extension of the form of RFC 5280 section 4.1.2.9.
pub(crate) fn extension(oid: &[u8], critical: bool, contents: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    let fields = [&tlv(0x06, oid), critical, &tlv(0x04, contents)].concat();
    tlv(SEQUENCE, &fields)
}

/// Leaves out the extension of this type, if it is there.
pub(super) fn remove_extension(fields: &mut [Vec<u8>], oid: &[u8]) {
    let explicit = Values::only(&fields[EXTENSIONS], 0xa3).unwrap();
    let header = tlv(0x06, oid);
    let kept: Vec<_> = values(values(explicit)[0])
        .iter()
        .filter(|extension| !extension.value.starts_with(&header))
        .map(|extension| extension.raw)
        .collect();
    fields[EXTENSIONS] = tlv(0xa3, &tlv(SEQUENCE, &kept.concat()));
}

/// Adds extensions to those that are there.
pub(super) fn add_extensions(fields: &mut [Vec<u8>], more: &[Vec<u8>]) {
    let explicit = Values::only(&fields[EXTENSIONS], 0xa3).unwrap();
    let list = values(explicit)[0];
    let all = [list.value, &more.concat()].concat();
    fields[EXTENSIONS] = tlv(0xa3, &tlv(SEQUENCE, &all));
}
