//! Whose tokens the API takes.

use std::time::Duration;

use super::{
    ServeArgs,
    check::{Problem, duration, refuse},
};
use crate::token::MAX_LIFETIME;

/// Whose tokens the API takes.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// How long tokens of the built-in issuer are valid; at most a day. Absent: there is no built-in issuer.
    pub token_lifetime: Option<Duration>,
}

impl SignInSettings {
    pub(super) fn check(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<Self> {
        let lifetime = duration("--token-lifetime", &args.token_lifetime, problems)?;
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
            refuse("--token-lifetime", "must be from 1m to 24h", problems);
            return None;
        }
        Some(Self {
            token_lifetime: Some(lifetime),
        })
    }
}

/// Clients ask anew some minutes before a token ends; with shorter ones they would do nothing else.
const MIN_LIFETIME: Duration = Duration::from_mins(1);
