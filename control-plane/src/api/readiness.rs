//! `Portcullis.Security/readinessReports`: what an SSL profile in report-only mode would refuse if it were strict.

use axum::response::Response;
use http::{Method, StatusCode};
use model::ChildId;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Api, call::Call, child, error::ApiError, page, reply};
use crate::{
    readiness::{Readiness, ReadinessEntry},
    store::ReadinessPosition,
};

/// Answers at `{sslProfile}/providers/Portcullis.Security/readinessReports/default`, which every SSL profile has.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    profile: &ChildId,
) -> Result<Response, ApiError> {
    let profile = &child::load(api, call, profile).await?;
    match *call.method() {
        Method::GET | Method::HEAD => read(api, call, profile).await,
        Method::DELETE => reset(api, call, profile).await,
        _ => Err(ApiError::method_not_allowed("GET, HEAD, DELETE")),
    }
}

async fn read(api: &Api, call: &Call, profile: &ChildId) -> Result<Response, ApiError> {
    let page = page::of(call)?;
    let after = page
        .after
        .as_deref()
        .map(|token| ReadinessPosition::parse(token).ok_or_else(page::invalid_token));
    let after = after.transpose()?.unwrap_or_default();
    let (gateway, name) = (profile.gateway().key(), profile.name());
    let store = api.store();
    let readiness = store.find_readiness(call.read(), &gateway, name).await?;
    let entries = store
        .list_readiness(call.read(), &gateway, name, &after, page.limit)
        .await?;
    let path = format!("{profile}/providers/Portcullis.Security/readinessReports/default");
    let mut properties = counts(readiness.as_ref());
    let next = entries
        .next
        .map(|next| page::next_link(call, &page, &path, &next));
    let entries: Vec<Value> = entries.items.iter().map(entry).collect();
    properties.insert("entries".to_owned(), Value::Array(entries));
    properties.extend(next.map(|link| ("nextLink".to_owned(), Value::String(link))));
    let body = json!({
        "id": path,
        "name": "default",
        "type": "Portcullis.Security/readinessReports",
        "properties": properties,
    });
    Ok(reply::resource(StatusCode::OK, body))
}

/// Counts anew.
async fn reset(api: &Api, call: &Call, profile: &ChildId) -> Result<Response, ApiError> {
    let (gateway, now) = (profile.gateway().key(), api.parts.clock.now());
    api.store()
        .reset_readiness(call.write()?, &gateway, profile.name(), now)
        .await?;
    Ok(reply::empty(StatusCode::OK))
}

fn counts(readiness: Option<&Readiness>) -> Map<String, Value> {
    let mut counts = Map::new();
    let count = |of: fn(&Readiness) -> i64| json!(readiness.map_or(0, of));
    counts.insert("accepted".to_owned(), count(|readiness| readiness.accepted));
    counts.insert(
        "wouldRefuse".to_owned(),
        count(|readiness| readiness.refused),
    );
    counts.insert("unlisted".to_owned(), count(|readiness| readiness.unlisted));
    if let Some(readiness) = readiness {
        counts.insert("since".to_owned(), time(readiness.since));
    }
    counts
}

fn entry(entry: &ReadinessEntry) -> Value {
    json!({
        "certificateSha256": entry.certificate.map(hex::encode),
        "subject": entry.subject,
        "issuer": entry.issuer,
        "serial": entry.serial,
        "reason": entry.reason,
        "detail": entry.detail,
        "count": entry.count,
        "firstSeen": time(entry.first_seen),
        "lastSeen": time(entry.last_seen),
    })
}

fn time(at: OffsetDateTime) -> Value {
    json!(at.format(&Rfc3339).ok())
}
