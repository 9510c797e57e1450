//! Bodies of role assignments and service principals.

use model::ViolationCode as Code;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::role::Role;
use crate::token::IssuerName;
use crate::violations::{Findings, Violations};
use crate::wire;

/// What a role assignment shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedAssignment {
    /// What it allows.
    pub role: Role,
    /// The principal's id, as its issuer has it.
    pub principal_id: String,
    /// Whose principal it is; `None`: the body does not say.
    pub issuer: Option<IssuerName>,
    /// For people.
    pub principal_type: String,
    /// For people.
    pub description: String,
}

/// What a new credential shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCredential {
    /// For people.
    pub display_name: String,
    /// From then on it is not good any more; `None`: the body does not say.
    pub ends_at: Option<OffsetDateTime>,
    /// DER of the certificate, where there is one.
    pub certificate: Option<Vec<u8>>,
}

/// Reads a role assignment.
///
/// # Errors
/// Every violation, with targets.
pub fn role_assignment(body: &Value) -> Result<WantedAssignment, Violations> {
    let mut findings = Findings::default();
    let members = wire::role_assignment(body, &mut findings);
    let properties = Properties::of(&members);
    for unsupported in ["condition", "delegatedManagedIdentityResourceId"] {
        if properties.text(unsupported).is_some() {
            let message = format!("Property {unsupported} is not supported: leave it out.");
            findings.add(Code::FeatureNotSupported, &target(unsupported), message);
        }
    }
    let role = role(&properties, &mut findings);
    let principal_id = principal_id(&properties, &mut findings);
    let issuer = issuer(&properties, &mut findings);
    let principal_type = principal_type(&properties, &mut findings);
    let description = short(&properties, "description", MAX_DESCRIPTION, &mut findings);
    findings.finish()?;
    Ok(WantedAssignment {
        // Without findings there is one.
        role: role.unwrap_or(Role::Reader),
        principal_id,
        issuer,
        principal_type,
        description,
    })
}

/// Reads the display name of a service principal; `None`: the body has none.
///
/// # Errors
/// Every violation, with targets.
pub fn service_principal(body: &Value) -> Result<Option<String>, Violations> {
    let mut findings = Findings::default();
    let members = wire::service_principal(body, &mut findings);
    let name = short(
        &Properties::of(&members),
        "displayName",
        MAX_NAME,
        &mut findings,
    );
    findings.finish()?;
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// Reads a new password.
///
/// # Errors
/// Every violation, with targets.
pub fn new_password(body: &Value) -> Result<WantedCredential, Violations> {
    let mut findings = Findings::default();
    let members = wire::add_credential(body, &mut findings);
    if members.contains_key("certificate") {
        let message = "A password has no certificate: use addKey.";
        findings.add(Code::InvalidPropertyValue, "certificate", message);
    }
    credential(&members, None, findings)
}

/// Reads a new certificate.
///
/// # Errors
/// Every violation, with targets.
pub fn new_certificate(body: &Value) -> Result<WantedCredential, Violations> {
    let mut findings = Findings::default();
    let members = wire::add_credential(body, &mut findings);
    let certificate = certificate(&members, &mut findings);
    credential(&members, certificate, findings)
}

/// Reads the id of a credential that shall go.
///
/// # Errors
/// Every violation, with targets.
pub fn credential_id(body: &Value) -> Result<String, Violations> {
    let mut findings = Findings::default();
    let members = wire::remove_credential(body, &mut findings);
    let id = members.get("keyId").and_then(Value::as_str);
    let id = id.and_then(|id| uuid::Uuid::parse_str(id).ok());
    if id.is_none() {
        let message = "Property keyId must be the GUID of a credential.";
        findings.add(Code::InvalidPropertyValue, "keyId", message);
    }
    findings.finish()?;
    Ok(id.unwrap_or_default().to_string())
}

fn credential(
    members: &Map<String, Value>,
    certificate: Option<Vec<u8>>,
    mut findings: Findings,
) -> Result<WantedCredential, Violations> {
    let own = Properties {
        members: Some(members),
        path: "",
    };
    let display_name = short(&own, "displayName", MAX_NAME, &mut findings);
    let ends_at = own.text("endDateTime").map(|text| {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok();
        if time.is_none() {
            let message =
                "Property endDateTime must be a time of RFC 3339, such as 2027-11-27T12:00:00Z.";
            findings.add(Code::InvalidPropertyValue, "endDateTime", message);
        }
        time
    });
    findings.finish()?;
    Ok(WantedCredential {
        display_name,
        ends_at: ends_at.flatten(),
        certificate,
    })
}

/// One certificate in PEM, whose key can sign assertions.
fn certificate(members: &Map<String, Value>, findings: &mut Findings) -> Option<Vec<u8>> {
    let target = "certificate";
    let Some(pem) = members.get(target).and_then(Value::as_str) else {
        let message = "Property certificate must be given: one X.509 certificate in PEM.";
        findings.add(Code::MissingRequiredProperty, target, message);
        return None;
    };
    if pem.contains("PRIVATE KEY-----") {
        let message = "The text holds a private key, which must stay with its owner.";
        findings.add(Code::InvalidPropertyValue, target, message);
        return None;
    }
    let parsed = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    match parsed.as_deref() {
        Ok([only]) if only.len() <= MAX_CERTIFICATE && X509Certificate::from_der(only).is_ok() => {
            Some(only.to_vec())
        }
        _ => {
            let message = "The text is not PEM with exactly one X.509 certificate.";
            findings.add(Code::InvalidPropertyValue, target, message);
            None
        }
    }
}

/// Members of `properties`, or of the body itself.
struct Properties<'a> {
    members: Option<&'a Map<String, Value>>,
    /// Before the name of a member, in targets.
    path: &'static str,
}

