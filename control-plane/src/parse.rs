//! From a client's JSON to a valid gateway, the document to store, and the secrets to seal.
//!
//! What a client sends is a full replacement, written in any casing, by any api-version. The *document* is what is
//! kept: canonical names and values, defaults filled in, references as canonical ids, no read-only properties but those
//! that are derived from certificates, and no secrets. Two requests that mean the same give equal documents.

mod access;
mod certificates;
mod children;
mod client_auth;
mod edit;
mod envelope;
mod explain;
mod keep;
mod name;
mod node;
mod partial;
mod path;
mod policy;
mod priority;
mod reference;
mod rewrite;
#[cfg(test)]
pub(crate) mod tests;
mod unsupported;
mod worker;

use std::sync::atomic::AtomicBool;

use model::{ApplicationGateway, Collection, Entry, GatewayId, Secret, draft};
use serde_json::{Map, Value};

pub use self::access::{
    WantedAssignment, WantedCredential, credential_id, new_certificate, new_password,
    role_assignment, service_principal,
};
pub use self::edit::{with_child, with_tags, without_child};
pub use self::explain::{Question, explain_client_certificate};
pub(crate) use self::policy::Profile;
pub use self::policy::{
    ID_SUFFIX as POLICY_ID_SUFFIX, NAME as POLICY_NAME, PolicyContext, Warning, client_auth_policy,
    warnings,
};
pub use self::worker::{join_token, worker};
use crate::api_version::ApiVersion;
use crate::extension::Policies;
use crate::violations::Findings;
pub use crate::violations::Violations;
use crate::{defaults, tls_policy, wire};

/// What a document is parsed against.
#[derive(Debug, Clone, Copy)]
pub struct ParseContext<'a> {
    /// The gateway's id; when it exists already, with the casing of its creation.
    pub id: &'a GatewayId,
    /// What the caller speaks.
    pub api_version: &'a ApiVersion,
    /// The document that is stored now, if any: [`Parsed::document`] of an earlier parse.
    pub stored: Option<&'a Value>,
    /// What extends the SSL profiles, whether they exist or not.
    pub policies: &'a Policies,
    /// Once true, nobody waits for the result: certificates that are not open yet stay closed.
    pub abandoned: &'a AtomicBool,
}

/// An accepted request.
#[derive(Debug)]
pub struct Parsed {
    /// The valid gateway, to be compiled.
    pub gateway: ApplicationGateway,
    /// What to store. Equal to the stored one: the request changes nothing.
    pub document: Value,
    /// Private keys that came with this request, to be sealed and stored by hash.
    pub secrets: Vec<SecretBlob>,
    /// SHA-256 of every private key that the document refers to, sorted. Those that are not among `secrets` are stored
    /// already.
    pub keys: Vec<[u8; 32]>,
}

/// A private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretBlob {
    /// SHA-256 of the bytes; how snapshot and document name the key.
    pub sha256: [u8; 32],
    /// The key as PKCS#8 DER.
    pub pkcs8: Secret,
}

/// Parses the body of `PUT .../applicationGateways/{name}`.
///
/// Opening PFX files costs processor time that the file chooses (seconds for a hostile one, and there may be a hundred of
/// them): call it where blocking is allowed, and use [`ParseContext::abandoned`].
///
/// # Errors
/// Every violation of the document, with targets.
pub fn application_gateway(context: &ParseContext<'_>, body: &Value) -> Result<Parsed, Violations> {
    let mut findings = Findings::default();
    let stored = context.stored.and_then(Value::as_object);
    let mut document = wire::canonical(body, &mut findings);
    name::check(&document, &mut findings);
    if let Some(stored) = stored {
        keep::inexpressible(&mut document, stored, context.api_version);
    }
    client_auth::keep_mode(&mut document, context, &mut findings);
    envelope::settle(&mut document, stored, context.id, &mut findings);
    priority::settle(&mut document, stored, context.api_version, &mut findings);
    defaults::apply(&mut document);
    unsupported::refuse(&document, &mut findings);
    for profile in path::children_mut(&mut document, Collection::SSL_PROFILES.as_str()) {
        if let Some(properties) = path::properties_mut(profile) {
            client_auth::settle(properties);
        }
    }
    reference::canonicalise(&mut document, context.id);
    let mut opener = certificates::Opener {
        gateway: context.id,
        stored,
        abandoned: context.abandoned,
        rootless: partial::Rootless::of(&document, context.policies),
        secrets: Vec::new(),
    };
    let certificates = Certificates {
        ssl: opener.ssl(&mut document, &mut findings),
        trusted_client: opener.trusted_client(&mut document, &mut findings),
        trusted_root: opener.trusted_root(&mut document, &mut findings),
    };
    let keys = key_hashes(&certificates.ssl);
    let draft = draft(context, &document, certificates, &mut findings);
    let gateway = ApplicationGateway::new(context.id.clone(), draft);
    let gateway = gateway
        .map_err(|violations| findings.extend(violations))
        .ok();
    if let Err(violations) = findings.finish() {
        wire::wipe(&mut Value::Object(document));
        return Err(violations);
    }
    // Only reported parts are refused, so there is a gateway when nothing was found.
    let gateway = gateway.ok_or_else(unexplained)?;
    Ok(Parsed {
        gateway,
        document: Value::Object(document),
        secrets: opener.secrets,
        keys,
    })
}

