//! The child collections of a gateway.

use std::fmt;

/// One of the collections whose members are ARM children of a gateway: each has a name, an id
/// `{gateway}/{collection}/{name}` and can be read and written on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collection(&'static str);

macro_rules! collections {
    ($($constant:ident = $name:literal),* $(,)?) => {
        impl Collection {
            $(#[doc = concat!("`", $name, "`.")] pub const $constant: Self = Self($name);)*

            /// Every collection, in the order of Azure's schema.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

collections! {
    GATEWAY_IP_CONFIGURATIONS = "gatewayIPConfigurations",
    AUTHENTICATION_CERTIFICATES = "authenticationCertificates",
    TRUSTED_ROOT_CERTIFICATES = "trustedRootCertificates",
    TRUSTED_CLIENT_CERTIFICATES = "trustedClientCertificates",
    SSL_CERTIFICATES = "sslCertificates",
    FRONTEND_IP_CONFIGURATIONS = "frontendIPConfigurations",
    FRONTEND_PORTS = "frontendPorts",
    PROBES = "probes",
    BACKEND_ADDRESS_POOLS = "backendAddressPools",
    BACKEND_HTTP_SETTINGS_COLLECTION = "backendHttpSettingsCollection",
    BACKEND_SETTINGS_COLLECTION = "backendSettingsCollection",
    HTTP_LISTENERS = "httpListeners",
    LISTENERS = "listeners",
    SSL_PROFILES = "sslProfiles",
    URL_PATH_MAPS = "urlPathMaps",
    ADVANCED_ROUTING_MAPS = "advancedRoutingMaps",
    REQUEST_ROUTING_RULES = "requestRoutingRules",
    ROUTING_RULES = "routingRules",
    REWRITE_RULE_SETS = "rewriteRuleSets",
    ADVANCED_ROUTING_CONDITION_SETS = "advancedRoutingConditionSets",
    REDIRECT_CONFIGURATIONS = "redirectConfigurations",
    PRIVATE_LINK_CONFIGURATIONS = "privateLinkConfigurations",
    LOAD_DISTRIBUTION_POLICIES = "loadDistributionPolicies",
    ENTRA_JWT_VALIDATION_CONFIGS = "entraJWTValidationConfigs",
}

impl Collection {
    /// Finds a collection by its name in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|collection| collection.0.eq_ignore_ascii_case(name))
    }

    /// The name with Azure's casing.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
