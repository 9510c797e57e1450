//! Client-auth policies of the benchmark, put through the REST API.

use std::fs;

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::configure::{Gateway, LISTENER};
use crate::arm::extension::{client_auth_policy_id, revocation_list_id};
use crate::document::{ca_name, profile_name};

/// What a gateway's listener does beside verifying the path.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Extra {
    /// The CRL that `load crl` has written.
    Crl,
    /// OCSP with the responder of `--responder-url`.
    Ocsp,
    /// Fifty identity rules, the last of which lets the client in.
    Rules,
}

/// Puts the policy (and the CRL) of an existing gateway, and waits until they are in force.
///
/// # Errors
/// When the API refuses, or no worker takes them.
pub fn put(gateway: &Gateway, extra: Extra, responder_url: Option<&str>) -> anyhow::Result<()> {
    let properties = match extra {
        Extra::Crl => {
            put_crl(gateway)?;
            json!({"revocation": {"default": {"method": "Crl"}}})
        }
        Extra::Ocsp => {
            let Some(url) = responder_url else {
                bail!("ocsp needs --responder-url");
            };
            json!({"revocation": {"default": {"method": "Ocsp", "responderUrl": url}}})
        }
        Extra::Rules => json!({"identityRules": rules()}),
    };
    let policy = client_auth_policy_id(&gateway.id(), &profile_name(LISTENER));
    in_force(gateway, &policy, &json!({"properties": properties}))
}

/// A list is taken from a CA of the upload only, so the intermediate that signs it is uploaded beside the root.
fn put_crl(gateway: &Gateway) -> anyhow::Result<()> {
    let read = |name: &str| {
        let file = gateway.certificates.join(name);
        fs::read(&file).with_context(|| format!("{}", file.display()))
    };
    let ca = ca_name(LISTENER);
    let upload = format!("{}/trustedClientCertificates/{ca}", gateway.id());
    let cas = [read("client-intermediate.crt")?, read("client-root.pem")?].concat();
    let body = json!({"properties": {"data": STANDARD.encode(cas)}});
    in_force(gateway, &upload, &body)?;
    let crl = read("client.crl")?;
    let list = revocation_list_id(&gateway.id(), &ca, "long");
    let body = json!({"properties": {"data": STANDARD.encode(crl)}});
    in_force(gateway, &list, &body)
}

fn in_force(gateway: &Gateway, id: &str, body: &Value) -> anyhow::Result<()> {
    let end = gateway.arm().put(id, body);
    let succeeded = end.get("status").and_then(Value::as_str) == Some("Succeeded");
    ensure!(succeeded, "{id} is not in force: {end:#}");
    Ok(())
}

/// Rules of every kind; all but the last do not match.
fn rules() -> Value {
    let kinds = [
        ("SanDns", "Suffix", ".nobody.example"),
        ("Subject", "Prefix", "CN=nobody"),
        ("SanUri", "Prefix", "spiffe://nobody/"),
        ("Serial", "Exact", "0BAD"),
        ("Subject", "Regex", "CN=nobody-[0-9]{1,4}(,O=.*)?"),
        ("Issuer", "Exact", "CN=nobody"),
        ("SanEmail", "Suffix", "@nobody.example"),
    ];
    let deny: Vec<Value> = (0..49)
        .zip(kinds.into_iter().cycle())
        .map(|(number, (field, kind, value))| {
            let value = match kind {
                "Suffix" => format!("{number}{value}"),
                "Regex" => format!("{value}{number}"),
                _ => format!("{value}{number:02}"),
            };
            let matcher = json!({"field": field, "match": kind, "value": value});
            json!({"name": format!("deny-{number}"), "allOf": [matcher]})
        })
        .collect();
    let client = json!({"field": "SubjectAttribute", "attribute": "CN", "match": "Regex", "value": "cl[a-z]{2}nt"});
    json!({"deny": deny, "allow": [{"name": "client", "allOf": [client]}]})
}
