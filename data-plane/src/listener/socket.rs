//! Listening sockets: one per core on the same address, after a probe that nobody else is there.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use arc_swap::ArcSwap;
use socket2::{Domain, Protocol, Socket, Type};

use crate::listener::BindReason;
use crate::route::Site;

/// The configuration of one address, swapped under its connections.
pub(crate) type Served = Arc<ArcSwap<Site>>;

/// A listening socket on its way to a core.
#[derive(Debug)]
pub(crate) struct Accepting {
    /// The same for all cores of one address; never used again.
    pub(crate) number: u64,
    pub(crate) listener: TcpListener,
    pub(crate) site: Served,
}

/// Listens on `address` with `count` sockets among which the kernel spreads connections.
///
/// Sockets with `SO_REUSEPORT` would quietly share the port with another process of the same user that also sets it.
/// A first socket without it finds out whether the port is free.
pub(crate) fn listen(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, BindReason> {
    open(address, Sharing::Exclusive)?;
    (0..count).map(|_| open(address, Sharing::Cores)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Exclusive,
    Cores,
}

fn open(address: SocketAddr, sharing: Sharing) -> Result<TcpListener, BindReason> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )
    .map_err(reason)?;
    let prepare = || {
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Connections of an earlier life in TIME_WAIT do not hold the port.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(sharing == Sharing::Cores)?;
        // Linux hands it on to accepted sockets.
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)
    };
    prepare().map_err(reason)?;
    Ok(socket.into())
}

fn reason(error: io::Error) -> BindReason {
    match error.kind() {
        io::ErrorKind::AddrInUse => BindReason::InUse,
        io::ErrorKind::AddrNotAvailable => BindReason::NotAvailable,
        io::ErrorKind::PermissionDenied => BindReason::PermissionDenied,
        _ => BindReason::Other(error),
    }
}

/// Connections that the kernel queues for one core; it cuts the number to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_another_socket_shares_is_in_use() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let taken = open(address, Sharing::Cores).unwrap();
        let refused = listen(taken.local_addr().unwrap(), 2);
        assert!(matches!(refused, Err(BindReason::InUse)), "{refused:?}");
    }

    #[test]
    fn a_foreign_address_is_not_available() {
        let refused = listen(SocketAddr::from(([192, 0, 2, 1], 4433)), 1);
        assert!(
            matches!(refused, Err(BindReason::NotAvailable)),
            "{refused:?}"
        );
    }
}
