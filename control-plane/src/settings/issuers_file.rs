//! The file of external issuers: JSON, with every problem reported by the path of its property.

use std::{collections::HashSet, path::Path, sync::Arc};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Map, Value};

use super::sign_in::{IssuerSettings, Roots};
use crate::token::{IssuerName, Location, PlainHttp};

/// Reads and checks the file.
///
/// # Errors
/// All problems, each with the path of its property.
pub(super) fn read(path: &Path) -> Result<Vec<IssuerSettings>, Vec<String>> {
    let text = std::fs::read(path);
    let text = text.map_err(|error| vec![format!("cannot read {}: {error}", path.display())])?;
    parse(&text)
}

fn parse(text: &[u8]) -> Result<Vec<IssuerSettings>, Vec<String>> {
    let document: Value =
        serde_json::from_slice(text).map_err(|error| vec![format!("is not JSON: {error}")])?;
    let mut problems = Vec::new();
    let list = list_of_issuers(&document, &mut problems);
    let mut issuers = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let path = format!("issuers[{index}]");
        let Some(fields) = value.as_object() else {
            problems.push(format!("{path}: must be an object"));
            continue;
        };
        let mut member = Member {
            path,
            fields,
            problems: &mut problems,
        };
        issuers.extend(member.issuer());
    }
    refuse_twins(&issuers, &mut problems);
    if problems.is_empty() {
        Ok(issuers)
    } else {
        Err(problems)
    }
}

fn list_of_issuers<'a>(document: &'a Value, problems: &mut Vec<String>) -> &'a [Value] {
    let fields = document.as_object();
    for name in fields.into_iter().flat_map(Map::keys) {
        if name != "issuers" {
            problems.push(format!("{name}: is not known; only `issuers` is"));
        }
    }
    match document.get("issuers").and_then(Value::as_array) {
        Some(list) if !list.is_empty() => list,
        _ => {
            problems.push("issuers: must be a list of at least one object".to_owned());
            &[]
        }
    }
}

/// A token must have one issuer, a principal one name.
fn refuse_twins(issuers: &[IssuerSettings], problems: &mut Vec<String>) {
    let (mut names, mut urls) = (HashSet::new(), HashSet::new());
    for issuer in issuers {
        let (name, url) = (&issuer.name, &issuer.issuer);
        if !names.insert(name) {
            problems.push(format!("issuers: the name `{name}` occurs twice"));
        }
        if !urls.insert(url) {
            problems.push(format!("issuers: the issuer `{url}` occurs twice"));
        }
    }
}

/// One issuer of the file.
struct Member<'a> {
    path: String,
    fields: &'a Map<String, Value>,
    problems: &'a mut Vec<String>,
}

impl<'a> Member<'a> {
    fn issuer(&mut self) -> Option<IssuerSettings> {
        for name in self.fields.keys() {
            if !KNOWN.contains(&name.as_str()) {
                self.refuse(
                    name,
                    format!("is not known; known are {}", KNOWN.join(", ")),
                );
            }
        }
        let plain_http = match self.fields.get("allowPlainHttp") {
            None | Some(Value::Bool(false)) => PlainHttp::Never,
            Some(Value::Bool(true)) => PlainHttp::OnLoopback,
            Some(_) => {
                self.refuse("allowPlainHttp", "must be true or false");
                PlainHttp::Never
            }
        };
        let name = self.required("name");
        let name = name.map(|name| self.keep("name", IssuerName::external(name)));
        let issuer = self.required("issuer");
        let discovery =
            issuer.map(|issuer| self.keep("issuer", Location::discovery(issuer, plain_http)));
        let audiences = self.audiences();
        let algorithms = self.algorithms();
        let principal_claim = self.text("principalClaim").unwrap_or("sub").to_owned();
        let roots = self.roots();
        let jwks_uri = self.text("jwksUri");
        let jwks_uri = jwks_uri.map(|url| self.keep("jwksUri", Location::parse(url, plain_http)));
        let leeway = self.leeway();
        Some(IssuerSettings {
            name: name??,
            issuer: issuer?.to_owned(),
            audiences,
            algorithms,
            principal_claim,
            roots: roots?,
            leeway,
            discovery: discovery??,
            jwks_uri: jwks_uri.flatten(),
            plain_http,
        })
    }

