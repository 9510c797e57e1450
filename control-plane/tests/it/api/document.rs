//! Gateways as a client writes them.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use super::caller::SUBSCRIPTION;

pub(crate) const GROUP: &str =
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/Group";

/// The id of a gateway in [`GROUP`].
pub(crate) fn gateway_id(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Network/applicationGateways/{name}")
}

/// The id of a gateway in another group of the same subscription.
pub(crate) fn id_in_group(group: &str, name: &str) -> String {
    format!(
        "{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/applicationGateways/{name}"
    )
}

/// A gateway with one HTTP listener on `port`.
pub(crate) fn http_gateway(id: &str, port: u16) -> Value {
    let child = |collection: &str, name: &str| json!({ "id": format!("{id}/{collection}/{name}") });
    let network = format!("{GROUP}/providers/Microsoft.Network");
    json!({
        "location": "westeurope",
        "tags": { "env": "test" },
        "properties": {
            "sku": { "name": "Standard_v2", "tier": "Standard_v2", "capacity": 1 },
            "gatewayIPConfigurations": [{ "name": "ip", "properties": {
                "subnet": { "id": format!("{network}/virtualNetworks/net/subnets/default") } } }],
            "frontendIPConfigurations": [{ "name": "front", "properties": {
                "publicIPAddress": { "id": format!("{network}/publicIPAddresses/ip") } } }],
            "frontendPorts": [{ "name": "http", "properties": { "port": port } }],
            "backendAddressPools": [{ "name": "pool", "properties": {
                "backendAddresses": [{ "ipAddress": "127.0.0.1" }] } }],
            "backendHttpSettingsCollection": [{ "name": "settings", "properties": {
                "port": 9000, "protocol": "Http", "requestTimeout": 30 } }],
            "httpListeners": [{ "name": "plain", "properties": {
                "frontendIPConfiguration": child("frontendIPConfigurations", "front"),
                "frontendPort": child("frontendPorts", "http"),
                "protocol": "Http" } }],
            "requestRoutingRules": [{ "name": "rule", "properties": {
                "ruleType": "Basic", "priority": 100,
                "httpListener": child("httpListeners", "plain"),
                "backendAddressPool": child("backendAddressPools", "pool"),
                "backendHttpSettings": child("backendHttpSettingsCollection", "settings") } }],
        },
    })
}

/// [`http_gateway`] with an HTTPS listener on port 8443 as well, whose certificate carries `pem`.
pub(crate) fn https_gateway(id: &str, pem: &str) -> Value {
    let child = |collection: &str, name: &str| json!({ "id": format!("{id}/{collection}/{name}") });
    let mut gateway = http_gateway(id, 8080);
    let properties = &mut gateway["properties"];
    let mut add = |collection: &str, name: &str, content: Value| {
        let entry = json!({ "name": name, "properties": content });
        match properties[collection].as_array_mut() {
            Some(entries) => entries.push(entry),
            None => properties[collection] = json!([entry]),
        }
    };
    add("frontendPorts", "https", json!({ "port": 8443 }));
    add(
        "sslCertificates",
        "site",
        json!({ "data": BASE64_STANDARD.encode(pem) }),
    );
    add(
        "httpListeners",
        "secure",
        json!({
        "frontendIPConfiguration": child("frontendIPConfigurations", "front"),
        "frontendPort": child("frontendPorts", "https"),
        "sslCertificate": child("sslCertificates", "site"),
        "protocol": "Https" }),
    );
    add(
        "requestRoutingRules",
        "secure",
        json!({
        "ruleType": "Basic", "priority": 200,
        "httpListener": child("httpListeners", "secure"),
        "backendAddressPool": child("backendAddressPools", "pool"),
        "backendHttpSettings": child("backendHttpSettingsCollection", "settings") }),
    );
    gateway
}

/// A self-signed certificate for `site.example` followed by its key.
pub(crate) fn certificate_and_key() -> String {
    let issued = rcgen::generate_simple_self_signed(["site.example".to_owned()]).unwrap();
    format!(
        "{}{}",
        issued.cert.pem(),
        issued.signing_key.serialize_pem()
    )
}

/// [`https_gateway`] whose HTTPS listener has the SSL profile `mtls`, which trusts these uploads: names and PEM.
pub(crate) fn mtls_gateway(id: &str, uploads: &[(&str, &str)]) -> Value {
    let child = |collection: &str, name: &str| json!({ "id": format!("{id}/{collection}/{name}") });
    let mut gateway = https_gateway(id, &SITE);
    let properties = &mut gateway["properties"];
    let upload = |(name, pem): &(&str, &str)| json!({ "name": name, "properties": { "data": BASE64_STANDARD.encode(pem) } });
    properties["trustedClientCertificates"] = uploads.iter().map(upload).collect();
    let trusted: Value = uploads
        .iter()
        .map(|(name, _)| child("trustedClientCertificates", name))
        .collect();
    properties["sslProfiles"] =
        json!([{ "name": "mtls", "properties": { "trustedClientCertificates": trusted } }]);
    properties["httpListeners"][1]["properties"]["sslProfile"] = child("sslProfiles", "mtls");
    gateway
}

/// The server certificate of one test run, so that gateways differ only where they shall.
static SITE: LazyLock<String> = LazyLock::new(certificate_and_key);

/// A root that may issue clients, as PEM.
pub(crate) fn client_root(name: &str) -> String {
    let key = KeyPair::generate().unwrap();
    client_ca(name).self_signed(&key).unwrap().pem()
}

/// A root and an intermediate CA below it, as PEM.
pub(crate) fn client_chain() -> (String, String) {
    let root =
        CertifiedIssuer::self_signed(client_ca("Root"), KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let intermediate = client_ca("Intermediate").signed_by(&key, &root).unwrap();
    (root.pem(), intermediate.pem())
}

/// Parameters of a CA of clients.
pub(crate) fn client_ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
