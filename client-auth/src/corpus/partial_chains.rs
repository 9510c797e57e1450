//! Intermediate CAs as anchors, by the policy's explicit flag.

// T-25

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, KeyUsagePurpose};

use super::authority::{Authority, Edit, date, plain, tlv};
use super::{Corpus, below, client, client_with, root, trusting, trusting_partially};
use crate::Reason;

const RULE: &str = "RFC 5280 section 6.1: any CA can be the anchor, if the policy says so";

pub(super) fn add(corpus: &mut Corpus) {
    let root_ca = Authority::root("root");
    let one = below(&root_ca, "one", &plain);
    let two = below(&one, "two", &plain);
    let side = below(&root_ca, "side", &plain);
    let policy = trusting_partially(&[&[&one.der]]);
    let (of_one, of_two) = (client(&one), client(&two));
    corpus.good("below the anchor", RULE, &policy, &[&of_one]);
    corpus.good(
        "below the anchor, with everything above",
        RULE,
        &policy,
        &[&of_one, &one.der, &root_ca.der],
    );
    corpus.good("further below", RULE, &policy, &[&of_two, &two.der]);
    let unknown = Reason::UnknownIssuer;
    corpus.bad(
        "further below, a link missing",
        RULE,
        unknown,
        &policy,
        &[&of_two],
    );
    corpus.bad(
        "above the anchor",
        RULE,
        unknown,
        &policy,
        &[&client(&root_ca), &root_ca.der],
    );
    corpus.bad(
        "beside the anchor",
        RULE,
        unknown,
        &policy,
        &[&client(&side), &side.der, &root_ca.der],
    );
    corpus.bad(
        "the anchor itself",
        RULE,
        Reason::CaAsClient,
        &policy,
        &[&one.der],
    );
    let mut off = policy.clone();
    off.partial_chains = false;
    corpus.bad(
        "without the flag",
        RULE,
        Reason::EmptyTrust,
        &off,
        &[&of_one, &one.der, &root_ca.der],
    );
    let both = trusting_partially(&[&[&root_ca.der, &one.der]]);
    corpus.good(
        "root and CA are anchors, below the CA",
        RULE,
        &both,
        &[&of_one],
    );
    corpus.good(
        "root and CA are anchors, below the root",
        RULE,
        &both,
        &[&client(&root_ca)],
    );
    let expired = root(&|p| p.not_after = date(-1));
    let valid = below(&expired, "valid", &plain);
    let rooted = trusting(&[&[&expired.der, &valid.der]]);
    corpus.bad(
        "the root has expired, no flag",
        RULE,
        Reason::Expired,
        &rooted,
        &[&client(&valid)],
    );
    let partial = trusting_partially(&[&[&expired.der, &valid.der]]);
    corpus.good(
        "the root has expired and does not count",
        RULE,
        &partial,
        &[&client(&valid)],
    );
    add_anchors(corpus);
}

/// What the certificate of an anchor says counts.
fn add_anchors(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let name_constraints = {
        let subtree = tlv(0x30, &tlv(0x82, b"good.example"));
        CustomExtension::from_oid_content(&[2, 5, 29, 30], tlv(0x30, &tlv(0xa0, &subtree)))
    };
    let named = |name: &'static [u8]| {
        let names = CustomExtension::from_oid_content(&[2, 5, 29, 17], tlv(0x30, &tlv(0x82, name)));
        move |p: &mut CertificateParams| p.custom_extensions.push(names.clone())
    };
    let refused = Err(Reason::EmptyTrust);
    let edits: [(&str, Edit<'_>, Result<(), Reason>); 8] = [
        ("as it should be", &plain, Ok(())),
        ("expired", &|p| p.not_after = date(-1), Err(Reason::Expired)),
        (
            "not yet valid",
            &|p| p.not_before = date(1),
            Err(Reason::NotYetValid),
        ),
        (
            "no keyCertSign",
            &|p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
            refused,
        ),
        (
            "for servers",
            &|p| p.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth],
            refused,
        ),
        ("CA:FALSE", &|p| p.is_ca = IsCa::ExplicitNoCa, refused),
        ("no basic constraints", &|p| p.is_ca = IsCa::NoCa, refused),
        (
            "no room below",
            &|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            Ok(()),
        ),
    ];
    for (what, edit, verdict) in edits {
        let one = below(&root, "one", edit);
        let policy = trusting_partially(&[&[&one.der]]);
        corpus.judged(
            format!("anchor: {what}"),
            RULE,
            verdict,
            &policy,
            &[&client(&one)],
        );
    }
    let short = below(&root, "one", &|p| {
        p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let two = below(&short, "two", &plain);
    let policy = trusting_partially(&[&[&short.der]]);
    corpus.bad(
        "anchor: its path length is exceeded",
        RULE,
        Reason::PathLength,
        &policy,
        &[&client(&two), &two.der],
    );
    let constrained = below(&root, "one", &|p| {
        p.custom_extensions.push(name_constraints.clone());
    });
    let policy = trusting_partially(&[&[&constrained.der]]);
    let inside = client_with(&constrained, &named(b"a.good.example"));
    let outside = client_with(&constrained, &named(b"a.bad.example"));
    corpus.good("anchor: a name that it permits", RULE, &policy, &[&inside]);
    corpus.bad(
        "anchor: a name that it does not permit",
        RULE,
        Reason::NameConstraints,
        &policy,
        &[&outside],
    );
    // Constraints above an anchor are not on the path.
    let strict = root_with_constraints(&name_constraints);
    let one = below(&strict, "one", &plain);
    let outside = client_with(&one, &named(b"a.bad.example"));
    let partial = trusting_partially(&[&[&one.der]]);
    corpus.good(
        "anchor: a constraint above it",
        RULE,
        &partial,
        &[&outside, &one.der, &strict.der],
    );
    let twin = below(&root, "one", &plain);
    corpus.bad(
        "anchor: a twin of it",
        RULE,
        Reason::BadSignature,
        &partial,
        &[&client(&twin), &twin.der],
    );
}

fn root_with_constraints(constraints: &CustomExtension) -> Authority {
    root(&|p| p.custom_extensions.push(constraints.clone()))
}