/// The gateway that a stored document describes.
///
/// # Errors
/// What is wrong with it. Only documents that were accepted are stored, so this takes a release that accepts less.
pub fn stored_gateway(
    id: &GatewayId,
    document: &Value,
    policies: &Policies,
) -> Result<ApplicationGateway, Violations> {
    let context = ParseContext {
        id,
        api_version: &ApiVersion::newest(),
        stored: Some(document),
        policies,
        abandoned: &AtomicBool::new(false),
    };
    application_gateway(&context, &edit::unchanged(document)).map(|parsed| parsed.gateway)
}

/// The opened certificates of a document.
struct Certificates {
    ssl: Vec<Entry<model::SslCertificate>>,
    trusted_client: Vec<Entry<model::TrustedClientCertificate>>,
    trusted_root: Vec<Entry<model::TrustedRootCertificate>>,
}

fn draft(
    context: &ParseContext<'_>,
    document: &Map<String, Value>,
    certificates: Certificates,
    findings: &mut Findings,
) -> draft::ApplicationGateway {
    let id = context.id;
    let nothing = Map::new();
    let properties = document
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&nothing);
    let policy = properties.get("sslPolicy").and_then(Value::as_object);
    draft::ApplicationGateway {
        http2: properties.get("enableHttp2") == Some(&Value::Bool(true)),
        tls_policy: policy
            .and_then(|policy| tls_policy::parse(policy, "properties.sslPolicy", findings)),
        frontend_ip_configurations: children::collect(
            id,
            document,
            Collection::FRONTEND_IP_CONFIGURATIONS,
            findings,
            children::frontend_ip_configuration,
        ),
        frontend_ports: children::collect(
            id,
            document,
            Collection::FRONTEND_PORTS,
            findings,
            children::frontend_port,
        ),
        ssl_certificates: certificates.ssl,
        trusted_client_certificates: certificates.trusted_client,
        trusted_root_certificates: certificates.trusted_root,
        ssl_profiles: children::collect(
            id,
            document,
            Collection::SSL_PROFILES,
            findings,
            |node, name, findings| children::ssl_profile(node, name, context.policies, findings),
        ),
        probes: children::collect(id, document, Collection::PROBES, findings, |_, name, _| {
            Some(draft::Probe { name })
        }),
        http_listeners: children::collect(
            id,
            document,
            Collection::HTTP_LISTENERS,
            findings,
            children::http_listener,
        ),
        backend_address_pools: children::collect(
            id,
            document,
            Collection::BACKEND_ADDRESS_POOLS,
            findings,
            children::backend_address_pool,
        ),
        backend_http_settings: children::collect(
            id,
            document,
            Collection::BACKEND_HTTP_SETTINGS_COLLECTION,
            findings,
            children::backend_http_settings,
        ),
        request_routing_rules: children::collect(
            id,
            document,
            Collection::REQUEST_ROUTING_RULES,
            findings,
            children::request_routing_rule,
        ),
        rewrite_rule_sets: children::collect(
            id,
            document,
            Collection::REWRITE_RULE_SETS,
            findings,
            rewrite::rule_set,
        ),
    }
}

fn key_hashes(certificates: &[Entry<model::SslCertificate>]) -> Vec<[u8; 32]> {
    let key = |entry: &Entry<model::SslCertificate>| match entry {
        Entry::Valid(certificate) => Some(certificate.key_sha256),
        Entry::Refused(_) => None,
    };
    let mut keys: Vec<_> = certificates.iter().filter_map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Fails closed if a part was refused and not reported, which would be a bug here.
fn unexplained() -> Violations {
    let message = "A part of the gateway was refused.";
    model::Violation::new(
        model::ViolationCode::InvalidPropertyValue,
        "properties",
        message,
    )
    .into()
}
