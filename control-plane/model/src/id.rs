//! ARM resource ids.

use std::fmt;

use crate::collection::Collection;
use crate::name::{InvalidName, ResourceGroupName, ResourceName, SubscriptionId};

/// `/subscriptions/{s}/resourceGroups/{g}`. Compares without case; keeps the casing of its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceGroupId {
    subscription: SubscriptionId,
    name: ResourceGroupName,
}

/// `{group}/providers/Microsoft.Network/applicationGateways/{n}`. Compares without case; keeps the casing of its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayId {
    group: ResourceGroupId,
    name: ResourceName,
}

/// `{gateway}/{collection}/{n}`. Compares without case; keeps the casing of its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId {
    gateway: GatewayId,
    collection: Collection,
    name: ResourceName,
}

/// The text is not an ARM id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The fixed segments are not those of the wanted kind.
    #[error("not the id of {0}")]
    Shape(&'static str),
    /// A name in it breaks its rule.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl ResourceGroupId {
    /// Joins the parts.
    pub fn new(subscription: SubscriptionId, name: ResourceGroupName) -> Self {
        Self { subscription, name }
    }

    /// Reads a whole id; fixed segments match in any case.
    ///
    /// # Errors
    /// [`InvalidId`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        match segments(text).as_slice() {
            [s, subscription, g, group] if is(s, "subscriptions") && is(g, "resourceGroups") => {
                Ok(Self::new(
                    SubscriptionId::parse(subscription)?,
                    ResourceGroupName::parse(group)?,
                ))
            }
            _ => Err(InvalidId::Shape("a resource group")),
        }
    }

    /// The subscription.
    pub fn subscription(&self) -> &SubscriptionId {
        &self.subscription
    }

    /// The group's own name.
    pub fn name(&self) -> &ResourceGroupName {
        &self.name
    }

    /// The id in lower case: equal for equal ids, so fit for a unique column.
    pub fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl GatewayId {
    /// Joins the parts.
    pub fn new(group: ResourceGroupId, name: ResourceName) -> Self {
        Self { group, name }
    }

    /// Reads a whole id; fixed segments match in any case.
    ///
    /// # Errors
    /// [`InvalidId`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        match segments(text).as_slice() {
            [
                subscriptions,
                subscription,
                groups,
                group,
                providers,
                namespace,
                kind,
                name,
            ] if is_gateway_path([subscriptions, groups, providers, namespace, kind]) => {
                Self::from_names(subscription, group, name)
            }
            _ => Err(InvalidId::Shape("an application gateway")),
        }
    }

    /// The resource group that it lies in.
    pub fn group(&self) -> &ResourceGroupId {
        &self.group
    }

    /// The subscription that it lies in.
    pub fn subscription(&self) -> &SubscriptionId {
        self.group.subscription()
    }

    /// The gateway's own name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// The id in lower case: equal for equal ids, so fit for a unique column.
    pub fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }

    /// The id of a child.
    pub fn child(&self, collection: Collection, name: ResourceName) -> ChildId {
        ChildId {
            gateway: self.clone(),
            collection,
            name,
        }
    }

    fn from_names(subscription: &str, group: &str, name: &str) -> Result<Self, InvalidId> {
        let group = ResourceGroupId::new(
            SubscriptionId::parse(subscription)?,
            ResourceGroupName::parse(group)?,
        );
        Ok(Self::new(group, ResourceName::parse(name)?))
    }
}

impl ChildId {
    /// Reads a whole id; fixed segments and the collection match in any case.
    ///
    /// # Errors
    /// [`InvalidId`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let shape = InvalidId::Shape("a child of an application gateway");
        match segments(text).as_slice() {
            [
                subscriptions,
                subscription,
                groups,
                group,
                providers,
                namespace,
                kind,
                gateway,
                collection,
                name,
            ] if is_gateway_path([subscriptions, groups, providers, namespace, kind]) => {
                let collection = Collection::parse(collection).ok_or(shape)?;
                let gateway = GatewayId::from_names(subscription, group, gateway)?;
                Ok(Self {
                    gateway,
                    collection,
                    name: ResourceName::parse(name)?,
                })
            }
            _ => Err(shape),
        }
    }

    /// The gateway that it belongs to.
    pub fn gateway(&self) -> &GatewayId {
        &self.gateway
    }

    /// The collection that it is a member of.
    pub fn collection(&self) -> Collection {
        self.collection
    }

    /// The child's own name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }
}

impl fmt::Display for ResourceGroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}",
            self.subscription, self.name
        )
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/providers/Microsoft.Network/applicationGateways/{}",
            self.group, self.name
        )
    }
}

impl fmt::Display for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.gateway, self.collection, self.name)
    }
}

fn segments(text: &str) -> Vec<&str> {
    let Some(path) = text.strip_prefix('/') else {
        return Vec::new();
    };
    path.strip_suffix('/')
        .unwrap_or(path)
        .splitn(16, '/')
        .collect()
}

fn is(segment: &str, name: &str) -> bool {
    segment.eq_ignore_ascii_case(name)
}

/// Whether the fixed segments are those before the name of a gateway.
fn is_gateway_path(fixed: [&str; 5]) -> bool {
    const WANTED: [&str; 5] = [
        "subscriptions",
        "resourceGroups",
        "providers",
        "Microsoft.Network",
        "applicationGateways",
    ];
    fixed
        .iter()
        .zip(WANTED)
        .all(|(segment, wanted)| is(segment, wanted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GATEWAY: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/\
                           Microsoft.Network/applicationGateways/gw";

    #[test]
    fn ids_compare_without_case_and_keep_their_names() {
        let id = GatewayId::parse(GATEWAY).unwrap();
        let shouted = GatewayId::parse(&GATEWAY.to_uppercase()).unwrap();
        assert_eq!(id, shouted);
        assert_eq!(id.key(), shouted.key());
        assert_eq!(shouted.name().as_str(), "GW");
        assert!(
            shouted
                .to_string()
                .contains("/resourceGroups/RG/providers/Microsoft.Network/applicationGateways/GW")
        );
    }

    #[test]
    fn a_child_id_names_its_collection_canonically() {
        let id = ChildId::parse(&format!("{GATEWAY}/httplisteners/L")).unwrap();
        assert_eq!(id.to_string(), format!("{GATEWAY}/httpListeners/L"));
    }

    #[test]
    fn other_shapes_are_refused() {
        let child = format!("{GATEWAY}/frontendPorts/p");
        for bad in [
            "",
            "/",
            "gw",
            &GATEWAY[1..],
            &GATEWAY.replace("Network", "Compute"),
            &child,
            &format!("{GATEWAY}/x"),
        ] {
            assert!(GatewayId::parse(bad).is_err(), "{bad}");
        }
        for bad in [
            GATEWAY,
            &format!("{GATEWAY}/nothings/x"),
            &format!("{child}/y/z"),
        ] {
            assert!(ChildId::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[/a-zA-Z0-9.é-]{0,200}") {
            let _ = (GatewayId::parse(&text), ChildId::parse(&text), ResourceGroupId::parse(&text));
        }

        #[test]
        fn display_parses_back(group in "[a-zA-Z0-9()_]{1,40}", name in "[a-z][a-zA-Z0-9._-]{0,70}[a-z0-9_]") {
            let text = format!("/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/{group}/providers/\
                                Microsoft.Network/applicationGateways/{name}/sslProfiles/{name}");
            let id = ChildId::parse(&text).unwrap();
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
