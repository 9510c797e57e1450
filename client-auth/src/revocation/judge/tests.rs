use std::sync::Arc;

use super::*;
use crate::crl::CrlAnswer;
use crate::ocsp::{OcspAnswer, OcspStatus};
use crate::testing::at;
use crate::{
    CertificateId, OcspEvidence, RevocationCause, RevocationEntry, RevocationPolicy,
    RevocationScope,
};
use RevocationMethod::{Crl, Ocsp, OcspThenCrl};

const HOUR: i64 = 3600;
const HARD: RevocationFailure = RevocationFailure::Hard;
const SOFT: RevocationFailure = RevocationFailure::Soft {
    grace: Duration::from_mins(10),
};
const KEY_COMPROMISE: RevocationEntry = RevocationEntry {
    at: UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000)),
    cause: Some(RevocationCause::KeyCompromise),
};

fn question(method: RevocationMethod, failure: RevocationFailure) -> RevocationQuestion {
    RevocationQuestion {
        certificate: CertificateId {
            issuer_key: [1; 32],
            issuer_name: [2; 32],
            serial: [7].into(),
        },
        subject: "CN=device".to_owned(),
        is_ca: false,
        policy: Arc::new(RevocationPolicy {
            method,
            scope: RevocationScope::Leaf,
            failure,
            ..RevocationPolicy::NONE
        }),
        issuer: [].into(),
        responders: vec!["http://ocsp.example/".to_owned()],
        distribution_points: Vec::new(),
        distribution_point_names: Vec::new(),
    }
}

fn ocsp(status: OcspStatus) -> OcspEvidence {
    OcspEvidence::Answer(OcspAnswer {
        status,
        this_update: at(-60),
        next_update: Some(at(HOUR)),
        valid_until: at(HOUR),
    })
}

fn silent(since: i64) -> OcspEvidence {
    OcspEvidence::Unavailable {
        since: at(since),
        why: "connection refused".to_owned(),
    }
}

fn good_list() -> CrlAnswer {
    CrlAnswer::Good {
        this_update: at(-120),
        valid_until: at(2 * HOUR),
    }
}

fn revoked_list() -> CrlAnswer {
    CrlAnswer::Revoked {
        entry: KEY_COMPROMISE,
        this_update: at(-120),
        valid_until: at(2 * HOUR),
    }
}

fn expired_list(since: i64) -> CrlAnswer {
    CrlAnswer::none().unavailable_since(at(since))
}

#[track_caller]
fn check(
    question: &RevocationQuestion,
    ocsp: impl Into<Option<OcspEvidence>>,
    crl: CrlAnswer,
    expected: Result<(), Reason>,
) -> Judgement {
    let evidence = Evidence {
        ocsp: ocsp.into(),
        crl,
    };
    let judgement = judge(question, &evidence, at(0));
    let found = judgement.result.clone().map_err(|refusal| refusal.reason);
    assert_eq!(found, expected, "{judgement:?}");
    assert_eq!(judgement.check.name, CheckName::Revocation);
    assert_eq!(judgement.check.result, judgement.result);
    assert!(judgement.valid_until >= at(0));
    judgement
}

const REVOKED: Result<(), Reason> = Err(Reason::Revoked);
const UNKNOWN: Result<(), Reason> = Err(Reason::RevocationUnknown);
const UNAVAILABLE: Result<(), Reason> = Err(Reason::RevocationUnavailable);

// T-44
#[test]
fn an_ocsp_answer_decides_whatever_the_failure_policy_is() {
    for failure in [HARD, SOFT] {
        for (method, crl) in [(Ocsp, revoked_list()), (OcspThenCrl, revoked_list())] {
            let good = ocsp(OcspStatus::Good);
            let judgement = check(&question(method, failure), good, crl, Ok(()));
            assert_eq!(judgement.source_label(), "ocsp");
            assert_eq!(judgement.age(at(0)), Some(Duration::from_mins(1)));
            assert_eq!(judgement.check.detail, "ocsp, 60 s old");
            assert_eq!(judgement.valid_until, at(HOUR));
            assert!(!judgement.soft_failed);
        }
        for method in [Ocsp, OcspThenCrl] {
            let revoked = ocsp(OcspStatus::Revoked(KEY_COMPROMISE));
            check(&question(method, failure), revoked, good_list(), REVOKED);
        }
        let unknown = ocsp(OcspStatus::Unknown);
        check(&question(Ocsp, failure), unknown, good_list(), UNKNOWN);
    }
}

// T-44
#[test]
fn an_unknown_certificate_is_asked_about_again_soon() {
    let unknown = ocsp(OcspStatus::Unknown);
    let judgement = check(&question(Ocsp, SOFT), unknown, good_list(), UNKNOWN);
    assert_eq!(judgement.valid_until, at(60));
}

// T-44
#[test]
fn without_an_ocsp_answer_the_client_is_refused() {
    check(&question(Ocsp, HARD), silent(-1), good_list(), UNAVAILABLE);
    let judgement = check(&question(Ocsp, HARD), None, good_list(), UNAVAILABLE);
    assert_eq!(judgement.source_label(), "none");
    assert_eq!(judgement.age(at(0)), None);
    let refusal = judgement.result.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "revocation_unavailable: it is not known whether CN=device has been revoked: no OCSP responder has been asked"
    );
}

