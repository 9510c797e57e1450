//! What TLS policies there are: `applicationGatewayAvailableSslOptions`.
//!
//! As in Azure, the two retired policies are listed though a gateway can no longer name them.
//! Differs from Azure: only the cipher suites that the workers have are listed.

use model::SubscriptionId;
use serde_json::{Value, json};

use super::error::ApiError;

/// The body of `GET …/default`.
pub(super) fn options(subscription: &SubscriptionId) -> Value {
    let policies: Vec<_> = POLICIES
        .iter()
        .map(|policy| json!({ "id": policy.id(subscription) }))
        .collect();
    json!({
        "name": "default",
        "id": options_id(subscription),
        "type": "Microsoft.Network/ApplicationGatewayAvailableSslOptions",
        "properties": {
            "predefinedPolicies": policies,
            "defaultPolicy": DEFAULT_POLICY,
            "availableCipherSuites": TLS12_SUITES,
            "availableProtocols": ["TLSv1_2", "TLSv1_3"],
        },
    })
}

/// The body of `GET …/default/predefinedPolicies`.
pub(super) fn policies(subscription: &SubscriptionId) -> Value {
    json!({ "value": POLICIES.iter().map(|policy| policy.render(subscription)).collect::<Vec<_>>() })
}

/// The body of `GET …/default/predefinedPolicies/{name}`; the name matches in any case.
pub(super) fn policy(subscription: &SubscriptionId, name: &str) -> Result<Value, ApiError> {
    let found = POLICIES
        .iter()
        .find(|policy| policy.name.eq_ignore_ascii_case(name));
    found
        .map(|policy| policy.render(subscription))
        .ok_or_else(|| {
            ApiError::not_found(
                "ResourceNotFound",
                "There is no predefined SSL policy of this name.",
            )
        })
}

struct Policy {
    name: &'static str,
    min_protocol: &'static str,
    tls13: bool,
}

impl Policy {
    fn id(&self, subscription: &SubscriptionId) -> String {
        format!(
            "{}/ApplicationGatewaySslPredefinedPolicy/{}",
            options_id(subscription),
            self.name
        )
    }

    fn render(&self, subscription: &SubscriptionId) -> Value {
        let tls13 = TLS13_SUITES.iter().filter(|_| self.tls13);
        json!({
            "name": self.name,
            "id": self.id(subscription),
            "type": "Microsoft.Network/ApplicationGatewaySslPredefinedPolicies",
            "properties": {
                "minProtocolVersion": self.min_protocol,
                "cipherSuites": tls13.chain(&TLS12_SUITES).collect::<Vec<_>>(),
            },
        })
    }
}

fn options_id(subscription: &SubscriptionId) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Network/applicationGatewayAvailableSslOptions/default"
    )
}

const DEFAULT_POLICY: &str = "AppGwSslPolicy20220101";
const POLICIES: [Policy; 5] = [
    Policy {
        name: "AppGwSslPolicy20150501",
        min_protocol: "TLSv1_0",
        tls13: false,
    },
    Policy {
        name: "AppGwSslPolicy20170401",
        min_protocol: "TLSv1_1",
        tls13: false,
    },
    Policy {
        name: "AppGwSslPolicy20170401S",
        min_protocol: "TLSv1_2",
        tls13: false,
    },
    Policy {
        name: DEFAULT_POLICY,
        min_protocol: "TLSv1_2",
        tls13: true,
    },
    Policy {
        name: "AppGwSslPolicy20220101S",
        min_protocol: "TLSv1_2",
        tls13: true,
    },
];
const TLS12_SUITES: [&str; 4] = [
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
];
const TLS13_SUITES: [&str; 2] = ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"];
