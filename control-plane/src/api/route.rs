//! The route table: every path that the API answers, what each method does there, and who may do it.
//!
//! Routing, authorisation, `Allow` headers, the OpenAPI document and the authorisation matrix of the tests all read this
//! one table, so a route that is not in it is not served.

mod names;
mod table;
#[cfg(test)]
mod tests;

use http::Method;

use self::names::segments;
pub(super) use self::{names::Names, table::ROUTES};
use super::{
    error::ApiError,
    path::{self, ArmPath},
};

/// A path and what may be done there.
pub(super) struct Route {
    /// Fixed segments match in any case; `{name}` is a parameter.
    pub(super) template: &'static str,
    /// What the parameters make of the path.
    target: fn(&Names<'_>) -> Result<ArmPath, ApiError>,
    /// One for each method.
    pub(super) operations: &'static [Operation],
}

/// What a method does at a route.
pub(super) struct Operation {
    /// Which method.
    pub(super) verb: Verb,
    /// Name in the OpenAPI document, as Azure's specification has it where it has one.
    pub(super) id: &'static str,
    /// ARM's name of the operation, which roles allow: `Microsoft.Network/applicationGateways/read`. `{collection}` stands
    /// for the collection of the path.
    pub(super) action: &'static str,
    /// Where the caller must be allowed to do it.
    pub(super) access: Access,
    /// What the request carries.
    pub(super) content: Content,
}

/// The method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Removes.
    Delete,
    /// Shows; answers HEAD as well.
    Get,
    /// Changes a part.
    Patch,
    /// Creates or replaces.
    Put,
    /// Acts, and changes something.
    Post,
    /// Acts, and changes nothing.
    Query,
}

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody, without a token.
    Public,
    /// Every caller with a good token; the answer holds what the caller may see.
    SignedIn,
    /// Who has the permission at the resource of the path, or above.
    On,
    /// Who has the permission at the resource of the path, above, or anywhere below; the answer holds what lies there.
    Within,
}

/// What the body of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing.
    None,
    /// JSON with the schema of this name in the OpenAPI document.
    Json(&'static str),
    /// A form (RFC 6749, section 4).
    Form,
    /// A revocation list in DER or PEM, or JSON that holds one.
    List,
}

/// The routes of a path.
pub(super) struct Found {
    pub(super) route: &'static Route,
    pub(super) path: ArmPath,
}

/// Finds the route of a path, percent-encoding included.
///
/// # Errors
/// 400 for a malformed name or encoding, 404 for a path that means nothing here.
pub(super) fn find(path: &str) -> Result<Found, ApiError> {
    let decoded = segments(path)?;
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    for route in ROUTES {
        if let Some(names) = Names::of(route.template, &segments) {
            let path = (route.target)(&names)?;
            return Ok(Found { route, path });
        }
    }
    Err(path::unknown(path))
}

impl Route {
    /// What `method` does here.
    ///
    /// # Errors
    /// 405, naming the methods that do something.
    pub(super) fn operation(&self, method: &Method) -> Result<&'static Operation, ApiError> {
        let found = self
            .operations
            .iter()
            .find(|operation| operation.verb.takes(method));
        found.ok_or_else(|| ApiError::method_not_allowed(&self.allow()))
    }

    /// The methods, as an `Allow` header lists them.
    fn allow(&self) -> String {
        let methods = self.operations.iter().flat_map(|one| one.verb.methods());
        methods.map(Method::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Operation {
    /// ARM's name of the operation at `path`.
    pub(super) fn action(&self, path: &ArmPath) -> String {
        match path.collection() {
            Some(collection) => self.action.replace("{collection}", collection.as_str()),
            None => self.action.to_owned(),
        }
    }
}

impl Verb {
    /// Whether something may be different afterwards.
    pub(super) fn changes(self) -> bool {
        !matches!(self, Self::Get | Self::Query)
    }

    /// The methods that ask for it.
    pub(super) fn methods(self) -> &'static [Method] {
        match self {
            Self::Delete => &[Method::DELETE],
            Self::Get => &[Method::GET, Method::HEAD],
            Self::Patch => &[Method::PATCH],
            Self::Put => &[Method::PUT],
            Self::Post | Self::Query => &[Method::POST],
        }
    }

    fn takes(self, method: &Method) -> bool {
        self.methods().contains(method)
    }
}
