//! Whether the caller may do what the request asks for: the one place where permits for callers are made.

use std::sync::Arc;

use super::{
    Api,
    error::ApiError,
    route::{Access, Found, Operation},
};
use crate::{
    access::{self, Reach, Scope},
    permit::{Actor, Permit, Read, Write},
};

/// What the decision allows the handler.
#[derive(Debug)]
pub(super) struct Permits {
    read: Permit<Read>,
    /// Absent for operations that change nothing.
    write: Option<Permit<Write>>,
}

impl Permits {
    /// For an operation of a known caller within `reach`.
    fn new(actor: &Arc<Actor>, reach: Reach, operation: &Operation) -> Self {
        let write = operation.verb.changes();
        Self {
            write: write.then(|| Permit::to_write(Arc::clone(actor), reach.clone())),
            read: Permit::to_read(Arc::clone(actor), reach),
        }
    }

    /// To read.
    pub(super) fn read(&self) -> &Permit<Read> {
        &self.read
    }

    /// To change.
    ///
    /// # Errors
    /// 500: the route table calls the operation a reading one, so nobody was asked whether the caller may change anything.
    pub(super) fn write(&self) -> Result<&Permit<Write>, ApiError> {
        let missing = || ApiError::internal("the operation was authorised for reading only");
        self.write.as_ref().ok_or_else(missing)
    }
}

/// Decides by the role assignments of the caller.
///
/// # Errors
/// 403 in ARM's words, the same whether the resource exists or not; 503 without the database.
pub(super) async fn permits(
    api: &Api,
    actor: &Arc<Actor>,
    found: &Found,
    operation: &Operation,
) -> Result<Permits, ApiError> {
    let principal = &actor.principal;
    let assigned = api.store().assigned_roles(principal).await?;
    let scope = Scope::of(&found.path.scope());
    let action = actor.operation.as_str();
    let reach = match operation.access {
        Access::On => access::on(&assigned, action, &scope),
        Access::Within => access::within(&assigned, action, &scope),
        Access::SignedIn => {
            Some(access::within(&assigned, action, &scope).unwrap_or_else(Reach::nothing))
        }
        // Answered before anybody is asked who calls.
        Access::Public => None,
    };
    let reach = reach.ok_or_else(|| forbidden(actor))?;
    Ok(Permits::new(actor, reach, operation))
}

/// ARM's words, by which clients know it. They are true of a scope that does not exist, too.
fn forbidden(actor: &Actor) -> ApiError {
    let Actor {
        principal,
        operation,
        resource,
        ..
    } = actor;
    let client = principal.application.as_deref().unwrap_or(&principal.name);
    ApiError::forbidden(format!(
        "The client '{client}' with object id '{}' does not have authorization to perform action '{operation}' over scope \
         '{resource}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        principal.id
    ))
}