// T-44
#[test]
fn a_soft_failure_is_told_and_bounded_by_the_outage() {
    let soft = question(Ocsp, SOFT);
    let judgement = check(&soft, silent(-570), good_list(), Ok(()));
    assert!(judgement.soft_failed);
    let why = &judgement.check.detail;
    assert!(
        why.starts_with("it is not known whether CN=device has been revoked: "),
        "{why}"
    );
    assert_eq!(judgement.valid_until, at(30));
    let judgement = check(&soft, silent(-600), good_list(), Ok(()));
    assert_eq!(judgement.valid_until, at(0));
    let judgement = check(&soft, silent(-601), good_list(), UNAVAILABLE);
    assert!(!judgement.soft_failed);
    // Not asked is no outage.
    check(&soft, None, good_list(), UNAVAILABLE);
}

#[test]
fn a_certificate_without_a_responder_is_refused_even_softly() {
    for failure in [HARD, SOFT] {
        let mut question = question(Ocsp, failure);
        question.responders.clear();
        for evidence in [None, Some(silent(-1)), Some(ocsp(OcspStatus::Good))] {
            check(&question, evidence, good_list(), UNAVAILABLE);
        }
    }
}

// T-43
#[test]
fn an_ocsp_answer_that_has_become_too_old_is_none() {
    let old = |end| {
        OcspEvidence::Answer(OcspAnswer {
            status: OcspStatus::Good,
            this_update: at(-2 * HOUR),
            next_update: Some(at(end)),
            valid_until: at(end),
        })
    };
    check(&question(Ocsp, HARD), old(0), good_list(), Ok(()));
    check(&question(Ocsp, HARD), old(-1), good_list(), UNAVAILABLE);
    // The outage began when it ended.
    check(&question(Ocsp, SOFT), old(-600), good_list(), Ok(()));
    check(&question(Ocsp, SOFT), old(-601), good_list(), UNAVAILABLE);
}

// T-52
#[test]
fn a_crl_decides_alone() {
    for failure in [HARD, SOFT] {
        let crl = question(Crl, failure);
        let judgement = check(&crl, ocsp(OcspStatus::Unknown), good_list(), Ok(()));
        assert_eq!(judgement.source_label(), "crl");
        assert_eq!(judgement.valid_until, at(2 * HOUR));
        check(&crl, ocsp(OcspStatus::Good), revoked_list(), REVOKED);
        check(&crl, ocsp(OcspStatus::Good), CrlAnswer::none(), UNAVAILABLE);
    }
    check(&question(Crl, HARD), None, expired_list(-1), UNAVAILABLE);
    let judgement = check(&question(Crl, SOFT), None, expired_list(-600), Ok(()));
    assert!(judgement.soft_failed);
    check(&question(Crl, SOFT), None, expired_list(-601), UNAVAILABLE);
}

#[test]
fn the_crl_answers_where_ocsp_does_not() {
    let mut no_responder = question(OcspThenCrl, HARD);
    no_responder.responders.clear();
    let both = question(OcspThenCrl, HARD);
    for (question, evidence) in [
        (&both, Some(ocsp(OcspStatus::Unknown))),
        (&both, Some(silent(-1))),
        (&both, None),
        (&no_responder, None),
    ] {
        let judgement = check(question, evidence.clone(), good_list(), Ok(()));
        assert_eq!(judgement.source_label(), "crl");
        check(question, evidence, revoked_list(), REVOKED);
    }
}

#[test]
fn without_any_answer_the_word_of_ocsp_stands() {
    let both = question(OcspThenCrl, SOFT);
    let unknown = ocsp(OcspStatus::Unknown);
    check(&both, unknown.clone(), CrlAnswer::none(), UNKNOWN);
    check(&both, unknown, expired_list(-1), UNKNOWN);
    check(
        &question(OcspThenCrl, HARD),
        silent(-1),
        expired_list(-1),
        UNAVAILABLE,
    );
    // Of both, the one that went out last bounds the grace.
    check(&both, silent(-601), expired_list(-600), Ok(()));
    check(&both, silent(-600), expired_list(-601), Ok(()));
    check(&both, silent(-601), expired_list(-601), UNAVAILABLE);
    check(&both, silent(-601), CrlAnswer::none(), UNAVAILABLE);
    check(&both, silent(-600), CrlAnswer::none(), Ok(()));
    check(&both, None, CrlAnswer::none(), UNAVAILABLE);
}

#[test]
fn what_is_said_about_a_revoked_certificate_tells_when_why_and_who() {
    let judgement = check(&question(Crl, SOFT), None, revoked_list(), REVOKED);
    assert_eq!(
        judgement.result.unwrap_err().detail,
        "CN=device was revoked at 2023-11-14T22:13:20Z (keyCompromise), by crl, 120 s old"
    );
}
