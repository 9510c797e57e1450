//! Makes the identity and the join token of a worker without the API: for the first worker of a deployment, and for
//! deployments that are set up by a script.

use std::{io, path::PathBuf, time::Duration};

use time::OffsetDateTime;

use super::{JoinToken, NoRandomness};
use crate::{
    permit::Permit,
    store::{NewJoinToken, PutWorker, Store, StoreError, TokenMade},
    tls::{WorkerAuthority, write_private},
    worker_identity::{Scopes, WorkerName, WorkerState},
};

/// A worker that is to join.
#[derive(Debug, Clone)]
pub struct AddWorker {
    /// Its id.
    pub name: WorkerName,
    /// What it may see.
    pub scopes: Scopes,
    /// Where the join token goes (mode 0600).
    pub token_file: PathBuf,
    /// How long the token is good.
    pub valid_for: Duration,
    /// Make a token also for a worker that has joined before, because it has lost its certificate.
    pub rejoin: bool,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// A join token, in its file.
    Token,
    /// Nothing but the scopes: the worker has joined before.
    JoinedBefore,
}

/// Why a worker could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddWorkerError {
    /// The token cannot be written.
    #[error("cannot write {file}")]
    File {
        /// The file.
        file: String,
        /// What the file system says.
        #[source]
        source: io::Error,
    },
    /// No token can be made.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The identity was revoked.
    #[error("the worker identity {0} was revoked; delete it first, to make a new one")]
    Revoked(WorkerName),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the identity, or gives it these scopes, and a join token where it has not joined yet.
///
/// # Errors
/// [`AddWorkerError`].
pub async fn add_worker(
    now: OffsetDateTime,
    store: &Store,
    authority: &WorkerAuthority,
    add: AddWorker,
) -> Result<Added, AddWorkerError> {
    // Whoever may open the database and the master key is an administrator.
    let permit = Permit::for_installation("Portcullis.Security/workers/write");
    let put = PutWorker {
        name: add.name.clone(),
        scopes: add.scopes,
        now,
    };
    let (identity, _is_new) = store.put_worker(&permit, put).await?;
    match identity.state() {
        WorkerState::Revoked => return Err(AddWorkerError::Revoked(add.name)),
        WorkerState::Joined if !add.rejoin => return Ok(Added::JoinedBefore),
        WorkerState::Joined | WorkerState::Pending => {}
    }
    let token = JoinToken::random()?;
    let new = NewJoinToken {
        worker: add.name.clone(),
        sha256: token.sha256(),
        expires_at: now + add.valid_for,
        now,
    };
    let TokenMade::For(id) = store.create_join_token(&permit, new).await? else {
        return Err(AddWorkerError::Revoked(add.name));
    };
    let text = token.text(id, authority.pin());
    write_private(&add.token_file, text.as_bytes()).map_err(|source| AddWorkerError::File {
        file: add.token_file.display().to_string(),
        source,
    })?;
    Ok(Added::Token)
}
