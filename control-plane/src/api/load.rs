//! How much is worked on at a time: requests choose how much memory and processor time they take.

use std::{sync::Arc, thread, time::Duration};

use http::{HeaderValue, StatusCode, header};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use super::error::ApiError;

/// Bounds what all requests together take. Who comes too late waits a little, then hears when to come again.
#[derive(Debug)]
pub(super) struct Load {
    /// In KiB of JSON text; as values and on the way through the parser it takes up to fifty times as much.
    bodies: Arc<Semaphore>,
    /// Documents that are parsed, each on a thread of its own.
    parses: Arc<Semaphore>,
    /// Hashes of passwords, each tens of milliseconds and 19 MiB.
    sign_ins: Arc<Semaphore>,
    /// The same for clients that do not exist.
    strangers: Arc<Semaphore>,
    /// Uploads of revocation lists, each up to a hundred megabytes of body and half as much of list.
    uploads: Arc<Semaphore>,
    patience: Duration,
}

impl Load {
    /// For this machine.
    pub(super) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self::with(BODIES_KIB, processors.clamp(2, MAX_PARSES), PATIENCE)
    }

    fn with(bodies_kib: usize, parses: usize, patience: Duration) -> Self {
        Self {
            bodies: Arc::new(Semaphore::new(bodies_kib)),
            parses: Arc::new(Semaphore::new(parses)),
            sign_ins: Arc::new(Semaphore::new(parses)),
            strangers: Arc::new(Semaphore::new(1)),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            patience,
        }
    }

    /// Room for a body of so many bytes, for as long as its content is in use.
    ///
    /// # Errors
    /// 503 with `Retry-After`.
    pub(super) async fn body(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.bodies).acquire_many_owned(kib);
        time::timeout(self.patience, room)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(busy)
    }

    /// The right to upload a revocation list, for as long as it is in memory.
    ///
    /// # Errors
    /// 503 with `Retry-After`.
    pub(super) async fn upload(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.uploads).acquire_owned();
        time::timeout(self.patience, turn)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(busy)
    }

    /// The right to hash the password of a client that does not exist.
    ///
    /// # Errors
    /// 503 with `Retry-After`.
    pub(super) async fn stranger(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.strangers).acquire_owned();
        time::timeout(self.patience, turn)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(busy)
    }

    /// The right to hash a password; it goes to the thread that does so.
    ///
    /// # Errors
    /// 503 with `Retry-After`.
    pub(super) async fn sign_in(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.sign_ins).acquire_owned();
        time::timeout(self.patience, turn)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(busy)
    }

    /// The right to parse a document; it goes to the thread that does so, which may outlive its request.
    ///
    /// # Errors
    /// 503 with `Retry-After`.
    pub(super) async fn parse(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.parses).acquire_owned();
        time::timeout(self.patience, turn)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(busy)
    }
}

/// Two of the largest lists at a time take less than half a gigabyte.
const UPLOADS: usize = 2;

fn busy() -> ApiError {
    let message = "The server works on too many other requests at the moment. Try again.";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ServerBusy", message)
        .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

/// Four of the largest bodies.
const BODIES_KIB: usize = 16 * 1024;
const MAX_PARSES: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_room_is_told_to_come_again() {
        let load = Load::with(5, 1, Duration::from_millis(1));
        let large = load.body(4 * 1024 + 1).await.unwrap();
        let error = load.body(1).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (503, "ServerBusy"));
        drop(large);
        assert!(load.body(1).await.is_ok());
        let parsing = load.parse().await.unwrap();
        assert_eq!(load.parse().await.unwrap_err().code(), "ServerBusy");
        drop(parsing);
        assert!(load.parse().await.is_ok());
        let uploads = [load.upload().await.unwrap(), load.upload().await.unwrap()];
        assert_eq!(load.upload().await.unwrap_err().code(), "ServerBusy");
        drop(uploads);
        assert!(load.upload().await.is_ok());
    }
}
