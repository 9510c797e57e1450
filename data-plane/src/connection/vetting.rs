//! What happens between the handshake and the first request: the decision about the client becomes the standing of its
//! connection. Nothing that a client sends is looked at before, and nothing reaches a backend.

use std::sync::Arc;

use client_auth::{Decision, Mode, Reason, Refusal, RevocationPlan};
use rustls_pki_types::UnixTime;

use crate::connection::client::{ClientFacts, Outcome, Standing};
use crate::connection::registry::Watch;
use crate::cores::core::Core;
use crate::route::Authenticated;
use crate::snapshot::{ClientAuth, VirtualHost};

/// Settles what a connection may do on the virtual host that its handshake selected. `None`: it is not to be served.
///
/// `decision` is present exactly where a certificate was asked for.
pub(super) async fn vet(
    core: &Core,
    watch: &Watch,
    virtual_host: &VirtualHost,
    decision: Option<Decision>,
) -> Option<Authenticated> {
    let tls = virtual_host.tls.as_ref()?;
    let mut authenticated = Authenticated {
        listener: Arc::clone(&virtual_host.listener),
        policy_hash: tls.policy_hash,
        standing: Standing::NotAsked,
        client: None,
        valid_until: None,
    };
    match (&tls.client_auth, decision) {
        (None, None) => {}
        (Some(client_auth), Some(decision)) => {
            let mut facts = Box::new(ClientFacts::new(decision, core.time.unix()));
            let until = settle(core, watch, client_auth, &mut facts).await;
            authenticated.standing = standing(client_auth.mode(), facts.outcome);
            if client_auth.mode() == Mode::Strict {
                authenticated.valid_until = until;
            }
            authenticated.client = Some(facts);
        }
        // The decision and the configuration do not belong together.
        (None, Some(_)) | (Some(_), None) => return None,
    }
    Some(authenticated)
}

/// What a client may do by `mode`. A certificate that is not good is never treated like none.
fn standing(mode: Mode, outcome: Outcome) -> Standing {
    match (mode, outcome) {
        (_, Outcome::Success)
        | (Mode::ReportOnly, Outcome::Absent | Outcome::Failed(_) | Outcome::Passthrough)
        | (Mode::Passthrough, Outcome::Absent | Outcome::Passthrough) => Standing::Good,
        (Mode::Strict, Outcome::Absent) => Standing::Refused(Reason::NoCertificate.into()),
        // Nothing but a verified certificate is good for strict mode.
        (Mode::Strict, Outcome::Passthrough) => Standing::Refused(Reason::UnknownIssuer.into()),
        (Mode::Strict | Mode::Passthrough, Outcome::Failed(reason)) => {
            Standing::Refused(reason.into())
        }
    }
}

/// Finds out whether a verified path has been revoked; a bad answer becomes the outcome. Tells how long the path and the
/// evidence hold.
async fn settle(
    core: &Core,
    watch: &Watch,
    client_auth: &ClientAuth,
    facts: &mut ClientFacts,
) -> Option<UnixTime> {
    let path_until = facts.identity.as_ref()?.path_not_after;
    if facts.plan.questions.is_empty() {
        return Some(path_until);
    }
    match ask_about_revocation(core, watch, client_auth, &facts.plan).await {
        Ok(evidence_until) => Some(path_until.min(evidence_until)),
        Err(refusal) => {
            facts.outcome = Outcome::Failed(refusal.reason);
            facts.identity = None;
            None
        }
    }
}

/// The gate of revocation: answers every question of `plan` within the budget, or refuses. `Ok`: until when the answers
/// hold. This worker has no source of evidence yet, so whoever would have to be asked about is refused.
#[expect(clippy::unused_async, reason = "answers will have to be waited for")]
async fn ask_about_revocation(
    _core: &Core,
    _watch: &Watch,
    _client_auth: &ClientAuth,
    plan: &RevocationPlan,
) -> Result<UnixTime, Refusal> {
    let detail = format!("{} questions, nobody to ask", plan.questions.len());
    Err(Refusal::new(Reason::RevocationUnavailable, detail))
}
