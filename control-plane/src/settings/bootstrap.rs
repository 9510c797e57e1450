//! Who is the first owner.

use std::fs;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    ServeArgs,
    check::{Problem, refuse},
};
use crate::{credential::Password, principal::Principal, token::IssuerName};

/// Who is `Owner` of everything when nobody is.
#[derive(Debug, Clone, Default)]
pub struct BootstrapSettings {
    /// A principal of an external issuer; nothing else is made then.
    pub principal: Option<Principal>,
    /// Client id of the service principal that is made; random by default.
    pub client_id: Option<Uuid>,
    /// Its secret; random by default, and then in a file.
    pub secret: Option<Password>,
}

impl BootstrapSettings {
    pub(super) fn check(args: &ServeArgs, problems: &mut Vec<Problem>) -> Self {
        Self {
            principal: principal(args, problems),
            client_id: client_id(args, problems),
            secret: secret(args, problems),
        }
    }
}

fn principal(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<Principal> {
    let text = args.bootstrap_principal.as_deref()?;
    let parts = text.split_once('/').filter(|(_, id)| !id.is_empty());
    let named = parts.and_then(|(issuer, id)| Some((IssuerName::external(issuer).ok()?, id)));
    let Some((issuer, id)) = named else {
        let message =
            "must be the name of an external issuer, a slash, and the principal's id there";
        refuse("--bootstrap-principal", message, problems);
        return None;
    };
    Some(Principal {
        issuer: issuer.as_str().to_owned(),
        id: id.to_owned(),
        application: None,
        name: id.to_owned(),
    })
}

fn client_id(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<Uuid> {
    let text = args.bootstrap_client_id.as_deref()?;
    let id = Uuid::parse_str(text).ok();
    if id.is_none() {
        refuse("--bootstrap-client-id", "must be a GUID", problems);
    }
    id
}

fn secret(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<Password> {
    const FILE: &str = "--bootstrap-secret-file";
    const VARIABLE: &str = "PORTCULLIS_BOOTSTRAP_SECRET";
    let (name, text) = match (&args.bootstrap_secret_file, &args.bootstrap_secret) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            let message = format!("cannot be given together with {VARIABLE}");
            refuse(FILE, message, problems);
            return None;
        }
        (None, Some(secret)) => (VARIABLE, Zeroizing::new(secret.reveal().to_owned())),
        (Some(file), None) => match fs::read_to_string(file) {
            Ok(text) => (FILE, Zeroizing::new(text)),
            Err(error) => {
                let message = format!("cannot be read: {}: {error}", file.display());
                refuse(FILE, message, problems);
                return None;
            }
        },
    };
    match Password::chosen(text.trim()) {
        Ok(password) => Some(password),
        Err(error) => {
            refuse(name, format!("holds no usable secret: {error}"), problems);
            None
        }
    }
}
