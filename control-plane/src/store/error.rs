//! What can go wrong in the store.

use crate::seal::SealError;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The resource is being deleted and takes no writes until it is gone.
    #[error("{id} is being deleted")]
    Busy {
        /// The resource.
        id: String,
    },
    /// Someone else wrote since the caller read. Reading again and retrying is right.
    #[error("{id} was changed meanwhile")]
    Conflict {
        /// The resource.
        id: String,
    },
    /// What is stored does not make sense, or cannot be opened with this master key.
    #[error("the stored state of {what} is unusable")]
    Corrupt {
        /// What is broken; no content.
        what: String,
        /// The cause, where there is one.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The resource does not exist.
    #[error("{id} does not exist")]
    NotFound {
        /// The resource.
        id: String,
    },
    /// The permit was given for other resources: a bug of the caller's.
    #[error("the permit does not reach {id}")]
    OutOfReach {
        /// The resource.
        id: String,
    },
    /// `If-Match` or `If-None-Match` does not hold (HTTP 412).
    #[error("the precondition on {id} does not hold")]
    Precondition {
        /// The resource.
        id: String,
        /// Its current ETag; absent: it does not exist.
        current: Option<String>,
    },
    /// The database is unreachable or overloaded; retrying may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
}

impl StoreError {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt {
            what: what.into(),
            source: None,
        }
    }

    pub(super) fn corrupt_by(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Corrupt {
            what: what.into(),
            source: Some(source.into()),
        }
    }
}

/// A row that does not decode, or that breaks a constraint which the queries keep, is corruption; everything else is the
/// database being away or overloaded.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        let corrupt = match &error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. } => true,
            sqlx::Error::Database(database) => !matches!(database.kind(), ErrorKind::Other),
            _ => false,
        };
        if corrupt {
            Self::corrupt_by("a row", error)
        } else {
            Self::Unavailable(error)
        }
    }
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        Self::corrupt_by("a sealed secret", error)
    }
}
