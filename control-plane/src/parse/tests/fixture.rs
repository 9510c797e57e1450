//! A typical document, and certificates made at run time.

use std::process::{Command, Stdio};
use std::sync::{LazyLock, atomic::AtomicBool};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::GatewayId;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::api_version::ApiVersion;
use crate::compile::{self, Compiled};
use crate::extension::{Extensions, Policies};
use crate::parse::{ParseContext, Parsed, Violations, application_gateway};

pub(crate) const ID: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/\
                             Microsoft.Network/applicationGateways/gw";

/// Certificates of one test run.
pub(crate) struct Pki {
    pub(crate) root_pem: String,
    pub(crate) root_der: Vec<u8>,
    pub(crate) intermediate_pem: String,
    pub(crate) leaf_pem: String,
    pub(crate) leaf_key_pem: String,
    pub(crate) other_key_pem: String,
}

pub(crate) static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let root = CertifiedIssuer::self_signed(ca("Root"), KeyPair::generate().unwrap()).unwrap();
    let intermediate =
        CertifiedIssuer::signed_by(ca("Intermediate"), KeyPair::generate().unwrap(), &root)
            .unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["site.example".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &intermediate).unwrap();
    Pki {
        root_pem: root.pem(),
        root_der: root.der().to_vec(),
        intermediate_pem: intermediate.pem(),
        leaf_pem: leaf.pem(),
        leaf_key_pem: leaf_key.serialize_pem(),
        other_key_pem: KeyPair::generate().unwrap().serialize_pem(),
    }
});

/// Parameters of a CA.
pub(crate) fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// As az and Terraform send files.
pub(crate) fn b64(file: impl AsRef<[u8]>) -> String {
    STANDARD.encode(file)
}

/// Runs `openssl` with files in a directory of its own and gives its output.
pub(crate) fn openssl(files: &[(&str, &[u8])], arguments: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    let mut command = Command::new("openssl");
    let output = command
        .args(arguments)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The id of a child of the gateway, in the form of a reference.
pub(crate) fn to(collection: &str, name: &str) -> Value {
    json!({ "id": format!("{ID}/{collection}/{name}") })
}

/// One mTLS site, as a client of the newest api-version sends it.
pub(crate) fn document() -> Value {
    let pki = &*PKI;
    json!({
        "location": "West Europe",
        "tags": {"env": "test"},
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
            "enableHttp2": true,
            "gatewayIPConfigurations": [{"name": "gwip", "properties": {"subnet": {"id": "/subscriptions/x/subnets/default"}}}],
            "frontendIPConfigurations": [{"name": "fe", "properties": {"publicIPAddress": {"id": "/subscriptions/x/pip"}}}],
            "frontendPorts": [{"name": "p443", "properties": {"port": 443}}, {"name": "p80", "properties": {"port": 80}}],
            "sslCertificates": [{"name": "site", "properties": {"data": format!("{}{}{}", pki.leaf_pem, pki.intermediate_pem, pki.leaf_key_pem)}}],
            "trustedClientCertificates": [{"name": "clients", "properties": {"data": b64(&pki.root_pem)}}],
            "sslProfiles": [{"name": "mtls", "properties": {
                "trustedClientCertificates": [to("trustedClientCertificates", "clients")],
                "clientAuthConfiguration": {"verifyClientCertIssuerDN": true},
                "sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"},
            }}],
            "probes": [{"name": "probe", "properties": {"protocol": "Http", "host": "127.0.0.1", "path": "/", "interval": 30, "timeout": 30, "unhealthyThreshold": 3}}],
            "backendAddressPools": [{"name": "pool", "properties": {"backendAddresses": [{"ipAddress": "127.0.0.1"}, {"fqdn": "b.example"}]}}],
            "backendHttpSettingsCollection": [{"name": "set", "properties": {"port": 9000, "protocol": "Http", "cookieBasedAffinity": "Disabled", "requestTimeout": 30, "probe": to("probes", "probe")}}],
            "httpListeners": [
                {"name": "https", "properties": {
                    "protocol": "Https", "hostName": "site.example", "frontendIPConfiguration": to("frontendIPConfigurations", "fe"),
                    "frontendPort": to("frontendPorts", "p443"), "sslCertificate": to("sslCertificates", "site"), "sslProfile": to("sslProfiles", "mtls"),
                }},
                {"name": "http", "properties": {
                    "protocol": "Http", "frontendIPConfiguration": to("frontendIPConfigurations", "fe"), "frontendPort": to("frontendPorts", "p80"),
                }},
            ],
            "requestRoutingRules": [
                {"name": "r1", "properties": {"ruleType": "Basic", "priority": 100, "httpListener": to("httpListeners", "https"),
                    "backendAddressPool": to("backendAddressPools", "pool"), "backendHttpSettings": to("backendHttpSettingsCollection", "set")}},
                {"name": "r2", "properties": {"ruleType": "Basic", "priority": 200, "httpListener": to("httpListeners", "http"),
                    "backendAddressPool": to("backendAddressPools", "pool"), "backendHttpSettings": to("backendHttpSettingsCollection", "set")}},
            ],
        },
    })
}

pub(crate) fn id() -> GatewayId {
    GatewayId::parse(ID).unwrap()
}

/// Parses by `version` over what is stored.
pub(crate) fn parse_by(
    version: &str,
    stored: Option<&Value>,
    body: &Value,
) -> Result<Parsed, Violations> {
    parse_with(&Policies::default(), version, stored, body)
}

/// Parses by `version` over what is stored, with policies.
pub(crate) fn parse_with(
    policies: &Policies,
    version: &str,
    stored: Option<&Value>,
    body: &Value,
) -> Result<Parsed, Violations> {
    let api_version = ApiVersion::parse(version).unwrap();
    application_gateway(
        &ParseContext {
            id: &id(),
            api_version: &api_version,
            stored,
            policies,
            abandoned: &AtomicBool::new(false),
        },
        body,
    )
}

/// Parses a new gateway by the newest api-version.
pub(crate) fn parse(body: &Value) -> Result<Parsed, Violations> {
    parse_by(ApiVersion::NEWEST, None, body)
}

/// What the workers get, without trust epochs.
pub(crate) fn lower(parsed: &Parsed) -> Compiled {
    compile::snapshot(&parsed.gateway, &Extensions::default())
}
