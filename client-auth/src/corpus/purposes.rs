//! Extended key usage (RFC 5280 section 4.2.1.12).

// T-20

use rcgen::ExtendedKeyUsagePurpose::{
    Any, ClientAuth, CodeSigning, EmailProtection, OcspSigning, ServerAuth,
};
use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose};

use super::authority::{Authority, plain};
use super::{Corpus, below, client, client_with, trusting};
use crate::Reason;

const RULE: &str = "RFC 5280 section 4.2.1.12";
const ANY_ONLY: &str = "the section lets applications reject a client's anyExtendedKeyUsage alone";

pub(super) fn add(corpus: &mut Corpus) {
    add_matrix(corpus);
    add_upper(corpus);
    add_encodings(corpus);
}

fn purposes(purposes: &[ExtendedKeyUsagePurpose]) -> impl Fn(&mut CertificateParams) + use<> {
    let purposes = purposes.to_vec();
    move |p| p.extended_key_usages.clone_from(&purposes)
}

/// Every purpose of a client below every purpose of its CA.
fn add_matrix(corpus: &mut Corpus) {
    let cas = [
        ("anything", &[][..], true),
        ("clients", &[ClientAuth], true),
        ("any purpose", &[Any], true),
        ("clients and servers", &[ServerAuth, ClientAuth], true),
        ("servers", &[ServerAuth], false),
        ("mail", &[EmailProtection, CodeSigning], false),
    ];
    let clients = [
        ("anything", &[][..], true),
        ("clients", &[ClientAuth], true),
        ("clients and servers", &[ServerAuth, ClientAuth], true),
        ("clients and any purpose", &[Any, ClientAuth], true),
        ("servers", &[ServerAuth], false),
        ("code", &[CodeSigning], false),
        ("OCSP", &[OcspSigning], false),
    ];
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    for (ca_name, ca_purposes, ca_is_good) in cas {
        let one = below(&root, "one", &purposes(ca_purposes));
        for (name, client_purposes, client_is_good) in clients {
            let leaf = client_with(&one, &purposes(client_purposes));
            let is_good = ca_is_good && client_is_good;
            let verdict = if is_good {
                Ok(())
            } else {
                Err(Reason::NotForClientAuth)
            };
            let name = format!("client for {name} of a CA for {ca_name}");
            corpus.judged(name, RULE, verdict, &policy, &[&leaf, &one.der]);
        }
        let leaf = client_with(&one, &purposes(&[Any]));
        let name = format!("client for any purpose of a CA for {ca_name}");
        if ca_is_good {
            let limit = (ANY_ONLY, Reason::NotForClientAuth);
            corpus.limit(name, RULE, limit, &policy, &[&leaf, &one.der]);
        } else {
            corpus.bad(
                name,
                RULE,
                Reason::NotForClientAuth,
                &policy,
                &[&leaf, &one.der],
            );
        }
    }
}

/// The purposes of a CA hold for everything below it.
fn add_upper(corpus: &mut Corpus) {
    for (what, upper, lower, is_good) in [
        (
            "clients above clients",
            &[ClientAuth][..],
            &[ClientAuth][..],
            true,
        ),
        ("clients above anything", &[ClientAuth], &[], true),
        ("any purpose above clients", &[Any], &[ClientAuth], true),
        ("servers above anything", &[ServerAuth], &[], false),
        ("servers above clients", &[ServerAuth], &[ClientAuth], false),
        ("clients above servers", &[ClientAuth], &[ServerAuth], false),
    ] {
        let root = Authority::root("root");
        let upper = below(&root, "upper", &purposes(upper));
        let lower = below(&upper, "lower", &purposes(lower));
        let verdict = if is_good {
            Ok(())
        } else {
            Err(Reason::NotForClientAuth)
        };
        let chain = [&client(&lower), &lower.der, &upper.der];
        corpus.judged(what, RULE, verdict, &trusting(&[&[&root.der]]), &chain);
    }
}

fn add_encodings(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let raw = |contents: &[u8], critical: bool| {
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 37], contents.to_vec());
        extension.set_criticality(critical);
        move |p: &mut CertificateParams| {
            p.extended_key_usages.clear();
            p.custom_extensions.push(extension.clone());
        }
    };
    let purpose = |last: u8| [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, last];
    let list =
        |purposes: &[u8]| [&[0x30, u8::try_from(purposes.len()).unwrap()], purposes].concat();
    let (refused, malformed) = (Err(Reason::NotForClientAuth), Err(Reason::Malformed));
    for (what, contents, critical, verdict) in [
        ("clients, critical", list(&purpose(2)), true, Ok(())),
        ("servers, critical", list(&purpose(1)), true, refused),
        (
            "clients twice",
            list(&[purpose(2), purpose(2)].concat()),
            false,
            Ok(()),
        ),
        (
            "a purpose that starts like clients",
            list(&[6, 9, 0x2b, 6, 1, 5, 5, 7, 3, 2, 1]),
            false,
            refused,
        ),
        ("no purpose", list(&[]), false, refused),
        ("no list", vec![5, 0], false, malformed),
        (
            "a list that is cut off",
            vec![0x30, 10, 6, 8, 0x2b],
            false,
            malformed,
        ),
    ] {
        let leaf = client_with(&root, &raw(&contents, critical));
        corpus.judged(
            format!("client for {what}"),
            RULE,
            verdict,
            &policy,
            &[&leaf],
        );
        let one = below(&root, "one", &raw(&contents, critical));
        let name = format!("CA for {what}");
        corpus.judged(
            name,
            RULE,
            verdict,
            &policy,
            &[&client_with(&one, &plain), &one.der],
        );
    }
}
