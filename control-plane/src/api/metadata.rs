//! What clients read before they sign in: the cloud's metadata, and the OpenID configuration of the token service.
//!
//! The shapes are what az, MSAL, azure-identity and Terraform need of them: `loginEndpoint` ends in `/adfs` so that MSAL
//! asks no other cloud about this one, and Terraform takes any `identityProvider` but `AAD` for Azure Stack.

use serde_json::{Value, json};

/// The body of `GET /metadata/endpoints`: one object, or for `2019-05-01` and older a list of clouds. `base` is the API's
/// URL without a trailing slash.
pub(super) fn endpoints(base: &str, tenant: &str, api_version: Option<&str>) -> Value {
    let host = base
        .split_once("://")
        .map_or(base, |(_scheme, authority)| authority);
    let cloud = json!({
        "name": "Portcullis",
        "resourceManager": base,
        "portal": base,
        "authentication": {
            "loginEndpoint": format!("{base}/adfs"),
            "audiences": [base, format!("urn:portcullis:{tenant}")],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graph": base,
        "graphAudience": base,
        "microsoftGraphResourceId": format!("{base}/"),
        "gallery": base,
        "batch": base,
        "media": base,
        "sqlManagement": base,
        "vmImageAliasDoc": base,
        "activeDirectoryDataLake": base,
        "suffixes": { "storage": host, "keyVaultDns": host },
    });
    match api_version {
        Some(version) if version <= "2019-05-01" => json!([cloud]),
        _ => cloud,
    }
}

/// The body of `.well-known/openid-configuration` (OpenID Connect Discovery 1.0, section 3), below `authority`: base URL and
/// tenant as the client wrote them.
pub(super) fn openid_configuration(authority: &str, base: &str, issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{authority}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{authority}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/discovery/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "response_modes_supported": [],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": [],
        "claims_supported": ["iss", "aud", "iat", "nbf", "exp", "jti", "tid", "oid", "sub", "appid", "azp"],
    })
}
