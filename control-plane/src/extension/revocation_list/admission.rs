//! Whether an uploaded revocation list may be stored.

use std::time::Duration;

use client_auth::{
    TrustBundle,
    crl::{Crl, CrlError, CrlNumber, Succession},
};
use model::ResourceName;
use rustls_pki_types::UnixTime;

use super::{RevocationList, RevocationLists};

/// By how much the clock of a CA may be ahead; as much as workers allow.
const SKEW: Duration = Duration::from_mins(5);

/// Lists of one gateway, and the bytes of all together: each worker of the gateway holds them in memory.
const MAX_LISTS: usize = 100;
const MAX_BYTES: u64 = 200 * 1024 * 1024;

/// A list to store.
#[derive(Debug)]
pub struct Upload<'a> {
    /// Name of the trusted client certificate.
    pub trusted: &'a ResourceName,
    /// The upload of client CAs of that name.
    pub bundle: &'a TrustBundle,
    /// Name of the list.
    pub name: &'a ResourceName,
    /// The list.
    pub der: &'a [u8],
    /// Whether it may replace a newer list.
    pub allow_rollback: bool,
}

/// A list that may be stored.
#[derive(Debug)]
pub struct Admitted {
    /// What is known about it.
    pub list: RevocationList,
    /// The newer list that it would not have replaced without leave.
    pub rolled_back: Option<RevocationList>,
}

/// Why a list is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It is not readable, of a kind that is not supported, or not signed by a CA of the upload.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// RFC 5280 section 5.2.3 demands a number, and without one nobody can tell which list is newer.
    #[error("the CRL has no cRLNumber")]
    NoNumber,
    /// With it, everybody would be refused.
    #[error("the CRL expired at {0}")]
    Expired(String),
    /// Workers would not use it yet.
    #[error("the CRL is valid only from {0} on")]
    NotYetValid(String),
    /// A list of the same name, or of the same issuer and scope, is newer.
    #[error("{0}")]
    Rollback(String),
    /// The gateway has too many lists, or too many bytes of them.
    #[error("{0}")]
    TooMany(String),
}

/// Checks an upload against the CAs that it has to be signed by and against the `stored` lists of the gateway.
///
/// Takes long for a large list: call it where blocking is fine.
///
/// # Errors
/// [`NotAdmitted`].
pub fn admit(
    now: UnixTime,
    stored: &RevocationLists,
    upload: &Upload<'_>,
) -> Result<Admitted, NotAdmitted> {
    let crl = Crl::parse(upload.der)?;
    check_times(now, &crl)?;
    if crl.number().is_none() {
        return Err(NotAdmitted::NoNumber);
    }
    let cas = upload.bundle.certificates().iter();
    let signed = crl.find_signer(cas.map(AsRef::as_ref))?;
    let list = RevocationList {
        trusted: upload.trusted.clone(),
        name: upload.name.clone(),
        head: signed.head().clone(),
        issuer: signed.issuer().to_owned(),
        entry_count: signed.entry_count() as u64,
        size: signed.size_bytes() as u64,
    };
    check_room(stored, &list)?;
    let newer = stored
        .of(upload.trusted)
        .find(|stored| is_rollback(&list, stored, upload.bundle));
    match newer {
        Some(newer) if !upload.allow_rollback => Err(NotAdmitted::Rollback(describe(&list, newer))),
        newer => Ok(Admitted {
            rolled_back: newer.cloned(),
            list,
        }),
    }
}

fn check_times(now: UnixTime, crl: &Crl<'_>) -> Result<(), NotAdmitted> {
    if crl.next_update() < now {
        return Err(NotAdmitted::Expired(text(crl.next_update())));
    }
    let soon = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + SKEW);
    if crl.this_update() > soon {
        return Err(NotAdmitted::NotYetValid(text(crl.this_update())));
    }
    Ok(())
}

fn check_room(stored: &RevocationLists, list: &RevocationList) -> Result<(), NotAdmitted> {
    let replaced = stored.find(&list.trusted, &list.name);
    let others = stored.iter().filter(|other| Some(*other) != replaced);
    let (count, bytes) = others.fold((1, list.size), |(count, bytes), other| {
        (count + 1, bytes.saturating_add(other.size))
    });
    if count > MAX_LISTS {
        let message = format!("the gateway would have more than {MAX_LISTS} revocation lists");
        return Err(NotAdmitted::TooMany(message));
    }
    if bytes > MAX_BYTES {
        let message =
            format!("the revocation lists of the gateway would have more than {MAX_BYTES} bytes");
        return Err(NotAdmitted::TooMany(message));
    }
    Ok(())
}

/// Whether `list` would take effect against a newer list: one of its issuer and scope under any name, or the one that it
/// replaces, unless the CA of that is no longer trusted.
fn is_rollback(list: &RevocationList, stored: &RevocationList, bundle: &TrustBundle) -> bool {
    match list.head.succession(&stored.head) {
        Succession::Newer | Succession::Same => false,
        Succession::Older => true,
        Succession::Unrelated => {
            stored.name == list.name
                && stored.is_active(bundle)
                && list.head.number < stored.head.number
        }
    }
}

fn describe(list: &RevocationList, newer: &RevocationList) -> String {
    let number = |number: &Option<CrlNumber>| match number {
        Some(number) => number.to_string(),
        None => "none".to_owned(),
    };
    format!(
        "the CRL has number {} and was issued at {}; the stored list '{}' has number {} and was issued at {}",
        number(&list.head.number),
        text(list.head.this_update),
        newer.name,
        number(&newer.head.number),
        text(newer.head.this_update),
    )
}

/// RFC 3339, for messages.
fn text(at: UnixTime) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    let format = time::format_description::well_known::Rfc3339;
    at.and_then(|at| at.format(&format).ok())
        .unwrap_or_else(|| seconds.to_string())
}
