//! Watches over the end of CRLs: a list that nobody replaces refuses every client of its CA one day.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use client_auth::crl::{EXPIRY_WARNINGS, SignedCrl};
use rustls_pki_types::UnixTime;

use super::shared::Shared;

/// What has been told already.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// How many thresholds each list has passed, by SHA-256.
    told: HashMap<[u8; 32], usize>,
    /// The minute in which it was looked last.
    looked: u64,
}

/// A list that somebody has to replace.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) crl: Arc<SignedCrl>,
    /// ARM id of the gateway, in lower case. Empty: the list was fetched.
    pub(super) gateway: String,
    /// Name of the trusted client certificate and of the upload, or a URL.
    pub(super) origin: String,
}

impl Expiry {
    /// Logs, once a minute, what has come near its end since.
    pub(super) fn look(&mut self, shared: &Shared, now: UnixTime) {
        let minute = now.as_secs() / 60;
        if minute == self.looked {
            return;
        }
        self.looked = minute;
        for Watched {
            crl,
            gateway,
            origin,
        } in self.news(watched(shared), now)
        {
            let issuer = crl.issuer();
            let number = crl.head().number.as_ref().map(ToString::to_string);
            let expires_in_s = crl.expires_in(now).map(|left| left.as_secs());
            if expires_in_s.is_some() {
                tracing::warn!(
                    gateway,
                    origin,
                    issuer,
                    number,
                    expires_in_s,
                    "a CRL expires soon"
                );
            } else {
                tracing::error!(gateway, origin, issuer, number, "a CRL has expired");
            }
        }
    }

    /// Those that have passed a threshold since the last time: 7 days, 1 day, the end.
    fn news(&mut self, watched: Vec<Watched>, now: UnixTime) -> Vec<Watched> {
        let mut told = HashMap::with_capacity(watched.len());
        let mut news = Vec::new();
        for list in watched {
            let passed = passed(list.crl.expires_in(now));
            let digest = list.crl.head().sha256;
            let before = self.told.get(&digest).copied().unwrap_or(0);
            if passed > before.max(told.get(&digest).copied().unwrap_or(0)) {
                news.push(list);
            }
            told.insert(digest, passed.max(before));
        }
        // What is gone is forgotten.
        self.told = told;
        news
    }
}

/// How many thresholds have been passed.
fn passed(left: Option<Duration>) -> usize {
    match left {
        None => EXPIRY_WARNINGS.len() + 1,
        Some(left) => EXPIRY_WARNINGS
            .iter()
            .filter(|warning| left <= **warning)
            .count(),
    }
}

/// Uploaded lists, and those that were fetched and cannot be fetched any more.
fn watched(shared: &Shared) -> Vec<Watched> {
    let uploaded = shared.uploaded.all().into_iter();
    let uploaded = uploaded.map(|(gateway, list)| Watched {
        crl: list.crl,
        gateway,
        origin: format!("{}/{}", list.ca, list.name),
    });
    let fetched = shared.lists.answers().into_iter();
    let orphaned = fetched.filter(|(_, outage)| outage.is_some());
    let orphaned = orphaned.map(|(list, _)| Watched {
        crl: list.crl,
        gateway: String::new(),
        origin: list.url.to_string(),
    });
    uploaded.chain(orphaned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ca;

    const DAY: u64 = 86_400;

    #[test]
    // T-52
    fn each_list_is_told_of_at_seven_days_one_day_and_the_end_once_each() {
        let ca = Ca::new("CA");
        let watched = |number| {
            let crl = Arc::new(ca.signed_crl(number, &[]));
            let (gateway, origin) = ("/gateway".to_owned(), "ca/list".to_owned());
            Watched {
                crl,
                gateway,
                origin,
            }
        };
        let (one, other) = (watched(1), watched(2));
        let end = one.crl.head().next_update.as_secs();
        let mut expiry = Expiry::default();
        let mut news = |lists: &[&Watched], left: i64| {
            let now =
                UnixTime::since_unix_epoch(Duration::from_secs(end.saturating_add_signed(-left)));
            expiry
                .news(lists.iter().copied().cloned().collect(), now)
                .len()
        };
        let (day, all) = (i64::try_from(DAY).expect("small"), [&one, &one, &other]);
        assert_eq!(news(&all, 8 * day), 0);
        assert_eq!(
            news(&all, 7 * day),
            2,
            "each of them once, however often it was uploaded"
        );
        assert_eq!(news(&all, 6 * day), 0);
        assert_eq!(news(&[&one], day), 1);
        assert_eq!(news(&[&one], day / 2), 0);
        assert_eq!(news(&[&one], -1), 1);
        assert_eq!(news(&[&one], -2), 0);
        assert_eq!(news(&all, -3), 1, "the other one was gone and is back");
    }
}
