//! Claims of a token whose signature has been verified.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::Refused;

/// What a token says; its issuer stands for it.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Whether `aud`, one or a list, names one of `audiences` (RFC 7519 section 4.1.3).
    pub(super) fn is_for(&self, audiences: &[String]) -> Result<bool, Refused> {
        let is_own = |audience: &str| audiences.iter().any(|own| own == audience);
        match self.0.get("aud").ok_or(Refused::MissingClaim("aud"))? {
            Value::String(audience) => Ok(is_own(audience)),
            Value::Array(list) => {
                let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                let texts = texts.ok_or(Refused::Malformed)?;
                Ok(texts.into_iter().any(is_own))
            }
            _ => Err(Refused::Malformed),
        }
    }

    /// A point in time (RFC 7519 section 2, `NumericDate`), where the claim is present.
    pub(super) fn time(&self, name: &str) -> Result<Option<OffsetDateTime>, Refused> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let seconds = value.as_f64().ok_or(Refused::Malformed)?;
        let since = Duration::saturating_seconds_f64(seconds);
        Ok(Some(OffsetDateTime::UNIX_EPOCH.saturating_add(since)))
    }

    /// A short text, where the claim is present and not empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refused> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let text = value.as_str().ok_or(Refused::Malformed)?;
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(Refused::Malformed);
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

/// Longer texts name nobody.
const MAX_TEXT: usize = 256;
