//! The deadlines of one core: every connection and every HTTP/2 stream has one entry, and all entries are looked at once
//! in a while, so that no request registers a timer.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use rustls_pki_types::UnixTime;

use crate::connection::Connection;

/// The entry of one task.
#[derive(Debug)]
pub(crate) struct Watch {
    socket: u64,
    kind: Kind,
    place: Cell<usize>,
    deadline: Cell<u64>,
    abort_at: Cell<u64>,
    expired: Cell<bool>,
    aborted: Cell<bool>,
    draining: Cell<bool>,
    /// Seconds since 1970 until which, inclusive, what the connection rests on holds.
    trust_until: Cell<u64>,
    /// Since when the worker has known why the connection may not go on, if it may not.
    cut: Cell<Option<Instant>>,
    /// Of a client on TLS, once its handshake is over.
    connection: RefCell<Weak<Connection>>,
    waker: RefCell<Option<Waker>>,
}

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A client connection.
    Connection,
    /// One HTTP/2 request on such a connection.
    Stream,
}

/// A deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("deadline passed")]
pub(crate) struct Expired;

/// Keeps an entry registered for as long as it lives.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Rc<RefCell<Entries>>,
    watch: Rc<Watch>,
}

/// All entries of one core.
#[derive(Debug, Default)]
pub(crate) struct Registry(Rc<RefCell<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    places: Vec<Option<Rc<Watch>>>,
    free: Vec<usize>,
    connections: usize,
}

impl Watch {
    fn new(socket: u64, kind: Kind) -> Self {
        Self {
            socket,
            kind,
            place: Cell::new(0),
            deadline: Cell::new(u64::MAX),
            abort_at: Cell::new(u64::MAX),
            expired: Cell::new(false),
            aborted: Cell::new(false),
            draining: Cell::new(false),
            trust_until: Cell::new(u64::MAX),
            cut: Cell::new(None),
            connection: RefCell::default(),
            waker: RefCell::new(None),
        }
    }

    /// Sets the deadline, in the coarse time of the core, and forgets an earlier expiry, but not that the connection was
    /// cut.
    pub(crate) fn arm(&self, deadline: u64) {
        self.deadline.set(deadline);
        self.expired.set(self.is_cut());
    }

    /// Takes the deadline away.
    pub(crate) fn disarm(&self) {
        self.arm(u64::MAX);
    }

    /// # Errors
    /// [`Expired`] from the sweep after the deadline on, until it is armed again.
    pub(crate) fn check(&self) -> Result<(), Expired> {
        if self.expired.get() {
            Err(Expired)
        } else {
            Ok(())
        }
    }

    /// Whether the task should end as soon as it politely can.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Asks the task to end as soon as it politely can.
    pub(crate) fn start_draining(&self) {
        self.draining.set(true);
        self.wake();
    }

    /// Ends the task at once, at the latest at the sweep after `deadline`.
    pub(crate) fn abort_at(&self, deadline: u64) {
        self.abort_at.set(self.abort_at.get().min(deadline));
    }

    /// Ends the task when it is polled next, which is soon.
    pub(crate) fn abort(&self) {
        self.aborted.set(true);
        self.wake();
    }

    /// Makes the connection known to those who look whether it may go on.
    pub(crate) fn belongs_to(&self, connection: &Rc<Connection>) {
        *self.connection.borrow_mut() = Rc::downgrade(connection);
    }

    /// Until when, inclusive, what the connection rests on holds. Then it is looked at again.
    pub(crate) fn trust_until(&self, until: Option<UnixTime>) {
        let until = until.map_or(u64::MAX, |until| until.as_secs());
        self.trust_until.set(until);
    }

    /// Makes every wait of the task fail from now on, and ends it at the latest at the sweep after `deadline`. False: it
    /// was cut before.
    pub(crate) fn cut(&self, known: Instant, deadline: u64) -> bool {
        if self.is_cut() {
            return false;
        }
        self.cut.set(Some(known));
        self.expired.set(true);
        self.abort_at(deadline);
        self.wake();
        true
    }

