//! `Microsoft.Insights/eventtypes/management/values`: the audit in the shape of Azure's activity log.

mod filter;

use axum::response::Response;
use http::StatusCode;
use model::SubscriptionId;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use self::filter::Filter;
use super::{Api, call::Call, error::ApiError, page, reply};
use crate::{
    audit::AuditOutcome,
    store::{AuditQuery, StoredEvent},
};

/// Answers at `[{subscription}]/providers/Microsoft.Insights/eventtypes/management/values`, newest first.
///
/// Differs from Azure: without a filter on `eventTimestamp` the last 90 days are shown instead of an error, and `$select`
/// is ignored.
pub(super) async fn list(
    api: &Api,
    call: &Call,
    subscription: Option<&SubscriptionId>,
) -> Result<Response, ApiError> {
    let page = page::of(call)?;
    let filter = Filter::parse(call.parameter("$filter").unwrap_or_default())?;
    let before = page.after.as_deref().map(str::parse).transpose();
    let now = api.parts.clock.now();
    let below = filter.below(subscription)?;
    let query = AuditQuery {
        subscription: subscription.cloned(),
        from: filter.from.unwrap_or(now - DEFAULT_PAST),
        until: filter.until.unwrap_or(now + Duration::minutes(5)),
        below,
        correlation_id: filter.correlation_id.clone(),
        caller: filter.caller.clone(),
        succeeded: filter.succeeded,
        before: before.map_err(|_not_ours| page::invalid_token())?,
        limit: page.limit,
    };
    let listing = api.store().list_audit(call.read(), &query).await?;
    let tenant = api.parts.issuers.tenant();
    let mut body = Map::new();
    let events: Vec<Value> = listing
        .items
        .iter()
        .map(|stored| render(stored, tenant))
        .collect();
    body.insert("value".to_owned(), Value::Array(events));
    if let Some(next) = listing.next {
        let link = page::next_link_with(call, &page, call.path(), &next, &["$filter"]);
        body.insert("nextLink".to_owned(), Value::String(link));
    }
    Ok(reply::resource(StatusCode::OK, Value::Object(body)))
}

fn render(stored: &StoredEvent, tenant: &str) -> Value {
    let StoredEvent {
        sequence,
        hash,
        event,
    } = stored;
    let at = event.at.format(&Rfc3339).ok();
    let id = event_id(hash).to_string();
    let (level, status) = match event.outcome {
        AuditOutcome::Denied => ("Warning", "Failed"),
        AuditOutcome::Failed => ("Error", "Failed"),
        AuditOutcome::Succeeded => ("Informational", "Succeeded"),
    };
    let segments: Vec<&str> = event.resource.split('/').collect();
    let after = |name: &str| {
        let mut pairs = segments.windows(2);
        pairs.find_map(|pair| match pair {
            [key, value] if key.eq_ignore_ascii_case(name) => Some(*value),
            _ => None,
        })
    };
    json!({
        "id": format!("{}/events/{id}/ticks/{sequence}", event.resource.trim_end_matches('/')),
        "eventDataId": id,
        "authorization": { "action": event.operation, "scope": event.resource },
        "caller": event.name,
        "claims": {
            "appDisplayName": event.name,
            "http://schemas.microsoft.com/identity/claims/objectidentifier": event.principal,
        },
        "category": localized("Administrative"),
        "channels": "Operation",
        "correlationId": event.correlation_id,
        "eventName": localized("EndRequest"),
        "eventTimestamp": at,
        "submissionTimestamp": at,
        "httpRequest": { "clientIpAddress": event.client },
        "level": level,
        "operationName": localized(&event.operation),
        "resourceId": event.resource,
        "resourceGroupName": after("resourceGroups"),
        "resourceProviderName": after("providers").map(localized),
        "status": localized(status),
        "subStatus": localized(&event.status.to_string()),
        "subscriptionId": after("subscriptions"),
        "tenantId": tenant,
        // Texts only: az refuses other values.
        "properties": {
            "sequence": sequence.to_string(),
            "hash": hex::encode(hash),
            "outcome": event.outcome.as_str(),
            "statusCode": event.status.to_string(),
            "errorCode": event.code,
            "principalIssuer": event.issuer,
            "principalId": event.principal,
            "generationBefore": event.before.map(|generation| generation.to_string()),
            "generationAfter": event.after.map(|generation| generation.to_string()),
        },
    })
}

/// The beginning of the hash in the form of a GUID.
fn event_id(hash: &[u8; 32]) -> uuid::Uuid {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash) {
        *to = *from;
    }
    uuid::Uuid::from_bytes(bytes)
}

fn localized(text: &str) -> Value {
    json!({ "value": text, "localizedValue": text })
}

/// As long as Azure keeps events.
const DEFAULT_PAST: Duration = Duration::days(90);

/// A time as clients write it in filters: with or without an offset, or a day that begins then.
fn time(text: &str) -> Option<OffsetDateTime> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    parse(text)
        .or_else(|| parse(&format!("{text}Z")))
        .or_else(|| parse(&format!("{text}T00:00:00Z")))
}
