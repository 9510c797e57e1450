//! What Azure has and this gateway does not enforce: refused by name, since ignoring it would weaken security or send
//! requests elsewhere than its owner thinks.

use model::ViolationCode;
use serde_json::{Map, Value};

use super::path::select;
use crate::violations::Findings;

/// When a value asks for the feature.
#[derive(Clone, Copy)]
enum Asks {
    /// Unless it is an empty array.
    Present,
    True,
    False,
    /// Unless it is this word.
    Not(&'static str),
    /// If it is this word.
    Is(&'static str),
    /// If the word has these letters in it.
    Contains(&'static str),
}

const FEATURES: &[(&str, Asks, &str)] = &[
    (
        "properties.sku.tier",
        Asks::Contains("WAF"),
        "The web application firewall",
    ),
    (
        "properties.sku.name",
        Asks::Contains("WAF"),
        "The web application firewall",
    ),
    (
        "properties.webApplicationFirewallConfiguration.enabled",
        Asks::True,
        "The web application firewall",
    ),
    (
        "properties.firewallPolicy",
        Asks::Present,
        "A firewall policy",
    ),
    (
        "properties.forceFirewallPolicyAssociation",
        Asks::True,
        "A firewall policy",
    ),
    ("properties.enableFips", Asks::True, "FIPS mode"),
    (
        "properties.authenticationCertificates",
        Asks::Present,
        "An authentication certificate (v1 gateways)",
    ),
    (
        "properties.backendSettingsCollection",
        Asks::Present,
        "TCP and TLS proxying",
    ),
    (
        "properties.listeners",
        Asks::Present,
        "TCP and TLS proxying",
    ),
    (
        "properties.routingRules",
        Asks::Present,
        "TCP and TLS proxying",
    ),
    (
        "properties.urlPathMaps",
        Asks::Present,
        "Path-based routing",
    ),
    (
        "properties.advancedRoutingMaps",
        Asks::Present,
        "Advanced routing",
    ),
    (
        "properties.advancedRoutingConditionSets",
        Asks::Present,
        "Advanced routing",
    ),
    (
        "properties.rewriteRuleSets[].properties.rewriteRules[].actionSet.urlConfiguration",
        Asks::Present,
        "Rewriting of URLs (urlConfiguration)",
    ),
    (
        "properties.redirectConfigurations",
        Asks::Present,
        "Redirection",
    ),
    (
        "properties.privateLinkConfigurations",
        Asks::Present,
        "Private Link",
    ),
    (
        "properties.customErrorConfigurations",
        Asks::Present,
        "A custom error page",
    ),
    (
        "properties.loadDistributionPolicies",
        Asks::Present,
        "A load distribution policy",
    ),
    (
        "properties.entraJWTValidationConfigs",
        Asks::Present,
        "JWT validation",
    ),
    (
        "properties.trustedRootCertificates[].properties.keyVaultSecretId",
        Asks::Present,
        "Key Vault",
    ),
    (
        "properties.sslCertificates[].properties.keyVaultSecretId",
        Asks::Present,
        "Key Vault",
    ),
    (
        "properties.sslCertificates[].properties.hsm",
        Asks::Present,
        "Managed HSM",
    ),
    (
        "properties.frontendIPConfigurations[].properties.privateLinkConfiguration",
        Asks::Present,
        "Private Link",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.cookieBasedAffinity",
        Asks::Is("Enabled"),
        "Cookie-based affinity",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.authenticationCertificates",
        Asks::Present,
        "An authentication certificate (v1 gateways)",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.dedicatedBackendConnection",
        Asks::True,
        "A dedicated backend connection",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.validateCertChainAndExpiry",
        Asks::False,
        "A backend whose certificate is not verified",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.validateSNI",
        Asks::False,
        "A backend whose certificate is not verified",
    ),
    (
        "properties.httpListeners[].properties.firewallPolicy",
        Asks::Present,
        "A firewall policy",
    ),
    (
        "properties.httpListeners[].properties.customErrorConfigurations",
        Asks::Present,
        "A custom error page",
    ),
    (
        "properties.requestRoutingRules[].properties.ruleType",
        Asks::Not("Basic"),
        "Routing by more than the listener",
    ),
    (
        "properties.requestRoutingRules[].properties.urlPathMap",
        Asks::Present,
        "Path-based routing",
    ),
    (
        "properties.requestRoutingRules[].properties.advancedRoutingMap",
        Asks::Present,
        "Advanced routing",
    ),
    (
        "properties.requestRoutingRules[].properties.redirectConfiguration",
        Asks::Present,
        "Redirection",
    ),
    (
        "properties.requestRoutingRules[].properties.loadDistributionPolicy",
        Asks::Present,
        "A load distribution policy",
    ),
    (
        "properties.requestRoutingRules[].properties.entraJWTValidationConfig",
        Asks::Present,
        "JWT validation",
    ),
    (
        "properties.requestRoutingRules[].properties.authConfigs",
        Asks::Present,
        "JWT validation",
    ),
];

/// Reports every feature that the document asks for in vain.
pub(super) fn refuse(document: &Map<String, Value>, findings: &mut Findings) {
    for (pattern, asks, feature) in FEATURES {
        for (path, value) in select(document, pattern) {
            if asks.of(value) {
                findings.add(
                    ViolationCode::FeatureNotSupported,
                    &path,
                    format!("{feature} is not supported yet."),
                );
            }
        }
    }
}

impl Asks {
    fn of(self, value: &Value) -> bool {
        let word = value.as_str().unwrap_or_default();
        match self {
            Self::Present => value.as_array().is_none_or(|values| !values.is_empty()),
            Self::True => value == &Value::Bool(true),
            Self::False => value == &Value::Bool(false),
            Self::Not(harmless) => word != harmless,
            Self::Is(wanted) => word == wanted,
            Self::Contains(letters) => word.contains(letters),
        }
    }
}