    fn audiences(&mut self) -> Vec<String> {
        let audiences = self.texts("audiences").unwrap_or_default();
        if audiences.is_empty() {
            self.refuse("audiences", "must name at least one audience");
        }
        audiences.into_iter().map(str::to_owned).collect()
    }

    fn algorithms(&mut self) -> Vec<Algorithm> {
        let Some(names) = self.texts("algorithms") else {
            return vec![Algorithm::RS256, Algorithm::ES256];
        };
        if names.is_empty() {
            self.refuse("algorithms", "must name at least one algorithm");
        }
        let mut algorithms = Vec::new();
        for name in names {
            match name.parse::<Algorithm>() {
                Ok(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => {
                    algorithms.push(algorithm);
                }
                Ok(_) | Err(_) => {
                    self.refuse("algorithms", format!("`{name}` is none of {ALGORITHMS}"));
                }
            }
        }
        algorithms
    }

    fn leeway(&mut self) -> time::Duration {
        let Some(value) = self.fields.get("leewaySeconds") else {
            return time::Duration::MINUTE;
        };
        match value.as_i64() {
            Some(seconds) if (0..=MAX_LEEWAY).contains(&seconds) => {
                time::Duration::seconds(seconds)
            }
            _ => {
                let message = format!("must be a whole number from 0 to {MAX_LEEWAY}");
                self.refuse("leewaySeconds", message);
                time::Duration::ZERO
            }
        }
    }

    fn roots(&mut self) -> Option<Roots> {
        match self.text("caFile") {
            None => Some(Roots::System),
            Some(file) => self
                .keep("caFile", roots_from(Path::new(file)))
                .map(Roots::Own),
        }
    }

    fn required(&mut self, name: &str) -> Option<&'a str> {
        if !self.fields.contains_key(name) {
            self.refuse(name, "is required");
        }
        self.text(name)
    }

    /// `None`: it is absent, or was refused.
    fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.fields.get(name)?;
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.refuse(name, "must be a text that is not empty");
        }
        text
    }

    /// `None`: it is absent.
    fn texts(&mut self, name: &str) -> Option<Vec<&'a str>> {
        let value = self.fields.get(name)?;
        let text = |value: &'a Value| value.as_str().filter(|text| !text.is_empty());
        let texts = value
            .as_array()
            .and_then(|list| list.iter().map(text).collect());
        if texts.is_none() {
            self.refuse(name, "must be a list of texts that are not empty");
        }
        texts
    }

    fn keep<T, E: ToString>(&mut self, name: &str, value: Result<T, E>) -> Option<T> {
        value
            .map_err(|error| self.refuse(name, error.to_string()))
            .ok()
    }

    fn refuse(&mut self, name: &str, message: impl Into<String>) {
        let message = message.into();
        self.problems
            .push(format!("{}.{name}: {message}", self.path));
    }
}

fn roots_from(path: &Path) -> Result<Arc<RootCertStore>, String> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let unusable = || format!("{shown} holds an unusable certificate");
        roots
            .add(certificate.map_err(|_| unusable())?)
            .map_err(|_| unusable())?;
    }
    if roots.is_empty() {
        return Err(format!("{shown} holds no PEM certificate"));
    }
    Ok(Arc::new(roots))
}

