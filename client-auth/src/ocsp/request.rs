//! What is sent to a responder.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::cert_id::Subject;
use super::{OcspError, extensions};
use crate::RevocationQuestion;
use crate::certificate::Certificate;
use crate::der_value::SEQUENCE;
use crate::der_writer::encode;

/// Octets of a nonce: what responders must accept at least, and clients should send (RFC 9654 section 2.1).
pub const NONCE_LENGTH: usize = 32;

/// Requests that are longer when encoded go by POST (RFC 6960 appendix A.1, RFC 5019 section 5).
const MAX_GET: usize = 255;

const EXPLICIT_EXTENSIONS: u8 = 0xa2;

/// An unsigned `OCSPRequest` about one certificate (RFC 6960 section 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    der: Vec<u8>,
}

impl Request {
    /// Asks `question`; with a nonce, the answer must be made for this request and cannot come from a cache.
    ///
    /// # Errors
    /// [`OcspError::Question`] when the question is not about a certificate; no question of a plan is such.
    pub fn new(
        question: &RevocationQuestion,
        nonce: Option<[u8; NONCE_LENGTH]>,
    ) -> Result<Self, OcspError> {
        let issuer = Certificate::parse(&question.issuer).map_err(|_| OcspError::Question)?;
        let cert_id = Subject::new(question, &issuer)?.cert_id();
        let list = encode(SEQUENCE, &[&encode(SEQUENCE, &[&cert_id])]);
        let extensions = nonce.map_or_else(Vec::new, |nonce| {
            encode(EXPLICIT_EXTENSIONS, &[&extensions::with_nonce(&nonce)])
        });
        let tbs = encode(SEQUENCE, &[&list, &extensions]);
        Ok(Self {
            der: encode(SEQUENCE, &[&tbs]),
        })
    }

    /// The body of a POST, of type [`REQUEST_TYPE`](super::REQUEST_TYPE).
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The URL of a GET at `responder`: its URL, a slash, and the request in base64, percent-encoded.
    ///
    /// `None` when the request is too long for it, or the responder's URL has a query or a fragment, behind which no
    /// path can stand: then only POST is left.
    pub fn get_url(&self, responder: &str) -> Option<String> {
        let encoded = STANDARD
            .encode(&self.der)
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        if encoded.len() > MAX_GET || responder.contains(['?', '#']) {
            return None;
        }
        let slash = if responder.ends_with('/') { "" } else { "/" };
        Some(format!("{responder}{slash}{encoded}"))
    }
}
