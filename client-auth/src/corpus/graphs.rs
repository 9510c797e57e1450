//! Certificates that sign each other in more ways than one, and what else a client may send (RFC 4158).

use rcgen::CustomExtension;

use super::authority::{Authority, DAY, Der, date, plain, tlv};
use super::{Corpus, below, client, client_with, new_key, root, trusting};
use crate::Reason;

// T-28

const PATHS: &str = "RFC 4158 section 2.4";
const LOOPS: &str = "RFC 4158 section 5.2";
const ORDER: &str = "RFC 8446 section 4.4.2";
const ROLLOVER: &str = "RFC 4210 section 4.4, RFC 5280 section 3.2";

pub(super) fn add(corpus: &mut Corpus) {
    add_orders(corpus);
    add_paddings(corpus);
    add_crossed(corpus);
    add_loops(corpus);
    add_rollovers(corpus);
    add_meshes(corpus);
    add_crowds(corpus);
}

fn add_orders(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let one = below(&root, "one", &plain);
    let two = below(&one, "two", &plain);
    let three = below(&two, "three", &plain);
    let leaf = client(&three);
    let policy = trusting(&[&[&root.der]]);
    let cas = [&one.der, &two.der, &three.der];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let chain = [&leaf, cas[order[0]], cas[order[1]], cas[order[2]]];
        let name = format!("CAs in the order {order:?}");
        corpus.good(name, ORDER, &policy, &chain);
    }
    for missing in 0..3 {
        let mut chain = vec![&leaf];
        chain.extend(
            (0..3)
                .filter(|index| *index != missing)
                .map(|index| cas[index]),
        );
        let name = format!("CA {missing} is missing");
        corpus.bad(name, PATHS, Reason::UnknownIssuer, &policy, &chain);
    }
    corpus.bad(
        "a CA where the client should be",
        ORDER,
        Reason::CaAsClient,
        &policy,
        &[&three.der, &leaf, &two.der, &one.der],
    );
}

fn add_paddings(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let one = below(&root, "one", &plain);
    let leaf = client(&one);
    let policy = trusting(&[&[&root.der]]);
    let strangers: Vec<_> = (0..8)
        .map(|n| Authority::root(&format!("stranger {n}")).der)
        .collect();
    corpus.good("the CA twice", PATHS, &policy, &[&leaf, &one.der, &one.der]);
    corpus.good(
        "the client twice",
        PATHS,
        &policy,
        &[&leaf, &leaf, &one.der],
    );
    corpus.good(
        "the root as well",
        PATHS,
        &policy,
        &[&leaf, &one.der, &root.der],
    );
    corpus.good(
        "the root before the CA",
        PATHS,
        &policy,
        &[&leaf, &root.der, &one.der],
    );
    let mut chain = vec![&leaf];
    chain.extend(&strangers);
    chain.push(&one.der);
    corpus.good("eight strangers before the CA", PATHS, &policy, &chain);
    chain.push(&root.der);
    corpus.bad(
        "eleven certificates",
        "the policy's limit of 10",
        Reason::TooManyCertificates,
        &policy,
        &chain,
    );
    let mut narrow = policy.clone();
    narrow.limits.max_chain_bytes = leaf.len() + one.der.len() - 1;
    corpus.bad(
        "a byte too long",
        "the policy's limit of bytes",
        Reason::ChainTooLarge,
        &narrow,
        &[&leaf, &one.der],
    );
    narrow.limits.max_chain_bytes += 1;
    corpus.good(
        "just as long as allowed",
        "the policy's limit of bytes",
        &narrow,
        &[&leaf, &one.der],
    );
    let garbage = Der::from(b"garbage".to_vec());
    corpus.good(
        "garbage beside the CA",
        PATHS,
        &policy,
        &[&leaf, &garbage, &one.der],
    );
    corpus.bad(
        "garbage instead of the CA",
        PATHS,
        Reason::Malformed,
        &policy,
        &[&leaf, &garbage],
    );
    corpus.bad(
        "garbage instead of the client",
        PATHS,
        Reason::Malformed,
        &policy,
        &[&garbage, &one.der],
    );
    let other = client(&Authority::root("other"));
    corpus.good(
        "another client beside",
        PATHS,
        &policy,
        &[&leaf, &other, &one.der],
    );
    corpus.bad(
        "another client before",
        PATHS,
        Reason::UnknownIssuer,
        &policy,
        &[&other, &leaf, &one.der],
    );
}

