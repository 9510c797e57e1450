//! Gateway documents for the tests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// One listener of a test gateway, with its own port, rule and (for HTTPS) SSL profile.
#[derive(Clone)]
pub struct Listener {
    /// ARM name; also the name of the port and the rule.
    pub name: String,
    /// Port.
    pub port: u16,
    /// Host names; empty makes a basic listener.
    pub hosts: Vec<String>,
    /// PEM of client CAs; none: no SSL profile.
    pub client_ca: Option<String>,
    /// HTTPS or plain HTTP.
    pub https: bool,
}

impl Listener {
    /// A basic HTTPS listener that demands a certificate of `client_ca`.
    pub fn mutual(name: &str, port: u16, client_ca: &str) -> Self {
        Self {
            client_ca: Some(client_ca.to_owned()),
            ..Self::https(name, port)
        }
    }

    /// A basic HTTPS listener.
    pub fn https(name: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            port,
            hosts: Vec::new(),
            client_ca: None,
            https: true,
        }
    }

    /// A basic HTTP listener.
    pub fn http(name: &str, port: u16) -> Self {
        Self {
            https: false,
            ..Self::https(name, port)
        }
    }
}

/// The document of a gateway at `id` with `listeners`, all served by the backend on `backend_port` of loopback and,
/// where they are HTTPS, with the certificate in `server_pem` (chain and key).
pub fn gateway(id: &str, server_pem: &str, backend_port: u16, listeners: &[Listener]) -> Value {
    let child = |collection: &str, name: &str| json!({"id": format!("{id}/{collection}/{name}")});
    let with_ca = || {
        listeners
            .iter()
            .filter_map(|listener| Some((listener, listener.client_ca.as_ref()?)))
    };
    let client_cas: Vec<Value> = with_ca()
        .map(|(listener, pem)| json!({"name": format!("{}-ca", listener.name), "properties": {"data": STANDARD.encode(pem)}}))
        .collect();
    let profiles: Vec<Value> = with_ca()
        .map(|(listener, _)| {
            let ca = child("trustedClientCertificates", &format!("{}-ca", listener.name));
            json!({"name": format!("{}-profile", listener.name), "properties": {"trustedClientCertificates": [ca]}})
        })
        .collect();
    let ports: Vec<Value> = listeners
        .iter()
        .map(|listener| json!({"name": listener.name, "properties": {"port": listener.port}}))
        .collect();
    let http_listeners: Vec<Value> = listeners
        .iter()
        .map(|listener| {
            let mut properties = json!({
                "frontendIPConfiguration": child("frontendIPConfigurations", "public"),
                "frontendPort": child("frontendPorts", &listener.name),
                "protocol": if listener.https { "Https" } else { "Http" },
            });
            if !listener.hosts.is_empty() {
                properties["hostNames"] = json!(listener.hosts);
            }
            if listener.https {
                properties["sslCertificate"] = child("sslCertificates", "server");
            }
            if listener.client_ca.is_some() {
                properties["sslProfile"] =
                    child("sslProfiles", &format!("{}-profile", listener.name));
            }
            json!({"name": listener.name, "properties": properties})
        })
        .collect();
    let rules: Vec<Value> = (100..)
        .zip(listeners)
        .map(|(priority, listener): (u32, _)| {
            json!({"name": listener.name, "properties": {
                "ruleType": "Basic", "priority": priority,
                "httpListener": child("httpListeners", &listener.name),
                "backendAddressPool": child("backendAddressPools", "backends"),
                "backendHttpSettings": child("backendHttpSettingsCollection", "plain"),
            }})
        })
        .collect();
    json!({"location": "local", "properties": {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
        "enableHttp2": true,
        "frontendIPConfigurations": [{"name": "public", "properties": {"publicIPAddress": {"id": public_ip(id)}}}],
        "frontendPorts": ports,
        "sslCertificates": [{"name": "server", "properties": {"data": STANDARD.encode(server_pem)}}],
        "trustedClientCertificates": client_cas,
        "sslProfiles": profiles,
        "httpListeners": http_listeners,
        "backendAddressPools": [{"name": "backends", "properties": {"backendAddresses": [{"ipAddress": "127.0.0.1"}]}}],
        "backendHttpSettingsCollection": [{"name": "plain", "properties": {
            "port": backend_port, "protocol": "Http", "requestTimeout": 20}}],
        "requestRoutingRules": rules,
    }})
}

fn public_ip(gateway_id: &str) -> String {
    let group = gateway_id.split("/providers/").next().unwrap_or_default();
    format!("{group}/providers/Microsoft.Network/publicIPAddresses/public")
}
