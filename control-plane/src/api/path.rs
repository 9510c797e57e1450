//! Request paths: fixed segments match in any case, names keep theirs.

mod extension;

use model::{
    ChildId, Collection, GatewayId, ResourceGroupId, ResourceGroupName, ResourceName,
    SubscriptionId,
};
use uuid::Uuid;

pub(super) use self::extension::Extension;
use super::error::ApiError;

/// Everything that the API answers, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ArmPath {
    /// `{subscription}/resourceGroups`
    ResourceGroups(SubscriptionId),
    /// `{subscription}/resourceGroups/{name}`
    ResourceGroup(ResourceGroupId),
    /// `{subscription}/operationresults/{id}`: where a group's deletion is followed.
    GroupOperationResult(SubscriptionId, Uuid),
    /// `{subscription}/providers/Microsoft.Network`
    Provider(SubscriptionId),
    /// `{subscription}/providers/Microsoft.Network/applicationGateways`
    SubscriptionGateways(SubscriptionId),
    /// `{group}/providers/Microsoft.Network/applicationGateways`
    GroupGateways(ResourceGroupId),
    /// `{gateway}`
    Gateway(GatewayId),
    /// `{gateway}/start` and others
    GatewayAction(GatewayId, GatewayAction),
    /// `{gateway}/{collection}`
    Children(GatewayId, Collection),
    /// `{gateway}/{collection}/{name}`
    Child(ChildId),
    /// `{sslProfile}/explainClientCertificate`
    ExplainClientCertificate(ChildId),
    /// `{gateway}/{collection}/{name}/providers/Portcullis.Security/...`
    Extension(ChildId, Extension),
    /// `{subscription}/providers/Microsoft.Network/locations/{location}/operations/{id}`
    Operation(SubscriptionId, Uuid),
    /// `{subscription}/providers/Microsoft.Network/locations/{location}/operationResults/{id}`
    OperationResult(SubscriptionId, Uuid),
    /// `{provider}/applicationGatewayAvailableSslOptions/default`
    SslOptions(SubscriptionId),
    /// `{provider}/applicationGatewayAvailableSslOptions/default/predefinedPolicies`
    SslPolicies(SubscriptionId),
    /// `{provider}/applicationGatewayAvailableSslOptions/default/predefinedPolicies/{name}`
    SslPolicy(SubscriptionId, String),
}

/// What a POST to a gateway asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GatewayAction {
    /// Serve.
    Start,
    /// Serve nothing.
    Stop,
    /// Backend health, in both forms.
    BackendHealth,
}

impl ArmPath {
    /// Parses the path of a request, percent-encoding included.
    ///
    /// # Errors
    /// 400 for a malformed name or encoding, 404 for a path that means nothing here.
    pub(super) fn parse(path: &str) -> Result<Self, ApiError> {
        let decoded = segments(path)?;
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let (["subscriptions", subscription], rest) = split(&segments) else {
            return Err(unknown(path));
        };
        let subscription = subscription_id(subscription)?;
        match rest {
            [groups] if is(groups, "resourceGroups") => Ok(Self::ResourceGroups(subscription)),
            [groups, group] if is(groups, "resourceGroups") => {
                Ok(Self::ResourceGroup(group_id(subscription, group)?))
            }
            [results, id] if is(results, "operationresults") => {
                Ok(Self::GroupOperationResult(subscription, operation_id(id)?))
            }
            [providers, namespace, rest @ ..] if is(providers, "providers") => {
                network(namespace, path)?;
                in_subscription(subscription, rest, path)
            }
            [groups, group, providers, namespace, rest @ ..]
                if is(groups, "resourceGroups") && is(providers, "providers") =>
            {
                network(namespace, path)?;
                in_group(group_id(subscription, group)?, rest, path)
            }
            _ => Err(unknown(path)),
        }
    }

    /// Whether the path belongs to `Microsoft.Network`, and not to the resource manager itself.
    pub(super) fn is_network(&self) -> bool {
        !matches!(
            self,
            Self::ResourceGroups(_)
                | Self::ResourceGroup(_)
                | Self::GroupOperationResult(..)
                | Self::Provider(_)
        )
    }

