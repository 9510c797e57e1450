//! Critical extensions that are not understood are refused (RFC 5280 section 4.2).

use super::authority::{Authority, plain};
use super::reencoded::{add_extensions, changed, extension, remove_extension};
use super::{Corpus, below, client, trusting};
use crate::Reason;

const RULE: &str = "RFC 5280 section 4.2";
const POLICIES: &str = "RFC 5280 section 6.1.3 (d) to (f), section 6.1.4 (i)";

pub(super) fn add(corpus: &mut Corpus) {
    let unsupported = Err(Reason::UnsupportedExtension);
    let unknown = &[0x2a, 3, 4][..];
    add_pair(
        corpus,
        "an unknown extension",
        RULE,
        Kind::of(Ok(())),
        unknown,
        false,
        &[5, 0],
    );
    add_pair(
        corpus,
        "an unknown critical extension",
        RULE,
        Kind::of(unsupported),
        unknown,
        true,
        &[5, 0],
    );
    let id = |last: u8| [0x55, 0x1d, last];
    // `NULL`s: nobody looks inside.
    for (what, oid) in [
        ("subject key identifier", id(14)),
        ("authority key identifier", id(35)),
        ("issuer alternative names", id(18)),
        ("freshest CRL", id(46)),
        ("subject directory attributes", id(9)),
        ("private key usage period", id(16)),
    ] {
        let name = format!("a critical extension, {what}");
        add_pair(corpus, &name, RULE, Kind::Limit, &oid, true, &[5, 0]);
    }
    let authority_info = &[0x2b, 6, 1, 5, 5, 7, 1, 1][..];
    add_pair(
        corpus,
        "critical authority information",
        RULE,
        Kind::Limit,
        authority_info,
        true,
        &[0x30, 0],
    );
    let policy = &[0x30, 6, 0x30, 4, 6, 2, 0x2a, 3][..];
    let any_policy = &[0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0][..];
    add_pair(
        corpus,
        "policies",
        POLICIES,
        Kind::of(Ok(())),
        &id(32),
        false,
        policy,
    );
    add_pair(
        corpus,
        "critical policies",
        POLICIES,
        Kind::Limit,
        &id(32),
        true,
        policy,
    );
    add_pair(
        corpus,
        "any policy, critical",
        POLICIES,
        Kind::Limit,
        &id(32),
        true,
        any_policy,
    );
    add_pair(
        corpus,
        "critical policy mappings",
        POLICIES,
        Kind::Limit,
        &id(33),
        true,
        &[0x30, 0],
    );
    add_pair(
        corpus,
        "critical inhibition of any policy",
        POLICIES,
        Kind::Limit,
        &id(54),
        true,
        &[2, 1, 0],
    );
    let demanded = &[0x30, 3, 0x80, 1, 0][..];
    let policy_constraints = id(36);
    add_ca(
        corpus,
        "a policy demanded",
        Kind::of(unsupported),
        &policy_constraints,
        true,
        demanded,
    );
    add_ca(
        corpus,
        "a policy demanded, not critical",
        Kind::of(unsupported),
        &policy_constraints,
        false,
        demanded,
    );
    let mappings = &[0x30, 3, 0x81, 1, 0][..];
    add_ca(
        corpus,
        "mappings inhibited",
        Kind::Limit,
        &policy_constraints,
        true,
        mappings,
    );
}

#[derive(Clone, Copy)]
enum Kind {
    Judged(Result<(), Reason>),
    /// Somebody who understands the extension would let the client in.
    Limit,
}

impl Kind {
    fn of(verdict: Result<(), Reason>) -> Self {
        Self::Judged(verdict)
    }
}

fn add_pair(
    corpus: &mut Corpus,
    what: &str,
    rule: &'static str,
    kind: Kind,
    oid: &[u8],
    critical: bool,
    contents: &[u8],
) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let extension = extension(oid, critical, contents);
    let leaf = changed(&client(&root), &root, |fields| {
        // What rcgen has written itself.
        remove_extension(fields, oid);
        add_extensions(fields, std::slice::from_ref(&extension));
    });
    push(
        corpus,
        format!("client with {what}"),
        rule,
        kind,
        &policy,
        &[&leaf],
    );
    add_ca_of(corpus, what, rule, kind, oid, &extension);
}

fn add_ca(
    corpus: &mut Corpus,
    what: &str,
    kind: Kind,
    oid: &[u8],
    critical: bool,
    contents: &[u8],
) {
    let extension = extension(oid, critical, contents);
    add_ca_of(corpus, what, POLICIES, kind, oid, &extension);
}

fn add_ca_of(
    corpus: &mut Corpus,
    what: &str,
    rule: &'static str,
    kind: Kind,
    oid: &[u8],
    extension: &[u8],
) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let one = below(&root, "one", &plain);
    let ca = changed(&one.der, &root, |fields| {
        remove_extension(fields, oid);
        add_extensions(fields, &[extension.to_vec()]);
    });
    push(
        corpus,
        format!("CA with {what}"),
        rule,
        kind,
        &policy,
        &[&client(&one), &ca],
    );
}

fn push(
    corpus: &mut Corpus,
    name: String,
    rule: &'static str,
    kind: Kind,
    policy: &crate::Policy,
    chain: &[&super::Der],
) {
    match kind {
        Kind::Judged(verdict) => corpus.judged(name, rule, verdict, policy, chain),
        Kind::Limit => {
            let limit = (
                "this extension is not understood",
                Reason::UnsupportedExtension,
            );
            corpus.limit(name, rule, limit, policy, chain)
        }
    };
}
