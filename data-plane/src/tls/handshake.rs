//! What one TLS handshake leaves behind for its connection.
//!
//! rustls calls the client certificate verifier without telling it which connection it works for. The accept future
//! therefore runs in the scope of [`CURRENT`]; the verifier records its decision there.

use std::cell::RefCell;
use std::rc::Rc;

use client_auth::Decision;

use crate::connection::ConnectionId;

tokio::task_local! {
    /// The handshake that is being made. Set exactly while a client's handshake is polled.
    pub static CURRENT: Rc<Handshake>;
}

/// One handshake: whose it is, and what was decided about the client's certificate.
#[derive(Debug)]
pub struct Handshake {
    connection: ConnectionId,
    decision: RefCell<Option<Decision>>,
}

impl Handshake {
    /// A handshake in which nothing has been decided.
    pub fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            decision: RefCell::default(),
        }
    }

    /// The connection that the handshake belongs to.
    pub fn connection(&self) -> ConnectionId {
        self.connection
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
}