    /// The id of the resource that the path names, for logs.
    pub(super) fn resource(&self) -> String {
        match self {
            Self::ResourceGroup(id) | Self::GroupGateways(id) => id.to_string(),
            Self::Gateway(id) | Self::GatewayAction(id, _) | Self::Children(id, _) => {
                id.to_string()
            }
            Self::Child(id) | Self::Extension(id, _) | Self::ExplainClientCertificate(id) => {
                id.to_string()
            }
            Self::ResourceGroups(subscription)
            | Self::GroupOperationResult(subscription, _)
            | Self::Provider(subscription)
            | Self::SubscriptionGateways(subscription)
            | Self::Operation(subscription, _)
            | Self::OperationResult(subscription, _)
            | Self::SslOptions(subscription)
            | Self::SslPolicies(subscription)
            | Self::SslPolicy(subscription, _) => format!("/subscriptions/{subscription}"),
        }
    }
}

fn in_subscription(
    subscription: SubscriptionId,
    rest: &[&str],
    path: &str,
) -> Result<ArmPath, ApiError> {
    match rest {
        [] => Ok(ArmPath::Provider(subscription)),
        [gateways] if is(gateways, GATEWAYS) => Ok(ArmPath::SubscriptionGateways(subscription)),
        [locations, _location, operations, id]
            if is(locations, "locations") && is(operations, "operations") =>
        {
            Ok(ArmPath::Operation(subscription, operation_id(id)?))
        }
        [locations, _location, results, id]
            if is(locations, "locations") && is(results, "operationResults") =>
        {
            Ok(ArmPath::OperationResult(subscription, operation_id(id)?))
        }
        [options, default] if is(options, SSL_OPTIONS) && is(default, "default") => {
            Ok(ArmPath::SslOptions(subscription))
        }
        [options, default, policies]
            if is(options, SSL_OPTIONS)
                && is(default, "default")
                && is(policies, "predefinedPolicies") =>
        {
            Ok(ArmPath::SslPolicies(subscription))
        }
        [options, default, policies, name]
            if is(options, SSL_OPTIONS)
                && is(default, "default")
                && is(policies, "predefinedPolicies") =>
        {
            Ok(ArmPath::SslPolicy(subscription, (*name).to_owned()))
        }
        _ => Err(unknown(path)),
    }
}

fn in_group(group: ResourceGroupId, rest: &[&str], path: &str) -> Result<ArmPath, ApiError> {
    let [gateways, rest @ ..] = rest else {
        return Err(unknown(path));
    };
    if !is(gateways, GATEWAYS) {
        return Err(unknown(path));
    }
    let [name, rest @ ..] = rest else {
        return Ok(ArmPath::GroupGateways(group));
    };
    let gateway = GatewayId::new(group, resource_name(name)?);
    match rest {
        [] => Ok(ArmPath::Gateway(gateway)),
        [one] => match (Collection::parse(one), GatewayAction::parse(one)) {
            (Some(collection), _) => Ok(ArmPath::Children(gateway, collection)),
            (None, Some(action)) => Ok(ArmPath::GatewayAction(gateway, action)),
            (None, None) => Err(unknown(path)),
        },
        [collection, name] => {
            let collection = Collection::parse(collection).ok_or_else(|| unknown(path))?;
            Ok(ArmPath::Child(
                gateway.child(collection, resource_name(name)?),
            ))
        }
        [profiles, name, action]
            if Collection::parse(profiles) == Some(Collection::SSL_PROFILES)
                && is(action, "explainClientCertificate") =>
        {
            let profile = gateway.child(Collection::SSL_PROFILES, resource_name(name)?);
            Ok(ArmPath::ExplainClientCertificate(profile))
        }
        [collection, name, providers, namespace, rest @ ..]
            if is(providers, "providers") && is(namespace, EXTENSIONS) =>
        {
            let collection = Collection::parse(collection).ok_or_else(|| unknown(path))?;
            let child = gateway.child(collection, resource_name(name)?);
            extension::parse(child, rest, path)
        }
        _ => Err(unknown(path)),
    }
}

impl GatewayAction {
    fn parse(segment: &str) -> Option<Self> {
        let actions = [
            ("start", Self::Start),
            ("stop", Self::Stop),
            ("backendhealth", Self::BackendHealth),
            ("getBackendHealthOnDemand", Self::BackendHealth),
        ];
        actions
            .into_iter()
            .find(|(name, _)| is(segment, name))
            .map(|(_, action)| action)
    }
}

/// The first two segments, the first in lower case, and the others.
fn split<'a>(segments: &'a [&'a str]) -> ([&'a str; 2], &'a [&'a str]) {
    match segments {
        [first, second, rest @ ..] if is(first, "subscriptions") => {
            (["subscriptions", second], rest)
        }
        _ => ([""; 2], &[]),
    }
}

/// Decoded segments. A trailing slash means nothing; an encoded slash does not make a segment.
fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.splitn(MAX_SEGMENTS, '/').map(decode).collect()
}

