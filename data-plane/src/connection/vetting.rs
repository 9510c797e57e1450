//! What happens between the handshake and the first request: the decision about the client becomes the standing of its
//! connection. Nothing that a client sends is looked at before, and nothing reaches a backend.

mod teller;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use client_auth::revocation::Judgement;
use client_auth::{Check, CheckName, Decision, Mode, Reason, Refusal, RevocationPlan};
use rustls_pki_types::UnixTime;

use crate::connection::client::{ClientFacts, Outcome, Standing};
use crate::connection::registry::Watch;
use crate::cores::core::Core;
use crate::route::{Authenticated, Evidence};
use crate::snapshot::{Bind, ClientAuth};
use crate::tls::accept::Accepted;
use teller::Teller;

/// A connection whose handshake is over.
#[derive(Debug)]
pub(super) struct Vetting<'a> {
    pub(super) core: &'a Rc<Core>,
    pub(super) watch: &'a Watch,
    pub(super) bind: &'a Bind,
    pub(super) accepted: &'a mut Accepted,
}

impl Vetting<'_> {
    /// Settles what the connection may do on the virtual host that its handshake selected. `None`: it is not to be served.
    pub(super) async fn vet(self) -> Option<Authenticated> {
        let virtual_host = Arc::clone(&self.accepted.virtual_host);
        let tls = virtual_host.tls.as_ref()?;
        let mut authenticated = Authenticated {
            listener: Arc::clone(&virtual_host.listener),
            policy_hash: Cell::new(tls.policy_hash),
            standing: Standing::NotAsked,
            client: None,
            valid_until: Cell::default(),
            evidence: RefCell::default(),
        };
        match (&tls.client_auth, self.accepted.decision.take()) {
            (None, None) => {}
            (Some(client_auth), Some(decision)) => {
                self.settle(client_auth, decision, &mut authenticated).await;
            }
            // The decision and the configuration do not belong together.
            (None, Some(_)) | (Some(_), None) => return None,
        }
        Some(authenticated)
    }

    async fn settle(
        &self,
        client_auth: &Arc<ClientAuth>,
        mut decision: Decision,
        authenticated: &mut Authenticated,
    ) {
        let core = self.core;
        let mode = client_auth.mode();
        let mut evidence_until = None;
        let mut is_open = false;
        if !decision.revocation.questions.is_empty() {
            let plan = &decision.revocation;
            let judgements = match mode {
                // Nobody is refused, so nobody is kept waiting: what is not known yet is reported later.
                Mode::ReportOnly => {
                    core.revocation
                        .vet_at_once(plan, &client_auth.crls, core.time.unix())
                }
                Mode::Strict | Mode::Passthrough => {
                    Some(ask_about_revocation(core, self.watch, client_auth, plan).await)
                }
            };
            is_open = judgements.is_none();
            evidence_until = judgements.map(|judgements| judged(&mut decision, judgements));
        }
        core.certificates.share(&mut decision.path);
        let facts = ClientFacts::new(&decision, core.time.unix());
        core.metrics.vetted(facts.outcome);
        authenticated.standing = standing(mode, facts.outcome);
        if mode == Mode::Strict {
            let path_until = facts.identity.as_ref().map(|it| it.path_not_after);
            let until = path_until.into_iter().chain(evidence_until).min();
            authenticated.valid_until.set(until);
        }
        if facts.outcome == Outcome::Success {
            let plan = decision.revocation.clone();
            authenticated.evidence = RefCell::new(Evidence {
                held: core.revocation.hold(&plan, core.time.unix()),
                plan,
                until: evidence_until,
                is_extended: false,
            });
        }
        authenticated.client = Some(Box::new(facts));
        let teller = self.teller(client_auth);
        if is_open {
            tokio::task::spawn_local(teller.tell_after_asking(decision, authenticated.standing));
        } else {
            teller.tell(&decision, authenticated.standing);
        }
    }

    fn teller(&self, client_auth: &Arc<ClientAuth>) -> Teller {
        let accepted = &self.accepted;
        Teller {
            core: Rc::clone(self.core),
            connection: accepted.connection,
            peer: accepted.peer,
            gateway_id: Arc::clone(&self.bind.gateway_id),
            listener: Arc::clone(&accepted.virtual_host.listener),
            client_auth: Arc::clone(client_auth),
            resumed: accepted.resumed,
            duration: self.core.time.now().duration_since(accepted.started),
        }
    }
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

/// Adds the judgements to the decision; the first bad one becomes its verdict. Tells until when all of them hold.
///
/// A question without a judgement is a bad one.
fn judged(decision: &mut Decision, judgements: Vec<Judgement>) -> UnixTime {
    let mut until = END_OF_TIME;
    let missing = decision.revocation.questions.len() != judgements.len();
    for judgement in judgements {
        until = until.min(judgement.valid_until);
        decision.checks.push(judgement.check);
        if let (Ok(_), Err(refusal)) = (&decision.verdict, judgement.result) {
            decision.verdict = Err(refusal);
        }
    }
    if missing && decision.verdict.is_ok() {
        let refusal = Refusal::new(Reason::RevocationUnavailable, "nobody could be asked");
        let check = Check::new(CheckName::Revocation, Err(refusal.clone()));
        decision.checks.push(check);
        decision.verdict = Err(refusal);
    }
    until
}

/// The gate of revocation: answers every question of `plan`, in order, within the time that the handshake has left. Without
/// answers the client is refused.
async fn ask_about_revocation(
    core: &Core,
    watch: &Watch,
    client_auth: &ClientAuth,
    plan: &RevocationPlan,
) -> Vec<Judgement> {
    let judgements = core
        .revocation
        .vet(plan, &client_auth.crls, core.time.unix());
    watch.race(Box::pin(judgements)).await.unwrap_or_default()
}

const END_OF_TIME: UnixTime = UnixTime::since_unix_epoch(std::time::Duration::MAX);
