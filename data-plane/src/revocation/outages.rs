//! Since when which responders have not been there.
//!
//! Each certificate that is asked about remembers its own failures. This is what a certificate that nobody asked about
//! before has to be told: that the outage did not begin with it. Otherwise a soft failure would have no bound.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::UnixTime;

/// Outages under way, by the URLs that are asked.
#[derive(Debug, Default)]
pub(super) struct Outages(Mutex<HashMap<Vec<String>, UnixTime>>);

/// Of so many responders outages are remembered. They come from policies and verified certificates, not from strangers.
const MAX_OUTAGES: usize = 10_000;

impl Outages {
    /// None of these answered `now`. Tells whether that is news.
    pub(super) fn begin(&self, urls: &[String], now: UnixTime) -> bool {
        let mut outages = self.lock();
        let is_news = !outages.contains_key(urls);
        if is_news && outages.len() < MAX_OUTAGES {
            outages.insert(urls.to_vec(), now);
        }
        is_news
    }

    /// Since when none of these has answered, if that is so.
    pub(super) fn since(&self, urls: &[String]) -> Option<UnixTime> {
        self.lock().get(urls).copied()
    }

    /// One of these answered. Tells since when none had, if that was so.
    pub(super) fn end(&self, urls: &[String]) -> Option<UnixTime> {
        self.lock().remove(urls)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<String>, UnixTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_outage_begins_with_the_first_failure_and_ends_with_an_answer() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (one, other) = (["http://a".to_owned()], ["http://b".to_owned()]);
        let outages = Outages::default();
        assert!(outages.begin(&one, at(1)));
        assert!(!outages.begin(&one, at(5)));
        assert!(outages.begin(&other, at(5)));
        assert_eq!(outages.since(&one), Some(at(1)));
        assert_eq!(outages.end(&one), Some(at(1)));
        assert_eq!((outages.since(&one), outages.end(&one)), (None, None));
        assert!(outages.begin(&one, at(9)));
    }
}
