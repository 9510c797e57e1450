//! Which addresses are served, and the change from one set to the next.

pub(crate) mod accept;
pub(crate) mod socket;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::cores::{Cores, ProxySettings, StartError};
use crate::listener::socket::{Accepting, Served};
use crate::metrics::Metrics;
use crate::route::Site;
use crate::snapshot::Bind;

/// All listening addresses of the worker, and the cores that serve them.
///
/// A change is made in two steps: [`Self::prepare`] does all that can fail, [`Self::commit`] puts it in force.
#[derive(Debug)]
pub struct Listeners {
    cores: Cores,
    metrics: Metrics,
    bound: HashMap<SocketAddr, Bound>,
    sockets: u64,
    drain: Duration,
}

/// The next set of addresses of one gateway, with every new socket bound. Dropping it gives them up again.
#[derive(Debug)]
#[must_use = "nothing is in force before it is committed"]
pub struct Prepared {
    gateway_id: Arc<str>,
    kept: Vec<Arc<Bind>>,
    new: Vec<New>,
}

/// Why an address cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("frontend port {frontend_port} cannot listen on {address}")]
pub struct BindError {
    /// ARM name of the frontend port.
    pub frontend_port: Arc<str>,
    /// The address.
    pub address: SocketAddr,
    /// What stands against it; for the operator.
    #[source]
    pub reason: BindReason,
}

/// What stands against serving an address.
#[derive(Debug, thiserror::Error)]
pub enum BindReason {
    /// Another process, or another socket of this one, listens there.
    #[error("the address is in use by another process")]
    InUse,
    /// The address is not one of this machine.
    #[error("the address does not belong to this machine")]
    NotAvailable,
    /// Another gateway of this worker is served there.
    #[error("the address is in use by gateway {0}")]
    OtherGateway(Arc<str>),
    /// The operating system does not let this user listen there.
    #[error("permission denied")]
    PermissionDenied,
    /// Two entries of the same gateway have the same address.
    #[error("the address is given twice")]
    Twice,
    /// Anything else.
    #[error("{0}")]
    Other(#[source] std::io::Error),
}

/// One address in force.
#[derive(Debug)]
struct Bound {
    gateway_id: Arc<str>,
    socket: u64,
    site: Served,
}

/// One address to come in force, with one listening socket for each core.
#[derive(Debug)]
struct New {
    bind: Arc<Bind>,
    sockets: Vec<std::net::TcpListener>,
}

impl Listeners {
    /// Starts the cores, serving nothing yet.
    ///
    /// # Errors
    /// [`StartError`]: the access log cannot be opened, or a thread not be made.
    pub fn start(settings: &ProxySettings) -> Result<Self, StartError> {
        let metrics = Metrics::new(settings.threads);
        Ok(Self {
            cores: Cores::start(settings, &metrics)?,
            metrics,
            bound: HashMap::new(),
            sockets: 0,
            drain: settings.limits.drain_deadline,
        })
    }

    /// The metrics of the request path, to be registered once.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Does all that can fail about making `binds` the addresses of a gateway: every new socket is bound.
    ///
    /// Nothing changes for clients, except that the kernel queues connections to new addresses.
    ///
    /// # Errors
    /// [`BindError`] for the first address that cannot be served.
    pub fn prepare(
        &self,
        gateway_id: &Arc<str>,
        binds: &[Arc<Bind>],
    ) -> Result<Prepared, BindError> {
        let mut prepared = Prepared {
            gateway_id: Arc::clone(gateway_id),
            kept: Vec::new(),
            new: Vec::new(),
        };
        let mut seen = HashSet::new();
        for bind in binds {
            let refuse = |reason| BindError {
                frontend_port: Arc::clone(&bind.frontend_port),
                address: bind.address,
                reason,
            };
            if !seen.insert(bind.address) {
                return Err(refuse(BindReason::Twice));
            }
            match self.bound.get(&bind.address) {
                Some(bound) if same_gateway(&bound.gateway_id, gateway_id) => {
                    prepared.kept.push(Arc::clone(bind));
                }
                Some(bound) => {
                    return Err(refuse(BindReason::OtherGateway(Arc::clone(
                        &bound.gateway_id,
                    ))));
                }
                None => prepared.new.push(New {
                    bind: Arc::clone(bind),
                    sockets: socket::listen(bind.address, self.cores.count()).map_err(refuse)?,
                }),
            }
        }
        Ok(prepared)
    }

    /// Puts a prepared set in force: addresses that stay serve the new configuration from their next request on and no
    /// connection is touched; new ones begin to accept; those no longer named stop and drain.
    ///
    /// Everything is in force on every core when it returns. It must run to its end.
    pub async fn commit(&mut self, prepared: Prepared) {
        let Prepared {
            gateway_id,
            kept,
            new,
        } = prepared;
        let wanted: HashSet<SocketAddr> = kept
            .iter()
            .chain(new.iter().map(|new| &new.bind))
            .map(|bind| bind.address)
            .collect();
        for bind in kept {
            if let Some(bound) = self.bound.get(&bind.address) {
                bound.site.store(Arc::new(Site::new(bind)));
            }
        }
        self.cores.recheck(Instant::now()).await;
        for New { bind, sockets } in new {
            self.begin(bind, sockets).await;
        }
        self.end(|address, bound| {
            same_gateway(&bound.gateway_id, &gateway_id) && !wanted.contains(address)
        })
        .await;
    }

    /// Stops serving a gateway and drains its connections in the background. A gateway that is not served is ignored.
    pub async fn remove_gateway(&mut self, gateway_id: &str) {
        self.end(|_, bound| same_gateway(&bound.gateway_id, gateway_id))
            .await;
    }

    /// Stops accepting everywhere, drains all connections for at most `drain`, and ends the cores.
    pub async fn shutdown(self, drain: Duration) {
        self.cores.shutdown(drain).await;
    }

    async fn begin(&mut self, bind: Arc<Bind>, sockets: Vec<std::net::TcpListener>) {
        self.sockets += 1;
        let (number, address) = (self.sockets, bind.address);
        let gateway_id = Arc::clone(&bind.gateway_id);
        tracing::info!(%address, frontend_port = %bind.frontend_port, gateway = %gateway_id, "listening");
        let site: Served = Arc::new(ArcSwap::from_pointee(Site::new(bind)));
        let accepting = sockets
            .into_iter()
            .map(|listener| Accepting {
                number,
                listener,
                site: Arc::clone(&site),
            })
            .collect();
        self.cores.add(accepting).await;
        let bound = Bound {
            gateway_id,
            socket: number,
            site,
        };
        self.bound.insert(address, bound);
    }

    async fn end(&mut self, which: impl Fn(&SocketAddr, &Bound) -> bool) {
        let ending: HashMap<_, _> = self
            .bound
            .extract_if(|address, bound| which(address, bound))
            .collect();
        if ending.is_empty() {
            return;
        }
        for (address, bound) in &ending {
            tracing::info!(%address, gateway = %bound.gateway_id, "no longer listening");
        }
        let sockets = ending.values().map(|bound| bound.socket).collect();
        self.cores.remove(sockets, self.drain).await;
    }
}

/// ARM resource ids are compared without regard to case.
fn same_gateway(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
