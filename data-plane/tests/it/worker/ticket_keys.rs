//! Workers with the ticket keys of the control plane resume each other's sessions.

use std::net::{Ipv4Addr, SocketAddr};

use prost::Message;
use proto::config::v1 as wire;
use proto::config::v1::control_message::Message as Control;
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::control_plane::{Compiled, ControlPlane, Session};
use super::door::{Ca, NAME, client, gateway};
use super::{free_port, stop, worker};

fn keys(gateway: &Compiled, ids: &[u8]) -> Control {
    let key = |&id| wire::TicketKey {
        id: vec![id; 16],
        secret: vec![id; 32],
    };
    Control::TicketKeys(wire::TicketKeys {
        gateway_id: gateway.id.clone(),
        keys: ids.iter().map(key).collect(),
    })
}

/// The same gateway on another port, since both workers are on one machine.
fn on_port(gateway: &Compiled, port: u16) -> Compiled {
    let mut snapshot = wire::GatewaySnapshot::decode(&*gateway.snapshot).expect("a snapshot");
    snapshot.binds[0].port = port.into();
    Compiled {
        blobs: gateway.blobs.clone(),
        ..Compiled::of(gateway.generation, &snapshot)
    }
}

/// Visits and stays until the reply has come, and with it the tickets.
async fn visit(client: &TlsConnector, port: u16) -> HandshakeKind {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect(address).await.expect("listening");
    let name = ServerName::try_from(NAME).expect("name");
    let mut stream = client.connect(name, stream).await.expect("let in");
    let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).await.expect("answered");
    assert!(answer[..read].starts_with(b"HTTP/1.1 404 "));
    stream.get_ref().1.handshake_kind().expect("a handshake")
}

#[tokio::test]
async fn sessions_go_on_at_another_worker_while_both_have_the_key() {
    let (server, clients) = (Ca::new("server"), Ca::new("clients"));
    let ports = [free_port(), free_port()];
    let resuming = gateway(ports[0], &server, &clients, |policy| {
        policy.session_resumption = Some(wire::SessionResumption {
            lifetime_seconds: 300,
        });
    });
    let mut workers: Vec<(ControlPlane, Session, _)> = Vec::new();
    for port in ports {
        let mut control_plane = ControlPlane::start().await;
        let running = worker(control_plane.address, &[]).await;
        let (mut session, _) = control_plane.session().await;
        let here = on_port(&resuming, port);
        session.send(keys(&here, &[1])).await;
        session.deliver(&here).await;
        workers.push((control_plane, session, running));
    }
    let client = client(&server, &clients);
    assert_eq!(visit(&client, ports[0]).await, HandshakeKind::Full);
    assert_eq!(visit(&client, ports[1]).await, HandshakeKind::Resumed);
    // Messages are taken in order: once the gateway is in force again, the keys are.
    let (_, session, _) = &mut workers[1];
    session.send(keys(&resuming, &[2])).await;
    session.deliver(&on_port(&resuming, ports[1])).await;
    assert_eq!(visit(&client, ports[1]).await, HandshakeKind::Full);
    for (_, _, running) in workers {
        stop(running).await;
    }
}
