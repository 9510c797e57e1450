//! The body of `explainClientCertificate`.

use std::time::Duration;

use model::ViolationCode as Code;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::violations::{Findings, Violations};
use crate::wire;

/// Of PEM text.
const CHAIN_BYTES: usize = 64 * 1024;
/// As many as a client may send.
const CERTIFICATES: usize = 10;

const CHAIN: &str = "certificateChain";
const AT: &str = "at";

/// Whether a client may in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the client would show, its own certificate first. Never empty.
    pub chain: Vec<CertificateDer<'static>>,
    /// When; `None`: now.
    pub at: Option<UnixTime>,
}

/// Reads `{"certificateChain": PEM, "at": RFC 3339}`.
///
/// # Errors
/// Every violation, with targets.
pub fn explain_client_certificate(body: &Value) -> Result<Question, Violations> {
    let mut findings = Findings::default();
    let members = wire::explain_client_certificate(body, &mut findings);
    let chain = chain(&members, &mut findings).unwrap_or_default();
    let at = at(&members, &mut findings);
    findings.finish()?;
    Ok(Question { chain, at })
}

fn chain(
    members: &Map<String, Value>,
    findings: &mut Findings,
) -> Option<Vec<CertificateDer<'static>>> {
    let Some(pem) = members.get(CHAIN).and_then(Value::as_str) else {
        let message = "Property certificateChain must be given.";
        findings.add(Code::MissingRequiredProperty, CHAIN, message);
        return None;
    };
    if pem.len() > CHAIN_BYTES {
        let message = format!("The chain has more than {CHAIN_BYTES} bytes.");
        findings.add(Code::LimitExceeded, CHAIN, message);
        return None;
    }
    if pem.contains("PRIVATE KEY-----") {
        let message = "The chain holds a private key, which nobody needs to see.";
        findings.add(Code::InvalidPropertyValue, CHAIN, message);
        return None;
    }
    match CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if chain.len() > CERTIFICATES => {
            let found = chain.len();
            let message =
                format!("There are {found} certificates; at most {CERTIFICATES} are allowed.");
            findings.add(Code::LimitExceeded, CHAIN, message);
            None
        }
        Ok(chain) if !chain.is_empty() => Some(chain),
        _ => {
            let message = "The chain is not PEM with at least one certificate.";
            findings.add(Code::InvalidPropertyValue, CHAIN, message);
            None
        }
    }
}

fn at(members: &Map<String, Value>, findings: &mut Findings) -> Option<UnixTime> {
    let text = members.get(AT)?.as_str()?;
    let time = OffsetDateTime::parse(text, &Rfc3339).ok();
    let seconds = time.and_then(|time| u64::try_from(time.unix_timestamp()).ok());
    if seconds.is_none() {
        let message = "The time is not one of RFC 3339 since 1970, such as 2026-11-27T12:00:00Z.";
        findings.add(Code::InvalidPropertyValue, AT, message);
    }
    seconds.map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}
