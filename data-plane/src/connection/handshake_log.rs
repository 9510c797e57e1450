//! The one log line about the certificate of a client: enough to answer why it was let in or not, and in no reply.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use client_auth::{Check, Decision, Mode, PathCertificate, Refusal};

use crate::connection::ConnectionId;
use crate::snapshot::{ClientAuth, RefusalForm};

/// The handshake that is told of.
#[derive(Debug)]
pub(crate) struct HandshakeLog<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) peer: SocketAddr,
    pub(crate) gateway: &'a str,
    pub(crate) listener: &'a str,
    pub(crate) client_auth: &'a ClientAuth,
    /// Whether a session was resumed.
    pub(crate) resumed: bool,
    /// From the client's first byte to the verdict.
    pub(crate) duration: Duration,
}

impl HandshakeLog<'_> {
    /// The client may in. Names subjects, so nobody sees it who did not ask for debugging.
    pub(crate) fn accepted(&self, decision: &Decision) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        tracing::debug!(
            connection = %self.connection, peer = %self.peer, gateway = self.gateway, listener = self.listener,
            ssl_profile = %self.client_auth.ssl_profile, mode = self.mode(), session = self.session(),
            duration_ms = millis(self.duration), path = path(&decision.path), checks = checks(&decision.checks),
            "client accepted"
        );
    }

    /// Strict mode would not let the client in; report-only mode does.
    pub(crate) fn would_refuse(&self, decision: &Decision, refusal: &Refusal) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        tracing::debug!(
            connection = %self.connection, peer = %self.peer, gateway = self.gateway, listener = self.listener,
            ssl_profile = %self.client_auth.ssl_profile, mode = self.mode(), session = self.session(),
            duration_ms = millis(self.duration), subject = subject(decision), path = path(&decision.path),
            checks = checks(&decision.checks), reason = refusal.reason.label(), detail = refusal.detail,
            "client would be refused"
        );
    }

    /// The client may not in.
    pub(crate) fn refused(&self, decision: &Decision, refusal: &Refusal) {
        tracing::info!(
            connection = %self.connection, peer = %self.peer, gateway = self.gateway, listener = self.listener,
            ssl_profile = %self.client_auth.ssl_profile, mode = self.mode(), form = self.form(),
            session = self.session(), duration_ms = millis(self.duration), subject = subject(decision),
            path = path(&decision.path), checks = checks(&decision.checks), reason = refusal.reason.label(),
            detail = refusal.detail, "client certificate refused"
        );
    }

    fn mode(&self) -> &'static str {
        match self.client_auth.mode() {
            Mode::Strict => "strict",
            Mode::Passthrough => "passthrough",
            Mode::ReportOnly => "report_only",
        }
    }

    fn form(&self) -> &'static str {
        match self.client_auth.refusal_form {
            RefusalForm::TlsAlert => "tls_alert",
            RefusalForm::HttpStatus => "http_status",
        }
    }

    fn session(&self) -> &'static str {
        if self.resumed { "resumed" } else { "full" }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn subject(decision: &Decision) -> Option<&str> {
    let presented = decision.presented.as_ref();
    presented.map(|certificate| &*certificate.subject)
}

/// Subjects and key ids, client first.
fn path(certificates: &[PathCertificate]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        let between = if text.is_empty() { "" } else { " <- " };
        // Writing to a string does not fail.
        let _written = write!(
            text,
            "{between}{} [{}]",
            certificate.subject, certificate.key_id
        );
    }
    text
}

/// Every check with its result; what a failed one has to say is in the line's own detail.
fn checks(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let between = if text.is_empty() { "" } else { ", " };
        let result = match &check.result {
            Ok(()) => "ok",
            Err(refusal) => refusal.reason.label(),
        };
        let name = check.name.label();
        // Writing to a string does not fail.
        let _written = if check.detail.is_empty() {
            write!(text, "{between}{name}: {result}")
        } else {
            write!(text, "{between}{name}: {result} ({})", check.detail)
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use client_auth::{Authenticator, CheckName, Policy, TrustBundle};
    use rustls_pki_types::UnixTime;

    use super::*;
    use crate::testing::Ca;

    fn now() -> UnixTime {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        UnixTime::since_unix_epoch(now.expect("after 1970"))
    }

    #[test]
    fn a_path_is_told_with_its_keys_and_a_check_with_what_it_found() {
        let ca = Ca::new("clients");
        let bundle = TrustBundle::from_der("ca", std::slice::from_ref(&ca.certificate));
        let policy = Policy::strict("profile", vec![bundle.expect("a root")], false);
        let authenticator = Authenticator::new(policy);
        let mut decision = authenticator.decide(&ca.client("device").certificate, &[], now());
        let found = "ocsp, 7 s old";
        decision
            .checks
            .push(Check::passed(CheckName::Revocation, found));
        let [client, anchor] = &decision.path[..] else {
            panic!("{decision:?}")
        };
        let expected = format!(
            "CN=device [{}] <- CN=clients [{}]",
            client.key_id, anchor.key_id
        );
        assert_eq!(path(&decision.path), expected);
        let told = checks(&decision.checks);
        assert!(told.starts_with("size: ok, trust: ok, "), "{told}");
        assert!(told.ends_with(", revocation: ok (ocsp, 7 s old)"), "{told}");
    }

    #[test]
    fn a_failed_check_is_told_by_its_reason() {
        let authenticator = Authenticator::new(Policy::strict("profile", Vec::new(), false));
        let stranger = Ca::new("strangers").client("device");
        let decision = authenticator.decide(&stranger.certificate, &[], now());
        assert_eq!(checks(&decision.checks), "size: ok, trust: empty_trust");
        assert_eq!(path(&decision.path), "");
    }
}
