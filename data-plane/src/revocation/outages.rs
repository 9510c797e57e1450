//! Since when which responders have not been there.
//!
//! Each certificate that is asked about remembers its own failures. This is what a certificate that nobody asked about
//! before has to be told: that the outage did not begin with it. Otherwise a soft failure would have no bound.

use std::collections::HashMap;

use rustls_pki_types::UnixTime;

/// Outages under way, by the URLs that are asked.
#[derive(Debug, Default)]
pub(super) struct Outages(HashMap<Vec<String>, UnixTime>);

/// Of so many responders outages are remembered. They come from policies and verified certificates, not from strangers.
const MAX_OUTAGES: usize = 10_000;

impl Outages {
    /// None of these answered `now`. Tells since when that is so, if this is not the first time.
    pub(super) fn begin(&mut self, urls: &[String], now: UnixTime) -> Option<UnixTime> {
        if let Some(since) = self.0.get(urls) {
            return Some(*since);
        }
        if self.0.len() < MAX_OUTAGES {
            self.0.insert(urls.to_vec(), now);
        }
        None
    }

    /// One of these answered. Tells since when none had, if that was so.
    pub(super) fn end(&mut self, urls: &[String]) -> Option<UnixTime> {
        self.0.remove(urls)
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
        let mut outages = Outages::default();
        assert_eq!(outages.begin(&one, at(1)), None);
        assert_eq!(outages.begin(&one, at(5)), Some(at(1)));
        assert_eq!(outages.begin(&other, at(5)), None);
        assert_eq!(outages.end(&one), Some(at(1)));
        assert_eq!(outages.end(&one), None);
        assert_eq!(outages.begin(&one, at(9)), None);
    }
}