fn decode(segment: &str) -> Result<String, ApiError> {
    let malformed = || {
        ApiError::bad_request(
            "InvalidRequestUri",
            "The request path is not correctly percent-encoded.",
        )
    };
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

fn subscription_id(text: &str) -> Result<SubscriptionId, ApiError> {
    SubscriptionId::parse(text)
        .map_err(|error| ApiError::bad_request("InvalidSubscriptionId", sentence(&error)))
}

fn group_id(subscription: SubscriptionId, name: &str) -> Result<ResourceGroupId, ApiError> {
    let name = ResourceGroupName::parse(name)
        .map_err(|error| ApiError::bad_request("InvalidResourceGroup", sentence(&error)))?;
    Ok(ResourceGroupId::new(subscription, name))
}

fn resource_name(name: &str) -> Result<ResourceName, ApiError> {
    ResourceName::parse(name)
        .map_err(|error| ApiError::bad_request("InvalidResourceName", sentence(&error)))
}

fn operation_id(text: &str) -> Result<Uuid, ApiError> {
    let unknown = || ApiError::not_found("OperationNotFound", "There is no operation of this id.");
    Uuid::parse_str(text).map_err(|_malformed| unknown())
}

fn network(namespace: &str, path: &str) -> Result<(), ApiError> {
    if is(namespace, "Microsoft.Network") {
        Ok(())
    } else {
        Err(unknown(path))
    }
}

fn unknown(path: &str) -> ApiError {
    let shown: String = path.chars().take(200).collect();
    ApiError::not_found(
        "InvalidResourceType",
        format!("No resource or operation of this API has the path {shown:?}."),
    )
}

/// Library errors are lower-case fragments; ARM messages are sentences.
fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
        .unwrap_or_default()
}

fn is(segment: &str, name: &str) -> bool {
    segment.eq_ignore_ascii_case(name)
}

/// Namespace of what Azure has no room for.
const EXTENSIONS: &str = "Portcullis.Security";
const GATEWAYS: &str = "applicationGateways";
const SSL_OPTIONS: &str = "applicationGatewayAvailableSslOptions";
/// One more than the longest path has, so that longer ones stay unknown.
const MAX_SEGMENTS: usize = 15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";

    #[test]
    fn fixed_segments_match_in_any_case() {
        let canonical = format!(
            "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/sslProfiles/p"
        );
        let parsed = ArmPath::parse(&canonical).unwrap();
        assert!(matches!(&parsed, ArmPath::Child(id) if id.to_string() == canonical));
        for other in [
            canonical.to_lowercase(),
            canonical.to_uppercase(),
            format!("{canonical}/"),
        ] {
            assert_eq!(ArmPath::parse(&other).unwrap(), parsed, "{other}");
        }
    }

    #[test]
    fn segments_are_percent_decoded_once() {
        let path = format!("{S}/resourceGroups/%72g");
        assert!(
            matches!(ArmPath::parse(&path).unwrap(), ArmPath::ResourceGroup(id) if id.name().as_str() == "rg")
        );
        check_refused(&format!("{S}/resourceGroups/a%2Fb"), 400);
        check_refused(&format!("{S}/resourceGroups/a%2"), 400);
        check_refused(&format!("{S}/resourceGroups/a%zz"), 400);
        check_refused(&format!("{S}/resourceGroups/a%ff"), 400);
    }

    #[test]
    fn unknown_paths_are_not_found() {
        for path in [
            "/",
            "",
            "//",
            "/subscriptions",
            &format!("{S}/nothing"),
            &format!("{S}/providers/Microsoft.Compute"),
            &format!("{S}/resourceGroups/rg/providers/Microsoft.Network/nothing/x"),
            &format!(
                "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/nothing"
            ),
            &format!(
                "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/probes/p/q"
            ),
            &format!("{S}/providers/Microsoft.Network/locations/here/operations/not-a-guid"),
        ] {
            check_refused(path, 404);
        }
        check_refused("/subscriptions/nobody/resourceGroups", 400);
    }

    #[test]
    fn actions_are_not_collections() {
        let path = format!(
            "{S}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw/Stop"
        );
        assert!(matches!(
            ArmPath::parse(&path).unwrap(),
            ArmPath::GatewayAction(_, GatewayAction::Stop)
        ));
    }

    fn check_refused(path: &str, status: u16) {
        assert_eq!(
            ArmPath::parse(path).unwrap_err().status().as_u16(),
            status,
            "{path}"
        );
    }

    proptest! {
        #[test]
        fn any_path_is_answered_without_panic(path in "[/%a-zA-Z0-9é-]{0,200}") {
            let _answer = ArmPath::parse(&path);
        }
    }
}
