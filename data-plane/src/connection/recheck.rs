//! Whether a live connection may go on, decided on the path that was *verified* in its handshake, never on what was
//! presented: an issuer that somebody put beside the path saves or ends nobody's connection.

use std::time::{Duration, Instant};

use client_auth::{Mode, Reason, Verification};
use rustls_pki_types::UnixTime;

use crate::connection::Connection;
use crate::connection::client::{Outcome, Standing};
use crate::http::refusal::Refusal;
use crate::revocation::Revocation;
use crate::route::{Admitted, Authenticated, Evidence, NotAdmitted, Site};
use crate::snapshot::{ClientAuth, VirtualHostTls};

/// Why a connection may not go on; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    /// The policy changed, and what was verified does not satisfy the new one, or was never asked for.
    Policy,
    /// A certificate of the path is revoked, or its issuer no longer vouches for it.
    Revoked,
    /// What was known about revocation is too old, and nothing newer is to be had.
    EvidenceExpired,
    /// A certificate of the path expired.
    CertificateExpired,
}

impl Withdrawal {
    /// All of them, each at the place of its number.
    pub(crate) const ALL: [Self; 4] = [
        Self::Policy,
        Self::Revoked,
        Self::EvidenceExpired,
        Self::CertificateExpired,
    ];

    /// The metric label.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Revoked => "revoked",
            Self::EvidenceExpired => "evidence_expired",
            Self::CertificateExpired => "certificate_expired",
        }
    }

    /// The place of this one in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    fn of(reason: Reason, otherwise: Self) -> Self {
        match reason {
            Reason::Expired | Reason::NotYetValid => Self::CertificateExpired,
            Reason::Revoked | Reason::RevocationUnknown => Self::Revoked,
            Reason::RevocationUnavailable => Self::EvidenceExpired,
            _ => otherwise,
        }
    }
}

/// A connection that may not go on.
#[derive(Debug)]
pub(crate) struct Withdrawn {
    pub(crate) cause: Withdrawal,
    /// For the log.
    pub(crate) detail: String,
}

impl Withdrawn {
    fn new(cause: Withdrawal, detail: impl Into<String>) -> Self {
        Self {
            cause,
            detail: detail.into(),
        }
    }

    fn by(refusal: client_auth::Refusal, otherwise: Withdrawal) -> Self {
        Self::new(Withdrawal::of(refusal.reason, otherwise), refusal.detail)
    }
}

impl Authenticated {
    /// Decides whether the connection may go on at `now` under the configuration of `site`, by what is known about
    /// revocation. What holds is brought up to date: the policy that it holds under, and for how long.
    ///
    /// A connection whose listener is gone is not looked at: it drains.
    pub(crate) fn recheck(
        &self,
        site: &Site,
        revocation: &Revocation,
        now: UnixTime,
    ) -> Result<(), Withdrawn> {
        let Some(tls) = site.tls_of(&self.listener) else {
            return Ok(());
        };
        match self.standing {
            // It gets nothing anyway, and is about to be closed.
            Standing::Refused(_) => return Ok(()),
            Standing::NotAsked | Standing::Good => {}
        }
        if tls.policy_hash != self.policy_hash.get() {
            self.renew(tls, revocation, now)?;
        }
        match tls.client_auth.as_deref() {
            Some(client_auth) if client_auth.mode() == Mode::Strict => {
                self.check_time(client_auth, revocation, now)
            }
            Some(_) | None => {
                self.valid_until.set(None);
                Ok(())
            }
        }
    }

    /// Under another policy than before.
    fn renew(
        &self,
        tls: &VirtualHostTls,
        revocation: &Revocation,
        now: UnixTime,
    ) -> Result<(), Withdrawn> {
        let Some(client_auth) = tls.client_auth.as_deref().filter(|_| self.client.is_some()) else {
            let detail = "whether a certificate is asked for has changed";
            return Err(Withdrawn::new(Withdrawal::Policy, detail));
        };
        match client_auth.mode() {
            Mode::Strict => self.renew_strict(client_auth, revocation, now)?,
            // Nobody is refused for what is not verified.
            Mode::Passthrough | Mode::ReportOnly => {}
        }
        self.policy_hash.set(tls.policy_hash);
        Ok(())
    }

    fn renew_strict(
        &self,
        client_auth: &ClientAuth,
        revocation: &Revocation,
        now: UnixTime,
    ) -> Result<(), Withdrawn> {
        let verified = self.client.as_ref().and_then(|facts| {
            let identity = facts.identity.as_ref()?;
            let success = facts.outcome == Outcome::Success
                && identity.verification == Verification::Verified;
            success.then_some((&facts.path, identity))
        });
        let Some((path, identity)) = verified else {
            let detail = "the client was never verified";
            return Err(Withdrawn::new(Withdrawal::Policy, detail));
        };
        let authenticator = &client_auth.authenticator;
        authenticator
            .recheck(path, identity, now)
            .map_err(|refusal| Withdrawn::by(refusal, Withdrawal::Policy))?;
        let plan = authenticator.revocation_plan(path);
        let mut evidence = self.evidence.borrow_mut();
        if plan != evidence.plan {
            // Without an end: what is new has to be known, or the client has to come again and wait for it.
            *evidence = Evidence {
                held: revocation.hold(&plan, now),
                plan,
                until: None,
                is_extended: false,
            };
        }
        Ok(())
    }

