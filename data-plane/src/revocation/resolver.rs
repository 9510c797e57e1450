//! From the names in URLs to addresses, with a bound on the threads that this takes.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task;

use super::fetcher::FetchError;

type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Looks names up; cheap to clone.
#[derive(Clone)]
pub(super) struct Resolver {
    look_up: Arc<LookUp>,
    places: Arc<Semaphore>,
}

impl Resolver {
    /// The system's.
    pub(super) fn system() -> Self {
        Self::from_fn(|name| {
            let found = (name, 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    /// One that answers as told. It may block.
    pub(super) fn from_fn(
        look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            look_up: Arc::new(look_up),
            places: Arc::new(Semaphore::new(MAX_LOOK_UPS)),
        }
    }

    /// The addresses of a name.
    ///
    /// # Errors
    /// [`FetchError::Resolve`]: it has none, or nobody knows.
    pub(super) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, FetchError> {
        let failed = |reason: String| FetchError::Resolve(reason);
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|closed| failed(closed.to_string()))?;
        let (look_up, name) = (Arc::clone(&self.look_up), name.to_owned());
        let looking = task::spawn_blocking(move || {
            // The place is taken for as long as the thread is, even when nobody waits any more.
            let _place = place;
            look_up(&name)
        });
        let found = looking.await.map_err(|broken| failed(broken.to_string()))?;
        let found = found.map_err(|error| failed(error.to_string()))?;
        if found.is_empty() {
            return Err(failed("it has no address".to_owned()));
        }
        Ok(found)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resolver")
    }
}

/// The threads for such work are few, and others need them as well.
const MAX_LOOK_UPS: usize = 32;
