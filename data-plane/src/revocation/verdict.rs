//! What a responder has said about a certificate, as it is remembered.

use std::time::Duration;

use client_auth::ocsp::{OcspAnswer, OcspStatus};
use client_auth::{OcspEvidence, RevocationQuestion};
use rustls_pki_types::UnixTime;

use super::schedule::{Outage, later};
use super::shelf::{Answer, Key};
use crate::blobs::sha256;

/// A verified answer and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) answer: OcspAnswer,
    pub(super) fetched: UnixTime,
}

/// A responder gets to know new certificates, often soon after they were issued.
const UNKNOWN: Duration = Duration::from_mins(1);

impl Answer for Verdict {
    /// nginx's bound, too. The answer goes on to be used when no newer one can be had.
    const FRESH: Duration = Duration::from_hours(1);

    fn usable_until(&self) -> UnixTime {
        match self.answer.status {
            OcspStatus::Good | OcspStatus::Revoked(_) => self.answer.valid_until,
            OcspStatus::Unknown => self.answer.valid_until.min(later(self.fetched, UNKNOWN)),
        }
    }

    fn promised_until(&self) -> UnixTime {
        self.answer.next_update.unwrap_or(self.answer.valid_until)
    }

    fn weight(&self) -> usize {
        0
    }
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        self.answer.status == OcspStatus::Good
    }

    /// Whether `answer` would let in whom this verdict keeps out, and was made before it: an old answer that somebody
    /// plays back does not undo a revocation.
    pub(super) fn outdates(&self, answer: &OcspAnswer) -> bool {
        !self.is_good()
            && answer.status == OcspStatus::Good
            && answer.this_update < self.answer.this_update
    }

    fn is_revoked(&self) -> bool {
        matches!(self.answer.status, OcspStatus::Revoked(_))
    }

    /// The evidence at `now`.
    fn evidence(self, now: UnixTime) -> Option<OcspEvidence> {
        if now <= self.usable_until() {
            return Some(OcspEvidence::Answer(self.answer));
        }
        // Revocations do not lapse. Who has a revoked certificate and keeps the responder from being reached must not get in
        // by a soft failure.
        self.is_revoked().then(|| {
            OcspEvidence::Answer(OcspAnswer {
                valid_until: later(now, UNKNOWN),
                ..self.answer
            })
        })
    }
}

/// The evidence at `now`, when nothing is waited for any more.
pub(super) fn evidence(
    verdict: Option<Verdict>,
    outage: Option<Outage>,
    now: UnixTime,
) -> OcspEvidence {
    let known = verdict.and_then(|verdict| verdict.evidence(now));
    known.unwrap_or_else(|| match outage {
        Some(outage) => OcspEvidence::Unavailable {
            since: outage.since,
            why: outage.why.to_string(),
        },
        // Cannot be: an attempt without an answer leaves an outage. Nobody gets in by it.
        None => OcspEvidence::Unavailable {
            since: UnixTime::since_unix_epoch(Duration::ZERO),
            why: "nobody was asked".to_owned(),
        },
    })
}