    /// Under the policy that the connection holds under.
    fn check_time(
        &self,
        client_auth: &ClientAuth,
        revocation: &Revocation,
        now: UnixTime,
    ) -> Result<(), Withdrawn> {
        let identity = self.client.as_ref().and_then(|it| it.identity.as_ref());
        let path_until = identity.map(|identity| identity.path_not_after);
        if path_until.is_none_or(|until| now > until) {
            let detail = "a certificate of the path has expired";
            return Err(Withdrawn::new(Withdrawal::CertificateExpired, detail));
        }
        let mut evidence = self.evidence.borrow_mut();
        if !evidence.plan.questions.is_empty() {
            look_up(&mut evidence, client_auth, revocation, now)?;
        }
        self.valid_until
            .set(path_until.into_iter().chain(evidence.until).min());
        Ok(())
    }
}

/// Brings up to date until when what is known lets the client stay.
fn look_up(
    evidence: &mut Evidence,
    client_auth: &ClientAuth,
    revocation: &Revocation,
    now: UnixTime,
) -> Result<(), Withdrawn> {
    let Some(known) = revocation.known(&evidence.plan, &client_auth.crls, now) else {
        return outlast_question(evidence, now);
    };
    if known.len() != evidence.plan.questions.len() {
        let detail = "not every question about revocation has an answer";
        return Err(Withdrawn::new(Withdrawal::EvidenceExpired, detail));
    }
    let mut until = UnixTime::since_unix_epoch(Duration::MAX);
    for judgement in known {
        judgement
            .result
            .map_err(|refusal| Withdrawn::by(refusal, Withdrawal::Revoked))?;
        until = until.min(judgement.valid_until);
    }
    evidence.until = Some(until);
    evidence.is_extended = false;
    Ok(())
}

/// Somebody is being asked. Until then the last answer counts, as long as it is good, and once for as long as it may take
/// to hear that there is none: an outage that the policy puts up with must not end connections whenever it is looked at.
fn outlast_question(evidence: &mut Evidence, now: UnixTime) -> Result<(), Withdrawn> {
    match evidence.until {
        Some(until) if now <= until => Ok(()),
        Some(_) if !evidence.is_extended => {
            evidence.until = Some(UnixTime::since_unix_epoch(
                Duration::from_secs(now.as_secs()).saturating_add(QUESTION),
            ));
            evidence.is_extended = true;
            Ok(())
        }
        Some(_) | None => {
            let detail = "what was known about revocation is too old";
            Err(Withdrawn::new(Withdrawal::EvidenceExpired, detail))
        }
    }
}

impl Connection {
    /// Looks whether the connection may go on, and cuts it if not. `known`: since when the worker knows what may speak
    /// against it.
    pub(crate) fn recheck(&self, known: Instant) {
        let site = self.origin.site.load();
        if let Err(withdrawn) = self.holds_under(&site) {
            self.cut(&withdrawn, known);
        }
    }

    /// As [`Site::admit`]. Where only the policy has changed, or time has passed, the connection is looked at again first:
    /// what was verified may hold all the same.
    pub(crate) fn admit(&self, site: &Site, host: Option<&str>) -> Result<Admitted, NotAdmitted> {
        let (authenticated, now) = (self.authenticated.as_ref(), self.core.time.unix());
        let admitted = site.admit(authenticated, host, now);
        match admitted {
            Err(error) if may_hold(error) && self.holds_under(site).is_ok() => {
                site.admit(authenticated, host, now)
            }
            admitted => admitted,
        }
    }

    /// As [`Site::admit_still`], in the same way.
    pub(crate) fn admit_still(&self, site: &Site, admitted: &Admitted) -> Result<(), NotAdmitted> {
        let (authenticated, now) = (self.authenticated.as_ref(), self.core.time.unix());
        match site.admit_still(admitted, authenticated, now) {
            Err(error) if may_hold(error) && self.holds_under(site).is_ok() => {
                site.admit_still(admitted, authenticated, now)
            }
            still => still,
        }
    }

    /// What is to be told of a request that ended in this way: that the connection was cut, if it was.
    pub(crate) fn end_of(&self, refusal: Refusal) -> Refusal {
        if self.watch.is_cut() {
            Refusal::TrustWithdrawn
        } else {
            refusal
        }
    }

    /// Whether the connection may go on under the configuration of `site`.
    pub(crate) fn holds_under(&self, site: &Site) -> Result<(), Withdrawn> {
        let Some(authenticated) = &self.authenticated else {
            return Ok(());
        };
        let core = &self.core;
        authenticated.recheck(site, &core.revocation, core.time.unix())?;
        self.watch.trust_until(authenticated.valid_until.get());
        Ok(())
    }

    fn cut(&self, withdrawn: &Withdrawn, known: Instant) {
        let core = &self.core;
        let cause = withdrawn.cause;
        if !self.watch.cut(known, core.time.deadline(LAST_WORDS)) {
            return;
        }
        core.metrics.withdrew(cause);
        core.shared.withdrawals.add(cause, core.time.now());
        let listener = self.authenticated.as_ref().map(|it| &*it.listener);
        let (cause, detail) = (cause.label(), &withdrawn.detail);
        tracing::info!(connection = %self.id, client = %self.client_text, listener, cause, detail, "connection cut");
    }
}

fn may_hold(error: NotAdmitted) -> bool {
    matches!(
        error,
        NotAdmitted::PolicyChanged | NotAdmitted::CertificateExpired
    )
}

/// For a GOAWAY or a close frame, before the socket is closed in any case.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Longer than a responder is waited for.
const QUESTION: Duration = Duration::from_secs(5);
