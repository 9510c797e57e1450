//! Who listens on this replica: the subscriptions of its sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::store::Session;
use crate::subscription::Subscription;

/// The subscriptions of all sessions of this replica. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Audience {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_session: Mutex<HashMap<String, Subscription>>,
    arrivals: watch::Sender<()>,
}

/// A session is part of the audience until this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Seat {
    audience: Audience,
    session: String,
}

impl Audience {
    /// Adds a session.
    pub(super) fn enter(&self, session: &Session) -> Seat {
        let subscription = session.subscription.clone();
        let mut by_session = self.lock();
        by_session.insert(session.id.clone(), subscription);
        drop(by_session);
        self.inner.arrivals.send_replace(());
        Seat {
            audience: self.clone(),
            session: session.id.clone(),
        }
    }

    /// Reports every later arrival; several may be reported as one.
    pub(super) fn arrivals(&self) -> watch::Receiver<()> {
        self.inner.arrivals.subscribe()
    }

    /// Keeps of `gateways` those whose key some session covers.
    pub(super) fn covered<T>(
        &self,
        gateways: impl Iterator<Item = T>,
        key: impl Fn(&T) -> &str,
    ) -> Vec<T> {
        let by_session = self.lock();
        let is_covered = |gateway: &T| {
            let mut subscriptions = by_session.values();
            subscriptions.any(|subscription| subscription.covers(key(gateway)))
        };
        gateways.filter(is_covered).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Subscription>> {
        self.inner
            .by_session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.audience.lock().remove(&self.session);
    }
}
