//! The resources of `Portcullis.Security`, which extend Azure's.

use serde_json::{Value, json};

use super::{Answer, Arm};

/// The resource id of the client authentication policy of an SSL profile.
pub fn client_auth_policy_id(gateway: &str, profile: &str) -> String {
    format!(
        "{gateway}/sslProfiles/{profile}/providers/Portcullis.Security/clientAuthPolicies/default"
    )
}

/// The resource id of a revocation list of an uploaded client CA.
pub fn revocation_list_id(gateway: &str, ca: &str, name: &str) -> String {
    format!(
        "{gateway}/trustedClientCertificates/{ca}/providers/Portcullis.Security/certificateRevocationLists/{name}"
    )
}

/// The resource id of the readiness report of an SSL profile.
pub fn readiness_report_id(gateway: &str, profile: &str) -> String {
    format!(
        "{gateway}/sslProfiles/{profile}/providers/Portcullis.Security/readinessReports/default"
    )
}

impl Arm {
    /// Puts the client authentication policy of an SSL profile in force.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn put_client_auth_policy(&self, gateway: &str, profile: &str, properties: &Value) {
        let id = client_auth_policy_id(gateway, profile);
        self.put_in_force(&id, &json!({ "properties": properties }));
    }

    /// Uploads a revocation list in DER, as it is.
    pub fn put_revocation_list(&self, gateway: &str, ca: &str, name: &str, der: &[u8]) -> Answer {
        let id = revocation_list_id(gateway, ca, name);
        self.request_raw("PUT", &id, "application/pkix-crl", der)
    }

    /// Asks why a chain (PEM) would be let in or refused.
    ///
    /// # Panics
    ///
    /// When there is no explanation.
    #[track_caller]
    pub fn explain(&self, gateway: &str, profile: &str, chain: &str) -> Value {
        let path = format!("{gateway}/sslProfiles/{profile}/explainClientCertificate");
        let answer = self.request(
            "POST",
            &path,
            &[],
            Some(&json!({"certificateChain": chain})),
        );
        assert_eq!(answer.status, 200, "{answer:#?}");
        answer.body
    }
}
