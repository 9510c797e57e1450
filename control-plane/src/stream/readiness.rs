//! Checks what a worker reports about SSL profiles in report-only mode.

use std::collections::BTreeMap;

use model::ResourceName;
use proto::config::v1 as wire;
use time::OffsetDateTime;

use super::hello::clip;
use crate::readiness::{ReadinessReport, WouldRefuse};

/// Entries of one report (`stream.proto`); what is beyond counts as not listed.
const MAX_REFUSALS: usize = 1000;

/// In characters, of what a worker says.
const MAX_TEXT: usize = 512;
/// Twice the longest serial number that RFC 5280 allows, in hex digits.
const MAX_SERIAL: usize = 80;
const MAX_REASON: usize = 40;

/// Cuts a report to what is kept of it; `None`: it names no profile.
///
/// Whatever cannot be kept (no reason, no SHA-256, one too many) is counted and not listed.
pub(super) fn parse(now: OffsetDateTime, report: wire::ReadinessReport) -> Option<ReadinessReport> {
    let profile = ResourceName::parse(&report.ssl_profile).ok()?;
    let mut unlisted = report.unlisted;
    let mut refusals = BTreeMap::new();
    for refusal in report.would_refuse {
        let count = refusal.count;
        match parse_refusal(now, refusal) {
            Some(refusal) if refusals.len() < MAX_REFUSALS => {
                let key = (refusal.certificate, refusal.reason.clone());
                if let Some(twice) = refusals.insert(key, refusal) {
                    unlisted = unlisted.saturating_add(u64::from(twice.count));
                }
            }
            _ => unlisted = unlisted.saturating_add(count),
        }
    }
    Some(ReadinessReport {
        profile,
        accepted: bounded(report.accepted),
        refusals: refusals.into_values().collect(),
        unlisted: bounded(unlisted),
    })
}

fn parse_refusal(now: OffsetDateTime, refusal: wire::WouldRefuse) -> Option<WouldRefuse> {
    let certificate = match refusal.certificate_sha256.as_slice() {
        [] => None,
        bytes => Some(bytes.try_into().ok()?),
    };
    let is_serial = refusal.serial.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(WouldRefuse {
        certificate,
        subject: clip(&refusal.subject, MAX_TEXT),
        issuer: clip(&refusal.issuer, MAX_TEXT),
        serial: clip(if is_serial { &refusal.serial } else { "" }, MAX_SERIAL),
        reason: Some(refusal.reason).filter(|reason| is_label(reason))?,
        detail: clip(&refusal.detail, MAX_TEXT),
        count: Some(bounded(refusal.count)).filter(|count| *count > 0)?,
        last_seen: seen(now, refusal.last_seen),
    })
}

fn is_label(reason: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=MAX_REASON).contains(&reason.len()) && reason.bytes().all(allowed)
}

/// More than four thousand million between two reports is no count.
fn bounded(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A worker's clock may be wrong, but nothing was seen after now.
fn seen(now: OffsetDateTime, seconds: u64) -> OffsetDateTime {
    let seconds = i64::try_from(seconds).ok();
    let at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.filter(|at| *at <= now).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap()
    }

    fn refusal(certificate: u8, reason: &str) -> wire::WouldRefuse {
        wire::WouldRefuse {
            certificate_sha256: vec![certificate; 32],
            subject: "CN=device".to_owned(),
            serial: "0A".to_owned(),
            reason: reason.to_owned(),
            count: 2,
            last_seen: 1_600_000_000,
            ..Default::default()
        }
    }

    fn report(would_refuse: Vec<wire::WouldRefuse>) -> ReadinessReport {
        let report = wire::ReadinessReport {
            ssl_profile: "Mtls".to_owned(),
            would_refuse,
            unlisted: 5,
            ..Default::default()
        };
        parse(now(), report).unwrap()
    }

    #[test]
    fn what_can_be_kept_is_kept() {
        let report = report(vec![refusal(1, "expired"), refusal(1, "revoked")]);
        assert_eq!((report.refusals.len(), report.unlisted), (2, 5));
        let first = &report.refusals[0];
        assert_eq!(first.certificate, Some([1; 32]));
        assert_eq!((first.reason.as_str(), first.count), ("expired", 2));
        assert_eq!(first.last_seen.unix_timestamp(), 1_600_000_000);
    }

    #[test]
    fn what_cannot_be_listed_is_counted() {
        let short = wire::WouldRefuse {
            certificate_sha256: vec![1; 31],
            ..refusal(1, "expired")
        };
        let odd = ["", "Expired", "a b", &"a".repeat(41)].map(|reason| refusal(1, reason));
        let twice = [refusal(2, "expired"), refusal(2, "expired")];
        let all = [short].into_iter().chain(odd).chain(twice).collect();
        let report = report(all);
        assert_eq!((report.refusals.len(), report.unlisted), (1, 5 + 6 * 2));
        let many = (0..1100_u16).map(|number| wire::WouldRefuse {
            certificate_sha256: number.to_be_bytes().repeat(16),
            ..refusal(0, "expired")
        });
        let report = self::report(many.collect());
        assert_eq!((report.refusals.len(), report.unlisted), (1000, 5 + 200));
    }

    #[test]
    fn a_workers_words_are_cut_and_made_printable() {
        let report = report(vec![wire::WouldRefuse {
            subject: "CN=\n\0x".to_owned(),
            detail: "é".repeat(600),
            serial: "0A\"".to_owned(),
            count: u64::MAX,
            last_seen: u64::MAX,
            ..refusal(1, "expired")
        }]);
        let kept = &report.refusals[0];
        assert_eq!(kept.subject, "CN=  x");
        assert_eq!(kept.detail.chars().count(), 512);
        assert_eq!((kept.serial.as_str(), kept.count), ("", u32::MAX));
        assert_eq!(kept.last_seen, now());
    }

    #[test]
    fn a_report_names_a_profile() {
        for name in ["", "no/name", "a\0"] {
            let report = wire::ReadinessReport {
                ssl_profile: name.to_owned(),
                ..Default::default()
            };
            assert_eq!(parse(now(), report), None, "{name:?}");
        }
    }
}
