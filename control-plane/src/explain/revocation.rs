//! What can be said about revocation without asking anybody.

use client_auth::crl::{CrlAnswer, CrlSet};
use client_auth::revocation::judge;
use client_auth::{
    CheckName, Evidence, OcspEvidence, Refusal, RevocationFailure, RevocationMethod,
    RevocationPlan, RevocationQuestion,
};
use rustls_pki_types::UnixTime;

use super::{CheckResult, ExplainedCheck, Presented};

/// The checks of revocation, and what they say together: the first refusal counts.
pub(super) fn explain(
    plan: &RevocationPlan,
    presented: &Presented<'_>,
) -> (Vec<ExplainedCheck>, Result<(), Refusal>) {
    if plan.questions.is_empty() {
        let check = not_checked("the policy does not check revocation".to_owned());
        return (vec![check], Ok(()));
    }
    let mut checks = Vec::new();
    for question in &plan.questions {
        let (check, result) = one(question, presented);
        checks.push(check);
        if result.is_err() {
            return (checks, result);
        }
    }
    (checks, Ok(()))
}

fn one(
    question: &RevocationQuestion,
    presented: &Presented<'_>,
) -> (ExplainedCheck, Result<(), Refusal>) {
    let at = presented.at;
    match what_a_worker_does(question, presented.lists, at) {
        Some(doing) => {
            let detail = format!("{}: {doing}", question.subject);
            (not_checked(detail), Ok(()))
        }
        None => judged(question, presented.lists, at),
    }
}

/// What only a worker can do about the question; `None`: the evidence at hand decides it.
fn what_a_worker_does(
    question: &RevocationQuestion,
    lists: Option<&CrlSet>,
    at: UnixTime,
) -> Option<String> {
    if has_responder(question) {
        let responders = question.responders.join(", ");
        let otherwise = match question.policy.method {
            RevocationMethod::OcspThenCrl => ", and look into the CRLs if that has no answer",
            _ => "",
        };
        return Some(format!("a worker would ask {responders}{otherwise}"));
    }
    if question.policy.method == RevocationMethod::Ocsp {
        let why = "the certificate names no OCSP responder";
        return until_the_grace_ends(question, why);
    }
    let Some(lists) = lists else {
        return Some("a worker would look into the uploaded CRLs".to_owned());
    };
    let CrlAnswer::Unavailable { why, .. } = lists.answer(question, at) else {
        return None;
    };
    if question.policy.fetch_crls && !question.distribution_points.is_empty() {
        let points = question.distribution_points.join(", ");
        return Some(format!("{why}; a worker would fetch one from {points}"));
    }
    until_the_grace_ends(question, &why)
}

/// Workers know since when there has been no answer.
fn until_the_grace_ends(question: &RevocationQuestion, why: &str) -> Option<String> {
    match question.policy.failure {
        RevocationFailure::Hard => None,
        RevocationFailure::Soft { grace } => Some(format!(
            "{why}; a worker would let the client in until that has lasted {} s",
            grace.as_secs()
        )),
    }
}

fn judged(
    question: &RevocationQuestion,
    lists: Option<&CrlSet>,
    at: UnixTime,
) -> (ExplainedCheck, Result<(), Refusal>) {
    let nobody_to_ask = OcspEvidence::Unavailable {
        since: at,
        why: "the certificate names no OCSP responder".to_owned(),
    };
    let evidence = Evidence {
        ocsp: asks_ocsp(question).then_some(nobody_to_ask),
        crl: lists.map_or_else(CrlAnswer::none, |lists| lists.answer(question, at)),
    };
    let judgement = judge(question, &evidence, at);
    (ExplainedCheck::of(&judgement.check), judgement.result)
}

/// Whether lists are what a worker looks into first.
pub(super) fn looks_into_lists(question: &RevocationQuestion) -> bool {
    let by_lists = matches!(
        question.policy.method,
        RevocationMethod::Crl | RevocationMethod::OcspThenCrl
    );
    by_lists && !has_responder(question)
}

fn has_responder(question: &RevocationQuestion) -> bool {
    asks_ocsp(question) && !question.responders.is_empty()
}

fn asks_ocsp(question: &RevocationQuestion) -> bool {
    matches!(
        question.policy.method,
        RevocationMethod::Ocsp | RevocationMethod::OcspThenCrl
    )
}

fn not_checked(detail: String) -> ExplainedCheck {
    ExplainedCheck {
        name: CheckName::Revocation.label(),
        result: CheckResult::NotChecked,
        detail,
    }
}