fn add_crossed(corpus: &mut Corpus) {
    let (old, new) = (Authority::root("old"), Authority::root("new"));
    let one = below(&old, "one", &plain);
    let crossed = new.cross_sign(&one);
    let leaf = client(&one);
    let trust = [
        ("old", trusting(&[&[&old.der]])),
        ("new", trusting(&[&[&new.der]])),
    ];
    for (name, policy) in &trust {
        let both = [&leaf, &one.der, &crossed];
        corpus.good(
            format!("cross-signed CA, the {name} root"),
            PATHS,
            policy,
            &both,
        );
    }
    let unknown = Reason::UnknownIssuer;
    corpus.bad(
        "certificate of the old root only, the new root",
        PATHS,
        unknown,
        &trust[1].1,
        &[&leaf, &one.der],
    );
    corpus.good(
        "cross certificate only, the new root",
        PATHS,
        &trust[1].1,
        &[&leaf, &crossed],
    );
    let bridge = old.cross_sign(&new);
    let new_leaf = client(&new);
    corpus.good(
        "cross-signed root, the old root",
        PATHS,
        &trust[0].1,
        &[&new_leaf, &bridge],
    );
    corpus.good(
        "cross-signed root, the new root",
        PATHS,
        &trust[1].1,
        &[&new_leaf, &bridge],
    );
    corpus.bad(
        "cross certificate missing",
        PATHS,
        unknown,
        &trust[0].1,
        &[&new_leaf],
    );
    let uploaded = trusting(&[&[&old.der, &bridge]]);
    corpus.good("cross certificate uploaded", PATHS, &uploaded, &[&new_leaf]);

    let expired = root(&|p| p.not_after = date(-1));
    let two = below(&expired, "two", &plain);
    let around = new.cross_sign(&two);
    let both = trusting(&[&[&expired.der], &[&new.der]]);
    let leaf = client(&two);
    corpus.good(
        "one of two roots has expired",
        PATHS,
        &both,
        &[&leaf, &two.der, &around],
    );
    corpus.bad(
        "the root of the only path has expired",
        PATHS,
        Reason::Expired,
        &both,
        &[&leaf, &two.der],
    );
    let short = below(&new, "three", &|p| p.not_after = date(-1));
    let long = old.cross_sign(&short);
    let both = trusting(&[&[&old.der], &[&new.der]]);
    let leaf = client(&short);
    // The cross certificate has the dates of the other one.
    corpus.bad(
        "both certificates of a CA have expired",
        PATHS,
        Reason::Expired,
        &both,
        &[&leaf, &short.der, &long],
    );
    let renewed = old.certify("three", short.key(), &plain);
    corpus.good(
        "one of two certificates of a CA has expired",
        PATHS,
        &both,
        &[&leaf, &short.der, &renewed],
    );
    let unfit = new.certify("three", short.key(), &|p| {
        p.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    });
    corpus.good(
        "one of two certificates of a CA is unfit",
        PATHS,
        &both,
        &[&leaf, &unfit, &renewed],
    );
}

fn add_loops(corpus: &mut Corpus) {
    let (a, b, c) = (
        Authority::root("a"),
        Authority::root("b"),
        Authority::root("c"),
    );
    let (a_by_b, b_by_a) = (b.cross_sign(&a), a.cross_sign(&b));
    let leaf = client(&a);
    let unknown = Reason::UnknownIssuer;
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    corpus.bad(
        "two CAs that sign each other",
        LOOPS,
        unknown,
        &policy,
        &[&leaf, &a_by_b, &b_by_a],
    );
    let ring = [b.cross_sign(&a), c.cross_sign(&b), a.cross_sign(&c)];
    corpus.bad(
        "three CAs that sign each other",
        LOOPS,
        unknown,
        &policy,
        &[&leaf, &ring[0], &ring[1], &ring[2]],
    );
    let exit = root.cross_sign(&b);
    corpus.good(
        "a loop with a way out",
        LOOPS,
        &policy,
        &[&leaf, &a_by_b, &b_by_a, &exit],
    );
    let exit = root.cross_sign(&c);
    corpus.good(
        "a loop of three with a way out",
        LOOPS,
        &policy,
        &[&leaf, &ring[0], &ring[1], &ring[2], &exit],
    );
    let own = trusting(&[&[&a.der]]);
    corpus.good(
        "a loop below its root",
        LOOPS,
        &own,
        &[&leaf, &a_by_b, &b_by_a],
    );
    let itself = a.certify("a", a.key(), &|p| p.not_after = date(2 * DAY));
    corpus.bad(
        "a CA that signs itself",
        LOOPS,
        unknown,
        &policy,
        &[&leaf, &itself, &a.der],
    );
}