const KNOWN: [&str; 9] = [
    "name",
    "issuer",
    "audiences",
    "algorithms",
    "principalClaim",
    "caFile",
    "jwksUri",
    "leewaySeconds",
    "allowPlainHttp",
];
const ALGORITHMS: &str = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";
/// Seconds.
const MAX_LEEWAY: i64 = 300;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_json(document: &Value) -> Result<Vec<IssuerSettings>, Vec<String>> {
        parse(document.to_string().as_bytes())
    }

    #[test]
    fn what_is_not_said_has_a_safe_default() {
        let document = json!({"issuers": [
            {"name": "entra", "issuer": "https://login.example/t/v2.0", "audiences": ["api"]}
        ]});
        let issuers = read_json(&document).unwrap();
        let issuer = &issuers[0];
        assert_eq!(issuer.algorithms, [Algorithm::RS256, Algorithm::ES256]);
        assert_eq!(issuer.principal_claim, "sub");
        assert_eq!(issuer.leeway, time::Duration::MINUTE);
        assert_eq!(issuer.plain_http, PlainHttp::Never);
        assert!(matches!(issuer.roots, Roots::System));
        assert!(issuer.jwks_uri.is_none());
    }

    #[test]
    fn every_setting_of_an_issuer_is_read() {
        let document = json!({"issuers": [{
            "name": "local", "issuer": "http://localhost:9/", "audiences": ["a", "b"], "algorithms": ["PS256", "EdDSA"],
            "principalClaim": "oid", "jwksUri": "http://127.0.0.1:9/keys", "leewaySeconds": 0, "allowPlainHttp": true,
        }]});
        let issuers = read_json(&document).unwrap();
        let issuer = &issuers[0];
        assert_eq!(issuer.issuer, "http://localhost:9/");
        assert_eq!(issuer.audiences, ["a", "b"]);
        assert_eq!(issuer.algorithms, [Algorithm::PS256, Algorithm::EdDSA]);
        assert_eq!(issuer.principal_claim, "oid");
        assert_eq!(issuer.leeway, time::Duration::ZERO);
        assert!(issuer.jwks_uri.is_some());
    }

    fn check(document: &Value, expected: &[&str]) {
        let problems = read_json(document).unwrap_err();
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem} / {expected}");
        }
    }

    #[test]
    fn all_problems_are_reported_with_the_path_of_their_property() {
        check(&json!([]), &["issuers: must be a list"]);
        check(&json!({"issuers": []}), &["issuers: must be a list"]);
        check(
            &json!({"issuer": [], "issuers": [1]}),
            &["issuer: is not known", "issuers[0]: must be an object"],
        );
        check(
            &json!({"issuers": [{}, {
                "Name": "x", "name": "built-in", "issuer": "http://a.b", "audiences": [""], "algorithms": ["none", "HS256"],
                "principalClaim": 1, "caFile": "/nowhere/ca.pem", "jwksUri": "https://a@b/", "leewaySeconds": 301,
                "allowPlainHttp": "yes",
            }]}),
            &[
                "issuers[0].name: is required",
                "issuers[0].issuer: is required",
                "issuers[0].audiences: must name at least one",
                "issuers[1].Name: is not known",
                "issuers[1].allowPlainHttp: must be true or false",
                "issuers[1].name: `built-in` is",
                "issuers[1].issuer: must begin with https://",
                "issuers[1].audiences: must be a list of texts",
                "issuers[1].audiences: must name at least one",
                "issuers[1].algorithms: `none` is none of RS256",
                "issuers[1].algorithms: `HS256` is none of RS256",
                "issuers[1].principalClaim: must be a text",
                "issuers[1].caFile: cannot read /nowhere/ca.pem",
                "issuers[1].jwksUri: must not hold a user name",
                "issuers[1].leewaySeconds: must be a whole number",
            ],
        );
    }

    #[test]
    fn plain_http_is_for_loopback_and_only_when_asked_for() {
        let document = |issuer: &str, allow: bool| {
            json!({"issuers": [
                {"name": "a", "issuer": issuer, "audiences": ["a"], "allowPlainHttp": allow}
            ]})
        };
        assert!(read_json(&document("http://127.0.0.1:8", true)).is_ok());
        let path = "issuers[0].issuer: must begin with https://";
        check(&document("http://127.0.0.1:8", false), &[path]);
        check(&document("http://a.example", true), &[path]);
    }

    #[test]
    fn names_and_urls_are_unique() {
        let issuer = json!({"name": "a", "issuer": "https://a.b", "audiences": ["a"]});
        check(
            &json!({"issuers": [issuer, issuer]}),
            &[
                "issuers: the name `a` occurs twice",
                "issuers: the issuer `https://a.b` occurs",
            ],
        );
    }
}