    /// Whether the connection may not go on.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.get().is_some()
    }

    /// Since when the worker has known that the connection may not go on.
    pub(crate) fn known_since(&self) -> Option<Instant> {
        self.cut.get()
    }

    /// Remembers whom to wake. Called whenever the task is polled.
    pub(crate) fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
    }

    /// Runs a future until it is done or a deadline passes.
    ///
    /// # Errors
    /// [`Expired`]: the future did not end in time and is dropped.
    pub(crate) async fn race<F: Future>(&self, future: F) -> Result<F::Output, Expired> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Err(expired) = self.check() {
                return Poll::Ready(Err(expired));
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// Runs the whole of a task. `None`: it was aborted.
    pub(crate) async fn supervise<F: Future>(&self, task: F) -> Option<F::Output> {
        let mut task = pin!(task);
        poll_fn(|cx| {
            if self.aborted.get() {
                return Poll::Ready(None);
            }
            self.remember(cx);
            task.as_mut().poll(cx).map(Some)
        })
        .await
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Registry {
    /// Adds an entry without a deadline.
    pub(crate) fn register(&self, socket: u64, kind: Kind) -> Registered {
        let watch = Rc::new(Watch::new(socket, kind));
        let mut entries = self.0.borrow_mut();
        let place = entries.free.pop().unwrap_or_else(|| {
            entries.places.push(None);
            entries.places.len() - 1
        });
        watch.place.set(place);
        if let Some(free) = entries.places.get_mut(place) {
            *free = Some(Rc::clone(&watch));
        }
        entries.connections += usize::from(kind == Kind::Connection);
        Registered {
            registry: Rc::clone(&self.0),
            watch,
        }
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.0.borrow().connections
    }

    /// Asks the connections of one socket, or all, to end, and aborts those that are left at `deadline`.
    pub(crate) fn drain(&self, socket: Option<u64>, deadline: u64) {
        for watch in self.0.borrow().places.iter().flatten() {
            if watch.kind == Kind::Connection && socket.is_none_or(|socket| watch.socket == socket)
            {
                watch.abort_at(deadline);
                watch.start_draining();
            }
        }
    }

    /// The connections of clients on TLS among `count` places from `start` on. `None`: there are no such places.
    pub(crate) fn authenticated(&self, start: usize, count: usize) -> Option<Vec<Rc<Connection>>> {
        let entries = self.0.borrow();
        let rest = entries
            .places
            .get(start..)
            .filter(|rest| !rest.is_empty())?;
        let taken = rest.iter().take(count).flatten();
        Some(
            taken
                .filter_map(|watch| watch.connection.borrow().upgrade())
                .collect(),
        )
    }

    /// The connections that rest on something that held until before `now`.
    pub(crate) fn outlived(&self, now: UnixTime) -> Vec<Rc<Connection>> {
        let entries = self.0.borrow();
        let watches = entries.places.iter().flatten();
        watches
            .filter(|watch| now.as_secs() > watch.trust_until.get() && !watch.is_cut())
            .filter_map(|watch| watch.connection.borrow().upgrade())
            .collect()
    }

    /// Wakes every task whose time has come.
    pub(crate) fn sweep(&self, now: u64) {
        for watch in self.0.borrow().places.iter().flatten() {
            if now >= watch.abort_at.get() {
                watch.abort();
            } else if now >= watch.deadline.get() && !watch.expired.replace(true) {
                watch.wake();
            }
        }
    }
}

impl Registered {
    pub(crate) fn watch(&self) -> &Rc<Watch> {
        &self.watch
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut entries = self.registry.borrow_mut();
        let place = self.watch.place.get();
        if let Some(taken) = entries.places.get_mut(place) {
            *taken = None;
        }
        entries.free.push(place);
        entries.connections -= usize::from(self.watch.kind == Kind::Connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_expires_once_and_can_be_armed_again() {
        let registry = Registry::default();
        let entry = registry.register(1, Kind::Connection);
        entry.watch().arm(10);
        registry.sweep(9);
        assert_eq!(entry.watch().check(), Ok(()));
        registry.sweep(10);
        assert_eq!(entry.watch().check(), Err(Expired));
        entry.watch().arm(20);
        assert_eq!(entry.watch().check(), Ok(()));
    }

    #[test]
    fn draining_concerns_the_connections_of_one_socket() {
        let registry = Registry::default();
        let (one, other) = (
            registry.register(1, Kind::Connection),
            registry.register(2, Kind::Connection),
        );
        registry.drain(Some(1), 5);
        registry.sweep(6);
        assert!(one.watch().is_draining() && one.watch().aborted.get());
        assert!(!other.watch().is_draining() && !other.watch().aborted.get());
    }

    #[test]
    fn places_are_used_again() {
        let registry = Registry::default();
        for _ in 0..3 {
            drop(registry.register(1, Kind::Stream));
        }
        assert_eq!(registry.0.borrow().places.len(), 1);
        assert_eq!(registry.connections(), 0);
    }
}
