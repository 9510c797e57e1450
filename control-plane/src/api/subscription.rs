//! `/subscriptions`, `/tenants` and locations: where clients look around after they signed in.
//!
//! A subscription is there when a resource group or a role assignment names it. The installation's own, whose id is that
//! of the tenant, always is, so that a client of a fresh installation has one to begin in.

use axum::response::Response;
use http::StatusCode;
use model::SubscriptionId;
use serde_json::{Value, json};

use super::{Api, call::Call, error::ApiError, reply};

/// Answers at `/subscriptions`: those in which the caller may see something.
pub(super) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let tenant = api.parts.issuers.tenant();
    let mut known = api.store().list_subscriptions(call.read()).await?;
    let own = format!("/subscriptions/{tenant}");
    if call.read().touches(&own) && !known.iter().any(|id| id == tenant) {
        known.push(tenant.to_owned());
    }
    let value: Vec<Value> = known.iter().map(|id| render(tenant, id)).collect();
    let count = json!({ "type": "Total", "value": value.len() });
    Ok(reply::resource(
        StatusCode::OK,
        json!({ "value": value, "count": count }),
    ))
}

/// Answers at `{subscription}`.
pub(super) fn find(api: &Api, subscription: &SubscriptionId) -> Response {
    let body = render(api.parts.issuers.tenant(), subscription.as_str());
    reply::resource(StatusCode::OK, body)
}

/// Answers at `/tenants`: there is one.
pub(super) fn tenants(api: &Api) -> Response {
    let tenant = api.parts.issuers.tenant();
    let body = json!({
        "value": [{
            "id": format!("/tenants/{tenant}"),
            "tenantId": tenant,
            "displayName": "Portcullis",
            "tenantCategory": "Home",
            "domains": [],
        }],
    });
    reply::resource(StatusCode::OK, body)
}

/// Answers at `{subscription}/locations`. Any location is accepted and means nothing; this one is shown to clients that
/// want to choose.
pub(super) fn locations(subscription: &SubscriptionId) -> Response {
    let body = json!({
        "value": [{
            "id": format!("/subscriptions/{subscription}/locations/local"),
            "name": "local",
            "type": "Region",
            "displayName": "Local",
            "regionalDisplayName": "Local",
            "metadata": { "regionType": "Physical", "regionCategory": "Recommended" },
        }],
    });
    reply::resource(StatusCode::OK, body)
}

fn render(tenant: &str, id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "tenantId": tenant,
        "displayName": if id == tenant { "Portcullis" } else { id },
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": { "locationPlacementId": "Public", "quotaId": "None", "spendingLimit": "Off" },
        "managedByTenants": [],
    })
}
