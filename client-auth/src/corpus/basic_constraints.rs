//! CA flags, and how long a path may become (RFC 5280 section 4.2.1.9).

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa};

use super::authority::{Authority, Edit, plain};
use super::{Corpus, below, client, client_with, root, trusting};
use crate::Reason;

const CA_FLAG: &str = "RFC 5280 section 6.1.4 (k)";
const LENGTH: &str = "RFC 5280 section 6.1.4 (l), (m)";
const ENCODING: &str = "RFC 5280 section 4.2.1.9";

pub(super) fn add(corpus: &mut Corpus) {
    add_flags(corpus);
    add_lengths(corpus);
    add_odd_lengths(corpus);
}

/// The extension with these contents instead of rcgen's own.
fn raw(contents: &[u8], critical: bool) -> impl Fn(&mut CertificateParams) + use<> {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 19], contents.to_vec());
    extension.set_criticality(critical);
    move |p| {
        p.is_ca = IsCa::NoCa;
        p.custom_extensions.push(extension.clone());
    }
}

fn add_flags(corpus: &mut Corpus) {
    let (not_a_ca, malformed) = (Err(Reason::NotACa), Err(Reason::Malformed));
    let is_true: &[u8] = &[0x30, 3, 1, 1, 0xff];
    let variants: [(&str, Edit<'_>, Result<(), Reason>); 7] = [
        ("CA:TRUE", &plain, Ok(())),
        ("CA:TRUE, not critical", &raw(is_true, false), Ok(())),
        ("CA:FALSE", &|p| p.is_ca = IsCa::ExplicitNoCa, not_a_ca),
        ("no extension", &|p| p.is_ca = IsCa::NoCa, not_a_ca),
        ("empty extension", &raw(&[0x30, 0], true), not_a_ca),
        ("TRUE in BER", &raw(&[0x30, 3, 1, 1, 1], true), malformed),
        ("no sequence", &raw(&[1, 1, 0xff], true), malformed),
    ];
    for (what, edit, verdict) in variants {
        let root = Authority::root("root");
        let policy = trusting(&[&[&root.der]]);
        let upper = below(&root, "upper", edit);
        let only = below(&root, "only", edit);
        let good_upper = below(&root, "upper", &plain);
        let lower_of_good = below(&good_upper, "lower", edit);
        let lower_of_upper = below(&upper, "lower", &plain);
        for (place, chain) in [
            ("only", vec![client(&only), only.der]),
            (
                "lower",
                vec![client(&lower_of_good), lower_of_good.der, good_upper.der],
            ),
            (
                "upper",
                vec![client(&lower_of_upper), lower_of_upper.der, upper.der],
            ),
        ] {
            let chain: Vec<_> = chain.iter().collect();
            corpus.judged(
                format!("{what}, {place} CA"),
                CA_FLAG,
                verdict,
                &policy,
                &chain,
            );
        }
    }
}

fn constrained(limit: u8) -> impl Fn(&mut CertificateParams) {
    move |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(limit))
}

/// Chains of one to four CAs below the root, with a limit at one place: just long enough, and one too short.
fn add_lengths(corpus: &mut Corpus) {
    for depth in 1..=4_u8 {
        for place in 0..=depth {
            let needed = depth - place;
            for limit in needed.saturating_sub(1)..=needed {
                let edit = |level: u8| -> Box<dyn Fn(&mut CertificateParams)> {
                    if level == place {
                        Box::new(constrained(limit))
                    } else {
                        Box::new(plain)
                    }
                };
                let root = root(&*edit(0));
                let mut cas: Vec<Authority> = Vec::new();
                for level in 1..=depth {
                    let issuer = cas.last().unwrap_or(&root);
                    let ca = below(issuer, &format!("ca {level}"), &*edit(level));
                    cas.push(ca);
                }
                let client = client(cas.last().unwrap());
                let mut chain = vec![&client];
                chain.extend(cas.iter().map(|ca| &ca.der));
                let verdict = if limit < needed {
                    Err(Reason::PathLength)
                } else {
                    Ok(())
                };
                let name = format!("{depth} CAs, at most {limit} below number {place}");
                let policy = trusting(&[&[&root.der]]);
                corpus.judged(name, LENGTH, verdict, &policy, &chain);
            }
        }
    }
}

fn add_odd_lengths(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let ca = |contents: &[u8]| {
        let one = below(&root, "one", &raw(contents, true));
        (client(&one), one.der)
    };
    let (leaf, one) = ca(&[0x30, 7, 1, 1, 0xff, 2, 2, 0, 0x80]);
    corpus.limit(
        "a limit of 128",
        ENCODING,
        ("path lengths over 127 are not read", Reason::Malformed),
        &policy,
        &[&leaf, &one],
    );
    for (what, contents) in [
        ("a negative limit", &[0x30, 6, 1, 1, 0xff, 2, 1, 0xff][..]),
        ("a limit that is no number", &[0x30, 6, 1, 1, 0xff, 4, 1, 1]),
        (
            "something behind the limit",
            &[0x30, 9, 1, 1, 0xff, 2, 1, 1, 2, 1, 1],
        ),
    ] {
        let (leaf, one) = ca(contents);
        corpus.bad(what, ENCODING, Reason::Malformed, &policy, &[&leaf, &one]);
    }
    let (leaf, one) = ca(&[0x30, 3, 2, 1, 5]);
    corpus.bad(
        "a limit without the flag",
        CA_FLAG,
        Reason::NotACa,
        &policy,
        &[&leaf, &one],
    );
    let with_limit = client_with(&root, &raw(&[0x30, 3, 2, 1, 0], true));
    corpus.good(
        "a limit in a client's certificate",
        LENGTH,
        &policy,
        &[&with_limit],
    );

    let zero = below(&root, "one", &constrained(0));
    let renewed = below(&zero, "one", &plain);
    corpus.limit(
        "a self-issued certificate below the last CA",
        LENGTH,
        // The key of the CA above has the same name and is tried as well, and that reason is the more specific one.
        ("self-issued certificates count", Reason::BadSignature),
        &policy,
        &[&client(&renewed), &renewed.der, &zero.der],
    );
    let other = below(&renewed, "other", &plain);
    corpus.bad(
        "a CA below a self-issued certificate below the last CA",
        LENGTH,
        Reason::PathLength,
        &policy,
        &[&client(&other), &other.der, &renewed.der, &zero.der],
    );
}
