//! All lists at hand.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::scope::Coverage;
use super::{CrlAnswer, SignedCrl};
use crate::moment::{self, after};
use crate::{RevocationEntry, RevocationQuestion};

/// By how much the clock of a CA may be ahead. A list ends with its `nextUpdate`, without any skew.
const SKEW: Duration = Duration::from_mins(5);
/// How long an expired list is believed about a certificate that it has: until somebody looks for a newer list.
const AFTER_EXPIRY: Duration = Duration::from_mins(1);

/// Lists by issuer. Immutable, so that it can be swapped as a whole.
#[derive(Clone, Debug, Default)]
pub struct CrlSet {
    by_issuer: HashMap<Issuer, Vec<Arc<SignedCrl>>>,
}

/// Key and name of a CA, as in a [`CertificateId`](crate::CertificateId).
type Issuer = ([u8; 32], [u8; 32]);

impl CrlSet {
    /// A set of these lists. One that is given twice counts once.
    pub fn new(lists: impl IntoIterator<Item = Arc<SignedCrl>>) -> Self {
        let mut by_issuer: HashMap<Issuer, Vec<Arc<SignedCrl>>> = HashMap::new();
        for list in lists {
            let issuer = (list.head.issuer_key, list.head.issuer_name);
            let known = by_issuer.entry(issuer).or_default();
            if !known.iter().any(|other| other.head == list.head) {
                known.push(list);
            }
        }
        Self { by_issuer }
    }

    /// The lists, in no order.
    pub fn lists(&self) -> impl Iterator<Item = &Arc<SignedCrl>> {
        self.by_issuer.values().flatten()
    }

    /// What the lists say about the certificate in question at `now`.
    ///
    /// All lists of the issuer whose scope covers the certificate count together: it has been revoked if one of them has
    /// it, and it has not been revoked if none has it and at least one covers every reason. Lists that are not of now
    /// have no answer, except that one that has the certificate is believed where there is no other answer: nobody is let
    /// in because a CA is late.
    pub fn answer(&self, question: &RevocationQuestion, now: UnixTime) -> CrlAnswer {
        let certificate = &question.certificate;
        let issuer = (certificate.issuer_key, certificate.issuer_name);
        let Some(lists) = self.by_issuer.get(&issuer) else {
            return CrlAnswer::none();
        };
        let mut tally = Tally::default();
        for list in lists {
            tally.count(list, question, now);
        }
        tally.answer(now)
    }
}

/// What the lists counted so far say.
#[derive(Default)]
struct Tally {
    revoked: Option<Found>,
    revoked_elsewhen: Option<Found>,
    /// The earliest times of those that cover the certificate and do not have it.
    good: Option<Times>,
    /// The latest end of those that covered it.
    expired: Option<UnixTime>,
    /// The earliest start of those that will cover it.
    coming: Option<UnixTime>,
}

#[derive(Clone, Copy)]
struct Found {
    entry: RevocationEntry,
    times: Times,
}

#[derive(Clone, Copy)]
struct Times {
    this_update: UnixTime,
    next_update: UnixTime,
}

impl Tally {
    fn count(&mut self, list: &SignedCrl, question: &RevocationQuestion, now: UnixTime) {
        let coverage = list.coverage(question);
        if coverage == Coverage::Nothing {
            return;
        }
        let times = Times {
            this_update: list.head.this_update,
            next_update: list.head.next_update,
        };
        let is_early = times.this_update > after(now, SKEW);
        let is_late = now > times.next_update;
        if let Some(entry) = list.find(question) {
            let found = Found { entry, times };
            let revoked = if is_early || is_late {
                &mut self.revoked_elsewhen
            } else {
                &mut self.revoked
            };
            revoked.get_or_insert(found);
        } else if coverage == Coverage::Full {
            self.count_absence(times, is_early, is_late);
        }
    }

    fn count_absence(&mut self, times: Times, is_early: bool, is_late: bool) {
        if is_late {
            self.expired = self.expired.max(Some(times.next_update));
        } else if is_early {
            let known = self.coming.unwrap_or(times.this_update);
            self.coming = Some(known.min(times.this_update));
        } else {
            let known = self.good.unwrap_or(times);
            self.good = Some(Times {
                this_update: known.this_update.min(times.this_update),
                next_update: known.next_update.min(times.next_update),
            });
        }
    }

    fn answer(self, now: UnixTime) -> CrlAnswer {
        if let Some(Found { entry, times }) = self.revoked {
            return CrlAnswer::Revoked {
                entry,
                this_update: times.this_update,
                valid_until: times.next_update,
            };
        }
        if let Some(times) = self.good {
            return CrlAnswer::Good {
                this_update: times.this_update,
                valid_until: times.next_update,
            };
        }
        if let Some(Found { entry, times }) = self.revoked_elsewhen {
            return CrlAnswer::Revoked {
                entry,
                this_update: times.this_update,
                valid_until: after(now, AFTER_EXPIRY),
            };
        }
        CrlAnswer::Unavailable {
            since: self.expired,
            why: self.why(),
        }
    }

    fn why(&self) -> String {
        match (self.expired, self.coming) {
            (Some(end), _) => format!("the CRL of the issuer expired at {}", moment::text(end)),
            (None, Some(start)) => format!(
                "the CRL of the issuer is not valid before {}",
                moment::text(start)
            ),
            (None, None) => "no CRL of the issuer covers the certificate".to_owned(),
        }
    }
}
