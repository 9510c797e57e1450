//! Resource groups.

use std::collections::BTreeMap;

use axum::response::Response;
use http::{Method, StatusCode};
use model::{ResourceGroupId, SubscriptionId};
use serde_json::{Map, Value, json};

use super::{
    Api,
    call::{Call, RequestBody},
    error::ApiError,
    page, reply,
};
use crate::store::{Change, DeleteResourceGroup, PutResourceGroup, ResourceGroup, StoreError};

/// Answers at `{subscription}/resourceGroups/{name}`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    id: &ResourceGroupId,
) -> Result<Response, ApiError> {
    match *call.method() {
        Method::GET => Ok(reply::resource(
            StatusCode::OK,
            render(load(api, call, id).await?),
        )),
        Method::HEAD => Ok(reply::empty(match find(api, call, id).await? {
            Some(_) => StatusCode::NO_CONTENT,
            None => StatusCode::NOT_FOUND,
        })),
        Method::PUT => {
            let (body, _room) = body.json(api).await?;
            put(api, call, id, Body::parse(&body)?).await
        }
        Method::PATCH => {
            let (body, _room) = body.json(api).await?;
            patch(api, call, id, Body::parse(&body)?).await
        }
        Method::DELETE => delete(api, call, id).await,
        _ => Err(ApiError::method_not_allowed(
            "GET, HEAD, PUT, PATCH, DELETE",
        )),
    }
}

/// Answers at `{subscription}/resourceGroups`.
pub(super) async fn list(
    api: &Api,
    call: &Call,
    subscription: &SubscriptionId,
) -> Result<Response, ApiError> {
    let page = page::of(call)?;
    let listing = api
        .store()
        .list_resource_groups(call.read(), subscription, &page)
        .await?;
    let path = format!("/subscriptions/{subscription}/resourceGroups");
    Ok(reply::resource(
        StatusCode::OK,
        page::render(call, &page, &path, listing, render),
    ))
}

/// Finds a group or answers 404.
pub(super) async fn load(
    api: &Api,
    call: &Call,
    id: &ResourceGroupId,
) -> Result<ResourceGroup, ApiError> {
    find(api, call, id).await?.ok_or_else(|| not_found(id))
}

/// 404 of a group.
pub(super) fn not_found(id: &ResourceGroupId) -> ApiError {
    ApiError::not_found(
        "ResourceGroupNotFound",
        format!("Resource group '{}' could not be found.", id.name()),
    )
}

async fn find(
    api: &Api,
    call: &Call,
    id: &ResourceGroupId,
) -> Result<Option<ResourceGroup>, ApiError> {
    Ok(api.store().find_resource_group(call.read(), id).await?)
}

async fn put(
    api: &Api,
    call: &Call,
    id: &ResourceGroupId,
    body: Body,
) -> Result<Response, ApiError> {
    let location = body.location.ok_or_else(|| {
        ApiError::bad_request(
            "LocationRequired",
            "The location property is required for this definition.",
        )
        .target("location")
    })?;
    let existing = find(api, call, id).await?;
    if let Some(existing) = existing.filter(|existing| existing.location != location) {
        return Err(other_location(&existing, &location));
    }
    write(api, call, id, location, body.tags.unwrap_or_default()).await
}

async fn patch(
    api: &Api,
    call: &Call,
    id: &ResourceGroupId,
    body: Body,
) -> Result<Response, ApiError> {
    let existing = load(api, call, id).await?;
    if let Some(location) = body
        .location
        .filter(|location| *location != existing.location)
    {
        return Err(other_location(&existing, &location));
    }
    write(
        api,
        call,
        &existing.id,
        existing.location,
        body.tags.unwrap_or(existing.tags),
    )
    .await
}

async fn write(
    api: &Api,
    call: &Call,
    id: &ResourceGroupId,
    location: String,
    tags: BTreeMap<String, String>,
) -> Result<Response, ApiError> {
    let put = PutResourceGroup {
        id: id.clone(),
        location,
        tags,
        now: api.parts.clock.now(),
    };
    let (change, group) = api.store().put_resource_group(call.write()?, put).await?;
    let status = match change {
        Change::Created => StatusCode::CREATED,
        Change::Unchanged | Change::Updated => StatusCode::OK,
    };
    Ok(reply::resource(status, render(group)))
}

