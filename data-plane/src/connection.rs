//! One client connection, from accept to close.

pub(crate) mod registry;

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::TcpStream;

use crate::cores::core::{Core, Permit};
use crate::listener::accept::Origin;

/// Names a client connection in logs; random, so unique among workers and their restarts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// A new name.
    pub fn random() -> Self {
        Self(fastrand::u64(..))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

pub(crate) fn spawn(
    core: Rc<Core>,
    origin: Rc<Origin>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
) {
    drop((core, origin, stream, peer, permit));
}
