//! What tokens of an issuer have to fulfil.

use jsonwebtoken::Algorithm;
use time::{Duration, OffsetDateTime};

use super::{IssuerName, Refused, Verified, claims::Claims};

/// The rules of one issuer.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) name: IssuerName,
    /// The value of `iss`, compared byte by byte.
    pub(super) issuer: String,
    /// At least one; a token names one of them.
    pub(super) audiences: Vec<String>,
    /// At least one; none with a shared secret.
    pub(super) algorithms: Vec<Algorithm>,
    /// The claim that names the principal.
    pub(super) principal_claim: String,
    /// By how much clocks may differ.
    pub(super) leeway: Duration,
}

impl Rules {
    /// Whether the issuer signs with `algorithm` at all.
    pub(super) fn admit(&self, algorithm: Algorithm) -> Result<(), Refused> {
        if self.algorithms.contains(&algorithm) {
            Ok(())
        } else {
            Err(Refused::Algorithm)
        }
    }

    /// Judges the claims of a token whose signature a key of this issuer has verified.
    ///
    /// # Errors
    /// [`Refused`]: the token does not fulfil the rules, or not at this time.
    pub(super) fn judge(&self, now: OffsetDateTime, claims: &Claims) -> Result<Verified, Refused> {
        if claims.text("iss")? != Some(&self.issuer) {
            return Err(Refused::UnknownIssuer);
        }
        if !claims.is_for(&self.audiences)? {
            return Err(Refused::Audience);
        }
        let expires_at = claims.time("exp")?.ok_or(Refused::MissingClaim("exp"))?;
        if expires_at.saturating_add(self.leeway) <= now {
            return Err(Refused::Expired);
        }
        for begin in ["nbf", "iat"] {
            let begins_at = claims.time(begin)?;
            if begins_at.is_some_and(|begins_at| begins_at > now.saturating_add(self.leeway)) {
                return Err(Refused::NotYetValid);
            }
        }
        let subject = claims.text(&self.principal_claim)?;
        let subject = subject.ok_or(Refused::MissingClaim("principal"))?;
        let first = |names: &[&str]| -> Result<Option<String>, Refused> {
            for name in names {
                if let Some(text) = claims.text(name)? {
                    return Ok(Some(text.to_owned()));
                }
            }
            Ok(None)
        };
        Ok(Verified {
            issuer: self.name.clone(),
            subject: subject.to_owned(),
            application: first(&["appid", "azp"])?,
            name: first(&["name", "preferred_username", "app_displayname"])?,
            tenant: first(&["tid"])?,
            expires_at,
        })
    }
}
