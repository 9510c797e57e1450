//! Who issued a certificate: by signature, not by name (RFC 5280 section 6.1.3 (a) (1) and (4)).

// T-26

use rcgen::CertificateParams;

use super::authority::{Authority, plain, self_signed};
use super::reencoded::{ISSUER, SUBJECT, changed, forged};
use super::{CLIENT_KEY, Corpus, below, client, trusting};
use crate::Reason;

const NAME: &str = "RFC 5280 section 6.1.3 (a) (4)";
const SIGNATURE: &str = "RFC 5280 section 6.1.3 (a) (1)";
const PIN: &str = "verifyClientCertIssuerDN, by name and key";

pub(super) fn add(corpus: &mut Corpus) {
    add_strangers(corpus);
    add_forgeries(corpus);
    add_twins(corpus);
    add_pins(corpus);
}

fn add_strangers(corpus: &mut Corpus) {
    let (root, other) = (Authority::root("root"), Authority::root("other"));
    let policy = trusting(&[&[&root.der]]);
    let unknown = Reason::UnknownIssuer;
    let (one, below_other) = (below(&root, "one", &plain), below(&other, "below", &plain));
    let foreign = client(&other);
    corpus.bad(
        "client of another root",
        NAME,
        unknown,
        &policy,
        &[&foreign],
    );
    corpus.bad(
        "client of another root that is sent",
        NAME,
        unknown,
        &policy,
        &[&foreign, &other.der],
    );
    corpus.bad(
        "client of a CA of another root",
        NAME,
        unknown,
        &policy,
        &[&client(&below_other), &below_other.der, &other.der],
    );
    corpus.bad(
        "the CA is missing",
        NAME,
        unknown,
        &policy,
        &[&client(&one)],
    );
    corpus.good(
        "the CA is uploaded",
        NAME,
        &trusting(&[&[&root.der, &one.der]]),
        &[&client(&one)],
    );
    corpus.good(
        "the CA is uploaded with another root",
        NAME,
        &trusting(&[&[&root.der], &[&other.der, &one.der]]),
        &[&client(&one)],
    );
    corpus.bad(
        "nothing is trusted",
        NAME,
        Reason::EmptyTrust,
        &trusting(&[]),
        &[&client(&root)],
    );
    let alone = self_signed("client", &plain);
    corpus.bad("self-signed", NAME, Reason::SelfSigned, &policy, &[&alone]);
    corpus.bad(
        "self-signed, sent twice",
        NAME,
        Reason::SelfSigned,
        &policy,
        &[&alone, &alone],
    );
    corpus.bad(
        "the root itself",
        NAME,
        Reason::CaAsClient,
        &policy,
        &[&root.der],
    );
    corpus.bad(
        "a CA itself",
        NAME,
        Reason::CaAsClient,
        &policy,
        &[&one.der],
    );
    let leaf = client(&root);
    corpus.bad(
        "client of a client",
        "RFC 5280 section 6.1.4 (k)",
        Reason::NotACa,
        &policy,
        &{
            let issuer = below(&root, "client", &|p: &mut CertificateParams| {
                p.is_ca = rcgen::IsCa::ExplicitNoCa;
            });
            let child = client(&issuer);
            [child, issuer.der]
        }
        .each_ref(),
    );
    // Its name is that of its issuer, which makes it self-issued, and the root signed it.
    let namesake = root.client_for("root", &*CLIENT_KEY, &plain);
    corpus.good("client of its issuer's name", NAME, &policy, &[&namesake]);
    corpus.good(
        "client, the root sent as well",
        NAME,
        &policy,
        &[&leaf, &root.der],
    );
}

