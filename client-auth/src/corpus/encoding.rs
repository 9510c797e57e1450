//! Versions, serial numbers, extensions given twice, and what is no certificate at all (RFC 5280 section 4.1).

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, SerialNumber};

use super::authority::{Authority, Der, plain, tlv};
use super::reencoded::{
    EXTENSIONS, ISSUER, SERIAL, SUBJECT, VALIDITY, VERSION, add_extensions, changed, extension,
};
use super::{Corpus, below, client, client_with, trusting};
use crate::Reason;

const VERSIONS: &str = "RFC 5280 section 4.1.2.1";
const SERIALS: &str = "RFC 5280 section 4.1.2.2";
const ONCE: &str = "RFC 5280 section 4.2";
const SYNTAX: &str = "RFC 5280 section 4.1";
const ALT_NAMES: &str = "RFC 5280 section 4.2.1.6";

pub(super) fn add(corpus: &mut Corpus) {
    add_versions(corpus);
    add_serials(corpus);
    add_repeated(corpus);
    add_broken(corpus);
    add_names(corpus);
}

/// The change at a client, and at a CA.
fn add_pair(
    corpus: &mut Corpus,
    what: &str,
    rule: &'static str,
    verdict: Result<(), Reason>,
    change: &dyn Fn(&mut Vec<Vec<u8>>),
) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let leaf = changed(&client(&root), &root, |fields| change(fields));
    corpus.judged(
        format!("client with {what}"),
        rule,
        verdict,
        &policy,
        &[&leaf],
    );
    let one = below(&root, "one", &plain);
    let ca = changed(&one.der, &root, |fields| change(fields));
    corpus.judged(
        format!("CA with {what}"),
        rule,
        verdict,
        &policy,
        &[&client(&one), &ca],
    );
}

fn add_versions(corpus: &mut Corpus) {
    let version = |number: u8| tlv(0xa0, &[2, 1, number]);
    let malformed = Err(Reason::Malformed);
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let of_version = |version: Option<u8>, der: &Der| {
        changed(der, &root, |fields| {
            fields.remove(EXTENSIONS);
            match version {
                Some(number) => fields[VERSION] = tlv(0xa0, &[2, 1, number]),
                None => drop(fields.remove(VERSION)),
            }
        })
    };
    let limit = (
        "certificates of version 1 and 2 are not read",
        Reason::Malformed,
    );
    for (what, number) in [("1", None), ("1, written out", Some(0)), ("2", Some(1))] {
        let leaf = of_version(number, &client(&root));
        let name = format!("client of version {what}");
        if what == "1, written out" {
            corpus.bad(name, VERSIONS, Reason::Malformed, &policy, &[&leaf]);
        } else {
            corpus.limit(name, VERSIONS, limit, &policy, &[&leaf]);
        }
        let one = below(&root, "one", &plain);
        let ca = of_version(number, &one.der);
        let name = format!("CA of version {what}");
        corpus.bad(
            name,
            "RFC 5280 section 6.1.4 (k)",
            Reason::NotACa,
            &policy,
            &[&client(&one), &ca],
        );
    }
    add_pair(corpus, "version 4", VERSIONS, malformed, &|fields| {
        fields[VERSION] = version(3);
    });
    add_pair(
        corpus,
        "extensions in version 2",
        VERSIONS,
        malformed,
        &|fields| fields[VERSION] = version(1),
    );
    add_pair(
        corpus,
        "extensions in version 1",
        VERSIONS,
        malformed,
        &|fields| drop(fields.remove(VERSION)),
    );
    let unique = client(&root);
    let unique = changed(&unique, &root, |fields| {
        fields.insert(EXTENSIONS, vec![0x81, 2, 0, 1]);
    });
    corpus.limit(
        "client with a unique identifier",
        "RFC 5280 section 4.1.2.8",
        (
            "certificates with unique identifiers are not read",
            Reason::Malformed,
        ),
        &policy,
        &[&unique],
    );
}

fn add_serials(corpus: &mut Corpus) {
    for (what, octets) in [
        ("a serial number of 20 octets", [0x7f; 20].to_vec()),
        ("a serial number of 21 octets", [0x7f; 21].to_vec()),
        ("a serial number of 64 octets", [0x7f; 64].to_vec()),
        ("a negative serial number", vec![0x80]),
        ("serial number zero", vec![0]),
        ("serial number 256", vec![1, 0]),
    ] {
        add_pair(corpus, what, SERIALS, Ok(()), &|fields| {
            fields[SERIAL] = tlv(2, &octets);
        });
    }
    let root = Authority::root("root");
    let same = SerialNumber::from_slice(&[7]);
    let one = below(&root, "one", &|p| p.serial_number = Some(same.clone()));
    let leaf = client_with(&one, &|p| p.serial_number = Some(same.clone()));
    corpus.good(
        "client and CA of one serial number",
        SERIALS,
        &trusting(&[&[&root.der]]),
        &[&leaf, &one.der],
    );
    let malformed = Err(Reason::Malformed);
    add_pair(corpus, "no serial number", SYNTAX, malformed, &|fields| {
        drop(fields.remove(SERIAL));
    });
}

