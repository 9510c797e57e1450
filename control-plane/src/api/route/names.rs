//! Segments of a path, and the parameters among them.

use model::{
    ChildId, Collection, GatewayId, ResourceGroupId, ResourceGroupName, ResourceName,
    SubscriptionId,
};
use uuid::Uuid;

use super::super::{
    error::ApiError,
    path::{malformed, sentence},
};
use crate::{access::Scope, worker_identity::WorkerName};

/// Values of the parameters of a template.
pub(in crate::api) struct Names<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Names<'a> {
    /// `None`: the segments are not of this template.
    pub(super) fn of(template: &'static str, segments: &[&'a str]) -> Option<Self> {
        let mut names = Vec::new();
        let mut rest = segments.iter();
        for wanted in template.split('/').skip(1) {
            let segment = *rest.next()?;
            match parameter(wanted) {
                Some("collection") if Collection::parse(segment).is_none() => return None,
                Some(name) => names.push((name, segment)),
                None if segment.eq_ignore_ascii_case(wanted) => {}
                None => return None,
            }
        }
        rest.next().is_none().then_some(Self(names))
    }

    /// The value of a parameter; empty when the template lacks it.
    pub(super) fn text(&self, name: &str) -> &'a str {
        let found = self.0.iter().find(|(own, _)| *own == name);
        found.map_or("", |(_, value)| value)
    }

    /// # Errors
    /// 400 when `{subscriptionId}` is no GUID.
    pub(super) fn subscription(&self) -> Result<SubscriptionId, ApiError> {
        SubscriptionId::parse(self.text("subscriptionId"))
            .map_err(|error| ApiError::bad_request("InvalidSubscriptionId", sentence(&error)))
    }

    /// # Errors
    /// 400 when `{resourceGroupName}` cannot be a name, or as for the subscription.
    pub(super) fn group(&self) -> Result<ResourceGroupId, ApiError> {
        let subscription = self.subscription()?;
        let name = ResourceGroupName::parse(self.text("resourceGroupName"))
            .map_err(|error| ApiError::bad_request("InvalidResourceGroup", sentence(&error)))?;
        Ok(ResourceGroupId::new(subscription, name))
    }

    /// # Errors
    /// 400 when `{applicationGatewayName}` cannot be a name, or as for the group.
    pub(super) fn gateway(&self) -> Result<GatewayId, ApiError> {
        let group = self.group()?;
        Ok(GatewayId::new(group, self.name("applicationGatewayName")?))
    }

    /// The scope that the parameters name: gateway, group, subscription, or everything.
    ///
    /// # Errors
    /// 400 for a malformed name.
    pub(super) fn scope(&self) -> Result<Scope, ApiError> {
        let given = |parameter| !self.text(parameter).is_empty();
        let id = if given("applicationGatewayName") {
            self.gateway()?.to_string()
        } else if given("resourceGroupName") {
            self.group()?.to_string()
        } else if given("subscriptionId") {
            format!("/subscriptions/{}", self.subscription()?)
        } else {
            "/".to_owned()
        };
        Ok(Scope::of(&id))
    }

    /// # Errors
    /// 400 when the parameter is no GUID.
    pub(super) fn guid(&self, parameter: &str) -> Result<Uuid, ApiError> {
        let text = self.text(parameter);
        let refuse = |_malformed| {
            let message = format!("'{text}' is not a GUID, which {parameter} must be.");
            ApiError::bad_request("InvalidResourceName", message).target(parameter)
        };
        Uuid::parse_str(text).map_err(refuse)
    }

    /// The child of `collection` that `{childName}` names.
    ///
    /// # Errors
    /// 400 when `{childName}` cannot be a name, or as for the gateway.
    pub(super) fn child_of(&self, collection: Collection) -> Result<ChildId, ApiError> {
        let gateway = self.gateway()?;
        Ok(gateway.child(collection, self.name("childName")?))
    }

    /// # Errors
    /// 404: [`Names::of`] lets only collections match.
    pub(super) fn collection(&self) -> Result<Collection, ApiError> {
        let text = self.text("collection");
        Collection::parse(text).ok_or_else(|| {
            ApiError::not_found("InvalidResourceType", "There is no such collection.")
        })
    }

    /// # Errors
    /// 400 when the parameter cannot be the name of a resource.
    pub(super) fn name(&self, parameter: &str) -> Result<ResourceName, ApiError> {
        ResourceName::parse(self.text(parameter))
            .map_err(|error| ApiError::bad_request("InvalidResourceName", sentence(&error)))
    }

    /// # Errors
    /// 400 when `{workerName}` cannot be the name of a worker.
    pub(super) fn worker(&self) -> Result<WorkerName, ApiError> {
        WorkerName::parse(self.text("workerName"))
            .map_err(|error| ApiError::bad_request("InvalidResourceName", sentence(&error)))
    }

    /// # Errors
    /// 404 when `{operationId}` is no GUID: nothing has such an id.
    pub(super) fn operation(&self) -> Result<Uuid, ApiError> {
        let unknown = |_malformed| {
            ApiError::not_found("OperationNotFound", "There is no operation of this id.")
        };
        Uuid::parse_str(self.text("operationId")).map_err(unknown)
    }
}

/// The name of a parameter; `None`: the segment is fixed.
fn parameter(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Decoded segments. A trailing slash means nothing; an encoded slash does not make a segment.
pub(super) fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.splitn(MAX_SEGMENTS, '/').map(decode).collect()
}

fn decode(segment: &str) -> Result<String, ApiError> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(bytes.next())
                .zip(digit(bytes.next()))
                .map(|(high, low)| high * 16 + low);
            value
                .and_then(|value| u8::try_from(value).ok())
                .ok_or_else(malformed)?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).map_err(|_not_utf8| malformed())
}

/// One more than the longest path has, so that longer ones stay unknown.
const MAX_SEGMENTS: usize = 15;
