//! Validity at both ends, to the second (RFC 5280 section 4.1.2.5, section 6.1.3 (a) (2)).

use rcgen::CertificateParams;

use super::authority::{Authority, DAY, Edit, at, date, plain, tlv};
use super::reencoded::{VALIDITY, changed};
use super::{Corpus, below, client, client_with, root, trusting};
use crate::Reason;

const RULE: &str = "RFC 5280 section 6.1.3 (a) (2)";
const TIMES: &str = "RFC 5280 section 4.1.2.5";

pub(super) fn add(corpus: &mut Corpus) {
    add_ends(corpus);
    add_encodings(corpus);
}

/// An hour around the moment of most decisions.
fn hour(params: &mut CertificateParams) {
    params.not_before = date(-1800);
    params.not_after = date(1800);
}

fn add_ends(corpus: &mut Corpus) {
    let moments = [
        ("a second before it starts", -1801, Err(Reason::NotYetValid)),
        ("when it starts", -1800, Ok(())),
        ("when it ends", 1800, Ok(())),
        ("a second after it ended", 1801, Err(Reason::Expired)),
    ];
    for (place, edits) in [
        ("client", [&plain as Edit<'_>, &plain, &plain, &hour]),
        ("lower CA", [&plain, &plain, &hour, &plain]),
        ("upper CA", [&plain, &hour, &plain, &plain]),
        ("anchor", [&hour, &plain, &plain, &plain]),
    ] {
        let root = root(edits[0]);
        let upper = below(&root, "upper", edits[1]);
        let lower = below(&upper, "lower", edits[2]);
        let leaf = client_with(&lower, edits[3]);
        let policy = trusting(&[&[&root.der]]);
        for (what, seconds, verdict) in moments {
            let chain = [&leaf, &lower.der, &upper.der];
            corpus
                .judged(format!("{place}, {what}"), RULE, verdict, &policy, &chain)
                .now = at(seconds);
        }
    }
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let reversed = client_with(&root, &|p| {
        p.not_before = date(1800);
        p.not_after = date(-1800);
    });
    corpus.bad(
        "client that ends before it starts",
        RULE,
        Reason::Expired,
        &policy,
        &[&reversed],
    );
    let instant = client_with(&root, &|p| {
        p.not_before = date(0);
        p.not_after = date(0);
    });
    corpus.good("client of one second", RULE, &policy, &[&instant]);
    let outlives = below(&root, "one", &hour);
    let leaf = client(&outlives);
    corpus
        .bad(
            "client that outlives its CA",
            RULE,
            Reason::Expired,
            &policy,
            &[&leaf, &outlives.der],
        )
        .now = at(1801);
}

fn add_encodings(corpus: &mut Corpus) {
    let root = super::root(&|p| p.not_after = date(40 * 365 * DAY));
    let policy = trusting(&[&[&root.der]]);
    let far = client_with(&root, &|p| p.not_after = date(39 * 365 * DAY));
    corpus
        .good("a generalised time in 2065", TIMES, &policy, &[&far])
        .now = at(38 * 365 * DAY);
    corpus
        .bad(
            "a generalised time that is over",
            TIMES,
            Reason::Expired,
            &policy,
            &[&far],
        )
        .now = at(39 * 365 * DAY + 1);
    let leaf = client(&root);
    let one = below(&root, "one", &plain);
    let times = |from: Vec<u8>, to: Vec<u8>| tlv(0x30, &[from, to].concat());
    let utc = |text: &str| tlv(0x17, text.as_bytes());
    let general = |text: &str| tlv(0x18, text.as_bytes());
    let before = times(utc("691231235959Z"), utc("491231235959Z"));
    let before = changed(&leaf, &root, |fields| fields[VALIDITY] = before);
    let limit = ("times before 1970 are not read", Reason::Malformed);
    corpus.limit("a start before 1970", TIMES, limit, &policy, &[&before]);
    let (start, end) = (utc("200101000000Z"), utc("491231235959Z"));
    for (what, validity, verdict) in [
        (
            "the last second of UTCTime",
            times(start.clone(), end.clone()),
            Ok(()),
        ),
        (
            "the first second of 1970",
            times(utc("700101000000Z"), end.clone()),
            Ok(()),
        ),
        (
            "a time without seconds",
            times(start.clone(), utc("4912312359Z")),
            Err(Reason::Malformed),
        ),
        (
            "a time with an offset",
            times(start.clone(), utc("491231235959+0000")),
            Err(Reason::Malformed),
        ),
        (
            "a time with a fraction",
            times(start.clone(), general("20491231235959.5Z")),
            Err(Reason::Malformed),
        ),
        (
            "month 13",
            times(start.clone(), utc("491331235959Z")),
            Err(Reason::Malformed),
        ),
        (
            "a text as time",
            times(start.clone(), tlv(0x0c, b"491231235959Z")),
            Err(Reason::Malformed),
        ),
        ("no end", tlv(0x30, &start), Err(Reason::Malformed)),
    ] {
        let changed_leaf = changed(&leaf, &root, |fields| {
            fields[VALIDITY].clone_from(&validity);
        });
        corpus.judged(
            format!("client with {what}"),
            TIMES,
            verdict,
            &policy,
            &[&changed_leaf],
        );
        let ca = changed(&one.der, &root, |fields| {
            fields[VALIDITY].clone_from(&validity);
        });
        corpus.judged(
            format!("CA with {what}"),
            TIMES,
            verdict,
            &policy,
            &[&client(&one), &ca],
        );
    }
}