fn add_repeated(corpus: &mut Corpus) {
    let malformed = Err(Reason::Malformed);
    let id = |last: u8| [0x55, 0x1d, last];
    for (what, oid, contents) in [
        ("key usage", &id(15)[..], &[3, 2, 7, 0x80][..]),
        ("basic constraints", &id(19), &[0x30, 0]),
        (
            "extended key usage",
            &id(37),
            &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2],
        ),
        ("alternative names", &id(17), &[0x30, 3, 0x82, 1, b'a']),
        ("name constraints", &id(30), &[0x30, 0]),
        ("policies", &id(32), &[0x30, 0]),
        ("CRL distribution points", &id(31), &[0x30, 0]),
        ("an extension that nobody knows", &[0x2a, 3, 4], &[5, 0]),
    ] {
        let twice = vec![
            extension(oid, false, contents),
            extension(oid, false, contents),
        ];
        add_pair(
            corpus,
            &format!("{what} twice"),
            ONCE,
            malformed,
            &|fields| {
                add_extensions(fields, &twice);
            },
        );
    }
    let once = [
        extension(&[0x2a, 3, 4], false, &[5, 0]),
        extension(&[0x2a, 3, 5], false, &[5, 0]),
    ];
    add_pair(
        corpus,
        "two extensions that nobody knows",
        ONCE,
        Ok(()),
        &|fields| add_extensions(fields, &once),
    );
}

fn add_broken(corpus: &mut Corpus) {
    let malformed = Err(Reason::Malformed);
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let leaf = client(&root);
    let bytes = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut der = leaf.to_vec();
        change(&mut der);
        Der::from(der)
    };
    for (what, der) in [
        ("an octet behind it", bytes(&|der| der.push(0))),
        (
            "an octet missing",
            bytes(&|der| der.truncate(der.len() - 1)),
        ),
        (
            "another certificate behind it",
            bytes(&|der| der.extend_from_slice(&leaf)),
        ),
        ("a set instead of a sequence", bytes(&|der| der[0] = 0x31)),
        (
            "an indefinite length",
            bytes(&|der| {
                der.splice(..4, [0x30, 0x80]);
                der.extend([0, 0]);
            }),
        ),
        (
            "a length of one octet too many",
            bytes(&|der| {
                der.splice(..2, [0x30, 0x83, 0]);
            }),
        ),
        ("one octet", vec![0x30].into()),
        (
            "PEM",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                .to_vec()
                .into(),
        ),
    ] {
        corpus.judged(
            format!("client, {what}"),
            SYNTAX,
            malformed,
            &policy,
            &[&der],
        );
    }
    add_pair(corpus, "no validity", SYNTAX, malformed, &|fields| {
        drop(fields.remove(VALIDITY));
    });
    add_pair(corpus, "a field too many", SYNTAX, malformed, &|fields| {
        fields.push(vec![5, 0]);
    });
    add_pair(
        corpus,
        "an extension of three octet strings",
        SYNTAX,
        malformed,
        &|fields| {
            let bad = tlv(
                0x30,
                &[tlv(6, &[0x2a, 3]), tlv(4, &[]), tlv(4, &[])].concat(),
            );
            add_extensions(fields, &[bad]);
        },
    );
    let names = |contents: &[u8]| {
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], contents.to_vec());
        client_with(&root, &|p: &mut CertificateParams| {
            p.custom_extensions.push(extension.clone());
        })
    };
    for (what, contents, verdict) in [
        ("no alternative name", &[0x30, 0][..], Ok(())),
        (
            "an address of three octets",
            &[0x30, 5, 0x87, 3, 1, 2, 3],
            malformed,
        ),
        (
            "a name that is cut off",
            &[0x30, 4, 0x82, 9, b'a', b'b'],
            malformed,
        ),
        (
            "alternative names that are no list",
            &[0x82, 1, b'a'],
            malformed,
        ),
    ] {
        let leaf = names(contents);
        corpus.judged(
            format!("client with {what}"),
            ALT_NAMES,
            verdict,
            &policy,
            &[&leaf],
        );
    }
}

fn add_names(corpus: &mut Corpus) {
    const NAMES: &str = "RFC 5280 section 4.1.2.6";
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let mut alt_names =
        CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 3, 0x82, 1, b'a']);
    alt_names.set_criticality(true);
    let nameless = client_with(&root, &|p| {
        p.distinguished_name = DistinguishedName::new();
        p.custom_extensions.push(alt_names.clone());
    });
    corpus.good(
        "client without subject and with critical alternative names",
        NAMES,
        &policy,
        &[&nameless],
    );
    let leaf = client(&root);
    let no_issuer = changed(&leaf, &root, |fields| fields[ISSUER] = vec![0x30, 0]);
    corpus.bad(
        "client without issuer",
        "RFC 5280 section 4.1.2.4",
        Reason::UnknownIssuer,
        &policy,
        &[&no_issuer],
    );
    let one = below(&root, "one", &plain);
    let nameless_ca = changed(&one.der, &root, |fields| fields[SUBJECT] = vec![0x30, 0]);
    let below_nameless = changed(&client(&one), &one, |fields| fields[ISSUER] = vec![0x30, 0]);
    corpus.bad(
        "CA without subject",
        NAMES,
        Reason::UnknownIssuer,
        &policy,
        &[&below_nameless, &nameless_ca],
    );
}