async fn delete(api: &Api, call: &Call, id: &ResourceGroupId) -> Result<Response, ApiError> {
    for _attempt in 0..MAX_ATTEMPTS {
        let now = api.parts.clock.now();
        let delete = DeleteResourceGroup {
            id: id.clone(),
            correlation_id: call.context.correlation_id.clone(),
            now,
            deadline: now + api.parts.operation_deadline,
        };
        match api
            .store()
            .delete_resource_group(call.write()?, delete)
            .await
        {
            Ok(Some(operation)) => {
                return Ok(reply::group_accepted(call, id.subscription(), &operation));
            }
            Ok(None) => return Err(not_found(id)),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict { id: id.to_string() }.into())
}

fn render(group: ResourceGroup) -> Value {
    let state = if group.deleting {
        "Deleting"
    } else {
        "Succeeded"
    };
    json!({
        "id": group.id.to_string(),
        "name": group.id.name().as_str(),
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "tags": group.tags,
        "properties": { "provisioningState": state },
    })
}

fn other_location(existing: &ResourceGroup, wanted: &str) -> ApiError {
    let message = format!(
        "Invalid resource group location '{wanted}'. The Resource group already exists in location '{}'.",
        existing.location
    );
    ApiError::new(
        StatusCode::CONFLICT,
        "InvalidResourceGroupLocation",
        message,
    )
    .target("location")
}

/// What a caller may say of a group. Names match in any case, null is absent, read-only members are ignored.
#[derive(Default)]
struct Body {
    location: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

impl Body {
    fn parse(body: &Value) -> Result<Self, ApiError> {
        let Value::Object(members) = body else {
            return Err(invalid("The body must be a JSON object.", ""));
        };
        let mut parsed = Self::default();
        for (name, value) in members {
            match name.to_ascii_lowercase().as_str() {
                "location" => parsed.location = location(value)?,
                "tags" => parsed.tags = tags(value)?,
                "id" | "name" | "type" | "properties" | "managedby" => {}
                _ => {
                    let shown: String = name.chars().take(80).collect();
                    let message = format!(
                        "Could not find member '{shown}' on object of type 'ResourceGroup'."
                    );
                    return Err(invalid(message, &shown));
                }
            }
        }
        Ok(parsed)
    }
}

/// Case and blanks do not count: `West Europe` is `westeurope`.
fn location(value: &Value) -> Result<Option<String>, ApiError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.replace(' ', "").to_ascii_lowercase(),
        _ => return Err(invalid("The location must be a string.", "location")),
    };
    let valid = (1..=MAX_LOCATION).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid {
        Ok(Some(text))
    } else {
        Err(invalid(
            "The location is not a name of letters and digits.",
            "location",
        ))
    }
}

fn tags(value: &Value) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    match value {
        Value::Null => Ok(None),
        Value::Object(members) if members.len() <= MAX_TAGS => members_of(members).map(Some),
        Value::Object(_) => Err(invalid(
            format!("A resource takes at most {MAX_TAGS} tags."),
            "tags",
        )),
        _ => Err(invalid("The tags must be an object of strings.", "tags")),
    }
}

fn members_of(members: &Map<String, Value>) -> Result<BTreeMap<String, String>, ApiError> {
    let tag = |(name, value): (&String, &Value)| match value {
        Value::String(text) if name.len() <= MAX_TAG_NAME && text.len() <= MAX_TAG_VALUE => {
            Ok((name.clone(), text.clone()))
        }
        Value::String(_) => {
            let message = format!(
                "A tag has a name of at most {MAX_TAG_NAME} and a value of at most {MAX_TAG_VALUE} characters."
            );
            Err(invalid(message, "tags"))
        }
        _ => Err(invalid("The value of a tag must be a string.", "tags")),
    };
    members.iter().map(tag).collect()
}

fn invalid(message: impl Into<String>, target: &str) -> ApiError {
    let error = ApiError::bad_request("InvalidRequestContent", message);
    if target.is_empty() {
        error
    } else {
        error.target(target)
    }
}

const MAX_ATTEMPTS: u32 = 20;
const MAX_LOCATION: usize = 64;
/// Azure's limits.
const MAX_TAGS: usize = 50;
const MAX_TAG_NAME: usize = 512;
const MAX_TAG_VALUE: usize = 256;
