//! Who gets through where: every operation of the route table, asked for by every kind of caller.
//!
//! What is expected is written down here and derived from nothing. An operation that is not in [`TABLE`] fails the test.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use control_plane::{access::Scope, api, role::Role, token::SigningKey};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use time::Duration;

use super::{
    caller::{Caller, SUBSCRIPTION},
    document::{self, GROUP},
};
use crate::database::{Database, on_sqlite};

/// Where a role has to be assigned for an operation. Each includes what is above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nobody is asked who calls.
    Public,
    /// Any good token does.
    SignedIn,
    /// At `/`.
    Root,
    /// Anywhere.
    Anywhere,
    /// At the subscription.
    Subscription,
    /// At the subscription or in it.
    InSubscription,
    /// At the resource group.
    Group,
    /// At the resource group or in it.
    InGroup,
    /// At the gateway.
    Gateway,
}
use Place::{
    Anywhere, Gateway, Group, InGroup, InSubscription, Public, Root, SignedIn, Subscription,
};

/// Reader, Contributor, Client CA Operator and Owner, by their first letters (K for the operator).
const TABLE: &[(&str, Place, &str)] = &[
    ("ResourceGroups_List", InSubscription, "RCKO"),
    ("ResourceGroups_Get", Group, "RCKO"),
    ("ResourceGroups_CreateOrUpdate", Group, "CO"),
    ("ResourceGroups_Update", Group, "CO"),
    ("ResourceGroups_Delete", Group, "CO"),
    ("OperationResults_Get", InSubscription, "RCO"),
    ("Providers_Get", InSubscription, "RCKO"),
    ("ApplicationGateways_ListAll", InSubscription, "RCKO"),
    ("Operations_Get", InSubscription, "RCKO"),
    ("OperationResults_GetInLocation", InSubscription, "RCKO"),
    (
        "ApplicationGateways_ListAvailableSslOptions",
        InSubscription,
        "RCKO",
    ),
    (
        "ApplicationGateways_ListAvailableSslPredefinedPolicies",
        InSubscription,
        "RCKO",
    ),
    (
        "ApplicationGateways_GetSslPredefinedPolicy",
        InSubscription,
        "RCKO",
    ),
    ("ApplicationGateways_List", InGroup, "RCKO"),
    ("ApplicationGateways_Get", Gateway, "RCKO"),
    ("ApplicationGateways_CreateOrUpdate", Gateway, "CO"),
    ("ApplicationGateways_UpdateTags", Gateway, "CO"),
    ("ApplicationGateways_Delete", Gateway, "CO"),
    ("ApplicationGateways_Start", Gateway, "CO"),
    ("ApplicationGateways_Stop", Gateway, "CO"),
    ("ApplicationGateways_BackendHealth", Gateway, "CO"),
    ("ApplicationGateways_BackendHealthOnDemand", Gateway, "CO"),
    ("Children_List probes", Gateway, "RCKO"),
    ("Children_Get probes", Gateway, "RCKO"),
    ("Children_CreateOrUpdate probes", Gateway, "CO"),
    ("Children_Delete probes", Gateway, "CO"),
    ("Children_List sslProfiles", Gateway, "RCKO"),
    ("Children_Get sslProfiles", Gateway, "RCKO"),
    ("Children_CreateOrUpdate sslProfiles", Gateway, "CO"),
    ("Children_Delete sslProfiles", Gateway, "CO"),
    ("Children_List trustedClientCertificates", Gateway, "RCKO"),
    ("Children_Get trustedClientCertificates", Gateway, "RCKO"),
    (
        "Children_CreateOrUpdate trustedClientCertificates",
        Gateway,
        "CKO",
    ),
    ("Children_Delete trustedClientCertificates", Gateway, "CKO"),
    ("SslProfiles_ExplainClientCertificate", Gateway, "RCKO"),
    ("ClientAuthPolicies_List", Gateway, "RCKO"),
    ("ClientAuthPolicies_Get", Gateway, "RCKO"),
    ("ClientAuthPolicies_CreateOrUpdate", Gateway, "CO"),
    ("ClientAuthPolicies_Delete", Gateway, "CO"),
    ("ReadinessReports_Get", Gateway, "RCKO"),
    ("ReadinessReports_Reset", Gateway, "CO"),
    ("CertificateRevocationLists_List", Gateway, "RCKO"),
    ("CertificateRevocationLists_Get", Gateway, "RCKO"),
    ("CertificateRevocationLists_CreateOrUpdate", Gateway, "CKO"),
    ("CertificateRevocationLists_Delete", Gateway, "CKO"),
    ("Tenants_List", SignedIn, ""),
    ("Subscriptions_List", SignedIn, ""),
    ("Subscriptions_Get", InSubscription, "RCKO"),
    ("Subscriptions_ListLocations", InSubscription, "RCKO"),
    ("RoleAssignments_ListEverywhere", Root, "RCO"),
    ("RoleAssignments_GetEverywhere", Root, "RCO"),
    ("RoleAssignments_CreateEverywhere", Root, "O"),
    ("RoleAssignments_DeleteEverywhere", Root, "O"),
    ("RoleDefinitions_ListEverywhere", SignedIn, ""),
    ("RoleDefinitions_GetEverywhere", SignedIn, ""),
    ("RoleAssignments_ListInSubscription", Subscription, "RCO"),
    ("RoleAssignments_GetInSubscription", Subscription, "RCO"),
    ("RoleAssignments_CreateInSubscription", Subscription, "O"),
    ("RoleAssignments_DeleteInSubscription", Subscription, "O"),
    ("RoleDefinitions_ListInSubscription", SignedIn, ""),
    ("RoleDefinitions_GetInSubscription", SignedIn, ""),
    ("RoleAssignments_ListInResourceGroup", Group, "RCO"),
    ("RoleAssignments_GetInResourceGroup", Group, "RCO"),
    ("RoleAssignments_CreateInResourceGroup", Group, "O"),
    ("RoleAssignments_DeleteInResourceGroup", Group, "O"),
    ("RoleDefinitions_ListInResourceGroup", SignedIn, ""),
    ("RoleDefinitions_GetInResourceGroup", SignedIn, ""),
    ("RoleAssignments_ListOnApplicationGateway", Gateway, "RCO"),
    ("RoleAssignments_GetOnApplicationGateway", Gateway, "RCO"),
    ("RoleAssignments_CreateOnApplicationGateway", Gateway, "O"),
    ("RoleAssignments_DeleteOnApplicationGateway", Gateway, "O"),
    ("RoleDefinitions_ListOnApplicationGateway", SignedIn, ""),
    ("RoleDefinitions_GetOnApplicationGateway", SignedIn, ""),
    ("ServicePrincipals_List", Root, "RCO"),
    ("ServicePrincipals_Get", Root, "RCO"),
    ("ServicePrincipals_CreateOrUpdate", Root, "O"),
    ("ServicePrincipals_Delete", Root, "O"),
    ("ServicePrincipals_AddKey", Root, "O"),
    ("ServicePrincipals_AddPassword", Root, "O"),
    ("ServicePrincipals_RemoveKey", Root, "O"),
    ("ServicePrincipals_RemovePassword", Root, "O"),
    ("Workers_List", Root, "RCO"),
    ("Workers_Get", Root, "RCO"),
    ("Workers_CreateOrUpdate", Root, "O"),
    ("Workers_Delete", Root, "O"),
    ("Workers_CreateJoinToken", Root, "O"),
    ("Workers_Revoke", Root, "O"),
    ("ActivityLogs_ListEverywhere", Anywhere, "RCO"),
    ("ActivityLogs_List", InSubscription, "RCO"),
    ("OpenApi_Get", Public, ""),
    ("Metadata_Get", Public, ""),
    ("Keys_List", Public, ""),
    ("OpenIdConfiguration_GetV1", Public, ""),
    ("OpenIdConfiguration_GetV2", Public, ""),
    ("OpenIdConfiguration_GetAdfsV1", Public, ""),
    ("OpenIdConfiguration_GetAdfsV2", Public, ""),
    ("Tokens_IssueV1", Public, ""),
    ("Tokens_IssueV2", Public, ""),
    ("Tokens_IssueAdfsV1", Public, ""),
    ("Tokens_IssueAdfsV2", Public, ""),
];

