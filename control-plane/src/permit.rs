//! Proof that a caller may do what it asks.
//!
//! Every store call on customer data takes a [`Permit`], so a handler that forgets the decision does not compile. A
//! permit holds for the scopes that the decision ([`crate::access`]) was about: the store refuses other resources, so one
//! that was given for one resource does not open another. It also says who acts, which is what the audit records.

use std::{
    marker::PhantomData,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{access::Reach, principal::Principal};

/// Reading: `GET`, `HEAD`, lists, operation status.
#[derive(Debug, Clone, Copy)]
pub struct Read(());

/// Changing: `PUT`, `PATCH`, `POST`, `DELETE`. It includes reading.
#[derive(Debug, Clone, Copy)]
pub struct Write(());

/// Says that somebody may do `Action` on the resources within reach.
///
/// It has no public fields and no `Default`: the constructors below are the only source.
#[derive(Debug)]
pub struct Permit<Action> {
    actor: Arc<Actor>,
    reach: Reach,
    action: PhantomData<Action>,
}

/// Who does what, for the audit.
#[derive(Debug)]
pub struct Actor {
    /// Who.
    pub principal: Principal,
    /// ARM's name of the operation.
    pub operation: String,
    /// The ARM id that the request names, in the casing of the request.
    pub resource: String,
    /// The request's correlation id.
    pub correlation_id: String,
    /// Where the request came from; absent for what came over no network.
    pub client: Option<IpAddr>,
    /// Whether the audit has the change already, written together with it.
    recorded: AtomicBool,
}

impl Actor {
    /// Somebody whose doing is not recorded yet.
    pub fn new(
        principal: Principal,
        operation: String,
        resource: String,
        correlation_id: String,
        client: Option<IpAddr>,
    ) -> Self {
        Self {
            principal,
            operation,
            resource,
            correlation_id,
            client,
            recorded: AtomicBool::new(false),
        }
    }

    /// Notes that the audit has the change.
    pub(crate) fn mark_recorded(&self) {
        self.recorded.store(true, Ordering::Release);
    }

    /// Whether the audit has a change of this request.
    pub fn is_recorded(&self) -> bool {
        self.recorded.load(Ordering::Acquire)
    }
}

impl<Action> Permit<Action> {
    fn new(actor: Arc<Actor>, reach: Reach) -> Self {
        Self {
            actor,
            reach,
            action: PhantomData,
        }
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether the permit holds for the resource with this ARM id, in any case, or for something below it.
    pub fn touches(&self, id: &str) -> bool {
        self.reach.touches(id)
    }

    /// Whether the permit holds for the resource with this ARM id, in any case.
    pub fn covers(&self, id: &str) -> bool {
        self.reach.covers(id)
    }
}

impl Permit<Read> {
    /// For a caller who may read within `reach`.
    pub fn to_read(actor: Arc<Actor>, reach: Reach) -> Self {
        Self::new(actor, reach)
    }

    /// For the control plane's own work (reconciler, configuration stream), which acts for no caller.
    pub fn for_control_plane() -> Self {
        Self::new(
            Arc::new(own_actor("Portcullis.Security/controlPlane/read")),
            Reach::everything(),
        )
    }
}

impl Permit<Write> {
    /// For a caller who may change what lies within `reach`.
    pub fn to_write(actor: Arc<Actor>, reach: Reach) -> Self {
        Self::new(actor, reach)
    }

    /// For whoever holds the database and its keys: the first start, and commands that work on the database directly.
    /// `operation` is ARM's name of what is done.
    pub fn for_installation(operation: &str) -> Self {
        Self::new(Arc::new(own_actor(operation)), Reach::everything())
    }

    /// Who may write may read.
    pub fn as_read(&self) -> Permit<Read> {
        Permit::new(Arc::clone(&self.actor), self.reach.clone())
    }
}

impl<Action> Clone for Permit<Action> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.actor), self.reach.clone())
    }
}

fn own_actor(operation: &str) -> Actor {
    Actor::new(
        Principal::control_plane(),
        operation.to_owned(),
        "/".to_owned(),
        uuid::Uuid::new_v4().to_string(),
        None,
    )
}
