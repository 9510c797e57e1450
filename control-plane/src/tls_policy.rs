//! Azure's TLS policies in terms of what the workers' TLS library has: TLS 1.2 with ECDHE and AES-GCM, and TLS 1.3.
//!
//! Differs from Azure: CBC, static RSA and DHE suites, which its policies list as well, are never offered. A policy is
//! taken as long as something of it is left for each version that it names.

use model::{CipherSuite, PolicyGeneration, TlsPolicy, TlsVersions, ViolationCode as Code};
use serde_json::{Map, Value};

use crate::violations::Findings;

/// Reads an `sslPolicy` in canonical form; `None` when it is refused, which is reported.
pub(crate) fn parse(
    policy: &Map<String, Value>,
    path: &str,
    findings: &mut Findings,
) -> Option<TlsPolicy> {
    let policy = Policy {
        members: policy,
        path,
    };
    match policy.text("policyType") {
        Some("Predefined") => policy.predefined(findings),
        Some("Custom") => policy.custom(PolicyGeneration::Old, findings),
        Some("CustomV2") => policy.custom(PolicyGeneration::New, findings),
        // Differs from Azure: `disabledSslProtocols` alone, its oldest form, is not taken.
        _ => {
            let message = "Property policyType of an sslPolicy must be given.";
            findings.add(
                Code::ApplicationGatewaySslPolicyPropertyPolicyTypeRequired,
                &policy.at("policyType"),
                message,
            );
            None
        }
    }
}

/// The names that are taken for `policyName`, with the suites of each that the workers have.
fn by_name(name: &str) -> Option<TlsPolicy> {
    match name {
        "AppGwSslPolicy20170401S" => Some(TlsPolicy::predefined_2017_strict()),
        "AppGwSslPolicy20220101" | "AppGwSslPolicy20220101S" => Some(TlsPolicy::predefined_2022()),
        _ => None,
    }
}

