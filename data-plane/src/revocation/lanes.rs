//! Work that waits for its turn: a lane for each server that is asked, so that one that is slow or dead holds up nobody
//! but its own.

use std::collections::{HashMap, VecDeque};

/// Bounded work of all lanes.
#[derive(Debug)]
pub(super) struct Lanes<W> {
    limits: LaneLimits,
    by_name: HashMap<Box<str>, Lane<W>>,
    /// Lanes in which something waits; the first one is next.
    turns: VecDeque<Box<str>>,
    waiting: usize,
    running: usize,
}

/// How much there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneLimits {
    /// Work that waits, in all lanes together.
    pub(super) waiting: usize,
    /// Work under way, in all lanes together.
    pub(super) running: usize,
    /// Work under way in one lane.
    pub(super) running_in_lane: usize,
}

#[derive(Debug)]
struct Lane<W> {
    waiting: VecDeque<W>,
    running: usize,
}

impl<W> Lanes<W> {
    pub(super) fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            by_name: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            running: 0,
        }
    }

    /// Queues work.
    ///
    /// # Errors
    /// Too much is waiting already: the work comes back.
    pub(super) fn push(&mut self, lane: &str, work: W) -> Result<(), W> {
        if self.waiting >= self.limits.waiting {
            return Err(work);
        }
        let entry = self.by_name.entry(lane.into()).or_insert_with(|| Lane {
            waiting: VecDeque::new(),
            running: 0,
        });
        if entry.waiting.is_empty() {
            self.turns.push_back(lane.into());
        }
        entry.waiting.push_back(work);
        self.waiting += 1;
        Ok(())
    }

    /// The next work that may begin, and its lane, for [`Self::done`].
    pub(super) fn begin(&mut self) -> Option<(Box<str>, W)> {
        if self.running >= self.limits.running {
            return None;
        }
        for _ in 0..self.turns.len() {
            let name = self.turns.pop_front()?;
            let Some(lane) = self.by_name.get_mut(&name) else {
                continue;
            };
            let has_room = lane.running < self.limits.running_in_lane;
            let work = if has_room {
                lane.waiting.pop_front()
            } else {
                None
            };
            lane.running += usize::from(work.is_some());
            if !lane.waiting.is_empty() {
                self.turns.push_back(name.clone());
            }
            if let Some(work) = work {
                self.waiting -= 1;
                self.running += 1;
                return Some((name, work));
            }
        }
        None
    }

    /// Work of this lane has ended.
    pub(super) fn done(&mut self, name: &str) {
        self.running = self.running.saturating_sub(1);
        if let Some(lane) = self.by_name.get_mut(name) {
            lane.running = lane.running.saturating_sub(1);
            if lane.running == 0 && lane.waiting.is_empty() {
                self.by_name.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LaneLimits = LaneLimits {
        waiting: 6,
        running: 3,
        running_in_lane: 2,
    };

    fn begun(lanes: &mut Lanes<u32>) -> Vec<u32> {
        std::iter::from_fn(|| lanes.begin())
            .map(|(_, work)| work)
            .collect()
    }

    #[test]
    fn a_full_lane_leaves_room_for_the_others() {
        let mut lanes = Lanes::new(LIMITS);
        for work in [1, 2, 3] {
            lanes.push("dead", work).expect("room");
        }
        assert_eq!(begun(&mut lanes), [1, 2]);
        lanes.push("alive", 4).expect("room");
        assert_eq!(begun(&mut lanes), [4]);
        lanes.done("alive");
        assert!(begun(&mut lanes).is_empty());
        lanes.done("dead");
        assert_eq!(begun(&mut lanes), [3]);
    }

    #[test]
    fn lanes_take_turns() {
        let mut lanes = Lanes::new(LIMITS);
        for (lane, work) in [("a", 1), ("a", 2), ("b", 3), ("b", 4)] {
            lanes.push(lane, work).expect("room");
        }
        assert_eq!(begun(&mut lanes), [1, 3, 2]);
        lanes.done("a");
        assert_eq!(begun(&mut lanes), [4]);
    }

    #[test]
    fn what_does_not_fit_comes_back_and_what_is_done_is_forgotten() {
        let mut lanes = Lanes::new(LIMITS);
        for work in 0..6 {
            lanes.push("a", work).expect("room");
        }
        assert_eq!(lanes.push("b", 6), Err(6));
        while let Some((name, _)) = lanes.begin() {
            lanes.done(&name);
        }
        assert_eq!((lanes.waiting, lanes.running), (0, 0));
        assert!(lanes.by_name.is_empty() && lanes.turns.is_empty());
    }
}
