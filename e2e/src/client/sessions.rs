//! Sessions to resume.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

/// Keeps the newest sessions, and offers them to every server alike, as no client should.
#[derive(Debug, Default)]
pub struct Sessions {
    tls12: Mutex<Option<Tls12ClientSessionValue>>,
    tls13: Mutex<Vec<Tls13ClientSessionValue>>,
    frozen: AtomicBool,
}

impl Sessions {
    /// How many sessions there are to offer.
    pub fn count(&self) -> usize {
        let tls12 = self.tls12.lock().unwrap_or_else(PoisonError::into_inner);
        let tls13 = self.tls13.lock().unwrap_or_else(PoisonError::into_inner);
        usize::from(tls12.is_some()) + tls13.len()
    }

    /// From now on takes no newer session in. That of TLS 1.2, which is not used up, is offered again and again.
    pub fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, _server: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, value: Tls12ClientSessionValue) {
        if self.is_frozen() {
            return;
        }
        let mut tls12 = self.tls12.lock().unwrap_or_else(PoisonError::into_inner);
        *tls12 = Some(value);
    }

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let tls12 = self.tls12.lock().unwrap_or_else(PoisonError::into_inner);
        tls12.clone()
    }

    fn remove_tls12_session(&self, _server: &ServerName<'static>) {
        let mut tls12 = self.tls12.lock().unwrap_or_else(PoisonError::into_inner);
        *tls12 = None;
    }

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, value: Tls13ClientSessionValue) {
        if self.is_frozen() {
            return;
        }
        let mut tls13 = self.tls13.lock().unwrap_or_else(PoisonError::into_inner);
        tls13.push(value);
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut tls13 = self.tls13.lock().unwrap_or_else(PoisonError::into_inner);
        tls13.pop()
    }
}