struct Policy<'a> {
    members: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Policy<'a> {
    fn predefined(&self, findings: &mut Findings) -> Option<TlsPolicy> {
        let others = ["minProtocolVersion", "cipherSuites", "disabledSslProtocols"];
        let only_name = self.refuse_others(&others, findings);
        let Some(name) = self.text("policyName") else {
            self.required("policyName", findings);
            return None;
        };
        let policy = by_name(name);
        if policy.is_none() {
            let message = format!(
                "Policy {name} allows TLS 1.0 or 1.1 and has been retired. Use AppGwSslPolicy20220101, \
                 AppGwSslPolicy20220101S or AppGwSslPolicy20170401S."
            );
            findings.add(
                Code::ApplicationGatewaySslPolicyRetired,
                &self.at("policyName"),
                message,
            );
        }
        policy.filter(|_| only_name)
    }

    fn custom(&self, generation: PolicyGeneration, findings: &mut Findings) -> Option<TlsPolicy> {
        let allowed = self.refuse_others(&["policyName", "disabledSslProtocols"], findings);
        let versions = self.versions(generation, findings);
        let listed = self.members.get("cipherSuites").and_then(Value::as_array);
        if listed.is_none() {
            self.required("cipherSuites", findings);
        }
        let (versions, listed) = (versions?, listed?);
        let suites: Vec<_> = listed
            .iter()
            .filter_map(|name| CipherSuite::of_tls12(name.as_str()?))
            .collect();
        let policy = TlsPolicy::new(versions, &suites, generation);
        if policy.is_err() {
            let message = "None of the cipher suites for TLS 1.2 is available here; name one of \
                           TLS_ECDHE_{RSA,ECDSA}_WITH_AES_{128_GCM_SHA256,256_GCM_SHA384}, or use CustomV2 with \
                           minProtocolVersion TLSv1_3.";
            findings.add(
                Code::ApplicationGatewaySslPolicyHasNoUsableCipherSuite,
                &self.at("cipherSuites"),
                message,
            );
        }
        policy.ok().filter(|_| allowed)
    }

    fn versions(
        &self,
        generation: PolicyGeneration,
        findings: &mut Findings,
    ) -> Option<TlsVersions> {
        let target = self.at("minProtocolVersion");
        match (self.text("minProtocolVersion"), generation) {
            (Some("TLSv1_2"), PolicyGeneration::Old) => Some(TlsVersions::Tls12),
            (Some("TLSv1_2"), PolicyGeneration::New) => Some(TlsVersions::Tls12And13),
            (Some("TLSv1_3"), PolicyGeneration::New) => Some(TlsVersions::Tls13),
            (Some("TLSv1_3"), PolicyGeneration::Old) => {
                let message = "TLSv1_3 needs policyType CustomV2.";
                findings.add(
                    Code::ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType,
                    &target,
                    message,
                );
                None
            }
            (Some(old), _) => {
                let message = format!("{old} has been retired. Use TLSv1_2 or TLSv1_3.");
                findings.add(Code::ApplicationGatewaySslPolicyRetired, &target, message);
                None
            }
            (None, _) => {
                self.required("minProtocolVersion", findings);
                None
            }
        }
    }

    /// Reports members that the policy type does not take. An empty list, which Terraform sends, is none.
    fn refuse_others(&self, others: &[&str], findings: &mut Findings) -> bool {
        let says_something =
            |value: &Value| value.as_array().is_none_or(|values| !values.is_empty());
        let kind = self.text("policyType").unwrap_or_default();
        let mut none = true;
        for member in others {
            if self.members.get(*member).is_some_and(says_something) {
                let message = format!("Property {member} cannot be used with policyType {kind}.");
                let code = Code::ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType;
                findings.add(code, &self.at(member), message);
                none = false;
            }
        }
        none
    }

    fn required(&self, member: &str, findings: &mut Findings) {
        let kind = self.text("policyType").unwrap_or_default();
        let message = format!("Property {member} must be given with policyType {kind}.");
        findings.add(
            Code::ApplicationGatewaySslPolicyPropertyRequired,
            &self.at(member),
            message,
        );
    }

    fn text(&self, member: &str) -> Option<&'a str> {
        self.members.get(member)?.as_str()
    }

    fn at(&self, member: &str) -> String {
        format!("{}.{member}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Versions, number of suites and generation, or the codes of what is wrong.
    fn run(policy: &Value) -> Result<(TlsVersions, usize, PolicyGeneration), Vec<Code>> {
        let mut findings = Findings::default();
        let parsed = parse(policy.as_object().unwrap(), "p", &mut findings);
        match findings.finish() {
            Ok(()) => {
                let policy = parsed.unwrap();
                Ok((
                    policy.versions(),
                    policy.suites().len(),
                    policy.generation(),
                ))
            }
            Err(violations) => {
                assert!(parsed.is_none());
                Err(violations.iter().map(|violation| violation.code).collect())
            }
        }
    }

    #[track_caller]
    fn check(policy: Value, versions: TlsVersions, suites: usize, generation: PolicyGeneration) {
        assert_eq!(run(&policy), Ok((versions, suites, generation)));
    }

    #[track_caller]
    fn check_refused(policy: Value, codes: &[Code]) {
        assert_eq!(run(&policy), Err(codes.to_vec()));
    }

    #[test]
    fn predefined_policies_keep_what_the_library_has() {
        let named = |name: &str| json!({"policyType": "Predefined", "policyName": name, "cipherSuites": [], "disabledSslProtocols": []});
        check(
            named("AppGwSslPolicy20220101"),
            TlsVersions::Tls12And13,
            6,
            PolicyGeneration::New,
        );
        check(
            named("AppGwSslPolicy20220101S"),
            TlsVersions::Tls12And13,
            6,
            PolicyGeneration::New,
        );
        check(
            named("AppGwSslPolicy20170401S"),
            TlsVersions::Tls12,
            4,
            PolicyGeneration::Old,
        );
        check_refused(
            named("AppGwSslPolicy20150501"),
            &[Code::ApplicationGatewaySslPolicyRetired],
        );
        check_refused(
            named("AppGwSslPolicy20170401"),
            &[Code::ApplicationGatewaySslPolicyRetired],
        );
    }

    #[test]
    fn custom_policies_keep_what_the_library_has() {
        let cbc = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256";
        let gcm = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        let custom = |kind: &str, min: &str, suites: &[&str]| json!({"policyType": kind, "minProtocolVersion": min, "cipherSuites": suites});
        check(
            custom("Custom", "TLSv1_2", &[cbc, gcm]),
            TlsVersions::Tls12,
            1,
            PolicyGeneration::Old,
        );
        check(
            custom("CustomV2", "TLSv1_2", &[gcm]),
            TlsVersions::Tls12And13,
            3,
            PolicyGeneration::New,
        );
        check(
            custom("CustomV2", "TLSv1_3", &[]),
            TlsVersions::Tls13,
            2,
            PolicyGeneration::New,
        );
        check_refused(
            custom("CustomV2", "TLSv1_2", &[cbc]),
            &[Code::ApplicationGatewaySslPolicyHasNoUsableCipherSuite],
        );
        check_refused(
            custom("Custom", "TLSv1_2", &[cbc]),
            &[Code::ApplicationGatewaySslPolicyHasNoUsableCipherSuite],
        );
        check_refused(
            custom("Custom", "TLSv1_0", &[gcm]),
            &[Code::ApplicationGatewaySslPolicyRetired],
        );
        check_refused(
            custom("Custom", "TLSv1_3", &[gcm]),
            &[Code::ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType],
        );
    }

    #[test]
    fn members_that_do_not_fit_the_type_are_refused() {
        check_refused(
            json!({}),
            &[Code::ApplicationGatewaySslPolicyPropertyPolicyTypeRequired],
        );
        check_refused(
            json!({"disabledSslProtocols": ["TLSv1_0"]}),
            &[Code::ApplicationGatewaySslPolicyPropertyPolicyTypeRequired],
        );
        check_refused(
            json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101", "minProtocolVersion": "TLSv1_2"}),
            &[Code::ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType],
        );
        check_refused(
            json!({"policyType": "Predefined"}),
            &[Code::ApplicationGatewaySslPolicyPropertyRequired],
        );
        check_refused(
            json!({"policyType": "CustomV2", "policyName": "AppGwSslPolicy20220101"}),
            &[
                Code::ApplicationGatewaySslPolicyPropertyNotSupportedForPolicyType,
                Code::ApplicationGatewaySslPolicyPropertyRequired,
                Code::ApplicationGatewaySslPolicyPropertyRequired,
            ],
        );
    }
}
