//! The verdict about one question.

use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::finding::{Answer, Finding, Outage, Status};
use super::{Evidence, RevocationFailure, RevocationMethod, RevocationQuestion};
use crate::moment::after;
use crate::{Check, CheckName, Reason, Refusal};

/// How long a judgement without an answer stands before the evidence has to be looked at again.
const WITHOUT_ANSWER: Duration = Duration::from_mins(1);

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the certificate stands.
    pub result: Result<(), Refusal>,
    /// The same, as the last check of a decision.
    pub check: Check,
    /// Until when this may be believed, inclusive; from then on the evidence has to be judged again.
    pub valid_until: UnixTime,
    /// Who decided; `None` when nobody had an answer.
    pub source: Option<RevocationSource>,
    /// When what the source said was known to be correct; `None` without a source.
    pub this_update: Option<UnixTime>,
    /// Nobody had an answer and the policy lets the client in all the same, for now. To be logged and metered each time.
    pub soft_failed: bool,
}

/// Who can know whether a certificate has been revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevocationSource {
    /// An OCSP responder.
    Ocsp,
    /// A CRL.
    Crl,
}

impl RevocationSource {
    /// A stable name in lower case for logs and metric labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ocsp => "ocsp",
            Self::Crl => "crl",
        }
    }
}

impl Judgement {
    /// The label of the source, or `none`.
    pub fn source_label(&self) -> &'static str {
        self.source.map_or("none", RevocationSource::label)
    }

    /// How old the information is at `now`; `None` without a source. Zero while it is from the (near) future.
    pub fn age(&self, now: UnixTime) -> Option<Duration> {
        let issued = self.this_update?.as_secs();
        Some(Duration::from_secs(now.as_secs().saturating_sub(issued)))
    }
}

/// Judges one question by the evidence at hand, at `now`.
///
/// An answer decides: a good one passes, a revoked or unknown certificate is refused, whatever the failure policy says.
/// With [`RevocationMethod::OcspThenCrl`] a certificate that the responder does not know, or that there is no OCSP answer
/// about, is looked up in the CRLs. Without any answer the client is refused, or let in for as long as the outage has
/// lasted no longer than the grace period of [`RevocationFailure::Soft`].
///
/// Differs from Azure: it has neither CRLs nor soft failure. Without them, verdicts are Azure's.
pub fn judge(question: &RevocationQuestion, evidence: &Evidence, now: UnixTime) -> Judgement {
    match find(question, evidence, now) {
        Finding::Answer(answer) => by_answer(question, &answer, now),
        Finding::None(outage) => by_outage(question, &outage, now),
    }
}

fn find(question: &RevocationQuestion, evidence: &Evidence, now: UnixTime) -> Finding {
    let ocsp = || Finding::of_ocsp(question, evidence.ocsp.as_ref(), now);
    let crl = || Finding::of_crl(&evidence.crl, now);
    match question.policy.method {
        RevocationMethod::OcspThenCrl => ocsp_then_crl(ocsp(), crl),
        RevocationMethod::Crl => crl(),
        // No question asks for nothing. Were there one, it would be answered as strictly as any.
        RevocationMethod::Ocsp | RevocationMethod::None => ocsp(),
    }
}

/// The CRL has its say where OCSP leaves the question open; if it leaves it open, too, OCSP's word stands.
fn ocsp_then_crl(ocsp: Finding, crl: impl FnOnce() -> Finding) -> Finding {
    let decided = |answer: &Answer| !matches!(answer.status, Status::Unknown);
    match ocsp {
        Finding::Answer(answer) if decided(&answer) => Finding::Answer(answer),
        Finding::Answer(unknown) => match crl() {
            Finding::Answer(answer) => Finding::Answer(answer),
            Finding::None(_) => Finding::Answer(unknown),
        },
        Finding::None(outage) => match crl() {
            Finding::Answer(answer) => Finding::Answer(answer),
            Finding::None(other) => Finding::None(outage.of_both(other)),
        },
    }
}

fn by_answer(question: &RevocationQuestion, answer: &Answer, now: UnixTime) -> Judgement {
    let source = source(answer, now);
    let subject = &question.subject;
    let (result, valid_until) = match answer.status {
        Status::Good => (Ok(()), answer.valid_until),
        Status::Revoked(entry) => {
            let detail = format!("{subject} was revoked {}, by {source}", entry.text());
            let refusal = Refusal::new(Reason::Revoked, detail);
            (Err(refusal), answer.valid_until)
        }
        // A responder gets to know new certificates, often soon after they were issued.
        Status::Unknown => {
            let detail = format!("the OCSP responder does not know {subject}; {source}");
            let refusal = Refusal::new(Reason::RevocationUnknown, detail);
            (Err(refusal), answer.valid_until.min(soon(now)))
        }
    };
    Judgement {
        check: check(&result, source),
        result,
        valid_until,
        source: Some(answer.source),
        this_update: Some(answer.this_update),
        soft_failed: false,
    }
}

fn by_outage(question: &RevocationQuestion, outage: &Outage, now: UnixTime) -> Judgement {
    let grace_ends = match question.policy.failure {
        RevocationFailure::Hard => None,
        RevocationFailure::Soft { grace } => outage.since.map(|since| after(since, grace)),
    };
    let grace_ends = grace_ends.filter(|end| now <= *end);
    let why = format!(
        "it is not known whether {} has been revoked: {}",
        question.subject, outage.why
    );
    let result = match grace_ends {
        Some(_) => Ok(()),
        None => Err(Refusal::new(Reason::RevocationUnavailable, why.clone())),
    };
    Judgement {
        check: check(&result, why),
        result,
        valid_until: grace_ends.map_or(soon(now), |end| end.min(soon(now))),
        source: None,
        this_update: None,
        soft_failed: grace_ends.is_some(),
    }
}

/// The check of a judgement; `found` is what it passed by.
fn check(result: &Result<(), Refusal>, found: String) -> Check {
    match result {
        Ok(()) => Check::passed(CheckName::Revocation, found),
        Err(refusal) => Check::new(CheckName::Revocation, Err(refusal.clone())),
    }
}

/// Who answered, and how old the answer is.
fn source(answer: &Answer, now: UnixTime) -> String {
    let issued = answer.this_update.as_secs();
    let age = now.as_secs().saturating_sub(issued);
    format!("{}, {age} s old", answer.source.label())
}

fn soon(now: UnixTime) -> UnixTime {
    after(now, WITHOUT_ANSWER)
}

#[cfg(test)]
mod tests;
