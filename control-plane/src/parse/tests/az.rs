//! The document of `az network application-gateway create`, as its template deployment sends it, and the answer to it.

use model::{OperationalState, ProvisioningState};
use serde_json::json;

use super::fixture::{id, parse_by};
use crate::render;

#[test]
fn the_gateway_that_az_creates_is_taken_and_answered_in_azures_words() {
    let id = id();
    let child = |collection: &str, name: &str| json!({"Id": format!("{id}/{collection}/{name}")});
    let body = json!({
        "type": "Microsoft.Network/applicationGateways",
        "name": "gw",
        "location": "westeurope",
        "tags": {},
        "properties": {
            "backendAddressPools": [{"name": "appGatewayBackendPool", "properties": {"BackendAddresses": [{"ipAddress": "10.0.0.5"}]}}],
            "backendHttpSettingsCollection": [{"name": "appGatewayBackendHttpSettings", "properties": {"Port": "8080", "Protocol": "http", "CookieBasedAffinity": "disabled", "connectionDraining": {"enabled": false, "drainTimeoutInSec": 1}}}],
            "frontendIPConfigurations": [{"name": "appGatewayFrontendIP", "properties": {"publicIPAddress": {"id": "/subscriptions/x/pip1"}}}],
            "frontendPorts": [{"name": "appGatewayFrontendPort", "properties": {"Port": "80"}}],
            "gatewayIPConfigurations": [{"name": "appGatewayFrontendIP", "properties": {"subnet": {"id": "/subscriptions/x/default"}}}],
            "httpListeners": [{"name": "appGatewayHttpListener", "properties": {
                "FrontendIpConfiguration": child("frontendIPConfigurations", "appGatewayFrontendIP"),
                "FrontendPort": child("frontendPorts", "appGatewayFrontendPort"),
                "Protocol": "http",
                "SslCertificate": null,
            }}],
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": "2"},
            "requestRoutingRules": [{"Name": "rule1", "properties": {
                "RuleType": "basic",
                "Priority": "1001",
                "httpListener": child("httpListeners", "appGatewayHttpListener"),
                "backendAddressPool": child("backendAddressPools", "appGatewayBackendPool"),
                "backendHttpSettings": child("backendHttpSettingsCollection", "appGatewayBackendHttpSettings"),
            }}],
            "privateLinkConfigurations": [],
        },
        "zones": null,
    });
    let parsed = parse_by("2022-05-01", None, &body).unwrap();
    let answer = render::application_gateway(&render::GatewayFacts {
        id: &id,
        document: &parsed.document,
        etag: "W/\"00000000-0000-0000-0000-000000000001\"",
        resource_guid: "00000000-0000-0000-0000-000000000002",
        provisioning_state: ProvisioningState::Updating,
        operational_state: OperationalState::Starting,
    });
    insta::assert_json_snapshot!(answer);
}
