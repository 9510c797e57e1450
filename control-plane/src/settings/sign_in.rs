//! Whose tokens the API takes.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use rustls::RootCertStore;

use super::{
    ServeArgs,
    check::{Problem, duration, refuse},
    issuers_file,
};
use crate::token::{IssuerName, Location, MAX_LIFETIME, PlainHttp};

/// Whose tokens the API takes.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// How long tokens of the built-in issuer are valid; at most a day. Absent: there is no built-in issuer.
    pub token_lifetime: Option<Duration>,
    /// External issuers; names and URLs are unique.
    pub issuers: Vec<IssuerSettings>,
}

/// An external issuer.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// Its name in role assignments.
    pub name: IssuerName,
    /// `iss` of its tokens, to the letter.
    pub issuer: String,
    /// At least one; a token names one of them in `aud`.
    pub audiences: Vec<String>,
    /// What it signs with; no shared secrets.
    pub algorithms: Vec<Algorithm>,
    /// The claim that names the principal.
    pub principal_claim: String,
    /// What its servers are verified by.
    pub roots: Roots,
    /// By how much clocks may differ; at most five minutes.
    pub leeway: time::Duration,
    /// Where it describes itself.
    pub(crate) discovery: Location,
    /// Where its keys are; by default where it says.
    pub(crate) jwks_uri: Option<Location>,
    pub(crate) plain_http: PlainHttp,
}

/// What servers of an issuer are verified by.
#[derive(Debug, Clone)]
pub enum Roots {
    /// Certificates from a file.
    Own(Arc<RootCertStore>),
    /// The roots of the operating system.
    System,
}

impl SignInSettings {
    pub(super) fn check(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let file = args.oidc_issuers_file.as_deref();
        let issuers = match file.map_or(Ok(Vec::new()), issuers_file::read) {
            Ok(issuers) => issuers,
            Err(messages) => {
                for message in messages {
                    refuse("--oidc-issuers-file", message, problems);
                }
                Vec::new()
            }
        };
        if args.no_built_in_issuer && file.is_none() {
            let message = "only with --oidc-issuers-file: nobody could sign in";
            refuse("--no-built-in-issuer", message, problems);
        }
        let lifetime = duration("--token-lifetime", &args.token_lifetime, problems)?;
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
            refuse("--token-lifetime", "must be from 1m to 24h", problems);
        }
        (problems.len() == before).then_some(Self {
            token_lifetime: Some(lifetime).filter(|_| !args.no_built_in_issuer),
            issuers,
        })
    }
}

/// Clients ask anew some minutes before a token ends; with shorter ones they would do nothing else.
const MIN_LIFETIME: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn check(args: ServeArgs, expected: &[&str]) {
        let mut problems = Vec::new();
        let checked = SignInSettings::check(&args, &mut problems);
        let settings: Vec<&str> = problems.iter().map(|problem| problem.setting).collect();
        assert_eq!(settings, expected);
        assert_eq!(checked.is_some(), expected.is_empty());
    }

    #[test]
    fn somebody_can_sign_in_and_not_for_too_long() {
        let with_lifetime = |text: &str| ServeArgs {
            token_lifetime: text.to_owned(),
            ..ServeArgs::default()
        };
        check(ServeArgs::default(), &[]);
        check(with_lifetime("1m"), &[]);
        check(with_lifetime("24h"), &[]);
        for lifetime in ["59s", "25h", "1d", ""] {
            check(with_lifetime(lifetime), &["--token-lifetime"]);
        }
        let nobody = ServeArgs {
            no_built_in_issuer: true,
            ..ServeArgs::default()
        };
        check(nobody, &["--no-built-in-issuer"]);
        let no_file = ServeArgs {
            oidc_issuers_file: Some(PathBuf::from("/nowhere/oidc.json")),
            token_lifetime: "soon".to_owned(),
            ..ServeArgs::default()
        };
        check(no_file, &["--oidc-issuers-file", "--token-lifetime"]);
    }
}
