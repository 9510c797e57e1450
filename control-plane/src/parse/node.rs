//! Typed reading of a canonical document.

use model::{ChildId, Collection, GatewayId, ResourceName, ViolationCode};
use serde_json::{Map, Value};

use crate::violations::Findings;

/// One object of the document, where it stands, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) members: &'a Map<String, Value>,
    pub(super) path: &'a str,
    pub(super) owner: Owner<'a>,
}

/// The child that a node belongs to, for messages, and the gateway around it.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) gateway: &'a GatewayId,
    pub(super) collection: Collection,
    pub(super) name: &'a ResourceName,
    /// What comes after the child's id in the id of a resource that extends it; empty for the child itself.
    pub(super) extension: &'static str,
}

impl<'a> Node<'a> {
    /// The path of a member.
    pub(super) fn at(&self, member: &str) -> String {
        format!("{}.{member}", self.path)
    }

    pub(super) fn text(&self, member: &str) -> Option<&'a str> {
        self.members.get(member)?.as_str()
    }

    pub(super) fn integer(&self, member: &str) -> Option<i64> {
        self.members.get(member)?.as_i64()
    }

    /// Absent means no.
    pub(super) fn flag(&self, member: &str) -> bool {
        self.members
            .get(member)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    pub(super) fn object(&self, member: &str) -> Option<&'a Map<String, Value>> {
        self.members.get(member)?.as_object()
    }

    pub(super) fn array(&self, member: &str) -> &'a [Value] {
        self.members
            .get(member)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// Reads every element of an array, so that all that is wrong is told at once.
    pub(super) fn each<T>(
        &self,
        member: &str,
        findings: &mut Findings,
        read: impl Fn(&Node<'_>, &mut Findings) -> Option<T>,
    ) -> Result<Vec<T>, Refused> {
        let nothing = Map::new();
        let one = |(index, value): (usize, &Value)| {
            let element = Node {
                members: value.as_object().unwrap_or(&nothing),
                path: &format!("{}[{index}]", self.at(member)),
                owner: self.owner,
            };
            read(&element, findings)
        };
        let all: Vec<_> = self.array(member).iter().enumerate().map(one).collect();
        all.into_iter().collect::<Option<_>>().ok_or(Refused)
    }

    /// Reads the object in a member; one that is not there reads as an empty one.
    pub(super) fn inside<T>(&self, member: &str, read: impl FnOnce(&Node<'_>) -> T) -> T {
        let nothing = Map::new();
        read(&Node {
            members: self.object(member).unwrap_or(&nothing),
            path: &self.at(member),
            owner: self.owner,
        })
    }

    /// Reports a member that must be there.
    pub(super) fn missing(&self, member: &str, findings: &mut Findings) {
        let message = format!("Property {member} of {} must be given.", self.owner.id());
        findings.add(
            ViolationCode::MissingRequiredProperty,
            &self.at(member),
            message,
        );
    }

    /// Reports a member with a value that cannot be.
    pub(super) fn invalid(
        &self,
        member: &str,
        why: impl std::fmt::Display,
        findings: &mut Findings,
    ) {
        let message = format!(
            "Property {member} of {} is invalid: {why}.",
            self.owner.id()
        );
        findings.add(
            ViolationCode::InvalidPropertyValue,
            &self.at(member),
            message,
        );
    }

    /// A number through its type's constructor; reported when missing or refused.
    pub(super) fn number<T, E: std::fmt::Display>(
        &self,
        member: &str,
        new: impl FnOnce(i64) -> Result<T, E>,
        findings: &mut Findings,
    ) -> Option<T> {
        let Some(number) = self.integer(member) else {
            self.missing(member, findings);
            return None;
        };
        new(number)
            .map_err(|error| self.invalid(member, error, findings))
            .ok()
    }

    /// A text through its type's parser; `Ok(None)` when it is not there, `Err` when it is reported.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &self,
        member: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
        findings: &mut Findings,
    ) -> Result<Option<T>, Refused> {
        let Some(text) = self.text(member) else {
            return Ok(None);
        };
        parse(text).map(Some).map_err(|error| {
            self.invalid(member, error, findings);
            Refused
        })
    }

    /// The name that a reference ends in; `Ok(None)` when there is none, `Err` when it cannot be one of this gateway's
    /// `collection`, which is reported.
    pub(super) fn reference(
        &self,
        member: &str,
        collection: Collection,
        findings: &mut Findings,
    ) -> Result<Option<ResourceName>, Refused> {
        let Some(reference) = self.members.get(member) else {
            return Ok(None);
        };
        self.target(reference, &self.at(member), collection, findings)
            .map(Some)
    }

    /// A reference that must be there; reported when it is not.
    pub(super) fn required_reference(
        &self,
        member: &str,
        collection: Collection,
        findings: &mut Findings,
    ) -> Option<ResourceName> {
        let found = self.reference(member, collection, findings).ok()?;
        if found.is_none() {
            self.missing(member, findings);
        }
        found
    }

    /// The names that a list of references ends in, each once.
    pub(super) fn references(
        &self,
        member: &str,
        collection: Collection,
        findings: &mut Findings,
    ) -> Result<Vec<ResourceName>, Refused> {
        let mut names = Vec::new();
        let mut refused = false;
        for (index, reference) in self.array(member).iter().enumerate() {
            let path = format!("{}[{index}]", self.at(member));
            match self.target(reference, &path, collection, findings) {
                Ok(name) if names.contains(&name) => {}
                Ok(name) => names.push(name),
                Err(Refused) => refused = true,
            }
        }
        if refused { Err(Refused) } else { Ok(names) }
    }

    fn target(
        &self,
        reference: &Value,
        path: &str,
        collection: Collection,
        findings: &mut Findings,
    ) -> Result<ResourceName, Refused> {
        let text = reference
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match ChildId::parse(text) {
            Ok(id) if id.gateway() == self.owner.gateway && id.collection() == collection => {
                Ok(id.name().clone())
            }
            _ => {
                let wanted: String = text.chars().take(400).collect();
                findings.extend([model::Violation::dangling(path, &wanted, &self.owner.id())]);
                Err(Refused)
            }
        }
    }
}

/// What was there is wrong, and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

impl Owner<'_> {
    /// The id of the child, or of what extends it.
    pub(super) fn id(&self) -> String {
        let child = self.gateway.child(self.collection, self.name.clone());
        format!("{child}{}", self.extension)
    }
}
