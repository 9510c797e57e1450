//! Gateway documents for the tests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// One listener of a test gateway, with its own rule and SSL profile. Listeners with the same port share it.
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
        .map(|(listener, pem)| json!({"name": ca_name(&listener.name), "properties": {"data": STANDARD.encode(pem)}}))
        .collect();
    let profiles: Vec<Value> = with_ca()
        .map(|(listener, _)| {
            let ca = child("trustedClientCertificates", &ca_name(&listener.name));
            json!({"name": profile_name(&listener.name), "properties": {"trustedClientCertificates": [ca]}})
        })
        .collect();
    let port_name = |port: u16| {
        let first = listeners.iter().find(|listener| listener.port == port);
        first.map_or("", |listener| &listener.name)
    };
    let ports: Vec<Value> = listeners
        .iter()
        .filter(|listener| port_name(listener.port) == listener.name)
        .map(|listener| json!({"name": listener.name, "properties": {"port": listener.port}}))
        .collect();
    let http_listeners: Vec<Value> = listeners
        .iter()
        .map(|listener| {
            let mut properties = json!({
                "frontendIPConfiguration": child("frontendIPConfigurations", "public"),
                "frontendPort": child("frontendPorts", port_name(listener.port)),
                "protocol": if listener.https { "Https" } else { "Http" },
            });
            if !listener.hosts.is_empty() {
                properties["hostNames"] = json!(listener.hosts);
            }
            if listener.https {
                properties["sslCertificate"] = child("sslCertificates", "server");
            }
            if listener.client_ca.is_some() {
                properties["sslProfile"] = child("sslProfiles", &profile_name(&listener.name));
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

/// The properties of the SSL profile of `listener`, to be changed.
///
/// # Panics
///
/// When the document has no such profile.
pub fn profile<'a>(document: &'a mut Value, listener: &str) -> &'a mut Value {
    let name = profile_name(listener);
    let profiles = document["properties"]["sslProfiles"].as_array_mut();
    let profile = profiles.and_then(|all| all.iter_mut().find(|profile| profile["name"] == name));
    &mut profile.expect("the listener has a profile")["properties"]
}

/// Lets the SSL profile of `listener` trust the client CAs in `pem` as well, uploaded under `name`.
pub fn trust(document: &mut Value, id: &str, listener: &str, name: &str, pem: &str) {
    let upload = json!({"name": name, "properties": {"data": STANDARD.encode(pem)}});
    let reference = json!({"id": format!("{id}/trustedClientCertificates/{name}")});
    let add = |list: &mut Value, entry| list.as_array_mut().expect("a list").push(entry);
    add(
        &mut document["properties"]["trustedClientCertificates"],
        upload,
    );
    add(
        &mut profile(document, listener)["trustedClientCertificates"],
        reference,
    );
}

/// The name of the SSL profile of `listener`.
pub fn profile_name(listener: &str) -> String {
    format!("{listener}-profile")
}

/// The name of the upload with the client CA of `listener`.
pub fn ca_name(listener: &str) -> String {
    format!("{listener}-ca")
}

fn public_ip(gateway_id: &str) -> String {
    let group = gateway_id.split("/providers/").next().unwrap_or_default();
    format!("{group}/providers/Microsoft.Network/publicIPAddresses/public")
}
