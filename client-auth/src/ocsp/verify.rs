//! Whether a response is believed.

use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::cert_id::Subject;
use super::response::{self, BasicResponse, SingleResponse};
use super::{MAX_RESPONSE, OcspAnswer, OcspError, signer};
use crate::RevocationQuestion;
use crate::certificate::Certificate;
use crate::moment::after;

/// By how much the clocks of responder and gateway may differ; nginx's bound as well.
const SKEW: Duration = Duration::from_mins(5);
/// How long an answer is believed whose responder does not tell when it will know more; nginx's bound as well.
const WITHOUT_NEXT_UPDATE: Duration = Duration::from_hours(1);
/// How long an answer is kept: then the responder is asked again, however far away its next update is.
const MAX_KEPT: Duration = Duration::from_hours(7 * 24);
/// How old an answer may be, however far away its next update is. CAs make answers about CAs a year ahead.
const MAX_AGE: Duration = Duration::from_hours(366 * 24);

/// Verifies a response to `question` and takes the answer out of it.
///
/// Believed is a `BasicOCSPResponse` that is signed by the issuer or a responder that the issuer itself appointed, that
/// names the certificate by the hashes of its issuer's name and key and by its serial number, that repeats `nonce` if
/// one was sent, and that is of now: clocks may differ by 300 s, an answer without `nextUpdate` ages in an hour, and no
/// answer is kept for more than 7 days or believed when older than a year. Of contradicting statuses in one response the
/// worst counts. Never panics, whatever the bytes are.
///
/// # Errors
/// [`OcspError`] tells what is wrong; there is no answer then.
pub fn verify(
    response: &[u8],
    question: &RevocationQuestion,
    nonce: Option<&[u8]>,
    now: UnixTime,
) -> Result<OcspAnswer, OcspError> {
    if response.len() > MAX_RESPONSE {
        return Err(OcspError::TooLarge {
            size: response.len(),
            limit: MAX_RESPONSE,
        });
    }
    let issuer = Certificate::parse(&question.issuer).map_err(|_| OcspError::Question)?;
    let subject = Subject::new(question, &issuer)?;
    let response = response::read(response)?;
    signer::check(&response, &issuer, now)?;
    if nonce.is_some() && response.nonce != nonce {
        return Err(OcspError::Nonce);
    }
    if response.produced_at > after(now, SKEW) {
        return Err(OcspError::NotYetValid);
    }
    pick(&response, &subject, now)
}

/// The answer among those to other questions.
fn pick(
    response: &BasicResponse<'_>,
    subject: &Subject<'_>,
    now: UnixTime,
) -> Result<OcspAnswer, OcspError> {
    let mut worst: Option<OcspAnswer> = None;
    let mut fault = OcspError::OtherCertificate;
    for single in &response.singles {
        if !subject.is_named_by(single.cert_id)? {
            continue;
        }
        match timely(single, now) {
            Ok(answer) => {
                let known = worst.as_ref().map(|known| known.status.rank());
                if known.is_none_or(|known| answer.status.rank() > known) {
                    worst = Some(answer);
                }
            }
            Err(error) => fault = error,
        }
    }
    worst.ok_or(fault)
}

/// RFC 6960 sections 3.2 and 4.2.2.1.
fn timely(single: &SingleResponse<'_>, now: UnixTime) -> Result<OcspAnswer, OcspError> {
    let (this_update, next_update) = (single.this_update, single.next_update);
    if this_update > after(now, SKEW) {
        return Err(OcspError::NotYetValid);
    }
    if next_update.is_some_and(|next| next < this_update) {
        return Err(OcspError::Malformed);
    }
    let end = match next_update {
        Some(next) => after(next, SKEW).min(after(this_update, MAX_AGE)),
        None => after(this_update, WITHOUT_NEXT_UPDATE),
    };
    if now > end {
        return Err(OcspError::Expired);
    }
    Ok(OcspAnswer {
        status: single.status,
        this_update,
        next_update,
        valid_until: end.min(after(now, MAX_KEPT)),
    })
}
