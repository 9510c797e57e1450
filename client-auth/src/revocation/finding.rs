//! What one source says about a question at one moment.

use rustls_pki_types::UnixTime;

use super::evidence::OcspEvidence;
use super::judge::RevocationSource;
use super::{RevocationEntry, RevocationQuestion};
use crate::crl::CrlAnswer;
use crate::moment;
use crate::ocsp::OcspStatus;

/// An answer, or why there is none.
pub(super) enum Finding {
    Answer(Answer),
    None(Outage),
}

/// An answer that may be believed now.
pub(super) struct Answer {
    pub(super) source: RevocationSource,
    pub(super) status: Status,
    pub(super) this_update: UnixTime,
    pub(super) valid_until: UnixTime,
}

pub(super) enum Status {
    Good,
    Revoked(RevocationEntry),
    Unknown,
}

/// No answer.
pub(super) struct Outage {
    /// Since when, if there is anything to wait for: what was never there does not come back.
    pub(super) since: Option<UnixTime>,
    pub(super) why: String,
}

impl Finding {
    /// What OCSP says.
    ///
    /// Without a responder there is nobody to ask, and so no outage that could end: Azure refuses, and so is done here.
    pub(super) fn of_ocsp(
        question: &RevocationQuestion,
        evidence: Option<&OcspEvidence>,
        now: UnixTime,
    ) -> Self {
        if question.responders.is_empty() {
            return Self::none(None, "the certificate names no OCSP responder");
        }
        let answer = match evidence {
            None => return Self::none(None, "no OCSP responder has been asked"),
            Some(OcspEvidence::Unavailable { since, why }) => {
                return Self::none(Some(*since), format!("no OCSP answer: {why}"));
            }
            Some(OcspEvidence::Answer(answer)) => answer,
        };
        if now > answer.valid_until {
            let end = answer.valid_until;
            let why = format!("the OCSP answer is too old since {}", moment::text(end));
            return Self::none(Some(end), why);
        }
        Self::Answer(Answer {
            source: RevocationSource::Ocsp,
            status: match answer.status {
                OcspStatus::Good => Status::Good,
                OcspStatus::Revoked(entry) => Status::Revoked(entry),
                OcspStatus::Unknown => Status::Unknown,
            },
            this_update: answer.this_update,
            valid_until: answer.valid_until,
        })
    }

    /// What the CRLs say.
    pub(super) fn of_crl(answer: &CrlAnswer, now: UnixTime) -> Self {
        let (status, this_update, valid_until) = match answer {
            CrlAnswer::Good {
                this_update,
                valid_until,
            } => (Status::Good, *this_update, *valid_until),
            CrlAnswer::Revoked {
                entry,
                this_update,
                valid_until,
            } => (Status::Revoked(*entry), *this_update, *valid_until),
            CrlAnswer::Unavailable { since, why } => return Self::none(*since, why.clone()),
        };
        if now > valid_until {
            let why = format!("the CRL expired at {}", moment::text(valid_until));
            return Self::none(Some(valid_until), why);
        }
        Self::Answer(Answer {
            source: RevocationSource::Crl,
            status,
            this_update,
            valid_until,
        })
    }

    fn none(since: Option<UnixTime>, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::None(Outage { since, why })
    }
}

impl Outage {
    /// The outage of both sources: it began when the second one went out. A source that never was there takes no part.
    pub(super) fn of_both(self, other: Self) -> Self {
        Self {
            since: self.since.max(other.since),
            why: format!("{}; {}", self.why, other.why),
        }
    }
}
