//! Logs, counts and reports what became of a client.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use client_auth::{Decision, Mode};

use super::judged;
use crate::connection::ConnectionId;
use crate::connection::client::Standing;
use crate::connection::handshake_log::HandshakeLog;
use crate::cores::core::Core;
use crate::snapshot::ClientAuth;

/// Whom is told of.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) core: Rc<Core>,
    pub(super) connection: ConnectionId,
    pub(super) peer: SocketAddr,
    pub(super) gateway_id: Arc<str>,
    pub(super) listener: Arc<str>,
    pub(super) client_auth: Arc<ClientAuth>,
    /// Whether a session was resumed.
    pub(super) resumed: bool,
    /// From the client's first byte to the end of the handshake.
    pub(super) duration: Duration,
}

impl Teller {
    /// Tells at once.
    pub(super) fn tell(&self, decision: &Decision, standing: Standing) {
        let core = &self.core;
        let log = HandshakeLog {
            connection: self.connection,
            peer: self.peer,
            gateway: &self.gateway_id,
            listener: &self.listener,
            client_auth: &self.client_auth,
            resumed: self.resumed,
            duration: self.duration,
        };
        let reports = &core.shared.readiness_reports;
        let (gateway_id, profile) = (&self.gateway_id, &self.client_auth.ssl_profile);
        let report_only = self.client_auth.mode() == Mode::ReportOnly;
        match (&decision.verdict, standing) {
            (Err(refusal), Standing::Refused(_)) => {
                core.metrics.client_refused(refusal.reason);
                log.refused(decision, refusal);
            }
            (Err(refusal), Standing::Good | Standing::NotAsked) if report_only => {
                let certificate = decision.presented.as_deref();
                reports.refuse(gateway_id, profile, certificate, refusal, core.time.unix());
                log.would_refuse(decision, refusal);
            }
            (Ok(_) | Err(_), _) => {
                if report_only {
                    reports.accept(gateway_id, profile);
                }
                log.accepted(decision);
            }
        }
    }

    /// Tells when it is known whether the client's path has been revoked, or nobody will know in time. The connection does
    /// not wait for it.
    pub(super) async fn tell_after_asking(self, mut decision: Decision, standing: Standing) {
        let lists = &self.client_auth.crls;
        let asking = self
            .core
            .revocation
            .vet_after_asking(&decision.revocation, lists);
        let judgements = Box::pin(asking).await;
        // Until when the answers hold makes no difference to a client that is in anyway.
        let _until = judged(&mut decision, judgements);
        self.tell(&decision, standing);
    }
}
