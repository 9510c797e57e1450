//! What has been found out, by what was asked: shared by all cores, bounded, and each thing asked for only once at a time.
//!
//! The locks are held for a look or a change of one entry, never while anything is waited for.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls_pki_types::UnixTime;
use tokio::sync::watch;

use super::schedule::{Outage, Schedule, later};

/// Names what is asked: a SHA-256.
pub(super) type Key = [u8; 32];

/// Something that was found out.
pub(super) trait Answer: Clone {
    /// How long it is used before a newer one is asked for, however long it may be used.
    const FRESH: Duration;

    /// Until when it may be used, inclusive. After that it has to be asked for again first.
    fn usable_until(&self) -> UnixTime;

    /// Until when its author stands by it: a newer one is to be had by then. What is tolerated beyond that, for clocks that
    /// differ, is no reason to hear of a revocation later.
    fn promised_until(&self) -> UnixTime {
        self.usable_until()
    }

    /// What it takes of the capacity of a shelf.
    fn weight(&self) -> usize;
}

/// The answers.
#[derive(Debug)]
pub(super) struct Shelf<A> {
    first: Mutex<Shard<A>>,
    others: Box<[Mutex<Shard<A>>]>,
    /// Of each shard.
    capacity: usize,
}

#[derive(Debug)]
struct Shard<A> {
    entries: HashMap<Key, Entry<A>>,
    /// By the second of their last use, the oldest first.
    by_use: BTreeSet<(u64, Key)>,
    weight: usize,
}

#[derive(Debug)]
struct Entry<A> {
    used: u64,
    /// The newest one, whether or not it is usable still.
    answer: Option<A>,
    /// Why there is none, or no newer one.
    outage: Option<Outage>,
    schedule: Schedule,
    /// Present while somebody is asking; dropped when there is an outcome.
    asking: Option<watch::Sender<()>>,
    holders: Arc<()>,
}

/// What is known about one key.
#[derive(Debug)]
pub(super) struct Look<A> {
    /// The newest answer, whether or not it is usable still.
    pub(super) answer: Option<A>,
    /// Present after the newest attempt failed.
    pub(super) outage: Option<Outage>,
    /// Present where an attempt has to be waited for: there is no usable answer, and no failure fresh enough to be believed.
    pub(super) wait: Option<Asking>,
    /// Whether the caller has to see to it that an attempt is made, which ends with [`Shelf::put`] or [`Shelf::fail`].
    pub(super) start: bool,
}

/// An attempt that is under way.
#[derive(Clone, Debug)]
pub(super) struct Asking(watch::Receiver<()>);

/// Keeps an answer fresh for as long as it lives.
#[derive(Clone, Debug)]
pub(super) struct Hold(#[expect(dead_code, reason = "counted, not read")] Arc<()>);

/// What an answer came after, and what comes after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Put<A> {
    /// The answer before.
    pub(super) replaced: Option<A>,
    /// The outage that it ends.
    pub(super) outage: Option<Outage>,
    /// When the next attempt is due.
    pub(super) next: UnixTime,
}

/// What comes after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// When the next attempt is due.
    pub(super) next: UnixTime,
    /// Whether it is the first failure in a row.
    pub(super) is_first: bool,
    /// Whether somebody holds on to an answer that may be used no longer.
    pub(super) lost: bool,
}

/// What to do about a key whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// An attempt has to be made, as after [`Look::start`].
    Start,
    /// Nobody has asked since the last attempt, or somebody is asking now: there is nothing to do.
    Nothing,
}

impl Asking {
    /// Returns when the attempt has an outcome, or was given up.
    pub(super) async fn wait(mut self) {
        // The sender says nothing but goes.
        while self.0.changed().await.is_ok() {}
    }
}

