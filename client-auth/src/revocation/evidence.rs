//! What is at hand to judge a question with.

use rustls_pki_types::UnixTime;

use crate::crl::CrlAnswer;
use crate::ocsp::OcspAnswer;

/// All that is known about one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What OCSP says; `None` when nobody was asked.
    pub ocsp: Option<OcspEvidence>,
    /// What the CRLs at hand say.
    pub crl: CrlAnswer,
}

/// The outcome of asking OCSP responders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OcspEvidence {
    /// One answered, and the answer has been verified.
    Answer(OcspAnswer),
    /// None gave an answer that can be believed.
    Unavailable {
        /// Since when: the first failure after the last answer. A soft failure is bounded by it, so it must not move
        /// while the outage goes on.
        since: UnixTime,
        /// Why, for the operator.
        why: String,
    },
}