fn add_forgeries(corpus: &mut Corpus) {
    let (root, forged_root) = (Authority::root("root"), Authority::root("root"));
    let one = below(&root, "one", &plain);
    let forged_one = below(&forged_root, "one", &plain);
    let policy = trusting(&[&[&root.der, &one.der]]);
    let bad = Reason::BadSignature;
    let below_root = client(&forged_root);
    let below_one = client(&forged_one);
    corpus.bad(
        "root of the same name",
        SIGNATURE,
        bad,
        &policy,
        &[&below_root],
    );
    corpus.bad(
        "root of the same name, sent",
        SIGNATURE,
        bad,
        &policy,
        &[&below_root, &forged_root.der],
    );
    corpus.bad(
        "CA of the same name",
        SIGNATURE,
        bad,
        &policy,
        &[&below_one],
    );
    corpus.bad(
        "CA of the same name, sent",
        SIGNATURE,
        bad,
        &policy,
        &[&below_one, &forged_one.der],
    );
    corpus.bad(
        "CA and root of the same names, sent",
        SIGNATURE,
        bad,
        &policy,
        &[&below_one, &forged_one.der, &forged_root.der],
    );
    let genuine = client(&one);
    corpus.good(
        "genuine among forgeries",
        SIGNATURE,
        &policy,
        &[&genuine, &forged_one.der, &forged_root.der, &one.der],
    );
    let leaf = client(&root);
    let renamed = forged(&leaf, |fields| fields[SUBJECT] = fields[ISSUER].clone());
    corpus.bad(
        "another subject under the same signature",
        SIGNATURE,
        bad,
        &policy,
        &[&renamed],
    );
    let bits = {
        let mut der = leaf.to_vec();
        // Inside the last INTEGER of the signature.
        let last = der.len() - 1;
        der[last] ^= 1;
        der.into()
    };
    corpus.bad(
        "one bit of the signature",
        SIGNATURE,
        bad,
        &policy,
        &[&bits],
    );
    let other = Authority::root("other");
    let claimed = changed(&client(&other), &other, |fields| {
        fields[ISSUER].clone_from(&changed_issuer(&leaf));
    });
    corpus.bad(
        "another CA under the root's name",
        SIGNATURE,
        bad,
        &policy,
        &[&claimed],
    );
    // The key of the root in a certificate that the root did not make.
    let mut chain = vec![client(&root)];
    let copied = Authority::root_with("copy", super::new_key(), &plain);
    chain.push(copied.certify("root", root.key(), &plain));
    let copied_policy = trusting(&[&[&copied.der]]);
    corpus.good(
        "another CA vouches for the same name and key",
        SIGNATURE,
        &copied_policy,
        &chain.iter().collect::<Vec<_>>(),
    );
}

fn changed_issuer(der: &super::Der) -> Vec<u8> {
    let [tbs, _, _] = super::reencoded::parts(der);
    super::reencoded::values(tbs)[ISSUER].raw.to_vec()
}

/// Two CAs of one name.
fn add_twins(corpus: &mut Corpus) {
    let (left, right) = (Authority::root("twin"), Authority::root("twin"));
    let (leaf_left, leaf_right) = (client(&left), client(&right));
    let both = trusting(&[&[&left.der], &[&right.der]]);
    corpus.good(
        "first of two roots of one name",
        SIGNATURE,
        &both,
        &[&leaf_left],
    );
    corpus.good(
        "second of two roots of one name",
        SIGNATURE,
        &both,
        &[&leaf_right],
    );
    corpus.good(
        "root of the other twin sent",
        SIGNATURE,
        &both,
        &[&leaf_left, &right.der],
    );
    let only_left = trusting(&[&[&left.der]]);
    corpus.bad(
        "the twin that is not trusted",
        SIGNATURE,
        Reason::BadSignature,
        &only_left,
        &[&leaf_right],
    );
    corpus.bad(
        "the twin that is not trusted, sent",
        SIGNATURE,
        Reason::BadSignature,
        &only_left,
        &[&leaf_right, &right.der],
    );
    let root = Authority::root("root");
    let (one, two) = (below(&root, "twin", &plain), below(&root, "twin", &plain));
    let policy = trusting(&[&[&root.der]]);
    for (what, ca) in [("first", &one), ("second", &two)] {
        let leaf = client(ca);
        let name = format!("{what} of two CAs of one name below one root");
        corpus.good(name, SIGNATURE, &policy, &[&leaf, &one.der, &two.der]);
    }
    let leaf = client(&one);
    corpus.bad(
        "the other one of two CAs of one name",
        SIGNATURE,
        Reason::BadSignature,
        &policy,
        &[&leaf, &two.der],
    );
}

fn add_pins(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let (one, twin) = (below(&root, "one", &plain), below(&root, "one", &plain));
    let two = below(&one, "two", &plain);
    let pinned = |upload: &[&super::Der]| {
        let mut policy = trusting(&[upload]);
        policy.verify_issuer = true;
        policy
    };
    let not_pinned = Reason::IssuerNotPinned;
    let policy = pinned(&[&root.der, &one.der]);
    corpus.good("the pinned CA", PIN, &policy, &[&client(&one)]);
    corpus.bad(
        "a CA below the pinned one",
        PIN,
        not_pinned,
        &policy,
        &[&client(&two), &two.der],
    );
    corpus.bad(
        "the root above the pinned CA",
        PIN,
        not_pinned,
        &policy,
        &[&client(&root)],
    );
    corpus.bad(
        "a twin of the pinned CA",
        PIN,
        not_pinned,
        &policy,
        &[&client(&twin), &twin.der],
    );
    let deep = pinned(&[&root.der, &one.der, &two.der]);
    corpus.good("the deepest of three", PIN, &deep, &[&client(&two)]);
    corpus.bad(
        "the middle of three",
        PIN,
        not_pinned,
        &deep,
        &[&client(&one)],
    );
    let alone = pinned(&[&root.der]);
    corpus.good("the pinned root", PIN, &alone, &[&client(&root)]);
    corpus.bad(
        "a CA below the pinned root",
        PIN,
        not_pinned,
        &alone,
        &[&client(&one), &one.der],
    );
}
