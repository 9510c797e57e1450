//! How a worker gets its certificate: join tokens, certificate requests, and how often strangers may try.
//!
//! The store decides about tokens and certificates; [`crate::tls::WorkerAuthority`] signs; the service itself is in
//! `stream`.

mod add;
mod attempts;
mod request;
mod token;

pub use self::{
    add::{AddWorker, AddWorkerError, Added, add_worker},
    attempts::Attempts,
    request::{CertificateRequest, InvalidRequest, MAX_REQUEST},
    token::{JoinToken, NoRandomness, SECRET_LEN},
};

use crate::worker_identity::WorkerName;

/// Why a join token is not taken. The worker is told none of this: it would help those who guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefused {
    /// No such identity.
    #[error("no worker identity of this id")]
    Unknown,
    /// No token was made for the identity, or it was withdrawn.
    #[error("no join token is there for the worker identity {0}")]
    NoToken(WorkerName),
    /// The secret is another one.
    #[error("the secret is not that of the newest join token of the worker identity {0}")]
    Wrong(WorkerName),
    /// It was used, with another key.
    #[error("the join token of the worker identity {0} was used already")]
    Used(WorkerName),
    /// Its time is over.
    #[error("the join token of the worker identity {0} has expired")]
    Expired(WorkerName),
    /// Of another worker.
    #[error("the join token is of the worker identity {0}, not of this worker")]
    OtherWorker(WorkerName),
    /// The identity was revoked.
    #[error("the worker identity {0} was revoked")]
    Revoked(WorkerName),
}
