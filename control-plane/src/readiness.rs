//! What an SSL profile in report-only mode would refuse if it were strict, added up over all workers.

use model::ResourceName;
use time::OffsetDateTime;

/// What one worker saw since its last report, checked and cut to size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessReport {
    /// The SSL profile.
    pub profile: ResourceName,
    /// Handshakes that Strict would have accepted.
    pub accepted: u32,
    /// Those that it would have refused, each certificate and reason once.
    pub refusals: Vec<WouldRefuse>,
    /// Refusals that are in no entry.
    pub unlisted: u32,
}

/// Refusals of one certificate for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WouldRefuse {
    /// SHA-256; `None`: no certificate was shown, or none that could be read.
    pub certificate: Option<[u8; 32]>,
    /// RFC 2253.
    pub subject: String,
    /// RFC 2253.
    pub issuer: String,
    /// Upper-case hex.
    pub serial: String,
    /// Label of the reason.
    pub reason: String,
    /// For the operator.
    pub detail: String,
    /// How many; never 0.
    pub count: u32,
    /// The newest one.
    pub last_seen: OffsetDateTime,
}

/// The sum of all reports about a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Handshakes that Strict would have accepted.
    pub accepted: i64,
    /// Handshakes that Strict would have refused.
    pub refused: i64,
    /// Of these, those that are in no entry.
    pub unlisted: i64,
    /// When the counting began.
    pub since: OffsetDateTime,
}

/// The sum of all refusals of one certificate for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessEntry {
    /// SHA-256; `None`: no certificate was shown, or none that could be read.
    pub certificate: Option<[u8; 32]>,
    /// RFC 2253.
    pub subject: String,
    /// RFC 2253.
    pub issuer: String,
    /// Upper-case hex.
    pub serial: String,
    /// Label of the reason.
    pub reason: String,
    /// About the newest one, for the operator.
    pub detail: String,
    /// How many.
    pub count: i64,
    /// The oldest one, as far as reports tell.
    pub first_seen: OffsetDateTime,
    /// The newest one.
    pub last_seen: OffsetDateTime,
}
