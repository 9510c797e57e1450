//! Names that a CA may give out (RFC 5280 section 4.2.1.10).

// T-22

mod addresses;
mod levels;
mod types;

use rcgen::{CertificateParams, CustomExtension};

use super::authority::{Authority, tlv};
use super::{Corpus, below, client_with, root, trusting};
use crate::Reason;

const RULE: &str = "RFC 5280 section 4.2.1.10";

const OTHER: u8 = 0xa0;
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const X400: u8 = 0xa3;
const DIRECTORY: u8 = 0xa4;
const EDI_PARTY: u8 = 0xa5;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
const REGISTERED: u8 = 0x88;

/// A name or a subtree of a type.
type Name<'a> = (u8, &'a [u8]);

/// What must come of it.
#[derive(Clone, Copy)]
enum Outcome {
    Good,
    Bad,
    /// Good, and refused since nobody compares names of that type.
    Limit,
    /// The constraints themselves cannot be read.
    Unreadable,
}
use Outcome::{Bad, Good, Limit, Unreadable};

pub(super) fn add(corpus: &mut Corpus) {
    add_dns(corpus);
    addresses::add(corpus);
    types::add(corpus);
    levels::add(corpus);
}

/// The extension with these subtrees.
fn constrain(
    permitted: &[Name<'_>],
    excluded: &[Name<'_>],
) -> impl Fn(&mut CertificateParams) + use<> {
    let list = |tag: u8, names: &[Name<'_>]| {
        let subtrees: Vec<_> = names
            .iter()
            .map(|(tag, base)| tlv(0x30, &tlv(*tag, base)))
            .collect();
        if names.is_empty() {
            Vec::new()
        } else {
            tlv(tag, &subtrees.concat())
        }
    };
    raw(
        &tlv(
            0x30,
            &[list(0xa0, permitted), list(0xa1, excluded)].concat(),
        ),
        true,
    )
}

fn raw(contents: &[u8], critical: bool) -> impl Fn(&mut CertificateParams) + use<> {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], contents.to_vec());
    extension.set_criticality(critical);
    move |p| p.custom_extensions.push(extension.clone())
}

fn name(names: &[Name<'_>]) -> impl Fn(&mut CertificateParams) + use<> {
    let names: Vec<_> = names.iter().map(|(tag, name)| tlv(*tag, name)).collect();
    let names = tlv(0x30, &names.concat());
    move |p| {
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], names.clone());
        p.custom_extensions.push(extension);
    }
}

/// A client with these names below a CA with these constraints: the CA is an intermediate, and an anchor.
fn add_pair(
    corpus: &mut Corpus,
    what: &str,
    constraints: (&[Name<'_>], &[Name<'_>]),
    names: &[Name<'_>],
    outcome: Outcome,
) {
    let constraints = constrain(constraints.0, constraints.1);
    let names = name(names);
    let anchor = root(&constraints);
    let plain_root = Authority::root("root");
    let one = below(&plain_root, "one", &constraints);
    for (place, policy, chain) in [
        (
            "anchor",
            trusting(&[&[&anchor.der]]),
            vec![client_with(&anchor, &names)],
        ),
        (
            "CA",
            trusting(&[&[&plain_root.der]]),
            vec![client_with(&one, &names), one.der],
        ),
    ] {
        let chain: Vec<_> = chain.iter().collect();
        let name = format!("{what}, by the {place}");
        match outcome {
            Good => corpus.good(name, RULE, &policy, &chain),
            Bad => corpus.bad(name, RULE, Reason::NameConstraints, &policy, &chain),
            Limit => {
                let limit = (
                    "names of this type are not compared",
                    Reason::NameConstraints,
                );
                corpus.limit(name, RULE, limit, &policy, &chain)
            }
            // As an upload it is refused.
            Unreadable if place == "anchor" => {
                corpus.bad(name, RULE, Reason::EmptyTrust, &policy, &chain)
            }
            Unreadable => corpus.bad(name, RULE, Reason::Malformed, &policy, &chain),
        };
    }
}

fn add_dns(corpus: &mut Corpus) {
    let permitted: &[Name<'_>] = &[(DNS, b"example.com")];
    let excluded: &[Name<'_>] = &[(DNS, b"bad.example")];
    for (what, name, outcome) in [
        ("the permitted name", &b"example.com"[..], Good),
        ("a name below the permitted one", b"a.b.example.com", Good),
        ("a name below it in capitals", b"A.EXAMPLE.COM", Good),
        (
            "a wildcard below the permitted name",
            b"*.example.com",
            Good,
        ),
        (
            "a name that ends like the permitted one",
            b"badexample.com",
            Bad,
        ),
        ("a name above the permitted one", b"com", Bad),
        ("another name than the permitted one", b"example.org", Bad),
        ("a wildcard above the permitted name", b"*.com", Bad),
        (
            "a permitted name with a NUL",
            b"a.example.com\0.evil.org",
            Bad,
        ),
        (
            "a permitted name with a space",
            b"a b.example.com.evil",
            Bad,
        ),
        ("an empty name below a permitted one", b"", Bad),
    ] {
        add_pair(corpus, what, (permitted, &[]), &[(DNS, name)], outcome);
    }
    for (what, name, outcome) in [
        ("a name that is not excluded", &b"good.example"[..], Good),
        (
            "a name that ends like the excluded one",
            b"notbad.example",
            Good,
        ),
        ("the excluded name", b"bad.example", Bad),
        ("a name below the excluded one", b"a.bad.example", Bad),
        ("the excluded name in capitals", b"BAD.Example", Bad),
        (
            "the excluded name with a dot at its end",
            b"bad.example.",
            Bad,
        ),
        ("a wildcard below the excluded name", b"*.bad.example", Bad),
        (
            "a wildcard that covers the excluded name",
            b"*.example",
            Bad,
        ),
    ] {
        add_pair(corpus, what, (&[], excluded), &[(DNS, name)], outcome);
    }
    let two: &[Name<'_>] = &[(DNS, b"example.com"), (DNS, b"example.org")];
    add_pair(
        corpus,
        "one of two permitted names",
        (two, &[]),
        &[(DNS, b"a.example.org")],
        Good,
    );
    add_pair(
        corpus,
        "none of two permitted names",
        (two, &[]),
        &[(DNS, b"a.example.net")],
        Bad,
    );
    let mixed: &[Name<'_>] = &[(DNS, b"a.example.com"), (DNS, b"a.example.org")];
    add_pair(
        corpus,
        "a permitted name and another one",
        (permitted, &[]),
        mixed,
        Bad,
    );
    let inner: &[Name<'_>] = &[(DNS, b"bad.example.com")];
    add_pair(
        corpus,
        "permitted and not excluded",
        (permitted, inner),
        &[(DNS, b"a.example.com")],
        Good,
    );
    add_pair(
        corpus,
        "permitted and excluded",
        (permitted, inner),
        &[(DNS, b"x.bad.example.com")],
        Bad,
    );
    add_pair(
        corpus,
        "every name permitted",
        (&[(DNS, b"")], &[]),
        &[(DNS, b"a.example.org")],
        Good,
    );
    add_pair(
        corpus,
        "every name excluded",
        (&[], &[(DNS, b"")]),
        &[(DNS, b"a.example.org")],
        Bad,
    );
    add_pair(
        corpus,
        "no DNS name, one permitted",
        (permitted, &[]),
        &[(URI, b"urn:a")],
        Good,
    );
    add_pair(
        corpus,
        "no DNS name, one excluded",
        (&[], excluded),
        &[(EMAIL, b"a@bad.example")],
        Good,
    );
}
