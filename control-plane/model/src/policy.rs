//! What an SSL profile demands of clients beyond Azure's schema: `Portcullis.Security/clientAuthPolicies`.

use std::time::Duration;

use client_auth::{
    IdentityRules, RevocationFailure, RevocationMethod, RevocationPolicy, RevocationScope, Strength,
};

use crate::name::ResourceName;
use crate::port::{OutOfRange, checked};
use crate::profile::ClientRevocation;

/// A client auth policy. The default is what holds for a profile that has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthPolicy {
    /// What comes of a refusal.
    pub enforcement: Enforcement,
    /// How a refusal looks.
    pub refusal_form: RefusalForm,
    /// Whether every uploaded CA is a trust anchor, and not the roots only.
    pub partial_chains: bool,
    /// How long a path may be.
    pub max_intermediates: MaxIntermediates,
    /// What keys and signatures must be.
    pub strength: Strength,
    /// Which of the clients with a good path may in.
    pub identity: IdentityRules,
    /// How certificates are checked for revocation.
    pub revocation: RevocationRules,
    /// For how long sessions may be resumed; `None`: never.
    pub resumption: Option<SessionLifetime>,
    /// Whether the request for a certificate names the CAs.
    pub send_ca_names: bool,
    /// What backends are told in headers of their own.
    pub identity_headers: IdentityHeaders,
}

/// What comes of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// What the profile's mode says.
    Enforce,
    /// Nobody is refused; what `Strict` would refuse is counted and reported.
    ReportOnly,
}

/// How a refusal looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalForm {
    /// The handshake fails with an alert.
    TlsAlert,
    /// The handshake succeeds, and requests get HTTP 400: Azure's form.
    HttpStatus,
}

/// Intermediate certificates between the client's and the trust anchor, 0 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaxIntermediates(u8);

/// How long after the full handshake a session may be resumed, 1 to 300 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionLifetime(u32);

/// How long an outage of every source of evidence lets clients in, 1 second to 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GracePeriod(u32);

/// Headers for backends. All false: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct IdentityHeaders {
    /// RFC 9440 `Client-Cert`.
    pub client_cert: bool,
    /// RFC 9440 `Client-Cert-Chain`.
    pub client_cert_chain: bool,
    /// Envoy's `X-Forwarded-Client-Cert`.
    pub xfcc: bool,
}

/// How certificates are checked for revocation, by the upload that they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRules {
    /// For uploads that have no rule of their own.
    pub default: RevocationRule,
    /// The rules of single uploads, which take the place of the default as a whole. Rules of uploads that the profile
    /// does not refer to have no effect.
    pub of_uploads: Vec<(ResourceName, RevocationRule)>,
}

/// How certificates are checked for revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRule {
    /// Who is asked; `None`: whom Azure's `verifyClientRevocation` says.
    pub method: Option<RevocationMethod>,
    /// About which certificates.
    pub scope: RevocationScope,
    /// For how long an outage lets clients in; `None`: not at all.
    pub grace: Option<GracePeriod>,
    /// The responder to ask instead of that of the certificate.
    pub responder: Option<String>,
    /// Whether OCSP requests carry a nonce.
    pub nonce: bool,
    /// Whether CRLs are fetched, besides the uploaded ones.
    pub fetch_crls: bool,
}

impl Default for ClientAuthPolicy {
    fn default() -> Self {
        Self {
            enforcement: Enforcement::Enforce,
            refusal_form: RefusalForm::TlsAlert,
            partial_chains: false,
            max_intermediates: MaxIntermediates::default(),
            strength: Strength::default(),
            identity: IdentityRules::default(),
            revocation: RevocationRules::default(),
            resumption: Some(SessionLifetime::LONGEST),
            send_ca_names: true,
            identity_headers: IdentityHeaders::default(),
        }
    }
}

impl Default for RevocationRules {
    fn default() -> Self {
        Self {
            default: RevocationRule {
                method: None,
                scope: RevocationScope::Leaf,
                grace: None,
                responder: None,
                nonce: false,
                fetch_crls: false,
            },
            of_uploads: Vec::new(),
        }
    }
}

