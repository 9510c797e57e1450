//! What [`Authenticator::decide`](crate::Authenticator::decide) answers.

use std::sync::Arc;

use crate::certificate::Certificate;
use crate::{CertificateFacts, ClientIdentity, Refusal, RevocationPlan, Sha256Fingerprint};

/// The verdict about one client, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Who the client is, or why it may not in.
    ///
    /// In [`Mode::ReportOnly`](crate::Mode::ReportOnly) it is what strict mode would say. It does not take revocation into
    /// account: see [`revocation`](Self::revocation).
    pub verdict: Result<ClientIdentity, Refusal>,
    /// What the client's certificate says, whether it was believed or not; `None` without a readable one.
    pub presented: Option<Arc<CertificateFacts>>,
    /// What has to be found out before the client may be served. Empty after a refusal.
    pub revocation: RevocationPlan,
    /// The verified path, client first, trust anchor last.
    ///
    /// After a refusal: the path that failed last checks only after all signatures were good, else empty.
    pub path: Vec<PathCertificate>,
    /// The checks in the order in which they were made. All but the last have passed; the last one failed exactly
    /// when the verdict is a refusal. Checks that are not listed were not reached.
    pub checks: Vec<Check>,
}

/// One certificate of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathCertificate {
    /// Subject in the form of RFC 2253.
    pub subject: String,
    /// SHA-256 of the `SubjectPublicKeyInfo`: which key, whatever the certificate around it.
    pub key_id: Sha256Fingerprint,
    /// SHA-256 of the certificate. Of an anchor: of the uploaded certificate.
    pub sha256: Sha256Fingerprint,
    /// The certificate.
    pub der: Arc<[u8]>,
}

impl PathCertificate {
    /// What a path says about the certificate `der`; `None` when it cannot be read.
    pub fn of(der: &[u8]) -> Option<Self> {
        Certificate::parse(der).ok().as_ref().map(Self::new)
    }

    pub(crate) fn new(certificate: &Certificate<'_>) -> Self {
        Self {
            subject: certificate.subject_text(),
            key_id: certificate.key_id(),
            sha256: certificate.sha256(),
            der: certificate.der.into(),
        }
    }
}

/// One check and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: CheckName,
    /// Whether it passed, or why it did not.
    pub result: Result<(), Refusal>,
    /// What a check that passed has found, for the operator; control characters are escaped. Empty when there is nothing
    /// to say beyond that it passed; a failed check says it in its refusal.
    pub detail: String,
}

impl Check {
    /// A check without anything to say but its result.
    pub fn new(name: CheckName, result: Result<(), Refusal>) -> Self {
        Self {
            name,
            result,
            detail: String::new(),
        }
    }

    /// A check that passed, and what it found.
    pub fn passed(name: CheckName, detail: impl Into<String>) -> Self {
        Self {
            name,
            result: Ok(()),
            detail: detail.into(),
        }
    }
}

/// What a decision checks, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckName {
    /// The numbers of certificates and bytes are within the policy's limits.
    Size,
    /// There is something to trust.
    Trust,
    /// The client's certificate is well-formed.
    Encoding,
    /// It is no CA certificate.
    NotACa,
    /// Its key, and the algorithm that it is signed with, are strong enough for the policy.
    KeyStrength,
    /// It is valid now.
    Validity,
    /// Its extended key usage allows client authentication.
    Purpose,
    /// Its key usage allows digital signatures.
    KeyUsage,
    /// A path to a trust anchor exists on which every signature, validity, CA flag, path length, key usage, purpose
    /// and name constraint is good.
    Path,
    /// The immediate issuer on that path is pinned. Only with `verify_issuer`.
    Issuer,
    /// No identity rule keeps the client out. Only with such rules.
    Identity,
    /// No certificate that the revocation policy is about has been revoked. Judged after the decision, by
    /// [`judge`](crate::revocation::judge()).
    Revocation,
}

impl CheckName {
    /// A stable name in lower case for logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Trust => "trust",
            Self::Encoding => "encoding",
            Self::NotACa => "not_a_ca",
            Self::KeyStrength => "key_strength",
            Self::Validity => "validity",
            Self::Purpose => "purpose",
            Self::KeyUsage => "key_usage",
            Self::Path => "path",
            Self::Issuer => "issuer",
            Self::Identity => "identity",
            Self::Revocation => "revocation",
        }
    }
}
