//! What is wrong with a document.

use std::fmt;

/// One broken rule. Belongs in an ARM error as it is; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {message} ({code})")]
pub struct Violation {
    /// Which rule.
    pub code: ViolationCode,
    /// For people: names what was sent and what is wanted.
    pub message: String,
    /// Path of the property at fault: `properties.httpListeners[2].properties.frontendPort`.
    pub target: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident),* $(,)?) => {
        /// The rule that was broken; the variant's name is the ARM error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ViolationCode {
            $($(#[$doc])* $variant,)*
        }

        impl ViolationCode {
            /// The ARM error code.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)*
                }
            }
        }
    };
}

codes! {
    /// The JSON does not fit Azure's schema: an unknown member, a wrong type, an unknown enum value. ARM shows these
    /// as details of `InvalidRequestFormat`.
    InvalidJson,
    /// A property has the right type but no valid value.
    InvalidPropertyValue,
    /// A property that must be there is missing.
    MissingRequiredProperty,
    /// A name breaks Azure's rule for names.
    InvalidResourceName,
    /// Two children of one collection have the same name.
    DuplicateResourceName,
    /// A reference names nothing.
    InvalidResourceReference,
    /// Azure has the feature; this gateway does not enforce it, so it does not pretend to.
    FeatureNotSupported,
    /// No location.
    LocationRequired,
    /// A gateway cannot move to another location.
    InvalidResourceLocation,
    /// More entries, or more bytes, than a gateway may have.
    LimitExceeded,
    /// Some rules have a priority and some do not.
    ApplicationGatewayRequestRoutingRulePartialPriorityDefined,
    /// Rules have no priority though the api-version wants it.
    ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty,
    /// Two rules have the same priority.
    ApplicationGatewayRequestRoutingRulePriorityMustBeUnique,
    /// Two rules use one listener.
    ApplicationGatewayHttpListenerUsedByMultipleRules,
    /// Two listeners want the same frontend address, port and host.
    ApplicationGatewayHttpListenersConflict,
    /// HTTP and HTTPS listeners on one port.
    ApplicationGatewayHttpListenerProtocolsConflict,
    /// `hostName` and `hostNames` in one listener.
    ApplicationGatewayHttpListenerHostNameAndHostNamesConflict,
    /// `requireServerNameIndication` without a host name.
    ApplicationGatewayHttpListenerHostNameRequired,
    /// A host name breaks Azure's rules.
    ApplicationGatewayHttpListenerInvalidHostName,
    /// An HTTPS listener without certificate.
    ApplicationGatewayHttpListenerCertificateRequired,
    /// A certificate or SSL profile on an HTTP listener.
    ApplicationGatewayHttpListenerPropertyRequiresHttps,
    /// Two frontend ports with one number.
    ApplicationGatewayFrontendPortsConflict,
    /// Two frontends would listen on one address and port.
    ApplicationGatewayFrontendIpConfigurationsConflict,
    /// An SSL profile that says nothing.
    ApplicationGatewaySslProfileMustSpecifySslPolicyOrTrustedClientCertificates,
    /// No `data` in a trusted client certificate.
    ApplicationGatewayTrustedClientCertificateMustSpecifyData,
    /// A private key in a trusted client certificate.
    ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey,
    /// Not readable as certificates.
    ApplicationGatewayTrustedClientCertificateInvalidData,
    /// No CA among the certificates.
    ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate,
    /// No root, or more than one.
    ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate,
    /// Not readable as certificates.
    ApplicationGatewayTrustedRootCertificateInvalidData,
    /// The server certificate cannot be opened or does not fit its key.
    ApplicationGatewaySslCertificateInvalidData,
    /// `sslPolicy` without `policyType`.
    ApplicationGatewaySslPolicyPropertyPolicyTypeRequired,
    /// A property that the policy type does not take.
    ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType,
    /// A property that the policy type wants is missing.
    ApplicationGatewaySslPolicyPropertyRequired,
    /// A retired policy or protocol version.
    ApplicationGatewaySslPolicyRetired,
    /// Nothing of the policy is left with this TLS library.
    ApplicationGatewaySslPolicyHasNoUsableCipherSuite,
    /// Policies of the old and of the new generation in one gateway.
    ApplicationGatewaySslPolicyGenerationsConflict,
}

impl Violation {
    /// Joins the parts.
    pub fn new(code: ViolationCode, target: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            target: target.into(),
        }
    }

    /// A reference at `target`, in the resource `referrer`, to `wanted`, which is not there. Azure's wording.
    pub fn dangling(target: impl Into<String>, wanted: &str, referrer: &str) -> Self {
        let message = format!(
            "Resource {wanted} referenced by resource {referrer} was not found. Please make sure that the referenced \
             resource exists, and that both resources are in the same region."
        );
        Self::new(ViolationCode::InvalidResourceReference, target, message)
    }
}

impl fmt::Display for ViolationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
