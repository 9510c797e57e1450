//! Collects violations while the parts of a gateway are put together.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use crate::child::{Child, Entry};
use crate::collection::Collection;
use crate::id::GatewayId;
use crate::name::ResourceName;
use crate::violation::{Violation, ViolationCode};

/// The findings so far.
pub(crate) struct Check<'a> {
    id: &'a GatewayId,
    violations: Vec<Violation>,
    /// Some part could not be used, whether reported here or before.
    refused: bool,
}

/// Where one child stands in the document.
pub(crate) struct At {
    collection: Collection,
    index: usize,
    name: ResourceName,
}

/// The children of one collection by name; `None` for those that were refused.
pub(crate) struct Index<T> {
    collection: Collection,
    children: HashMap<ResourceName, Option<Arc<T>>>,
}

impl At {
    /// The path of the child.
    pub(crate) fn path(&self) -> String {
        format!("properties.{}[{}]", self.collection, self.index)
    }

    /// The path of one of its properties.
    pub(crate) fn property(&self, name: &str) -> String {
        format!("{}.properties.{name}", self.path())
    }
}

impl<'a> Check<'a> {
    pub(crate) fn new(id: &'a GatewayId) -> Self {
        Self {
            id,
            violations: Vec::new(),
            refused: false,
        }
    }

    pub(crate) fn report(
        &mut self,
        code: ViolationCode,
        target: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.violations.push(Violation::new(code, target, message));
    }

    pub(crate) fn limit(&mut self, target: &str, found: usize, limit: usize) {
        if found > limit {
            let message = format!("There are {found} entries; at most {limit} are allowed.");
            self.report(ViolationCode::LimitExceeded, target, message);
        }
    }

    /// Takes a collection over: resolves each entry with `resolve` (which reports what is wrong and gives `None` then)
    /// and makes it findable by name.
    pub(crate) fn index<D: Child, T>(
        &mut self,
        entries: Vec<Entry<D>>,
        mut resolve: impl FnMut(&mut Self, &At, D) -> Option<T>,
    ) -> Index<T> {
        self.limit(
            &format!("properties.{}", D::COLLECTION),
            entries.len(),
            D::LIMIT,
        );
        let mut found = HashMap::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let Some(name) = entry.name().cloned() else {
                self.refused = true;
                continue;
            };
            let at = At {
                collection: D::COLLECTION,
                index,
                name,
            };
            let child = match entry {
                Entry::Valid(draft) => resolve(self, &at, draft).map(Arc::new),
                Entry::Refused(_) => None,
            };
            self.refused |= child.is_none();
            match found.entry(at.name.clone()) {
                Slot::Vacant(slot) => {
                    slot.insert(child);
                }
                Slot::Occupied(_) => self.report(
                    ViolationCode::DuplicateResourceName,
                    format!("{}.name", at.path()),
                    format!(
                        "There is another entry named {} in {}.",
                        at.name, at.collection
                    ),
                ),
            }
        }
        Index {
            collection: D::COLLECTION,
            children: found,
        }
    }

    /// The names alone, for references to parts that are resolved later.
    pub(crate) fn names<D: Child>(entries: &[Entry<D>]) -> Index<ResourceName> {
        let name = |entry: &Entry<D>| {
            entry
                .name()
                .map(|name| (name.clone(), Some(Arc::new(name.clone()))))
        };
        Index {
            collection: D::COLLECTION,
            children: entries.iter().filter_map(name).collect(),
        }
    }

    /// Follows one reference; reports it when it leads nowhere.
    pub(crate) fn reference<T>(
        &mut self,
        at: &At,
        property: &str,
        name: &ResourceName,
        index: &Index<T>,
    ) -> Option<Arc<T>> {
        self.follow(at, at.property(property), name, index)
    }

    /// Follows a list of references; `None` if one of them leads nowhere.
    pub(crate) fn references<T>(
        &mut self,
        at: &At,
        property: &str,
        names: &[ResourceName],
        index: &Index<T>,
    ) -> Option<Vec<Arc<T>>> {
        let target = at.property(property);
        let mut follow = |(n, name)| self.follow(at, format!("{target}[{n}]"), name, index);
        let found: Vec<_> = names.iter().enumerate().map(&mut follow).collect();
        found.into_iter().collect()
    }

    /// The verdict.
    pub(crate) fn finish(self) -> Result<(), Vec<Violation>> {
        if self.violations.is_empty() && !self.refused {
            Ok(())
        } else {
            Err(self.violations)
        }
    }

    fn follow<T>(
        &mut self,
        at: &At,
        target: String,
        name: &ResourceName,
        index: &Index<T>,
    ) -> Option<Arc<T>> {
        if let Some(found) = index.children.get(name) {
            return found.clone();
        }
        let wanted = self.id.child(index.collection, name.clone());
        let own = self.id.child(at.collection, at.name.clone());
        self.violations.push(Violation::dangling(
            target,
            &wanted.to_string(),
            &own.to_string(),
        ));
        None
    }
}
