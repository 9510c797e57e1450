//! What report-only SSL profiles would have refused, collected from all cores until it is reported.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use client_auth::{CertificateFacts, Reason, Refusal};
use proto::config::v1 as wire;
use rustls_pki_types::UnixTime;

/// The unreported handshakes of all report-only profiles. Cloning shares them.
///
/// Only handshakes of report-only profiles take the lock, and only for a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadinessReports(Arc<Mutex<HashMap<Profile, Tally>>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Profile {
    gateway_id: Arc<str>,
    ssl_profile: Arc<str>,
}

#[derive(Debug, Default)]
struct Tally {
    accepted: u64,
    refused: HashMap<Entry, Refused>,
    unlisted: u64,
}

/// The certificate by its SHA-256, if it could be read, and what strict mode has against it.
type Entry = (Option<[u8; 32]>, Reason);

/// Bounded texts only: the certificates themselves are as large as their owners like.
#[derive(Debug)]
struct Refused {
    subject: String,
    issuer: String,
    serial: String,
    detail: String,
    count: u64,
    last_seen: UnixTime,
}

/// Clients choose what they present: more different entries of one profile than this are counted together.
const MAX_ENTRIES: usize = 1000;
/// Profiles with something to report; more come only from configurations that were replaced.
const MAX_PROFILES: usize = 1000;
/// Longest text that is reported, in bytes.
const MAX_TEXT: usize = 512;

impl ReadinessReports {
    /// Counts a handshake that strict mode would have accepted.
    pub(crate) fn accept(&self, gateway_id: &Arc<str>, ssl_profile: &Arc<str>) {
        self.with(gateway_id, ssl_profile, |tally| tally.accepted += 1);
    }

    /// Counts a handshake that strict mode would have refused.
    pub(crate) fn refuse(
        &self,
        gateway_id: &Arc<str>,
        ssl_profile: &Arc<str>,
        certificate: Option<&CertificateFacts>,
        refusal: &Refusal,
        now: UnixTime,
    ) {
        self.with(gateway_id, ssl_profile, |tally| {
            tally.refuse(certificate, refusal, now);
        });
    }

    /// Takes what has not been reported, one report for each profile.
    pub(crate) fn take(&self) -> Vec<wire::ReadinessReport> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken
            .into_iter()
            .map(|(profile, tally)| report(&profile, tally))
            .collect()
    }

    fn with(&self, gateway_id: &Arc<str>, ssl_profile: &Arc<str>, count: impl FnOnce(&mut Tally)) {
        let profile = Profile {
            gateway_id: Arc::clone(gateway_id),
            ssl_profile: Arc::clone(ssl_profile),
        };
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() < MAX_PROFILES || tallies.contains_key(&profile) {
            count(tallies.entry(profile).or_default());
        }
    }
}

impl Tally {
    fn refuse(&mut self, certificate: Option<&CertificateFacts>, refusal: &Refusal, now: UnixTime) {
        let sha256 = certificate.map(|certificate| *certificate.sha256.as_bytes());
        let entry = (sha256, refusal.reason);
        if self.refused.len() >= MAX_ENTRIES && !self.refused.contains_key(&entry) {
            self.unlisted += 1;
            return;
        }
        let text = |text: &String| bounded(text, MAX_TEXT);
        let refused = self.refused.entry(entry).or_insert_with(|| Refused {
            subject: certificate.map(|it| text(&it.subject)).unwrap_or_default(),
            issuer: certificate.map(|it| text(&it.issuer)).unwrap_or_default(),
            serial: certificate.map(|it| text(&it.serial)).unwrap_or_default(),
            detail: text(&refusal.detail),
            count: 0,
            last_seen: now,
        });
        refused.count += 1;
        refused.last_seen = refused.last_seen.max(now);
    }
}

fn report(profile: &Profile, tally: Tally) -> wire::ReadinessReport {
    let would_refuse = tally
        .refused
        .into_iter()
        .map(|((sha256, reason), refused)| wire::WouldRefuse {
            certificate_sha256: sha256.map(Vec::from).unwrap_or_default(),
            subject: refused.subject,
            issuer: refused.issuer,
            serial: refused.serial,
            reason: reason.label().to_owned(),
            detail: refused.detail,
            count: refused.count,
            last_seen: refused.last_seen.as_secs(),
        });
    wire::ReadinessReport {
        gateway_id: profile.gateway_id.to_string(),
        ssl_profile: profile.ssl_profile.to_string(),
        accepted: tally.accepted,
        would_refuse: would_refuse.collect(),
        unlisted: tally.unlisted,
    }
}

/// At most `max` bytes of `text`, whole characters.
fn bounded(text: &str, max: usize) -> String {
    let end = (0..=max.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::Ca;

    fn refusal(reason: Reason) -> Refusal {
        Refusal::new(reason, "é".repeat(400))
    }

    #[test]
    fn handshakes_are_counted_by_certificate_and_reason_and_reported_once() {
        let reports = ReadinessReports::default();
        let (gateway, profile) = (Arc::from("/gateway"), Arc::from("profile"));
        let certificate = CertificateFacts::of(&Ca::new("ca").client("device").certificate);
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        reports.accept(&gateway, &profile);
        for seconds in [7, 5] {
            let refusal = refusal(Reason::UnknownIssuer);
            reports.refuse(
                &gateway,
                &profile,
                certificate.as_deref(),
                &refusal,
                at(seconds),
            );
        }
        reports.refuse(
            &gateway,
            &profile,
            None,
            &refusal(Reason::NoCertificate),
            at(9),
        );

        let mut taken = reports.take();
        let report = taken.pop().expect("a report");
        assert!(taken.is_empty() && reports.take().is_empty());
        assert_eq!((report.accepted, report.unlisted), (1, 0));
        let of = |reason: Reason| {
            let mut all = report.would_refuse.iter();
            all.find(|one| one.reason == reason.label())
                .expect("an entry")
        };
        let known = of(Reason::UnknownIssuer);
        assert_eq!((known.count, known.last_seen), (2, 7));
        assert_eq!(known.subject, "CN=device");
        assert_eq!(known.certificate_sha256.len(), 32);
        assert_eq!(known.detail.len(), MAX_TEXT);
        let absent = of(Reason::NoCertificate);
        assert_eq!((absent.count, absent.certificate_sha256.len()), (1, 0));
    }

    // T-32
    #[test]
    fn a_client_with_ever_new_certificates_does_not_fill_the_memory() {
        let reports = ReadinessReports::default();
        let (gateway, profile) = (Arc::from("/gateway"), Arc::from("profile"));
        let facts =
            CertificateFacts::of(&Ca::new("ca").client("device").certificate).expect("facts");
        let other = facts.sha256;
        for number in 0..u32::try_from(MAX_ENTRIES).expect("small") + 5 {
            let mut facts = (*facts).clone();
            facts.sha256 = client_auth::Sha256Fingerprint::of(&number.to_be_bytes());
            assert_ne!(facts.sha256, other);
            let refusal = refusal(Reason::SelfSigned);
            let now = UnixTime::since_unix_epoch(Duration::ZERO);
            reports.refuse(&gateway, &profile, Some(&facts), &refusal, now);
        }
        let report = reports.take().pop().expect("a report");
        assert_eq!(report.would_refuse.len(), MAX_ENTRIES);
        assert_eq!(report.unlisted, 5);
    }
}