/// A CA changes its key: certificates of one name, signed by the other key.
fn add_rollovers(corpus: &mut Corpus) {
    let (old, new) = (Authority::root("ca"), Authority::root("ca"));
    let (old_by_new, new_by_old) = (new.cross_sign(&old), old.cross_sign(&new));
    let (of_old, of_new) = (client(&old), client(&new));
    let (trust_old, trust_new) = (trusting(&[&[&old.der]]), trusting(&[&[&new.der]]));
    corpus.good(
        "new client by the old root",
        ROLLOVER,
        &trust_old,
        &[&of_new, &new_by_old],
    );
    corpus.good(
        "old client by the new root",
        ROLLOVER,
        &trust_new,
        &[&of_old, &old_by_new],
    );
    corpus.good(
        "old client by the old root",
        ROLLOVER,
        &trust_old,
        &[&of_old, &new_by_old, &old_by_new],
    );
    corpus.good(
        "new client by the new root",
        ROLLOVER,
        &trust_new,
        &[&of_new, &new_by_old, &old_by_new],
    );
    corpus.bad(
        "new client without the bridge",
        ROLLOVER,
        Reason::BadSignature,
        &trust_old,
        &[&of_new],
    );
    corpus.bad(
        "new client with the wrong bridge",
        ROLLOVER,
        Reason::BadSignature,
        &trust_old,
        &[&of_new, &old_by_new],
    );
    let upload = trusting(&[&[&old.der, &new_by_old]]);
    corpus.good("bridge uploaded", ROLLOVER, &upload, &[&of_new]);

    let expired = Authority::root_with("ca", new_key(), &|p| p.not_after = date(-1));
    let bridge = old.certify("ca", expired.key(), &plain);
    let both = trusting(&[&[&old.der], &[&expired.der]]);
    let leaf = client(&expired);
    corpus.good(
        "bridge around a root that has expired",
        ROLLOVER,
        &both,
        &[&leaf, &bridge],
    );
    corpus.bad(
        "root that has expired, no bridge",
        ROLLOVER,
        Reason::Expired,
        &both,
        &[&leaf],
    );
    let third = Authority::root("ca");
    let third_by_new = new.cross_sign(&third);
    let of_third = client(&third);
    corpus.good(
        "two changes of the key",
        ROLLOVER,
        &trust_old,
        &[&of_third, &third_by_new, &new_by_old],
    );
}

/// Ten CAs, each of which signed all others: a hundred certificates with the roots.
fn add_meshes(corpus: &mut Corpus) {
    const ROOM: &str = "a verdict in bounded time";
    let cas: Vec<_> = (0..10)
        .map(|number| Authority::root(&format!("mesh {number}")))
        .collect();
    let mesh: Vec<_> = cas
        .iter()
        .flat_map(|issuer| cas.iter().map(move |subject| issuer.cross_sign(subject)))
        .collect();
    assert_eq!(mesh.len(), 100);
    let root = Authority::root("root");
    let leaf = client(&cas[0]);
    let wide = |uploads: &[&[&Der]]| {
        let mut policy = trusting(uploads);
        policy.limits.max_certificates = 200;
        policy
    };
    let mut chain = vec![&leaf];
    chain.extend(&mesh);
    corpus.bad(
        "a mesh of 100",
        ROOM,
        Reason::TooManyCertificates,
        &trusting(&[&[&root.der]]),
        &chain,
    );
    corpus.bad(
        "a mesh of 100 that nobody vouches for",
        ROOM,
        Reason::UnknownIssuer,
        &wide(&[&[&root.der]]),
        &chain,
    );
    corpus.good(
        "a mesh of 100 with its root trusted",
        ROOM,
        &wide(&[&[&cas[0].der]]),
        &chain,
    );
    corpus.good(
        "a mesh of 100 with another of its CAs trusted",
        ROOM,
        &wide(&[&[&cas[9].der]]),
        &chain,
    );
    let way_out = root.cross_sign(&cas[9]);
    chain.push(&way_out);
    corpus.good(
        "a mesh of 100 with a way out",
        ROOM,
        &wide(&[&[&root.der]]),
        &chain,
    );
}

/// As many names as fit into what a client may send, and a CA that constrains them.
fn add_crowds(corpus: &mut Corpus) {
    const ROOM: &str = "a verdict in bounded time";
    let names = tlv(0x82, b"a").repeat(20_000);
    let crowd = CustomExtension::from_oid_content(&[2, 5, 29, 17], tlv(0x30, &names));
    let crowded =
        |issuer: &Authority| client_with(issuer, &|p| p.custom_extensions.push(crowd.clone()));
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    corpus.good("20,000 names", ROOM, &policy, &[&crowded(&root)]);
    let subtrees = |count: usize| {
        let subtree = tlv(0x30, &tlv(0x82, b"b"));
        let excluded = tlv(0xa1, &subtree.repeat(count));
        let contents = tlv(0x30, &excluded);
        CustomExtension::from_oid_content(&[2, 5, 29, 30], contents)
    };
    let few = below(&root, "few", &|p| p.custom_extensions.push(subtrees(10)));
    let leaf = crowded(&few);
    let chain = [&leaf, &few.der];
    // The names are compared one by one, up to a bound.
    corpus.good("20,000 names below ten constraints", ROOM, &policy, &chain);
    let many = below(&root, "many", &|p| p.custom_extensions.push(subtrees(100)));
    let leaf = crowded(&many);
    corpus.limit(
        "20,000 names below a hundred constraints",
        ROOM,
        ("250,000 comparisons of names at most", Reason::TooComplex),
        &policy,
        &[&leaf, &many.der],
    );
}
