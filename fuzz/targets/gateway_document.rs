//! What a client of the REST API sends as a gateway.
#![no_main]

use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use control_plane::api_version::ApiVersion;
use control_plane::parse::{ParseContext, application_gateway};
use libfuzzer_sys::fuzz_target;
use model::GatewayId;

static ID: LazyLock<GatewayId> = LazyLock::new(|| {
    GatewayId::parse(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/fuzz/providers/Microsoft.Network/applicationGateways/gw",
    )
    .expect("id")
});
static VERSION: LazyLock<ApiVersion> =
    LazyLock::new(|| ApiVersion::parse("2025-07-01").expect("version"));

fuzz_target!(|input: &[u8]| {
    let Ok(body) = serde_json::from_slice(input) else {
        return;
    };
    let context = ParseContext {
        id: &ID,
        api_version: &VERSION,
        stored: None,
        abandoned: &AtomicBool::new(false),
    };
    let _violations = application_gateway(&context, &body);
});
