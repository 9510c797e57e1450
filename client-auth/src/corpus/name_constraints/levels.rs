//! Constraints at several places of a path, and how they are encoded.

use super::{DNS, RULE, constrain, name, raw};
use crate::Reason;
use crate::corpus::authority::{Authority, tlv};
use crate::corpus::{Corpus, below, client_with, trusting};

pub(super) fn add(corpus: &mut Corpus) {
    add_levels(corpus);
    add_encodings(corpus);
}

/// The constraints of all CAs of a path hold.
fn add_levels(corpus: &mut Corpus) {
    let permit = |name: &'static [u8]| constrain(&[(DNS, name)], &[]);
    for (what, upper, lower, presented, is_good) in [
        (
            "inside both",
            &b"example.com"[..],
            &b"a.example.com"[..],
            &b"x.a.example.com"[..],
            true,
        ),
        (
            "inside the upper only",
            b"example.com",
            b"a.example.com",
            b"b.example.com",
            false,
        ),
        (
            "inside the lower only",
            b"a.example.com",
            b"example.com",
            b"b.example.com",
            false,
        ),
        (
            "inside the lower, which the upper does not permit",
            b"example.com",
            b"example.org",
            b"a.example.org",
            false,
        ),
    ] {
        let root = Authority::root("root");
        let upper = below(&root, "upper", &permit(upper));
        let lower = below(&upper, "lower", &permit(lower));
        let leaf = client_with(&lower, &name(&[(DNS, presented)]));
        let policy = trusting(&[&[&root.der]]);
        let chain = [&leaf, &lower.der, &upper.der];
        let verdict = if is_good {
            Ok(())
        } else {
            Err(Reason::NameConstraints)
        };
        corpus.judged(what, RULE, verdict, &policy, &chain);
    }
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let upper = below(&root, "upper", &permit(b"example.com"));
    let lower = below(&upper, "lower", &name(&[(DNS, b"ca.example.org")]));
    let leaf = client_with(&lower, &name(&[(DNS, b"a.example.com")]));
    corpus.bad(
        "the name of a CA below",
        RULE,
        Reason::NameConstraints,
        &policy,
        &[&leaf, &lower.der, &upper.der],
    );
    let renewed = below(&upper, "upper", &name(&[(DNS, b"ca.example.org")]));
    let leaf = client_with(&renewed, &name(&[(DNS, b"a.example.com")]));
    corpus.limit(
        "the name of a self-issued certificate below",
        RULE,
        (
            // The key of the CA above has the same name and is tried as well: that reason is the more specific one.
            "names of self-issued certificates are constrained, too",
            Reason::BadSignature,
        ),
        &policy,
        &[&leaf, &renewed.der, &upper.der],
    );
    // What a client's own certificate says about names below it means nothing.
    let leaf = client_with(&root, &|p| {
        permit(b"example.com")(p);
        name(&[(DNS, b"a.example.org")])(p);
    });
    corpus.good(
        "constraints in a client's certificate",
        RULE,
        &policy,
        &[&leaf],
    );
}

fn add_encodings(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let base = tlv(DNS, b"example.com");
    let subtree = |more: &[u8]| tlv(0x30, &tlv(0xa0, &tlv(0x30, &[&base, more].concat())));
    let (constraints, malformed) = (Err(Reason::NameConstraints), Err(Reason::Malformed));
    for (what, contents, presented, verdict) in [
        (
            "not critical, inside",
            subtree(&[]),
            &b"a.example.com"[..],
            Ok(()),
        ),
        (
            "not critical, outside",
            subtree(&[]),
            b"a.example.org",
            constraints,
        ),
        (
            "a minimum",
            subtree(&[0x80, 1, 1]),
            b"a.example.com",
            malformed,
        ),
        (
            "a maximum",
            subtree(&[0x81, 1, 1]),
            b"a.example.com",
            malformed,
        ),
        (
            "a subtree that is cut off",
            vec![0x30, 6, 0xa0, 4, 0x30, 9, 0x82, 1],
            b"a.example.com",
            malformed,
        ),
        ("no sequence", vec![5, 0], b"a.example.com", malformed),
        (
            "a subtree of no known type",
            tlv(0x30, &tlv(0xa0, &tlv(0x30, &tlv(0x8b, b"x")))),
            b"a.example.com",
            malformed,
        ),
    ] {
        let one = below(&root, "one", &raw(&contents, false));
        let leaf = client_with(&one, &name(&[(DNS, presented)]));
        corpus.judged(what, RULE, verdict, &policy, &[&leaf, &one.der]);
    }
}
