//! The shape of an ARM document: which members an object has, and how they are written.
//!
//! Real clients write names and enum values in any casing, numbers and booleans as strings, and explicit nulls; they
//! echo read-only members, and Terraform sends empty strings for what is unset. [`canonical()`] makes one form of all
//! that: names and values as in Azure's schema, members in its order, nothing that is unset, nothing read-only. One
//! schema, that of api-version 2026-03-01, serves every version.
//!
//! Differs from Azure: numbers and booleans are also taken where text is wanted (`zones: [1]`).

mod access;
mod canonical;
mod explain;
mod policy;
mod schema;
mod table;
mod wipe;

pub(crate) use canonical::{
    add_credential, canonical, client_auth_policy, create_join_token, explain_client_certificate,
    remove_credential, role_assignment, service_principal, worker,
};
pub(crate) use schema::{children, reference, schemas};
pub(crate) use wipe::wipe;

/// What a value may be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Boolean,
    /// One of these words.
    Enum(&'static [&'static str]),
    Object(&'static Object),
    Array(&'static Kind),
    /// An object with keys of the client's choice.
    Map(&'static Kind),
}

/// The definition of an object.
#[derive(Debug)]
struct Object {
    /// Azure's name, for messages.
    name: &'static str,
    members: &'static [Member],
}

/// The definition of a member.
#[derive(Debug)]
struct Member {
    name: &'static str,
    /// `None`: read-only; whatever a client sends is ignored.
    kind: Option<Kind>,
    /// Whether an empty text or reference means something; else it is the same as absent. So it does for references to
    /// what protects: a mistake there must not read as "unprotected".
    keeps_empty: bool,
}

const fn member(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind: Some(kind),
        keeps_empty: false,
    }
}

const fn read_only(name: &'static str) -> Member {
    Member {
        name,
        kind: None,
        keeps_empty: false,
    }
}

impl Member {
    const fn keeping_empty(mut self) -> Self {
        self.keeps_empty = true;
        self
    }
}
