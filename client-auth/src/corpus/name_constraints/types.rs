//! Constraints on types of names that nobody here compares.

use rcgen::DnType;

use super::Outcome::{Bad, Good, Limit};
use super::{
    DIRECTORY, DNS, EDI_PARTY, EMAIL, Name, OTHER, REGISTERED, RULE, URI, X400, add_pair, constrain,
};
use crate::Reason;
use crate::corpus::authority::{Authority, plain, tlv};
use crate::corpus::{CLIENT_KEY, Corpus, below, client_with, trusting};

pub(super) fn add(corpus: &mut Corpus) {
    add_uncompared(corpus);
    add_subjects(corpus);
}

/// Types whose names nobody compares: an instance of the type below a constraint on it is refused.
fn add_uncompared(corpus: &mut Corpus) {
    let dn = |value: &[u8]| {
        let attribute = tlv(0x30, &[tlv(0x06, &[0x55, 4, 3]), tlv(0x0c, value)].concat());
        tlv(0x30, &tlv(0x31, &attribute))
    };
    let other = [tlv(0x06, &[0x2a, 3]), tlv(0xa0, &tlv(0x0c, b"x"))].concat();
    let (inside_dn, outside_dn) = (dn(b"inside"), dn(b"outside"));
    for (what, tag, subtree, inside, outside) in [
        (
            "email host",
            EMAIL,
            &b"example.com"[..],
            &b"a@example.com"[..],
            &b"a@example.org"[..],
        ),
        (
            "email domain",
            EMAIL,
            b".example.com",
            b"a@b.example.com",
            b"a@example.com",
        ),
        (
            "email mailbox",
            EMAIL,
            b"a@example.com",
            b"a@example.com",
            b"b@example.com",
        ),
        (
            "URI host",
            URI,
            b"example.com",
            b"spiffe://example.com/a",
            b"spiffe://example.org/a",
        ),
        (
            "URI domain",
            URI,
            b".example.com",
            b"https://a.example.com/",
            b"https://example.com/",
        ),
        (
            "URI with a user",
            URI,
            b"example.com",
            b"https://u@example.com/",
            b"https://example.com@evil.org/",
        ),
        (
            "registered id",
            REGISTERED,
            &[0x2a, 3],
            &[0x2a, 3],
            &[0x2a, 4],
        ),
        ("other name", OTHER, &other, &other, &other),
        ("X.400 address", X400, &[0x30, 0], &[0x30, 0], &[0x30, 0]),
        (
            "EDI party",
            EDI_PARTY,
            &[0x81, 1, b'x'],
            &[0x81, 1, b'x'],
            &[0x81, 1, b'y'],
        ),
        (
            "directory name",
            DIRECTORY,
            &inside_dn,
            &inside_dn,
            &outside_dn,
        ),
    ] {
        let subtrees = [(tag, subtree)];
        // The subject of every client here is a directory name, and outside of the permitted one.
        let is_directory = tag == DIRECTORY;
        let good_inside = if is_directory { Bad } else { Limit };
        let good_outside = if inside == outside { Bad } else { Limit };
        for (place, permitted, excluded, presented, outcome) in [
            ("permitted", &subtrees[..], &[][..], inside, good_inside),
            ("not permitted", &subtrees, &[], outside, Bad),
            ("excluded", &[], &subtrees, inside, Bad),
            ("not excluded", &[], &subtrees, outside, good_outside),
        ] {
            let name = format!("{what} that is {place}");
            add_pair(
                corpus,
                &name,
                (permitted, excluded),
                &[(tag, presented)],
                outcome,
            );
        }
        if !is_directory {
            let name = format!("no {what}, one permitted");
            add_pair(
                corpus,
                &name,
                (&subtrees, &[]),
                &[(DNS, b"a.example.com")],
                Good,
            );
            let name = format!("no {what}, one excluded");
            add_pair(
                corpus,
                &name,
                (&[], &subtrees),
                &[(DNS, b"a.example.com")],
                Good,
            );
        }
    }
}

/// Subjects are directory names, and hold email addresses.
fn add_subjects(corpus: &mut Corpus) {
    let organization = |value: &[u8]| {
        let attribute = tlv(
            0x30,
            &[tlv(0x06, &[0x55, 4, 10]), tlv(0x0c, value)].concat(),
        );
        tlv(0x30, &tlv(0x31, &attribute))
    };
    let contoso = organization(b"Contoso");
    let subtree: &[Name<'_>] = &[(DIRECTORY, &contoso)];
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let limit = (
        "names of this type are not compared",
        Reason::NameConstraints,
    );
    let permits = below(&root, "permits", &constrain(subtree, &[]));
    let excludes = below(&root, "excludes", &constrain(&[], subtree));
    let of = |issuer: &Authority, organization: &str| {
        client_with(issuer, &|p| {
            p.distinguished_name = rcgen::DistinguishedName::new();
            p.distinguished_name
                .push(DnType::OrganizationName, organization);
            p.distinguished_name.push(DnType::CommonName, "client");
        })
    };
    let chain = |issuer: &Authority, organization| [of(issuer, organization), issuer.der.clone()];
    let [leaf, ca] = chain(&permits, "Contoso");
    corpus.limit("subject inside", RULE, limit, &policy, &[&leaf, &ca]);
    let [leaf, ca] = chain(&permits, "Other");
    corpus.bad(
        "subject outside",
        RULE,
        Reason::NameConstraints,
        &policy,
        &[&leaf, &ca],
    );
    let [leaf, ca] = chain(&excludes, "Other");
    corpus.limit(
        "subject that is not excluded",
        RULE,
        limit,
        &policy,
        &[&leaf, &ca],
    );
    let [leaf, ca] = chain(&excludes, "Contoso");
    corpus.bad(
        "subject that is excluded",
        RULE,
        Reason::NameConstraints,
        &policy,
        &[&leaf, &ca],
    );

    let email = below(&root, "email", &constrain(&[(EMAIL, b"example.com")], &[]));
    let with_email = |address: &str| {
        client_with(&email, &|p| {
            let kind = DnType::from_oid(&[1, 2, 840, 113_549, 1, 9, 1]);
            p.distinguished_name.push(kind, address);
        })
    };
    let (inside, outside) = (with_email("a@example.com"), with_email("a@example.org"));
    corpus.limit(
        "email in the subject inside",
        RULE,
        limit,
        &policy,
        &[&inside, &email.der],
    );
    corpus.bad(
        "email in the subject outside",
        RULE,
        Reason::NameConstraints,
        &policy,
        &[&outside, &email.der],
    );
    let dns = below(&root, "dns", &constrain(&[(DNS, b"example.com")], &[]));
    let common = dns.client_for("evil.org", &*CLIENT_KEY, &plain);
    corpus.good(
        "a common name is no DNS name",
        RULE,
        &policy,
        &[&common, &dns.der],
    );
}