/// Names all that makes an answer fit: which certificate, whom to ask, and whether the answer must be made for the request.
pub(super) fn key(question: &RevocationQuestion) -> Key {
    let certificate = &question.certificate;
    let mut bytes = Vec::with_capacity(256);
    let mut add = |field: &[u8]| {
        // No two lists of fields give the same bytes.
        bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
        bytes.extend_from_slice(field);
    };
    add(b"ocsp");
    add(&certificate.issuer_key);
    add(&certificate.issuer_name);
    add(&certificate.serial);
    add(&[u8::from(question.policy.nonce)]);
    for responder in &question.responders {
        add(responder.as_bytes());
    }
    sha256(&bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use client_auth::{
        CertificateId, RevocationCause, RevocationEntry, RevocationMethod, RevocationPolicy,
    };

    use super::*;

    fn question(serial: &[u8]) -> RevocationQuestion {
        RevocationQuestion {
            certificate: CertificateId {
                issuer_key: [1; 32],
                issuer_name: [2; 32],
                serial: serial.into(),
            },
            subject: "CN=client".to_owned(),
            is_ca: false,
            policy: Arc::new(RevocationPolicy {
                method: RevocationMethod::Ocsp,
                ..RevocationPolicy::NONE
            }),
            issuer: Arc::from(&b"issuer"[..]),
            responders: vec!["http://a".to_owned()],
            distribution_points: Vec::new(),
            distribution_point_names: Vec::new(),
        }
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn verdict(status: OcspStatus) -> Verdict {
        Verdict {
            answer: OcspAnswer {
                status,
                this_update: at(0),
                next_update: None,
                valid_until: at(1000),
            },
            fetched: at(10),
        }
    }

    const REVOKED: OcspStatus = OcspStatus::Revoked(RevocationEntry {
        at: UnixTime::since_unix_epoch(Duration::ZERO),
        cause: Some(RevocationCause::KeyCompromise),
    });

    // T-41
    #[test]
    fn different_questions_have_different_keys() {
        let serials: [&[u8]; 9] = [
            &[],
            &[0x00],
            &[0x01],
            &[0x01, 0x00],
            &[0x01, 0x00, 0x00],
            &[0xff],
            &[0x00, 0xff],
            &[0x7f; 20],
            &[0x7f; 21],
        ];
        let mut questions: Vec<_> = serials.map(question).into();
        let mut add = |change: fn(&mut RevocationQuestion)| {
            let mut changed = question(&[0x01]);
            change(&mut changed);
            questions.push(changed);
        };
        add(|question| question.certificate.issuer_key = [3; 32]);
        add(|question| question.certificate.issuer_name = [3; 32]);
        add(|question| question.responders = vec!["http://b".to_owned()]);
        add(|question| question.responders = vec!["http://".to_owned(), "a".to_owned()]);
        add(|question| question.responders.push("http://b".to_owned()));
        add(|question| Arc::make_mut(&mut question.policy).nonce = true);
        let keys: HashSet<_> = questions.iter().map(key).collect();
        assert_eq!(keys.len(), questions.len());
        let mut same = question(&[0x01]);
        same.subject = "CN=other".to_owned();
        Arc::make_mut(&mut same.policy).failure = client_auth::RevocationFailure::Soft {
            grace: Duration::from_secs(1),
        };
        assert_eq!(key(&same), key(&question(&[0x01])), "what does not matter");
    }

    #[test]
    fn an_unknown_certificate_is_asked_for_again_soon() {
        assert_eq!(verdict(OcspStatus::Good).usable_until(), at(1000));
        assert_eq!(verdict(REVOKED).usable_until(), at(1000));
        assert_eq!(verdict(OcspStatus::Unknown).usable_until(), at(70));
    }

    // T-43
    #[test]
    fn an_old_answer_does_not_undo_a_newer_revocation() {
        let answer = |status, this_update| OcspAnswer {
            this_update: at(this_update),
            ..verdict(status).answer
        };
        let known = |status| Verdict {
            answer: answer(status, 100),
            fetched: at(110),
        };
        assert!(known(REVOKED).outdates(&answer(OcspStatus::Good, 99)));
        assert!(known(OcspStatus::Unknown).outdates(&answer(OcspStatus::Good, 99)));
        // No longer on hold, or known at last.
        assert!(!known(REVOKED).outdates(&answer(OcspStatus::Good, 100)));
        assert!(!known(REVOKED).outdates(&answer(REVOKED, 99)));
        // Responders that share the work may be at odds for a while.
        assert!(!known(OcspStatus::Good).outdates(&answer(OcspStatus::Good, 99)));
        assert!(!known(OcspStatus::Good).outdates(&answer(REVOKED, 99)));
    }

    #[test]
    fn a_revocation_does_not_lapse_and_everything_else_does() {
        let outage = Some(Outage {
            since: at(900),
            why: "down".into(),
            failures: 1,
        });
        for status in [OcspStatus::Good, OcspStatus::Unknown] {
            let found = evidence(Some(verdict(status)), outage.clone(), at(1001));
            let expected = OcspEvidence::Unavailable {
                since: at(900),
                why: "down".to_owned(),
            };
            assert_eq!(found, expected);
        }
        match evidence(Some(verdict(REVOKED)), outage, at(1001)) {
            OcspEvidence::Answer(answer) => {
                assert_eq!((answer.status, answer.valid_until), (REVOKED, at(1061)));
            }
            other @ OcspEvidence::Unavailable { .. } => panic!("{other:?}"),
        }
    }
}
