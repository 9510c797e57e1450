//! The uploaded revocation lists that an explanation depends on.

use client_auth::crl::{Crl, CrlError, SignedCrl};
use client_auth::{RevocationQuestion, TrustBundle};
use model::{ClientAuth, SslProfile};

use super::{Presented, decide, policy, revocation};
use crate::extension::{RevocationList, RevocationLists};

/// One of them.
#[derive(Debug, Clone)]
pub struct NeededList {
    /// SHA-256 of its DER.
    pub sha256: [u8; 32],
    bundle: TrustBundle,
}

/// Those of `uploaded` that workers would look into for this client, each once. All lists of a profile's uploads count
/// together, whichever of them a list was uploaded for.
pub fn lists_needed(
    profile: &SslProfile,
    presented: &Presented<'_>,
    uploaded: &RevocationLists,
) -> Vec<NeededList> {
    let questions = questions(profile, presented);
    let mut needed: Vec<NeededList> = Vec::new();
    for trusted in profile
        .client_auth()
        .into_iter()
        .flat_map(ClientAuth::trusted)
    {
        let lists = uploaded.of(&trusted.name);
        for list in lists.filter(|list| list.is_active(&trusted.bundle)) {
            let sha256 = list.head.sha256;
            let is_known = needed.iter().any(|known| known.sha256 == sha256);
            if !is_known && questions.iter().any(|question| is_about(list, question)) {
                let bundle = trusted.bundle.clone();
                needed.push(NeededList { sha256, bundle });
            }
        }
    }
    needed
}

impl NeededList {
    /// Reads the list, whose signature is verified. Blocks: it may be long.
    ///
    /// # Errors
    /// Only what was good is stored, so this takes a damaged database.
    pub fn read(&self, der: &[u8]) -> Result<SignedCrl, CrlError> {
        let cas = self.bundle.certificates().iter();
        Crl::parse(der)?.find_signer(cas.map(AsRef::as_ref))
    }
}

/// What would be looked up in lists.
fn questions(
    profile: &SslProfile,
    presented: &Presented<'_>,
) -> Vec<std::sync::Arc<RevocationQuestion>> {
    let Some(policy) = policy(profile) else {
        return Vec::new();
    };
    let mut questions = decide(policy, presented).revocation.questions;
    questions.retain(|question| revocation::looks_into_lists(question));
    questions
}

fn is_about(list: &RevocationList, question: &RevocationQuestion) -> bool {
    let certificate = &question.certificate;
    list.head.issuer_key == certificate.issuer_key
        && list.head.issuer_name == certificate.issuer_name
}