/// What a caller is to be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Its token is not good.
    Stranger,
    /// It has no role.
    Nobody,
    /// It has the role with this letter at `/`.
    Everywhere(char),
    /// It is Owner of another subscription.
    Elsewhere,
    /// It is Owner of the resource group.
    OfGroup,
    /// It is Owner of the gateway.
    OfGateway,
}

/// The status that a caller gets; `None`: one that the decision has nothing to do with.
fn expected(kind: Kind, place: Place, roles: &str) -> Option<u16> {
    let through = match (kind, place) {
        (_, Public) => true,
        (Kind::Stranger, _) => return Some(401),
        (_, SignedIn) => true,
        (Kind::Nobody, _) => false,
        (Kind::Everywhere(role), _) => roles.contains(role),
        (Kind::Elsewhere, _) => place == Anywhere,
        (Kind::OfGroup, _) => !matches!(place, Root | Subscription),
        (Kind::OfGateway, _) => !matches!(place, Root | Subscription | Group),
    };
    (!through).then_some(403)
}

/// An operation with a path of its own.
struct Asked {
    id: String,
    path: String,
    methods: &'static [Method],
}

/// Every operation; those of children once for each of some collections.
fn asked() -> Vec<Asked> {
    let mut all = Vec::new();
    for (id, template, methods) in api::operations() {
        let collections: &[&str] = if template.contains("{collection}") {
            &["probes", "sslProfiles", "trustedClientCertificates"]
        } else {
            &[""]
        };
        for collection in collections {
            let path = template.split('/').map(|part| segment(part, collection));
            all.push(Asked {
                id: format!("{id} {collection}").trim_end().to_owned(),
                path: path.collect::<Vec<_>>().join("/"),
                methods,
            });
        }
    }
    all
}

