//! Backend connections that are kept between requests: one pool per core and upstream.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rustls_pki_types::ServerName;

use crate::cores::core::Core;
use crate::limits::Limits;
use crate::snapshot::Upstream;
use crate::upstream::resolve::Address;
use crate::upstream::stream::UpstreamStream;

/// The pools of one core, by [`Upstream::key`]. They survive a change of configuration that does not concern them.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    by_key: RefCell<HashMap<Arc<str>, Rc<Pool>>>,
    /// What was found last, for the many requests in a row that go to one upstream: comparing a pointer is cheaper than
    /// hashing a long key. Forgotten by every sweep, so it keeps nothing alive.
    last: RefCell<Option<(Arc<Upstream>, Rc<Pool>)>>,
}

/// The endpoints of one upstream, and the connections to them that are at rest.
#[derive(Debug)]
pub(crate) struct Pool {
    upstream: Arc<Upstream>,
    endpoints: Vec<Endpoint>,
    next: Cell<usize>,
    used: Cell<u64>,
}

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: Arc<str>,
    address: Address,
    idle: RefCell<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    stream: UpstreamStream,
    /// What the certificate was verified for; a connection serves no request that asks for another name.
    server_name: Option<ServerName<'static>>,
    since: u64,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the name of the endpoint cannot be resolved")]
    Resolve(#[source] std::io::Error),
    #[error("the connection cannot be opened")]
    Connect(#[source] std::io::Error),
    #[error("the connection was not open in time")]
    Timeout,
}

impl Pools {
    /// The pool of an upstream, made at its first use.
    pub(crate) fn find(&self, upstream: &Arc<Upstream>) -> Rc<Pool> {
        let mut last = self.last.borrow_mut();
        if let Some((known, pool)) = &*last
            && Arc::ptr_eq(known, upstream)
        {
            return Rc::clone(pool);
        }
        let pool = self.find_by_key(upstream);
        *last = Some((Arc::clone(upstream), Rc::clone(&pool)));
        pool
    }

    fn find_by_key(&self, upstream: &Arc<Upstream>) -> Rc<Pool> {
        let mut pools = self.by_key.borrow_mut();
        if let Some(pool) = pools.get(&upstream.key) {
            return Rc::clone(pool);
        }
        let pool = Rc::new(Pool::new(Arc::clone(upstream)));
        pools.insert(Arc::clone(&upstream.key), Rc::clone(&pool));
        pool
    }

    /// Closes connections that have rested for too long, and forgets pools that nobody has used for long.
    pub(crate) fn sweep(&self, now: u64, limits: &Limits) {
        let longest = u64::try_from(limits.upstream_idle_timeout.as_millis()).unwrap_or(u64::MAX);
        self.last.take();
        self.by_key.borrow_mut().retain(|_, pool| {
            let mut resting = 0;
            for endpoint in &pool.endpoints {
                let mut idle = endpoint.idle.borrow_mut();
                idle.retain(|idle| now.saturating_sub(idle.since) < longest);
                resting += idle.len();
            }
            resting > 0
                || Rc::strong_count(pool) > 1
                || now.saturating_sub(pool.used.get()) < FORGET_MILLIS
        });
    }
}

impl Pool {
    fn new(upstream: Arc<Upstream>) -> Self {
        let endpoints = upstream
            .endpoints
            .iter()
            .map(|name| Endpoint {
                name: Arc::clone(name),
                address: Address::new(name, upstream.port),
                idle: RefCell::default(),
            })
            .collect();
        Self {
            // Cores begin at different endpoints.
            next: Cell::new(fastrand::usize(..)),
            endpoints,
            upstream,
            used: Cell::new(0),
        }
    }

    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    pub(crate) fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// The endpoint whose turn it is (round robin). `None` only where there is none.
    pub(crate) fn turn(&self) -> Option<usize> {
        let turn = self.next.get();
        self.next.set(turn.wrapping_add(1));
        turn.checked_rem(self.endpoints.len())
    }

    pub(crate) fn endpoint(&self, endpoint: usize) -> Option<&Endpoint> {
        self.endpoints.get(endpoint)
    }

    /// A connection at rest, the latest first.
    pub(crate) fn take(
        &self,
        endpoint: usize,
        server_name: Option<&ServerName<'_>>,
    ) -> Option<UpstreamStream> {
        let mut idle = self.endpoints.get(endpoint)?.idle.borrow_mut();
        loop {
            let place = idle
                .iter()
                .rposition(|idle| idle.server_name.as_ref() == server_name)?;
            let mut stream = idle.remove(place).stream;
            if stream.is_reusable() {
                return Some(stream);
            }
        }
    }

    /// Keeps a connection for the next request. Where there is no room, the one that has rested longest goes.
    pub(crate) fn give(
        &self,
        core: &Core,
        endpoint: usize,
        stream: UpstreamStream,
        server_name: Option<ServerName<'static>>,
    ) {
        let since = core.time.coarse();
        self.used.set(since);
        let Some(endpoint) = self.endpoints.get(endpoint) else {
            return;
        };
        let most = core.limits.upstream_max_idle;
        if most == 0 {
            return;
        }
        let mut idle = endpoint.idle.borrow_mut();
        if idle.len() >= most {
            idle.remove(0);
        }
        idle.push(Idle {
            stream,
            server_name,
            since,
        });
    }

    /// Opens a connection.
    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        server_name: Option<ServerName<'static>>,
        now: u64,
    ) -> Result<UpstreamStream, ConnectError> {
        self.used.set(now);
        let mut attempts = 0;
        loop {
            let address = endpoint
                .address
                .resolve(now)
                .await
                .map_err(ConnectError::Resolve)?;
            let tls = self.upstream.tls.as_ref().zip(server_name.clone());
            let tls = tls.map(|(tls, name)| (Arc::clone(&tls.config), name));
            match UpstreamStream::connect(address, tls).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    attempts += 1;
                    if attempts >= endpoint.address.choices() {
                        return Err(ConnectError::Connect(error));
                    }
                }
            }
        }
    }
}

/// How long a pool without connections is remembered.
const FORGET_MILLIS: u64 = 300_000;