impl<'a> Properties<'a> {
    fn of(members: &'a Map<String, Value>) -> Self {
        Self {
            members: members.get("properties").and_then(Value::as_object),
            path: "properties.",
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.members?.get(name)?.as_str()
    }
}

fn target(name: &str) -> String {
    format!("properties.{name}")
}

/// An id of a definition at any scope, or its GUID alone.
fn role(properties: &Properties<'_>, findings: &mut Findings) -> Option<Role> {
    const NAME: &str = "roleDefinitionId";
    let Some(id) = properties.text(NAME) else {
        let message = "Property roleDefinitionId must be given.";
        findings.add(Code::MissingRequiredProperty, &target(NAME), message);
        return None;
    };
    let role = id.rsplit('/').next().and_then(Role::find);
    if role.is_none() {
        let known: Vec<_> = Role::ALL
            .iter()
            .map(|role| format!("{} ({})", role.id(), role.name()))
            .collect();
        let message = format!(
            "There is no such role definition. Known are {}.",
            known.join(", ")
        );
        findings.add(Code::InvalidPropertyValue, &target(NAME), message);
    }
    role
}

/// Differs from Azure: an external issuer may name its principals by other texts than GUIDs.
fn principal_id(properties: &Properties<'_>, findings: &mut Findings) -> String {
    const NAME: &str = "principalId";
    let text = properties.text(NAME).unwrap_or_default();
    if text.is_empty() {
        let message = "Property principalId must be given.";
        findings.add(Code::MissingRequiredProperty, &target(NAME), message);
    } else if text.len() > MAX_PRINCIPAL || text.chars().any(char::is_control) {
        let message = format!(
            "Property principalId must have at most {MAX_PRINCIPAL} bytes and no control characters."
        );
        findings.add(Code::InvalidPropertyValue, &target(NAME), message);
    }
    match uuid::Uuid::parse_str(text) {
        Ok(id) => id.to_string(),
        Err(_other) => text.to_owned(),
    }
}

fn issuer(properties: &Properties<'_>, findings: &mut Findings) -> Option<IssuerName> {
    const NAME: &str = "principalIssuer";
    let text = properties.text(NAME)?;
    let built_in = IssuerName::built_in();
    if text == built_in.as_str() {
        return Some(built_in);
    }
    match IssuerName::external(text) {
        Ok(name) => Some(name),
        Err(error) => {
            let message = format!("Property principalIssuer {error}.");
            findings.add(Code::InvalidPropertyValue, &target(NAME), message);
            None
        }
    }
}

fn principal_type(properties: &Properties<'_>, findings: &mut Findings) -> String {
    const NAME: &str = "principalType";
    const KNOWN: [&str; 2] = ["ServicePrincipal", "User"];
    let Some(text) = properties.text(NAME) else {
        return "ServicePrincipal".to_owned();
    };
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(text));
    if known.is_none() {
        let message =
            "Property principalType must be ServicePrincipal or User: groups are not known here.";
        findings.add(Code::InvalidPropertyValue, &target(NAME), message);
    }
    known.map(|known| (*known).to_owned()).unwrap_or_default()
}

fn short(properties: &Properties<'_>, name: &str, limit: usize, findings: &mut Findings) -> String {
    let text = properties.text(name).unwrap_or_default();
    if text.len() > limit || text.chars().any(char::is_control) {
        let message =
            format!("Property {name} must have at most {limit} bytes and no control characters.");
        let target = format!("{}{name}", properties.path);
        findings.add(Code::InvalidPropertyValue, &target, message);
    }
    text.to_owned()
}

const MAX_DESCRIPTION: usize = 1024;
const MAX_NAME: usize = 256;
const MAX_PRINCIPAL: usize = 256;
const MAX_CERTIFICATE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const READER: &str = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7";

    #[test]
    fn an_assignment_as_az_writes_it_is_read() {
        let body = json!({ "properties": {
            "roleDefinitionId": READER,
            "principalId": "33333333-3333-3333-3333-33333333333A",
            "principalType": "serviceprincipal",
        }});
        let wanted = role_assignment(&body).unwrap();
        assert_eq!(wanted.role, Role::Reader);
        assert_eq!(wanted.principal_id, "33333333-3333-3333-3333-33333333333a");
        assert_eq!(wanted.principal_type, "ServicePrincipal");
        assert_eq!(wanted.issuer, None);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let check = |name: &str, value: Value| {
            let mut body =
                json!({ "properties": { "roleDefinitionId": READER, "principalId": "x" } });
            body["properties"][name] = value;
            let refused = role_assignment(&body).unwrap_err();
            assert_eq!(refused.target(), Some(target(name).as_str()), "{refused:?}");
        };
        check("roleDefinitionId", json!("nothing"));
        check("principalId", json!("a\nb"));
        check("principalType", json!("Group"));
        check("principalIssuer", json!("A B"));
        check("condition", json!("true"));
        check("description", json!("x".repeat(1025)));
        assert!(role_assignment(&json!({ "properties": { "other": 1 } })).is_err());
        assert!(role_assignment(&json!([])).is_err());
    }

    #[test]
    fn a_certificate_credential_is_one_certificate() {
        for bad in [
            "",
            "nonsense",
            "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----",
        ] {
            let refused = new_certificate(&json!({ "certificate": bad })).unwrap_err();
            assert_eq!(refused.target(), Some("certificate"), "{bad}");
        }
        let refused = new_password(&json!({ "endDateTime": "tomorrow" })).unwrap_err();
        assert_eq!(refused.target(), Some("endDateTime"));
    }
}