impl RevocationRules {
    /// The rule of an upload.
    pub fn of(&self, upload: &ResourceName) -> &RevocationRule {
        let own = self.of_uploads.iter().find(|(name, _)| name == upload);
        own.map_or(&self.default, |(_, rule)| rule)
    }
}

impl RevocationRule {
    /// What the rule comes to in a profile that has this `verifyClientRevocation`, which is a floor.
    pub fn in_profile(&self, profile: ClientRevocation) -> RevocationPolicy {
        let floor = match profile {
            ClientRevocation::None => RevocationMethod::None,
            ClientRevocation::Ocsp => RevocationMethod::Ocsp,
        };
        let method = match self.method {
            Some(RevocationMethod::None) | None => floor,
            Some(method) => method,
        };
        if method == RevocationMethod::None {
            return RevocationPolicy::NONE;
        }
        RevocationPolicy {
            method,
            scope: self.scope,
            failure: self
                .grace
                .map_or(RevocationFailure::Hard, |grace| RevocationFailure::Soft {
                    grace: grace.duration(),
                }),
            responder: self.responder.clone(),
            nonce: self.nonce,
            fetch_crls: self.fetch_crls,
        }
    }
}

impl MaxIntermediates {
    /// Takes 0 to 6.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn new(number: i64) -> Result<Self, OutOfRange> {
        checked(number, 0, 6).map(Self)
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl Default for MaxIntermediates {
    /// 4.
    fn default() -> Self {
        Self(4)
    }
}

impl SessionLifetime {
    /// 300 seconds.
    pub const LONGEST: Self = Self(300);

    /// Takes 1 to 300.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn new(seconds: i64) -> Result<Self, OutOfRange> {
        checked(seconds, 1, 300).map(Self)
    }

    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl GracePeriod {
    /// Takes 1 to 604800: a week.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn new(seconds: i64) -> Result<Self, OutOfRange> {
        checked(seconds, 1, 604_800).map(Self)
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_azures_property_demands_is_a_floor() {
        use RevocationMethod as Method;
        for (profile, method, expected) in [
            (ClientRevocation::None, None, Method::None),
            (ClientRevocation::None, Some(Method::None), Method::None),
            (ClientRevocation::None, Some(Method::Crl), Method::Crl),
            (ClientRevocation::Ocsp, None, Method::Ocsp),
            (ClientRevocation::Ocsp, Some(Method::None), Method::Ocsp),
            (ClientRevocation::Ocsp, Some(Method::Crl), Method::Crl),
            (
                ClientRevocation::Ocsp,
                Some(Method::OcspThenCrl),
                Method::OcspThenCrl,
            ),
        ] {
            let rule = RevocationRule {
                method,
                ..RevocationRules::default().default
            };
            let policy = rule.in_profile(profile);
            assert_eq!(policy.method, expected, "{profile:?} {method:?}");
            assert_eq!(policy.failure, RevocationFailure::Hard);
        }
    }

    #[test]
    fn an_upload_has_its_own_rule_or_the_default() {
        let name = |text| ResourceName::parse(text).unwrap();
        let own = RevocationRule {
            nonce: true,
            ..RevocationRules::default().default
        };
        let rules = RevocationRules {
            of_uploads: vec![(name("Partners"), own)],
            ..RevocationRules::default()
        };
        assert!(rules.of(&name("partners")).nonce);
        assert!(!rules.of(&name("others")).nonce);
    }

    #[test]
    fn numbers_have_bounds() {
        let ranges = [
            (MaxIntermediates::new(-1).is_ok(), false),
            (MaxIntermediates::new(0).is_ok(), true),
            (MaxIntermediates::new(6).is_ok(), true),
            (MaxIntermediates::new(7).is_ok(), false),
            (SessionLifetime::new(0).is_ok(), false),
            (SessionLifetime::new(300).is_ok(), true),
            (SessionLifetime::new(301).is_ok(), false),
            (GracePeriod::new(0).is_ok(), false),
            (GracePeriod::new(604_800).is_ok(), true),
            (GracePeriod::new(604_801).is_ok(), false),
        ];
        for (at, (found, expected)) in ranges.into_iter().enumerate() {
            assert_eq!(found, expected, "{at}");
        }
    }
}