fn segment<'a>(part: &'a str, collection: &'a str) -> &'a str {
    match part {
        "{subscriptionId}" | "{operationId}" | "{roleAssignmentName}" | "{roleDefinitionName}" => {
            "11111111-1111-1111-1111-111111111111"
        }
        "{resourceGroupName}" => "Group",
        "{applicationGatewayName}" => "gw",
        "{collection}" => collection,
        "{tenant}" => "adfs",
        parameter if parameter.starts_with('{') => "example",
        fixed => fixed,
    }
}

#[test]
fn every_operation_is_in_the_table_and_no_other() {
    let mut served: Vec<String> = asked().into_iter().map(|one| one.id).collect();
    let mut known: Vec<&str> = TABLE.iter().map(|(id, ..)| *id).collect();
    served.sort();
    known.sort_unstable();
    assert_eq!(served, known, "say who may before it is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_lets_through_whom_it_should() {
    on_sqlite(|database| async move {
        let callers = callers(&database).await;
        let table: BTreeMap<&str, (Place, &str)> = TABLE
            .iter()
            .map(|(id, place, roles)| (*id, (*place, *roles)))
            .collect();
        let mut wrong = Vec::new();
        for (name, kind, caller) in &callers {
            for Asked { id, path, methods } in asked() {
                let (place, roles) = table[id.as_str()];
                let expected = expected(*kind, place, roles);
                for method in methods {
                    let reply = caller.call(method.clone(), &path, &[], &json!({})).await;
                    let status = reply.status.as_u16();
                    let right = match expected {
                        Some(expected) => status == expected,
                        // 501: what is not there yet.
                        None => !matches!(status, 401 | 403 | 405 | 429 | 500 | 502..),
                    };
                    if !right {
                        wrong.push(format!(
                            "{name}: {method} {path}: {status}, not {expected:?}"
                        ));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    })
    .await;
}

/// In an order in which what those who may take away is not missed.
async fn callers(database: &Database) -> Vec<(&'static str, Kind, Caller)> {
    let before = Caller::with_group(database).await;
    before.clock.advance(Duration::hours(2));
    let owner = before.with_role(Role::Owner, &Scope::root()).await;
    let gateway = document::gateway_id("gw");
    let content = document::http_gateway(&gateway, 8080);
    owner.put(&gateway, &content).await.assert_status(201);

    let mut all = vec![
        ("no token", Kind::Stranger, owner.with_authorization("")),
        (
            "garbage",
            Kind::Stranger,
            owner.with_authorization("Bearer a.b.c"),
        ),
        ("expired", Kind::Stranger, before.clone()),
        ("deleted", Kind::Stranger, deleted(&owner).await),
    ];
    let forged = forged(&owner).await;
    let strangers = forged.into_iter().map(|(name, token)| {
        let authorization = format!("Bearer {token}");
        (
            name,
            Kind::Stranger,
            owner.with_authorization(&authorization),
        )
    });
    all.extend(strangers);
    all.push(("no role", Kind::Nobody, owner.without_role().await));
    let elsewhere = "/subscriptions/22222222-2222-2222-2222-222222222222";
    for (name, kind, role, scope) in [
        ("elsewhere", Kind::Elsewhere, Role::Owner, elsewhere),
        ("reader", Kind::Everywhere('R'), Role::Reader, "/"),
        (
            "operator",
            Kind::Everywhere('K'),
            Role::ClientCaOperator,
            "/",
        ),
        (
            "owner of the gateway",
            Kind::OfGateway,
            Role::Owner,
            gateway.as_str(),
        ),
        ("owner of the group", Kind::OfGroup, Role::Owner, GROUP),
        ("contributor", Kind::Everywhere('C'), Role::Contributor, "/"),
        ("owner", Kind::Everywhere('O'), Role::Owner, "/"),
    ] {
        all.push((name, kind, owner.with_role(role, &Scope::of(scope)).await));
    }
    all
}

fn claims(caller: &Caller) -> Value {
    let payload = caller.authorization().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// An Owner whose service principal is gone, and whose token is not.
async fn deleted(owner: &Caller) -> Caller {
    let gone = owner.with_role(Role::Owner, &Scope::root()).await;
    let id = claims(&gone)["oid"].as_str().unwrap().to_owned();
    let path = format!("/providers/Portcullis.Security/servicePrincipals/principal-{id}");
    owner.delete(&path).await.assert_status(200);
    gone
}

/// Tokens that differ from a good one of `owner` in one point.
async fn forged(owner: &Caller) -> Vec<(&'static str, String)> {
    let good = owner.authorization().strip_prefix("Bearer ").unwrap();
    let own = claims(owner);
    let with = |claim: &str, value: Value| {
        let mut changed = own.clone();
        changed[claim] = value;
        changed
    };
    let slots = owner.store.signing_key_slots().await.unwrap();
    let tenant = owner.issuers.tenant();
    let key = owner.store.find_signing_key(tenant, &slots[0]).await;
    let key = key.unwrap().unwrap();
    let other = SigningKey::generate().unwrap();
    let now = owner.clock.now().unix_timestamp();

    // What is signed like this is taken as it is, so what is refused below is refused for its claim.
    let same = format!("Bearer {}", signed(&key, &key.kid(), &own));
    let same = owner.with_authorization(&same);
    same.get(SUBSCRIPTION).await.assert_status(200);

    let (message, signature) = good.rsplit_once('.').unwrap();
    let payload = message.split_once('.').unwrap().1;
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[10] ^= 1;
    let none = BASE64_URL_SAFE_NO_PAD
        .encode(json!({ "alg": "none", "typ": "JWT", "kid": key.kid() }).to_string());
    let elsewhere = "urn:portcullis:22222222-2222-2222-2222-222222222222:token-service";
    let audience = "urn:portcullis:22222222-2222-2222-2222-222222222222";
    vec![
        ("alg none", format!("{none}.{payload}.")),
        ("alg none, signed", format!("{none}.{payload}.{signature}")),
        (
            "wrong signature",
            format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)),
        ),
        ("another key", signed(&other, &key.kid(), &own)),
        ("unknown key", signed(&other, &other.kid(), &own)),
        (
            "wrong audience",
            signed(&key, &key.kid(), &with("aud", json!(audience))),
        ),
        (
            "wrong issuer",
            signed(&key, &key.kid(), &with("iss", json!(elsewhere))),
        ),
        (
            "not valid yet",
            signed(&key, &key.kid(), &with("nbf", json!(now + 3600))),
        ),
        (
            "no principal",
            signed(&key, &key.kid(), &with("oid", Value::Null)),
        ),
    ]
}

fn signed(key: &SigningKey, kid: &str, claims: &Value) -> String {
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    let key = EncodingKey::from_ec_der(key.pkcs8());
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}
