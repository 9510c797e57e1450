//! What one TLS handshake leaves behind for its connection.
//!
//! rustls calls the client certificate verifier without telling it which connection it works for. The accept future
//! therefore runs in the scope of [`CURRENT`]; the verifier records its decision there.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::time::Duration;

use client_auth::{Decision, RevocationPlan, Verification};
use rustls_pki_types::UnixTime;

use crate::connection::ConnectionId;
use crate::revocation::{Revocation, UploadedLists};
use crate::tls::tickets::claims::Claims;
use crate::tls::tickets::state::State;
use crate::tls::tickets::{Decline, Opened};

tokio::task_local! {
    /// The handshake that is being made. Set exactly while a client's handshake is polled.
    pub static CURRENT: Rc<Handshake>;
}

/// One handshake: whose it is, what was decided about the client's certificate, and which session it resumes.
#[derive(Debug)]
pub struct Handshake {
    connection: ConnectionId,
    server_name: RefCell<Box<str>>,
    decision: RefCell<Option<Decision>>,
    opened: RefCell<Option<Opened>>,
    revocation: Option<Revocation>,
    declined: Cell<Option<Decline>>,
    ticket_lifetime: Cell<Option<Duration>>,
}

impl Handshake {
    /// A handshake in which nothing has been decided.
    pub fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            server_name: RefCell::default(),
            decision: RefCell::default(),
            opened: RefCell::default(),
            revocation: None,
            declined: Cell::default(),
            ticket_lifetime: Cell::default(),
        }
    }

    /// The same, with somebody to ask what is known about revocation.
    pub(crate) fn knowing(self, revocation: &Revocation) -> Self {
        Self {
            revocation: Some(revocation.clone()),
            ..self
        }
    }

    /// The connection that the handshake belongs to.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Keeps the name that the `ClientHello` asks for, canonical.
    pub fn asks_for(&self, server_name: Option<&str>) {
        *self.server_name.borrow_mut() = server_name.unwrap_or_default().into();
    }

    /// The name that the `ClientHello` asks for; empty without one.
    pub(super) fn server_name(&self) -> Ref<'_, str> {
        Ref::map(self.server_name.borrow(), |name| &**name)
    }

    /// Keeps the decision about the client's certificate. The first one counts: a handshake has one verdict.
    pub fn record(&self, decision: Decision) {
        // A second decision in one handshake cannot come from rustls, and must never replace the first.
        self.decision.borrow_mut().get_or_insert(decision);
    }

    /// Takes the decision, if the verifier was asked.
    pub fn take_decision(&self) -> Option<Decision> {
        self.decision.take()
    }

    /// Whether the decision about the client's certificate was made, and is a refusal.
    pub(super) fn is_refused(&self) -> bool {
        let decision = self.decision.borrow();
        decision
            .as_ref()
            .is_some_and(|decision| decision.verdict.is_err())
    }

    /// A ticket was opened. rustls takes the last one, or none after all.
    pub(super) fn ticket_opened(&self, opened: Opened) {
        self.opened.replace(Some(opened));
    }

    /// Whether what is known at `now`, `uploaded` lists included and without asking anybody, speaks against one of the
    /// questions of `plan`.
    pub(super) fn knows_against(
        &self,
        plan: &RevocationPlan,
        uploaded: &UploadedLists,
        now: UnixTime,
    ) -> bool {
        if plan.questions.is_empty() {
            return false;
        }
        let revocation = self.revocation.as_ref();
        let known = revocation.and_then(|it| it.known(plan, uploaded, now));
        known.is_some_and(|known| known.iter().any(|one| one.result.is_err()))
    }

    /// A ticket does not open.
    pub(super) fn ticket_declined(&self, decline: Decline) {
        self.opened.replace(None);
        self.declined.set(Some(decline));
    }

    /// Whether the ticket that was presented last was opened.
    pub(super) fn has_opened(&self) -> bool {
        self.opened.borrow().is_some()
    }

    /// Takes the ticket that was opened last.
    pub(super) fn take_opened(&self) -> Option<Opened> {
        self.opened.take()
    }

    /// Why a ticket did not open.
    pub(super) fn declined(&self) -> Option<Decline> {
        self.declined.get()
    }

    /// What a ticket for the session `state` may claim at `now`; `None`: nothing, the session is not to be resumed.
    ///
    /// A full handshake with a certificate has left its decision. Where there is none, and the state is that of the ticket
    /// that was opened, the session was resumed: its claims stay, so that it never lives longer.
    pub(super) fn claims(&self, state: &State<'_>, now: UnixTime) -> Option<Claims> {
        let leaf = state.leaf_hash();
        let decision = self.decision.borrow();
        let opened = self.opened.borrow();
        let of_this_handshake = Claims {
            version: state.version,
            authenticated_at: now,
            path_not_after: None,
            leaf,
        };
        match (&*decision, &*opened) {
            (Some(decision), _) => {
                let shown = decision.presented.as_ref();
                let shown = shown.map(|certificate| *certificate.sha256.as_bytes());
                if leaf.is_none() || shown != leaf {
                    return None;
                }
                let identity = decision.verdict.as_ref().ok();
                let verified = identity.filter(|it| it.verification == Verification::Verified);
                Some(Claims {
                    path_not_after: verified.map(|identity| identity.path_not_after),
                    ..of_this_handshake
                })
            }
            (None, Some(opened)) if opened.claims.leaf == leaf => Some(opened.claims.clone()),
            // No certificate was shown, whatever a ticket had said before.
            (None, _) => leaf.is_none().then_some(of_this_handshake),
        }
    }

    /// A ticket was issued that lives so long.
    pub(super) fn ticket_lives(&self, left: Duration) {
        self.ticket_lifetime.set(Some(left));
    }

    /// How long the ticket lives that was issued last.
    pub(super) fn ticket_lifetime(&self) -> Option<Duration> {
        self.ticket_lifetime.get()
    }
}
