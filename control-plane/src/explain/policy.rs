//! From an SSL profile to the policy that decides.

use client_auth::{Limits, Policy, TrustedCa};
use model::SslProfile;

/// The policy that a worker makes of what it gets for `profile`; `None`: the profile asks for no certificate.
pub fn policy(profile: &SslProfile) -> Option<Policy> {
    let asked = profile.client_auth()?;
    let demanded = asked.policy();
    let trusted = asked.trusted().iter().map(|upload| TrustedCa {
        bundle: upload.bundle.clone(),
        revocation: asked.revocation_of(&upload.name),
    });
    Some(Policy {
        name: profile.name().to_string(),
        mode: asked.mode(),
        trusted: trusted.collect(),
        verify_issuer: asked.verify_issuer(),
        partial_chains: demanded.partial_chains,
        strength: demanded.strength.clone(),
        identity: demanded.identity.clone(),
        limits: Limits {
            max_intermediates: demanded.max_intermediates.number(),
            ..Limits::default()
        },
    })
}
