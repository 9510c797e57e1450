//! Proof that a caller may do what it asks.
//!
//! Every store call on customer data takes a [`Permit`], so a handler that forgets the decision does not compile. The
//! decision is made in one place, [`Permit::for_caller`].

use std::marker::PhantomData;

/// Reading: `GET`, `HEAD`, lists, operation status.
#[derive(Debug, Clone, Copy)]
pub struct Read(());

/// Changing: `PUT`, `PATCH`, `POST`, `DELETE`. It includes reading.
#[derive(Debug, Clone, Copy)]
pub struct Write(());

/// Says that the caller may do `Action` on the resource that the request names.
///
/// It has no public fields and no `Default`: the constructors below are the only source.
#[derive(Debug, Clone, Copy)]
pub struct Permit<Action> {
    action: PhantomData<Action>,
}

impl<Action> Permit<Action> {
    /// Decides for a caller that reached the API.
    ///
    /// Every caller that reached the API is an administrator: the API has no authentication of its own yet and listens
    /// on loopback unless told otherwise.
    pub fn for_caller() -> Self {
        Self {
            action: PhantomData,
        }
    }
}

impl Permit<Read> {
    /// For the control plane's own work (reconciler, configuration stream), which acts for no caller.
    pub fn for_control_plane() -> Self {
        Self {
            action: PhantomData,
        }
    }
}

impl Permit<Write> {
    /// Who may write may read.
    pub fn as_read(&self) -> Permit<Read> {
        Permit {
            action: PhantomData,
        }
    }
}
