//! Paths of extension resources: `{child}/providers/Portcullis.Security/...`.

use model::{ChildId, Collection, ResourceName};

use super::{ArmPath, is, resource_name, unknown};
use crate::api::error::ApiError;

/// What lies below a child of a gateway besides what Azure knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Extension {
    /// `{sslProfile}/…/clientAuthPolicies`
    ClientAuthPolicies,
    /// `{sslProfile}/…/clientAuthPolicies/default`
    ClientAuthPolicy,
    /// `{sslProfile}/…/readinessReports/default`
    ReadinessReport,
    /// `{trustedClientCertificate}/…/certificateRevocationLists/{name}`
    RevocationList(ResourceName),
    /// `{trustedClientCertificate}/…/certificateRevocationLists`
    RevocationLists,
}

/// What `rest` is below `child`, after `providers/Portcullis.Security`; `path` is all of it.
///
/// # Errors
/// 404 for a path that means nothing here, 400 for a malformed name.
pub(super) fn parse(child: ChildId, rest: &[&str], path: &str) -> Result<ArmPath, ApiError> {
    let extension = match (child.collection(), rest) {
        (Collection::SSL_PROFILES, [policies]) if is(policies, POLICIES) => {
            Extension::ClientAuthPolicies
        }
        (Collection::SSL_PROFILES, [policies, default])
            if is(policies, POLICIES) && is(default, "default") =>
        {
            Extension::ClientAuthPolicy
        }
        (Collection::SSL_PROFILES, [reports, default])
            if is(reports, "readinessReports") && is(default, "default") =>
        {
            Extension::ReadinessReport
        }
        (Collection::TRUSTED_CLIENT_CERTIFICATES, [lists]) if is(lists, LISTS) => {
            Extension::RevocationLists
        }
        (Collection::TRUSTED_CLIENT_CERTIFICATES, [lists, name]) if is(lists, LISTS) => {
            Extension::RevocationList(resource_name(name)?)
        }
        _ => return Err(unknown(path)),
    };
    Ok(ArmPath::Extension(child, extension))
}

const POLICIES: &str = "clientAuthPolicies";
const LISTS: &str = "certificateRevocationLists";
