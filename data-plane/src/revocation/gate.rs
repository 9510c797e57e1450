//! What a client goes through between its handshake and its first request.

use client_auth::{Judgement, RevocationPlan};
use rustls_pki_types::UnixTime;

use super::named::Named;
use super::{Revocation, UploadedLists};

impl Revocation {
    /// Judges every question of `plan`, by what is known `now` or, where something is missing, after it was asked for.
    /// Counts the verdicts, and logs whom nobody vouched for.
    pub(crate) async fn vet(
        &self,
        plan: &RevocationPlan,
        uploaded: &UploadedLists,
        now: UnixTime,
    ) -> Vec<Judgement> {
        match self.vet_at_once(plan, uploaded, now) {
            Some(judgements) => judgements,
            None => self.vet_after_asking(plan, uploaded).await,
        }
    }

    /// The part of [`Self::vet`] that waits for nothing. `None`: there is something to wait for, and it is being asked for.
    pub(crate) fn vet_at_once(
        &self,
        plan: &RevocationPlan,
        uploaded: &UploadedLists,
        now: UnixTime,
    ) -> Option<Vec<Judgement>> {
        let known = self.known(plan, uploaded, now);
        self.0.metrics.looked(known.is_some());
        let judgements = known?;
        self.tell(plan, &judgements);
        Some(judgements)
    }

    /// The part of [`Self::vet`] that waits.
    pub(crate) async fn vet_after_asking(
        &self,
        plan: &RevocationPlan,
        uploaded: &UploadedLists,
    ) -> Vec<Judgement> {
        let judgements = self.settle(plan, uploaded).await;
        self.tell(plan, &judgements);
        judgements
    }

    fn tell(&self, plan: &RevocationPlan, judgements: &[Judgement]) {
        for (question, judgement) in plan.questions.iter().zip(judgements) {
            self.0.metrics.judged(judgement);
            if judgement.soft_failed {
                let certificate = Named(question);
                let detail = &judgement.check.detail;
                tracing::warn!(%certificate, detail, "client let in without knowing whether its certificate is revoked");
            }
        }
    }
}
