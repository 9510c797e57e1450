//! When an SSL profile demands a client certificate.
//!
//! Azure demands one when the profile refers to client CAs. Emptying that list must not open the door, so once a profile
//! demands a certificate its document says `verifyClientAuthMode: Strict`, and a profile that says so and has no CA
//! refuses everyone. To ask for no certificate, leave `clientAuthConfiguration` out (or detach the profile).
//!
//! Differs from Azure: there a profile with a TLS policy and without CAs asks for no certificate, whatever
//! `clientAuthConfiguration` says. Terraform always sends `clientAuthConfiguration`, so one that holds nothing but
//! defaults, beside a TLS policy and without CAs, still asks for none here, unless the stored profile demands one.

use serde_json::{Map, Value, json};

/// Whether the profile demands a certificate.
pub(super) fn demanded(profile: &Map<String, Value>) -> bool {
    let trusts = profile
        .get("trustedClientCertificates")
        .and_then(Value::as_array)
        .is_some_and(|all| !all.is_empty());
    let configuration = profile
        .get("clientAuthConfiguration")
        .and_then(Value::as_object);
    let strict = configuration.is_some_and(|members| {
        members.contains_key("verifyClientAuthMode")
            || members.get("verifyClientCertIssuerDN") == Some(&Value::Bool(true))
            || !profile.contains_key("sslPolicy")
    });
    trusts || strict
}

/// Writes the demand down in the profile.
pub(super) fn settle(profile: &mut Map<String, Value>) {
    if !demanded(profile) {
        return;
    }
    let configuration = profile
        .entry("clientAuthConfiguration")
        .or_insert_with(|| json!({}));
    if let Some(members) = configuration.as_object_mut()
        && !members.contains_key("verifyClientAuthMode")
    {
        members.insert("verifyClientAuthMode".to_owned(), json!("Strict"));
    }
}
