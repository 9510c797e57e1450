//! OCSP: asking about one certificate, and verifying the answer (RFC 6960, RFC 5019, RFC 9654).
//!
//! Nothing here does I/O. [`Request`] has the bytes to send, [`verify()`] believes what came back or does not.

mod answer;
mod cert_id;
mod error;
mod extensions;
mod request;
mod response;
mod signer;
mod verify;

pub use answer::{OcspAnswer, OcspStatus};
pub use error::{OcspError, ResponderError, SignerDefect};
pub use request::{NONCE_LENGTH, Request};
pub use verify::verify;

/// `Content-Type` of a request (RFC 6960 appendix A.1).
pub const REQUEST_TYPE: &str = "application/ocsp-request";

/// `Content-Type` of a response (RFC 6960 appendix A.2).
pub const RESPONSE_TYPE: &str = "application/ocsp-response";

/// Longest response that is read. One answer with a delegated responder's certificate takes about 2 KB.
pub const MAX_RESPONSE: usize = 64 * 1024;
