//! The definitions that `ApplicationGateway` reaches in Azure's schema of api-version 2026-03-01.
//!
//! Order is Azure's; it is the order of members in documents and answers. `id` is read-only in children because their
//! place says it. At the end of some objects stand back references that Azure returns and its schema leaves out.

use super::Kind::{Array, Boolean, Enum, Integer, Map, Object as Of, Text};
use super::{Object, member, read_only};

pub(super) static GATEWAY: Object = Object {
    name: "ApplicationGateway",
    members: &[
        read_only("id"),
        read_only("name"),
        read_only("type"),
        member("location", Text),
        member("tags", Map(&Text)),
        member("properties", Of(&GATEWAY_PROPERTIES)),
        read_only("etag"),
        member("zones", Array(&Text)),
        member("identity", Of(&MANAGED_SERVICE_IDENTITY)),
    ],
};
pub(super) static GATEWAY_PROPERTIES: Object = Object {
    name: "ApplicationGatewayPropertiesFormat",
    members: &[
        member("sku", Of(&SKU)),
        member("sslPolicy", Of(&SSL_POLICY)),
        read_only("operationalState"),
        member("gatewayIPConfigurations", Array(&Of(&IP_CONFIGURATION))),
        member(
            "authenticationCertificates",
            Array(&Of(&AUTHENTICATION_CERTIFICATE)),
        ),
        member(
            "trustedRootCertificates",
            Array(&Of(&TRUSTED_ROOT_CERTIFICATE)),
        ),
        member(
            "trustedClientCertificates",
            Array(&Of(&TRUSTED_CLIENT_CERTIFICATE)),
        ),
        member("sslCertificates", Array(&Of(&SSL_CERTIFICATE))),
        member(
            "frontendIPConfigurations",
            Array(&Of(&FRONTEND_IP_CONFIGURATION)),
        ),
        member("frontendPorts", Array(&Of(&FRONTEND_PORT))),
        member("probes", Array(&Of(&PROBE))),
        member("backendAddressPools", Array(&Of(&BACKEND_ADDRESS_POOL))),
        member(
            "backendHttpSettingsCollection",
            Array(&Of(&BACKEND_HTTP_SETTINGS)),
        ),
        member("backendSettingsCollection", Array(&Of(&BACKEND_SETTINGS))),
        member("httpListeners", Array(&Of(&HTTP_LISTENER))),
        member("listeners", Array(&Of(&LISTENER))),
        member("sslProfiles", Array(&Of(&SSL_PROFILE))),
        member("urlPathMaps", Array(&Of(&URL_PATH_MAP))),
        member("advancedRoutingMaps", Array(&Of(&ADVANCED_ROUTING_MAP))),
        member("requestRoutingRules", Array(&Of(&REQUEST_ROUTING_RULE))),
        member("routingRules", Array(&Of(&ROUTING_RULE))),
        member("rewriteRuleSets", Array(&Of(&REWRITE_RULE_SET))),
        member(
            "advancedRoutingConditionSets",
            Array(&Of(&ADVANCED_ROUTING_CONDITION_SET)),
        ),
        member(
            "redirectConfigurations",
            Array(&Of(&REDIRECT_CONFIGURATION)),
        ),
        member(
            "webApplicationFirewallConfiguration",
            Of(&WEB_APPLICATION_FIREWALL_CONFIGURATION),
        ),
        member("firewallPolicy", Of(&SUB_RESOURCE)),
        member("enableHttp2", Boolean),
        member("enableFips", Boolean),
        member("autoscaleConfiguration", Of(&AUTOSCALE_CONFIGURATION)),
        member("reservedCapacity", Integer),
        member(
            "privateLinkConfigurations",
            Array(&Of(&PRIVATE_LINK_CONFIGURATION)),
        ),
        read_only("privateEndpointConnections"),
        read_only("resourceGuid"),
        read_only("provisioningState"),
        member("customErrorConfigurations", Array(&Of(&CUSTOM_ERROR))),
        member("forceFirewallPolicyAssociation", Boolean),
        member(
            "loadDistributionPolicies",
            Array(&Of(&LOAD_DISTRIBUTION_POLICY)),
        ),
        member(
            "entraJWTValidationConfigs",
            Array(&Of(&ENTRA_JWT_VALIDATION_CONFIG)),
        ),
        member("globalConfiguration", Of(&GLOBAL_CONFIGURATION)),
        read_only("defaultPredefinedSslPolicy"),
    ],
};
pub(super) static SKU: Object = Object {
    name: "ApplicationGatewaySku",
    members: &[
        member("name", Enum(SKU_NAME)),
        member("tier", Enum(TIER)),
        member("capacity", Integer),
        member("family", Enum(SKU_FAMILY)),
    ],
};
pub(super) static SSL_POLICY: Object = Object {
    name: "ApplicationGatewaySslPolicy",
    members: &[
        member("disabledSslProtocols", Array(&Enum(SSL_PROTOCOL))),
        member("policyType", Enum(SSL_POLICY_TYPE)),
        member("policyName", Enum(SSL_POLICY_NAME)),
        member("cipherSuites", Array(&Enum(SSL_CIPHER_SUITE))),
        member("minProtocolVersion", Enum(SSL_PROTOCOL)),
    ],
};
pub(super) static IP_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayIPConfiguration",
    members: &[
        read_only("id"),
        member("properties", Of(&IP_CONFIGURATION_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static IP_CONFIGURATION_PROPERTIES: Object = Object {
    name: "ApplicationGatewayIPConfigurationPropertiesFormat",
    members: &[
        member("subnet", Of(&SUB_RESOURCE)),
        read_only("provisioningState"),
    ],
};
pub(super) static SUB_RESOURCE: Object = Object {
    name: "SubResource",
    members: &[member("id", Text)],
};
pub(super) static AUTHENTICATION_CERTIFICATE: Object = Object {
    name: "ApplicationGatewayAuthenticationCertificate",
    members: &[
        read_only("id"),
        member("properties", Of(&AUTHENTICATION_CERTIFICATE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static AUTHENTICATION_CERTIFICATE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayAuthenticationCertificatePropertiesFormat",
    members: &[member("data", Text), read_only("provisioningState")],
};
pub(super) static TRUSTED_ROOT_CERTIFICATE: Object = Object {
    name: "ApplicationGatewayTrustedRootCertificate",
    members: &[
        read_only("id"),
        member("properties", Of(&TRUSTED_ROOT_CERTIFICATE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static TRUSTED_ROOT_CERTIFICATE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayTrustedRootCertificatePropertiesFormat",
    members: &[
        member("data", Text),
        member("keyVaultSecretId", Text),
        read_only("provisioningState"),
        read_only("backendHttpSettings"),
    ],
};
pub(super) static TRUSTED_CLIENT_CERTIFICATE: Object = Object {
    name: "ApplicationGatewayTrustedClientCertificate",
    members: &[
        read_only("id"),
        member("properties", Of(&TRUSTED_CLIENT_CERTIFICATE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static TRUSTED_CLIENT_CERTIFICATE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayTrustedClientCertificatePropertiesFormat",
    members: &[
        member("data", Text),
        read_only("validatedCertData"),
        read_only("clientCertIssuerDN"),
        read_only("provisioningState"),
        read_only("sslProfiles"),
    ],
};
pub(super) static SSL_CERTIFICATE: Object = Object {
    name: "ApplicationGatewaySslCertificate",
    members: &[
        read_only("id"),
        member("properties", Of(&SSL_CERTIFICATE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static SSL_CERTIFICATE_PROPERTIES: Object = Object {
    name: "ApplicationGatewaySslCertificatePropertiesFormat",
    members: &[
        member("data", Text),
        member("password", Text),
        read_only("publicCertData"),
        member("keyVaultSecretId", Text),
        member("hsm", Of(&MANAGED_HSM)),
        read_only("provisioningState"),
        read_only("httpListeners"),
    ],
};
pub(super) static MANAGED_HSM: Object = Object {
    name: "ApplicationGatewayManagedHsm",
    members: &[member("keyId", Text), member("publicCertData", Text)],
};
pub(super) static FRONTEND_IP_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayFrontendIPConfiguration",
    members: &[
        read_only("id"),
        member("properties", Of(&FRONTEND_IP_CONFIGURATION_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static FRONTEND_IP_CONFIGURATION_PROPERTIES: Object = Object {
    name: "ApplicationGatewayFrontendIPConfigurationPropertiesFormat",
    members: &[
        member("privateIPAddress", Text),
        member("privateIPAllocationMethod", Enum(IP_ALLOCATION_METHOD)),
        member("subnet", Of(&SUB_RESOURCE)),
        member("publicIPAddress", Of(&SUB_RESOURCE)),
        member("privateLinkConfiguration", Of(&SUB_RESOURCE)),
        read_only("provisioningState"),
        read_only("httpListeners"),
    ],
};
pub(super) static FRONTEND_PORT: Object = Object {
    name: "ApplicationGatewayFrontendPort",
    members: &[
        read_only("id"),
        member("properties", Of(&FRONTEND_PORT_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static FRONTEND_PORT_PROPERTIES: Object = Object {
    name: "ApplicationGatewayFrontendPortPropertiesFormat",
    members: &[
        member("port", Integer),
        read_only("provisioningState"),
        read_only("httpListeners"),
    ],
};
pub(super) static PROBE: Object = Object {
    name: "ApplicationGatewayProbe",
    members: &[
        read_only("id"),
        member("properties", Of(&PROBE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static PROBE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayProbePropertiesFormat",
    members: &[
        member("protocol", Enum(PROTOCOL)),
        member("host", Text),
        member("path", Text),
        member("interval", Integer),
        member("timeout", Integer),
        member("unhealthyThreshold", Integer),
        member("pickHostNameFromBackendHttpSettings", Boolean),
        member("pickHostNameFromBackendSettings", Boolean),
        member("minServers", Integer),
        member("match", Of(&PROBE_HEALTH_RESPONSE_MATCH)),
        member("enableProbeProxyProtocolHeader", Boolean),
        read_only("provisioningState"),
        member("port", Integer),
        read_only("backendHttpSettings"),
    ],
};
pub(super) static PROBE_HEALTH_RESPONSE_MATCH: Object = Object {
    name: "ApplicationGatewayProbeHealthResponseMatch",
    members: &[member("body", Text), member("statusCodes", Array(&Text))],
};
pub(super) static BACKEND_ADDRESS_POOL: Object = Object {
    name: "ApplicationGatewayBackendAddressPool",
    members: &[
        read_only("id"),
        member("properties", Of(&BACKEND_ADDRESS_POOL_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static BACKEND_ADDRESS_POOL_PROPERTIES: Object = Object {
    name: "ApplicationGatewayBackendAddressPoolPropertiesFormat",
    members: &[
        read_only("backendIPConfigurations"),
        member("backendAddresses", Array(&Of(&BACKEND_ADDRESS))),
        read_only("provisioningState"),
        read_only("requestRoutingRules"),
        read_only("urlPathMaps"),
        read_only("loadDistributionPolicies"),
    ],
};
pub(super) static BACKEND_ADDRESS: Object = Object {
    name: "ApplicationGatewayBackendAddress",
    members: &[member("fqdn", Text), member("ipAddress", Text)],
};
pub(super) static BACKEND_HTTP_SETTINGS: Object = Object {
    name: "ApplicationGatewayBackendHttpSettings",
    members: &[
        read_only("id"),
        member("properties", Of(&BACKEND_HTTP_SETTINGS_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static BACKEND_HTTP_SETTINGS_PROPERTIES: Object = Object {
    name: "ApplicationGatewayBackendHttpSettingsPropertiesFormat",
    members: &[
        member("port", Integer),
        member("protocol", Enum(PROTOCOL)),
        member("cookieBasedAffinity", Enum(COOKIE_BASED_AFFINITY)),
        member("requestTimeout", Integer),
        member("probe", Of(&SUB_RESOURCE)),
        member("authenticationCertificates", Array(&Of(&SUB_RESOURCE))),
        member("trustedRootCertificates", Array(&Of(&SUB_RESOURCE))),
        member("connectionDraining", Of(&CONNECTION_DRAINING)),
        member("hostName", Text),
        member("pickHostNameFromBackendAddress", Boolean),
        member("affinityCookieName", Text),
        member("probeEnabled", Boolean),
        member("path", Text),
        member("dedicatedBackendConnection", Boolean),
        member("validateCertChainAndExpiry", Boolean),
        member("validateSNI", Boolean),
        member("sniName", Text),
        read_only("provisioningState"),
        read_only("requestRoutingRules"),
        read_only("urlPathMaps"),
    ],
};
pub(super) static CONNECTION_DRAINING: Object = Object {
    name: "ApplicationGatewayConnectionDraining",
    members: &[
        member("enabled", Boolean),
        member("drainTimeoutInSec", Integer),
    ],
};
pub(super) static BACKEND_SETTINGS: Object = Object {
    name: "ApplicationGatewayBackendSettings",
    members: &[
        read_only("id"),
        member("properties", Of(&BACKEND_SETTINGS_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static BACKEND_SETTINGS_PROPERTIES: Object = Object {
    name: "ApplicationGatewayBackendSettingsPropertiesFormat",
    members: &[
        member("port", Integer),
        member("protocol", Enum(PROTOCOL)),
        member("timeout", Integer),
        member("probe", Of(&SUB_RESOURCE)),
        member("trustedRootCertificates", Array(&Of(&SUB_RESOURCE))),
        member("hostName", Text),
        member("pickHostNameFromBackendAddress", Boolean),
        member("enableL4ClientIpPreservation", Boolean),
        read_only("provisioningState"),
    ],
};
pub(super) static HTTP_LISTENER: Object = Object {
    name: "ApplicationGatewayHttpListener",
    members: &[
        read_only("id"),
        member("properties", Of(&HTTP_LISTENER_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static HTTP_LISTENER_PROPERTIES: Object = Object {
    name: "ApplicationGatewayHttpListenerPropertiesFormat",
    members: &[
        member("frontendIPConfiguration", Of(&SUB_RESOURCE)),
        member("frontendPort", Of(&SUB_RESOURCE)),
        member("protocol", Enum(PROTOCOL)),
        member("hostName", Text),
        member("sslCertificate", Of(&SUB_RESOURCE)),
        member("sslProfile", Of(&SUB_RESOURCE)).keeping_empty(),
        member("requireServerNameIndication", Boolean),
        read_only("provisioningState"),
        member("customErrorConfigurations", Array(&Of(&CUSTOM_ERROR))),
        member("firewallPolicy", Of(&SUB_RESOURCE)),
        member("hostNames", Array(&Text)),
        read_only("requestRoutingRules"),
        read_only("redirectConfigurations"),
        read_only("enableHttp3"),
    ],
};
pub(super) static CUSTOM_ERROR: Object = Object {
    name: "ApplicationGatewayCustomError",
    members: &[
        member("statusCode", Enum(CUSTOM_ERROR_STATUS_CODE)),
        member("customErrorPageUrl", Text),
    ],
};
pub(super) static LISTENER: Object = Object {
    name: "ApplicationGatewayListener",
    members: &[
        read_only("id"),
        member("properties", Of(&LISTENER_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static LISTENER_PROPERTIES: Object = Object {
    name: "ApplicationGatewayListenerPropertiesFormat",
    members: &[
        member("frontendIPConfiguration", Of(&SUB_RESOURCE)),
        member("frontendPort", Of(&SUB_RESOURCE)),
        member("protocol", Enum(PROTOCOL)),
        member("sslCertificate", Of(&SUB_RESOURCE)),
        member("sslProfile", Of(&SUB_RESOURCE)).keeping_empty(),
        read_only("provisioningState"),
        member("hostNames", Array(&Text)),
    ],
};
pub(super) static SSL_PROFILE: Object = Object {
    name: "ApplicationGatewaySslProfile",
    members: &[
        read_only("id"),
        member("properties", Of(&SSL_PROFILE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static SSL_PROFILE_PROPERTIES: Object = Object {
    name: "ApplicationGatewaySslProfilePropertiesFormat",
    members: &[
        member("trustedClientCertificates", Array(&Of(&SUB_RESOURCE))),
        member("sslPolicy", Of(&SSL_POLICY)),
        member("clientAuthConfiguration", Of(&CLIENT_AUTH_CONFIGURATION)),
        read_only("provisioningState"),
        read_only("httpListeners"),
    ],
};
pub(super) static CLIENT_AUTH_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayClientAuthConfiguration",
    members: &[
        member("verifyClientCertIssuerDN", Boolean),
        member("verifyClientRevocation", Enum(CLIENT_REVOCATION_OPTIONS)),
        member("verifyClientAuthMode", Enum(CLIENT_AUTH_VERIFICATION_MODES)),
    ],
};
pub(super) static URL_PATH_MAP: Object = Object {
    name: "ApplicationGatewayUrlPathMap",
    members: &[
        read_only("id"),
        member("properties", Of(&URL_PATH_MAP_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static URL_PATH_MAP_PROPERTIES: Object = Object {
    name: "ApplicationGatewayUrlPathMapPropertiesFormat",
    members: &[
        member("defaultBackendAddressPool", Of(&SUB_RESOURCE)),
        member("defaultBackendHttpSettings", Of(&SUB_RESOURCE)),
        member("defaultRewriteRuleSet", Of(&SUB_RESOURCE)),
        member("defaultRedirectConfiguration", Of(&SUB_RESOURCE)),
        member("defaultLoadDistributionPolicy", Of(&SUB_RESOURCE)),
        member("pathRules", Array(&Of(&PATH_RULE))),
        read_only("provisioningState"),
    ],
};
pub(super) static PATH_RULE: Object = Object {
    name: "ApplicationGatewayPathRule",
    members: &[
        read_only("id"),
        member("properties", Of(&PATH_RULE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static PATH_RULE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayPathRulePropertiesFormat",
    members: &[
        member("paths", Array(&Text)),
        member("backendAddressPool", Of(&SUB_RESOURCE)),
        member("backendHttpSettings", Of(&SUB_RESOURCE)),
        member("redirectConfiguration", Of(&SUB_RESOURCE)),
        member("rewriteRuleSet", Of(&SUB_RESOURCE)),
        member("loadDistributionPolicy", Of(&SUB_RESOURCE)),
        read_only("provisioningState"),
        member("firewallPolicy", Of(&SUB_RESOURCE)),
    ],
};
pub(super) static ADVANCED_ROUTING_MAP: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingMap",
    members: &[
        read_only("id"),
        member("properties", Of(&ADVANCED_ROUTING_MAP_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static ADVANCED_ROUTING_MAP_PROPERTIES: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingMapPropertiesFormat",
    members: &[
        member("defaultBackendAddressPool", Of(&SUB_RESOURCE)),
        member("defaultBackendHttpSettings", Of(&SUB_RESOURCE)),
        member("defaultRedirectConfiguration", Of(&SUB_RESOURCE)),
        member("defaultRewriteRuleSet", Of(&SUB_RESOURCE)),
        member("defaultAuthConfigs", Array(&Of(&AUTH_CONFIG))),
        member("advancedRoutingRules", Array(&Of(&ADVANCED_ROUTING_RULE))),
        read_only("provisioningState"),
    ],
};
pub(super) static AUTH_CONFIG: Object = Object {
    name: "ApplicationGatewayAuthConfig",
    members: &[
        member("name", Text),
        member("authenticationPolicy", Of(&SUB_RESOURCE)),
    ],
};
pub(super) static ADVANCED_ROUTING_RULE: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingRule",
    members: &[
        read_only("id"),
        member("properties", Of(&ADVANCED_ROUTING_RULE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static ADVANCED_ROUTING_RULE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingRulePropertiesFormat",
    members: &[
        member("priority", Integer),
        member("advancedRoutingConditionSet", Of(&SUB_RESOURCE)),
        member("backendAddressPool", Of(&SUB_RESOURCE)),
        member("backendHttpSettings", Of(&SUB_RESOURCE)),
        member("redirectConfiguration", Of(&SUB_RESOURCE)),
        member("rewriteRuleSet", Of(&SUB_RESOURCE)),
        member("authConfigs", Array(&Of(&AUTH_CONFIG))),
        read_only("provisioningState"),
    ],
};
pub(super) static REQUEST_ROUTING_RULE: Object = Object {
    name: "ApplicationGatewayRequestRoutingRule",
    members: &[
        read_only("id"),
        member("properties", Of(&REQUEST_ROUTING_RULE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static REQUEST_ROUTING_RULE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayRequestRoutingRulePropertiesFormat",
    members: &[
        member("ruleType", Enum(REQUEST_ROUTING_RULE_TYPE)),
        member("priority", Integer),
        member("backendAddressPool", Of(&SUB_RESOURCE)),
        member("backendHttpSettings", Of(&SUB_RESOURCE)),
        member("httpListener", Of(&SUB_RESOURCE)),
        member("urlPathMap", Of(&SUB_RESOURCE)),
        member("advancedRoutingMap", Of(&SUB_RESOURCE)),
        member("rewriteRuleSet", Of(&SUB_RESOURCE)),
        member("redirectConfiguration", Of(&SUB_RESOURCE)),
        member("loadDistributionPolicy", Of(&SUB_RESOURCE)),
        member("entraJWTValidationConfig", Of(&SUB_RESOURCE)),
        member("authConfigs", Array(&Of(&AUTH_CONFIG))),
        read_only("provisioningState"),
    ],
};
pub(super) static ROUTING_RULE: Object = Object {
    name: "ApplicationGatewayRoutingRule",
    members: &[
        read_only("id"),
        member("properties", Of(&ROUTING_RULE_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static ROUTING_RULE_PROPERTIES: Object = Object {
    name: "ApplicationGatewayRoutingRulePropertiesFormat",
    members: &[
        member("ruleType", Enum(REQUEST_ROUTING_RULE_TYPE)),
        member("priority", Integer),
        member("backendAddressPool", Of(&SUB_RESOURCE)),
        member("backendSettings", Of(&SUB_RESOURCE)),
        member("listener", Of(&SUB_RESOURCE)),
        read_only("provisioningState"),
    ],
};
pub(super) static REWRITE_RULE_SET: Object = Object {
    name: "ApplicationGatewayRewriteRuleSet",
    members: &[
        read_only("id"),
        member("properties", Of(&REWRITE_RULE_SET_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static REWRITE_RULE_SET_PROPERTIES: Object = Object {
    name: "ApplicationGatewayRewriteRuleSetPropertiesFormat",
    members: &[
        member("rewriteRules", Array(&Of(&REWRITE_RULE))),
        read_only("provisioningState"),
        read_only("requestRoutingRules"),
    ],
};
pub(super) static REWRITE_RULE: Object = Object {
    name: "ApplicationGatewayRewriteRule",
    members: &[
        member("name", Text),
        member("ruleSequence", Integer),
        member("conditions", Array(&Of(&REWRITE_RULE_CONDITION))),
        member("actionSet", Of(&REWRITE_RULE_ACTION_SET)),
    ],
};
pub(super) static REWRITE_RULE_CONDITION: Object = Object {
    name: "ApplicationGatewayRewriteRuleCondition",
    members: &[
        member("variable", Text),
        member("pattern", Text),
        member("ignoreCase", Boolean),
        member("negate", Boolean),
    ],
};
pub(super) static REWRITE_RULE_ACTION_SET: Object = Object {
    name: "ApplicationGatewayRewriteRuleActionSet",
    members: &[
        member(
            "requestHeaderConfigurations",
            Array(&Of(&HEADER_CONFIGURATION)),
        ),
        member(
            "responseHeaderConfigurations",
            Array(&Of(&HEADER_CONFIGURATION)),
        ),
        member("urlConfiguration", Of(&URL_CONFIGURATION)),
    ],
};
pub(super) static HEADER_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayHeaderConfiguration",
    members: &[
        member("headerName", Text),
        member("headerValueMatcher", Of(&HEADER_VALUE_MATCHER)),
        member("headerValue", Text).keeping_empty(),
    ],
};
pub(super) static HEADER_VALUE_MATCHER: Object = Object {
    name: "HeaderValueMatcher",
    members: &[
        member("pattern", Text),
        member("ignoreCase", Boolean),
        member("negate", Boolean),
    ],
};
pub(super) static URL_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayUrlConfiguration",
    members: &[
        member("modifiedPath", Text),
        member("modifiedQueryString", Text),
        member("reroute", Boolean),
    ],
};
pub(super) static ADVANCED_ROUTING_CONDITION_SET: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingConditionSet",
    members: &[
        read_only("id"),
        member("properties", Of(&ADVANCED_ROUTING_CONDITION_SET_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static ADVANCED_ROUTING_CONDITION_SET_PROPERTIES: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingConditionSetPropertiesFormat",
    members: &[
        member("routingConditions", Array(&Of(&ADVANCED_ROUTING_CONDITION))),
        read_only("provisioningState"),
    ],
};
pub(super) static ADVANCED_ROUTING_CONDITION: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingCondition",
    members: &[
        member("conditionType", Enum(ADVANCED_ROUTING_CONDITION_TYPE)),
        member("propertyName", Text),
        member("propertyValues", Array(&Text)),
        member(
            "propertyValueMatcher",
            Of(&ADVANCED_ROUTING_PROPERTY_VALUE_MATCHER),
        ),
    ],
};
pub(super) static ADVANCED_ROUTING_PROPERTY_VALUE_MATCHER: Object = Object {
    name: "ApplicationGatewayAdvancedRoutingPropertyValueMatcher",
    members: &[
        member("pattern", Text),
        member("ignoreCase", Boolean),
        member("negate", Boolean),
    ],
};
pub(super) static REDIRECT_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayRedirectConfiguration",
    members: &[
        read_only("id"),
        member("properties", Of(&REDIRECT_CONFIGURATION_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static REDIRECT_CONFIGURATION_PROPERTIES: Object = Object {
    name: "ApplicationGatewayRedirectConfigurationPropertiesFormat",
    members: &[
        member("redirectType", Enum(REDIRECT_TYPE)),
        member("targetListener", Of(&SUB_RESOURCE)),
        member("targetUrl", Text),
        member("includePath", Boolean),
        member("includeQueryString", Boolean),
        member("requestRoutingRules", Array(&Of(&SUB_RESOURCE))),
        member("urlPathMaps", Array(&Of(&SUB_RESOURCE))),
        member("pathRules", Array(&Of(&SUB_RESOURCE))),
    ],
};
pub(super) static WEB_APPLICATION_FIREWALL_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayWebApplicationFirewallConfiguration",
    members: &[
        member("enabled", Boolean),
        member("firewallMode", Enum(FIREWALL_MODE)),
        member("ruleSetType", Text),
        member("ruleSetVersion", Text),
        member(
            "disabledRuleGroups",
            Array(&Of(&FIREWALL_DISABLED_RULE_GROUP)),
        ),
        member("requestBodyCheck", Boolean),
        member("maxRequestBodySize", Integer),
        member("maxRequestBodySizeInKb", Integer),
        member("fileUploadLimitInMb", Integer),
        member("exclusions", Array(&Of(&FIREWALL_EXCLUSION))),
    ],
};
pub(super) static FIREWALL_DISABLED_RULE_GROUP: Object = Object {
    name: "ApplicationGatewayFirewallDisabledRuleGroup",
    members: &[
        member("ruleGroupName", Text),
        member("rules", Array(&Integer)),
    ],
};
pub(super) static FIREWALL_EXCLUSION: Object = Object {
    name: "ApplicationGatewayFirewallExclusion",
    members: &[
        member("matchVariable", Text),
        member("selectorMatchOperator", Text),
        member("selector", Text),
    ],
};
pub(super) static AUTOSCALE_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayAutoscaleConfiguration",
    members: &[
        member("minCapacity", Integer),
        member("maxCapacity", Integer),
    ],
};
pub(super) static PRIVATE_LINK_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayPrivateLinkConfiguration",
    members: &[
        read_only("id"),
        member("properties", Of(&PRIVATE_LINK_CONFIGURATION_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static PRIVATE_LINK_CONFIGURATION_PROPERTIES: Object = Object {
    name: "ApplicationGatewayPrivateLinkConfigurationProperties",
    members: &[
        member(
            "ipConfigurations",
            Array(&Of(&PRIVATE_LINK_IP_CONFIGURATION)),
        ),
        read_only("provisioningState"),
    ],
};
pub(super) static PRIVATE_LINK_IP_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayPrivateLinkIpConfiguration",
    members: &[
        read_only("id"),
        member("properties", Of(&PRIVATE_LINK_IP_CONFIGURATION_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static PRIVATE_LINK_IP_CONFIGURATION_PROPERTIES: Object = Object {
    name: "ApplicationGatewayPrivateLinkIpConfigurationProperties",
    members: &[
        member("privateIPAddress", Text),
        member("privateIPAllocationMethod", Enum(IP_ALLOCATION_METHOD)),
        member("subnet", Of(&SUB_RESOURCE)),
        member("primary", Boolean),
        read_only("provisioningState"),
    ],
};
pub(super) static LOAD_DISTRIBUTION_POLICY: Object = Object {
    name: "ApplicationGatewayLoadDistributionPolicy",
    members: &[
        read_only("id"),
        member("properties", Of(&LOAD_DISTRIBUTION_POLICY_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static LOAD_DISTRIBUTION_POLICY_PROPERTIES: Object = Object {
    name: "ApplicationGatewayLoadDistributionPolicyPropertiesFormat",
    members: &[
        member(
            "loadDistributionTargets",
            Array(&Of(&LOAD_DISTRIBUTION_TARGET)),
        ),
        member(
            "loadDistributionAlgorithm",
            Enum(LOAD_DISTRIBUTION_ALGORITHM),
        ),
        read_only("provisioningState"),
    ],
};
pub(super) static LOAD_DISTRIBUTION_TARGET: Object = Object {
    name: "ApplicationGatewayLoadDistributionTarget",
    members: &[
        read_only("id"),
        member("properties", Of(&LOAD_DISTRIBUTION_TARGET_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
        read_only("type"),
    ],
};
pub(super) static LOAD_DISTRIBUTION_TARGET_PROPERTIES: Object = Object {
    name: "ApplicationGatewayLoadDistributionTargetPropertiesFormat",
    members: &[
        member("weightPerServer", Integer),
        member("backendAddressPool", Of(&SUB_RESOURCE)),
    ],
};
pub(super) static ENTRA_JWT_VALIDATION_CONFIG: Object = Object {
    name: "ApplicationGatewayEntraJWTValidationConfig",
    members: &[
        read_only("id"),
        member("properties", Of(&ENTRA_JWT_VALIDATION_CONFIG_PROPERTIES)),
        member("name", Text),
        read_only("etag"),
    ],
};
pub(super) static ENTRA_JWT_VALIDATION_CONFIG_PROPERTIES: Object = Object {
    name: "ApplicationGatewayEntraJWTValidationConfigPropertiesFormat",
    members: &[
        member(
            "unAuthorizedRequestAction",
            Enum(UN_AUTHORIZED_REQUEST_ACTION),
        ),
        member("tenantId", Text),
        member("clientId", Text),
        member("audiences", Array(&Text)),
        read_only("provisioningState"),
    ],
};
pub(super) static GLOBAL_CONFIGURATION: Object = Object {
    name: "ApplicationGatewayGlobalConfiguration",
    members: &[
        member("enableRequestBuffering", Boolean),
        member("enableResponseBuffering", Boolean),
        member("disableDefaultServerHeaderInResponse", Boolean),
    ],
};
pub(super) static MANAGED_SERVICE_IDENTITY: Object = Object {
    name: "ManagedServiceIdentity",
    members: &[
        read_only("principalId"),
        read_only("tenantId"),
        member("type", Enum(RESOURCE_IDENTITY_TYPE)),
        member(
            "userAssignedIdentities",
            Map(&Of(&MANAGED_SERVICE_IDENTITY_USER_ASSIGNED_IDENTITIES)),
        ),
    ],
};
pub(super) static MANAGED_SERVICE_IDENTITY_USER_ASSIGNED_IDENTITIES: Object = Object {
    name: "ManagedServiceIdentityUserAssignedIdentities",
    members: &[read_only("principalId"), read_only("clientId")],
};
static ADVANCED_ROUTING_CONDITION_TYPE: &[&str] =
    &["Header", "QueryString", "Path", "ClientIP", "Method"];
static CLIENT_AUTH_VERIFICATION_MODES: &[&str] = &["Strict", "Passthrough"];
static CLIENT_REVOCATION_OPTIONS: &[&str] = &["None", "OCSP"];
static COOKIE_BASED_AFFINITY: &[&str] = &["Enabled", "Disabled"];
static CUSTOM_ERROR_STATUS_CODE: &[&str] = &[
    "HttpStatus400",
    "HttpStatus403",
    "HttpStatus404",
    "HttpStatus405",
    "HttpStatus408",
    "HttpStatus500",
    "HttpStatus502",
    "HttpStatus503",
    "HttpStatus504",
];
static FIREWALL_MODE: &[&str] = &["Detection", "Prevention"];
static IP_ALLOCATION_METHOD: &[&str] = &["Static", "Dynamic"];
static LOAD_DISTRIBUTION_ALGORITHM: &[&str] = &["RoundRobin", "LeastConnections", "IpHash"];
static PROTOCOL: &[&str] = &["Http", "Https", "Tcp", "Tls"];
static REDIRECT_TYPE: &[&str] = &["Permanent", "Found", "SeeOther", "Temporary"];
static REQUEST_ROUTING_RULE_TYPE: &[&str] = &["Basic", "PathBasedRouting", "AdvancedRouting"];
static RESOURCE_IDENTITY_TYPE: &[&str] = &[
    "SystemAssigned",
    "UserAssigned",
    "SystemAssigned, UserAssigned",
    "None",
];
static SKU_FAMILY: &[&str] = &["Generation_1", "Generation_2"];
static SKU_NAME: &[&str] = &[
    "Standard_Small",
    "Standard_Medium",
    "Standard_Large",
    "WAF_Medium",
    "WAF_Large",
    "Standard_v2",
    "WAF_v2",
    "Basic",
    "Basic_v2",
    "Basic_WAF_v2",
];
static SSL_CIPHER_SUITE: &[&str] = &[
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256",
    "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256",
    "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",
    "TLS_DHE_DSS_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
];
static SSL_POLICY_NAME: &[&str] = &[
    "AppGwSslPolicy20150501",
    "AppGwSslPolicy20170401",
    "AppGwSslPolicy20170401S",
    "AppGwSslPolicy20220101",
    "AppGwSslPolicy20220101S",
];
static SSL_POLICY_TYPE: &[&str] = &["Predefined", "Custom", "CustomV2"];
static SSL_PROTOCOL: &[&str] = &["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"];
static TIER: &[&str] = &[
    "Standard",
    "WAF",
    "Standard_v2",
    "WAF_v2",
    "Basic",
    "Basic_v2",
    "Basic_WAF_v2",
];
static UN_AUTHORIZED_REQUEST_ACTION: &[&str] = &["Deny", "Allow"];
