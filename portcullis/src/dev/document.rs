//! The demo gateway: one HTTPS listener that lets in only clients of the demo's client CA.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// The demo's resource group.
pub(crate) const GROUP_ID: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/demo";

/// ARM id of the demo gateway.
pub(crate) fn gateway_id() -> String {
    format!("{GROUP_ID}/providers/Microsoft.Network/applicationGateways/demo")
}

/// What the demo gateway is made of, in PEM where it is certificates.
pub(crate) struct Demo<'a> {
    /// Port of the HTTPS listener.
    pub(crate) gateway_port: u16,
    /// Port of the backend on loopback.
    pub(crate) backend_port: u16,
    /// The listener's certificate, followed by its key.
    pub(crate) server_pem: &'a str,
    /// The CA of the clients that may come in.
    pub(crate) client_ca_pem: &'a str,
}

impl Demo<'_> {
    /// The body of the PUT.
    pub(crate) fn document(&self) -> Value {
        let id = gateway_id();
        let child =
            |collection: &str, name: &str| json!({ "id": format!("{id}/{collection}/{name}") });
        let named =
            |name: &str, properties: Value| json!([{ "name": name, "properties": properties }]);
        let public_ip = format!("{GROUP_ID}/providers/Microsoft.Network/publicIPAddresses/public");
        json!({
            "location": "local",
            "tags": { "purpose": "demo" },
            "properties": {
                "sku": { "name": "Standard_v2", "tier": "Standard_v2", "capacity": 1 },
                "enableHttp2": true,
                "frontendIPConfigurations": named("public", json!({ "publicIPAddress": { "id": public_ip } })),
                "frontendPorts": named("https", json!({ "port": self.gateway_port })),
                "sslCertificates": named("server", json!({ "data": BASE64_STANDARD.encode(self.server_pem) })),
                "trustedClientCertificates": named("clients", json!({ "data": BASE64_STANDARD.encode(self.client_ca_pem) })),
                "sslProfiles": named("mutual", json!({
                    "trustedClientCertificates": [child("trustedClientCertificates", "clients")],
                })),
                "httpListeners": named("https", json!({
                    "frontendIPConfiguration": child("frontendIPConfigurations", "public"),
                    "frontendPort": child("frontendPorts", "https"),
                    "protocol": "Https",
                    "sslCertificate": child("sslCertificates", "server"),
                    "sslProfile": child("sslProfiles", "mutual"),
                })),
                "backendAddressPools": named("echo", json!({ "backendAddresses": [{ "ipAddress": "127.0.0.1" }] })),
                "backendHttpSettingsCollection": named("plain", json!({
                    "port": self.backend_port, "protocol": "Http", "requestTimeout": 20,
                })),
                "requestRoutingRules": named("all", json!({
                    "ruleType": "Basic",
                    "priority": 100,
                    "httpListener": child("httpListeners", "https"),
                    "backendAddressPool": child("backendAddressPools", "echo"),
                    "backendHttpSettings": child("backendHttpSettingsCollection", "plain"),
                })),
            },
        })
    }
}