impl<A: Answer> Shelf<A> {
    /// An empty shelf with room for `capacity`, a part of it in each of `shards`.
    pub(super) fn new(capacity: usize, shards: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                entries: HashMap::new(),
                by_use: BTreeSet::new(),
                weight: 0,
            })
        };
        let others = shards.saturating_sub(1);
        Self {
            first: shard(),
            others: std::iter::repeat_with(shard).take(others).collect(),
            capacity: capacity / (others + 1),
        }
    }

    /// Looks at `key`, and starts an attempt if one is due. `first`: not only to see what came of an attempt.
    pub(super) fn look(&self, key: &Key, first: bool, now: UnixTime) -> Look<A> {
        let mut shard = self.shard(key);
        let entry = shard.touch(key, now, self.capacity);
        entry.schedule.asked |= first;
        let is_settled = entry.is_settled(now);
        let start = entry.asking.is_none() && entry.schedule.is_due(now);
        if start {
            entry.asking = Some(watch::Sender::new(()));
        }
        let wait = if is_settled {
            None
        } else {
            entry.asking.as_ref()
        };
        Look {
            answer: entry.answer.clone(),
            outage: entry.outage.clone(),
            wait: wait.map(|asking| Asking(asking.subscribe())),
            start,
        }
    }

    /// Ends an attempt with an answer.
    pub(super) fn put(&self, key: &Key, answer: A, now: UnixTime) -> Put<A> {
        let mut shard = self.shard(key);
        let entry = shard.touch(key, now, self.capacity);
        entry.asking = None;
        let outage = entry.outage.take();
        let usable = answer.usable_until();
        // Asking all the time would not make newer what is late already, whether that is tolerated for a while or not.
        let soon = later(now, SHORTEST);
        let end = if now > usable {
            soon
        } else {
            let promised = answer.promised_until().max(soon);
            promised.min(usable).min(later(now, A::FRESH))
        };
        entry.schedule = Schedule::after_answer(now, end);
        let next = entry.schedule.next;
        let weight = answer.weight();
        let replaced = entry.answer.replace(answer);
        let before = replaced.as_ref().map_or(0, Answer::weight);
        shard.weight = shard.weight.saturating_add(weight).saturating_sub(before);
        shard.shrink(self.capacity, key);
        Put {
            replaced,
            outage,
            next,
        }
    }

    /// Ends an attempt without an answer, in an outage that was there from `since` on.
    pub(super) fn fail(&self, key: &Key, since: UnixTime, why: &str, now: UnixTime) -> Failed {
        let mut shard = self.shard(key);
        let entry = shard.touch(key, now, self.capacity);
        entry.asking = None;
        let outage = Outage::go_on(entry.outage.take(), since, why);
        let mut schedule = entry.schedule.after_failure(now, outage.failures);
        let is_first = outage.failures == 1;
        entry.outage = Some(outage);
        let end = entry.answer.as_ref().map(Answer::usable_until);
        let is_usable = end.is_some_and(|end| now <= end);
        if let Some(end) = end.filter(|_| is_usable) {
            // The last attempt is made when it matters.
            schedule.next = schedule.next.min(later(end, Duration::from_secs(1)));
        }
        // A refresh is tried again for as long as there is something to lose.
        schedule.asked &= is_usable;
        entry.schedule = schedule;
        Failed {
            next: schedule.next,
            is_first,
            lost: !is_usable && entry.is_held(),
        }
    }

    /// Notes that there is nothing to go by although it is needed now, while an attempt goes on, in an outage that was there
    /// from `since` on. Where there is something, nothing is noted.
    pub(super) fn miss(&self, key: &Key, since: UnixTime, why: &str, now: UnixTime) {
        let mut shard = self.shard(key);
        let entry = shard.touch(key, now, self.capacity);
        if entry.is_settled(now) {
            return;
        }
        entry.outage.get_or_insert_with(|| Outage {
            since,
            why: why.into(),
            failures: 0,
        });
    }

    /// Decides what becomes of a key for which an attempt was planned.
    pub(super) fn due(&self, key: &Key, now: UnixTime) -> Due {
        let mut shard = self.shard(key);
        let Some(entry) = shard.entries.get_mut(key) else {
            return Due::Nothing;
        };
        let is_wanted = entry.schedule.asked || entry.is_held();
        if !is_wanted || entry.asking.is_some() || !entry.schedule.is_due(now) {
            return Due::Nothing;
        }
        entry.asking = Some(watch::Sender::new(()));
        Due::Start
    }

    /// Keeps the answer to `key` fresh, whether or not anybody asks for it, until the hold is dropped.
    pub(super) fn hold(&self, key: &Key, now: UnixTime) -> Hold {
        let mut shard = self.shard(key);
        Hold(Arc::clone(&shard.touch(key, now, self.capacity).holders))
    }

    /// The newest answer to `key`.
    pub(super) fn find(&self, key: &Key) -> Option<A> {
        self.shard(key).entries.get(key)?.answer.clone()
    }

    /// All answers, each with the outage that keeps it from being renewed. Not for the request path.
    pub(super) fn answers(&self) -> Vec<(A, Option<Outage>)> {
        let of_shard = |shard: &Mutex<Shard<A>>| {
            let shard = lock(shard);
            let entries = shard.entries.values();
            let answered =
                entries.filter_map(|entry| Some((entry.answer.clone()?, entry.outage.clone())));
            answered.collect::<Vec<_>>()
        };
        self.shards().flat_map(of_shard).collect()
    }

    /// How many keys there is something known about.
    pub(super) fn len(&self) -> usize {
        self.shards().map(|shard| lock(shard).entries.len()).sum()
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard<A>> {
        let [high, low, ..] = *key;
        let number = usize::from(u16::from_be_bytes([high, low])) % (self.others.len() + 1);
        lock(self.others.get(number).unwrap_or(&self.first))
    }

    fn shards(&self) -> impl Iterator<Item = &Mutex<Shard<A>>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl<A: Answer> Shard<A> {
    /// The entry of `key`, made if there is none, as the one that was used last.
    fn touch(&mut self, key: &Key, now: UnixTime, capacity: usize) -> &mut Entry<A> {
        let second = now.as_secs();
        let used = self.entries.get(key).map(|entry| entry.used);
        if used != Some(second) {
            if let Some(used) = used {
                self.by_use.remove(&(used, *key));
            } else {
                self.weight = self.weight.saturating_add(1);
            }
            self.by_use.insert((second, *key));
            self.shrink(capacity, key);
        }
        let entry = self.entries.entry(*key).or_insert_with(Entry::new);
        entry.used = second;
        entry
    }

    /// Drops what has not been used for longest until the rest fits. What is being asked or held is spared as long as
    /// there is something else near the end; `keep` always is.
    fn shrink(&mut self, capacity: usize, keep: &Key) {
        while self.weight > capacity {
            let candidates = || self.by_use.iter().filter(|(_, key)| key != keep);
            let is_spared = |key: &Key| {
                let entry = self.entries.get(key);
                entry.is_some_and(|entry| entry.asking.is_some() || entry.is_held())
            };
            let idle = candidates().take(SPARED).find(|(_, key)| !is_spared(key));
            let Some(&oldest) = idle.or_else(|| candidates().next()) else {
                return;
            };
            self.by_use.remove(&oldest);
            let dropped = self.entries.remove(&oldest.1);
            let answer = dropped.as_ref().and_then(|entry| entry.answer.as_ref());
            let weight = answer.map_or(0, Answer::weight).saturating_add(1);
            self.weight = self.weight.saturating_sub(weight);
        }
    }
}

impl<A: Answer> Entry<A> {
    fn new() -> Self {
        Self {
            used: 0,
            answer: None,
            outage: None,
            schedule: Schedule::new(),
            asking: None,
            holders: Arc::new(()),
        }
    }

    /// Whether nothing has to be waited for: there is an answer that may be used, or a failure that is fresh.
    fn is_settled(&self, now: UnixTime) -> bool {
        let answer = self.answer.as_ref();
        let is_usable = answer.is_some_and(|answer| now <= answer.usable_until());
        is_usable || (self.outage.is_some() && !self.schedule.is_due(now))
    }

    fn is_held(&self) -> bool {
        Arc::strong_count(&self.holders) > 1
    }
}

/// No code panics while it holds a lock; if it did, what it left is as good as what was there.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came late is renewed as if it were good for so long.
const SHORTEST: Duration = Duration::from_mins(1);
/// Entries that are passed over in search of an idle one.
const SPARED: usize = 16;

#[cfg(test)]
mod tests;
