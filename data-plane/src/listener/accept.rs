//! The accept loop of one socket on one core.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::connection;
use crate::cores::core::Core;
use crate::listener::socket::{Accepting, Served};

/// What the connections of one socket have in common.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) socket: u64,
    pub(crate) site: Served,
}

/// Accepts until `stop`, then takes what the kernel has already queued and closes the socket.
pub(crate) async fn run(core: Rc<Core>, accepting: Accepting, stop: CancellationToken) {
    let Accepting {
        number,
        listener,
        site,
    } = accepting;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a listening socket cannot be used");
            return;
        }
    };
    let origin = Rc::new(Origin {
        socket: number,
        site,
    });
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&core, &origin, stream, peer),
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                core.metrics.accept_errors.add(1);
                tracing::error!(%error, "cannot accept; trying again");
                // Typically out of file descriptors: waiting lets others end.
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    if let Ok(listener) = listener.into_std() {
        while let Ok((stream, peer)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                admit(&core, &origin, stream, peer);
            }
        }
    }
}

/// Starts the connection, unless there are too many: then it is closed.
fn admit(core: &Rc<Core>, origin: &Rc<Origin>, stream: TcpStream, peer: SocketAddr) {
    core.metrics.accepted.add(1);
    if let Some(permit) = core.shared.connections.enter(core.limits.max_connections) {
        connection::spawn(Rc::clone(core), Rc::clone(origin), stream, peer, permit);
    } else {
        core.metrics.refused_connections.add(1);
        let overload = &core.shared.overload;
        overload.connection_refused(core.time.now(), &core.limits);
    }
}

/// Errors that `accept` reports for the one connection it would have returned.
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

const BACK_OFF: Duration = Duration::from_millis(100);
