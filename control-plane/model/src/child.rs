//! What all typed children of a gateway have in common.

use crate::collection::Collection;
use crate::name::ResourceName;

/// A child of a gateway.
pub trait Child {
    /// Where it lives.
    const COLLECTION: Collection;
    /// How many a gateway may have (Azure's limits).
    const LIMIT: usize;

    /// Its own name.
    fn name(&self) -> &ResourceName;
}

/// One entry of a collection on its way into a gateway.
#[derive(Debug, Clone)]
pub enum Entry<T> {
    /// In order by itself.
    Valid(T),
    /// Refused already, its violations are reported. Its name still counts, so that nothing that refers to it is
    /// reported as well.
    Refused(Option<ResourceName>),
}

impl<T: Child> Entry<T> {
    /// The name, if it has one.
    pub fn name(&self) -> Option<&ResourceName> {
        match self {
            Self::Valid(child) => Some(child.name()),
            Self::Refused(name) => name.as_ref(),
        }
    }
}

macro_rules! child {
    ($type:ty, $collection:ident, $limit:literal) => {
        impl $crate::child::Child for $type {
            const COLLECTION: $crate::collection::Collection =
                $crate::collection::Collection::$collection;
            const LIMIT: usize = $limit;

            fn name(&self) -> &$crate::name::ResourceName {
                &self.name
            }
        }
    };
}
pub(crate) use child;
