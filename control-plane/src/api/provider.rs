//! What `Microsoft.Network` offers here. `az resource show` takes the first api-version of the list.

use model::{Collection, SubscriptionId};
use serde_json::{Value, json};

use crate::api_version::ApiVersion;

/// The body of `GET {subscription}/providers/Microsoft.Network`.
pub(super) fn render(subscription: &SubscriptionId) -> Value {
    let children = Collection::ALL
        .iter()
        .map(|collection| format!("applicationGateways/{collection}"));
    let others = [
        "locations/operations",
        "locations/operationResults",
        "applicationGatewayAvailableSslOptions",
    ];
    let names = std::iter::once("applicationGateways".to_owned())
        .chain(children)
        .chain(others.map(str::to_owned));
    json!({
        "id": format!("/subscriptions/{subscription}/providers/Microsoft.Network"),
        "namespace": "Microsoft.Network",
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": names.map(resource_type).collect::<Vec<_>>(),
    })
}

fn resource_type(name: String) -> Value {
    json!({ "resourceType": name, "locations": [], "apiVersions": API_VERSIONS })
}

/// Newest first: the stable versions that have client certificates. Any other date from 2015-06-15 on is served too.
const API_VERSIONS: [&str; 14] = [
    ApiVersion::NEWEST,
    "2025-09-01",
    "2025-07-01",
    "2025-05-01",
    "2025-03-01",
    "2025-01-01",
    "2024-07-01",
    "2024-05-01",
    "2023-11-01",
    "2022-05-01",
    "2021-08-01",
    "2021-03-01",
    "2021-02-01",
    "2020-06-01",
];
