//! `WebSocket` connections.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::backend::read_request;
use super::client::Client;
use super::gateway::{Gateway, host, https, upstream, with_tls};
use super::own_address;
use super::pki::{self, Ca};

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A backend that upgrades, greets at once, and echoes.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffered = Vec::new();
        let seen = read_request(&mut stream, &mut buffered).await.unwrap();
        assert_eq!(seen.field("upgrade"), Some("websocket"));
        assert_eq!(seen.field("connection"), Some("upgrade"));
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhi!")
            .await
            .unwrap();
        stream.write_all(&buffered).await.unwrap();
        let mut block = [0; 4096];
        loop {
            match stream.read(&mut block).await.unwrap() {
                0 => break,
                read => stream.write_all(&block[..read]).await.unwrap(),
            }
        }
    });
    address
}

#[tokio::test]
async fn bytes_pass_both_ways_after_an_upgrade() {
    let gateway = Gateway::to(echo().await).await;
    let mut client = Client::connect(gateway.address).await;
    // The first frame comes in one packet with the request.
    client.send(format!("{REQUEST}early")).await;
    let reply = client.reply_without_body().await;
    assert_eq!(reply.status(), 101);
    assert_eq!(reply.field("sec-websocket-accept"), Some("x"));
    assert_eq!(reply.field("upgrade"), Some("websocket"));
    client.send("later").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.rest().await, b"hi!earlylater");
}

#[tokio::test]
async fn no_byte_passes_once_the_client_would_have_to_prove_itself_again() {
    let (server, clients) = (Ca::new("server"), Ca::new("clients"));
    let (address, backend) = (own_address(), echo().await);
    let bind = |policy| {
        let config = pki::server(server.server("a"), Some(&clients));
        let strict = host("strict", &["a"], Some(upstream(&[backend])));
        https(address, vec![with_tls(strict, config, policy)])
    };
    let mut gateway = Gateway::start(bind(1)).await;
    let config = pki::client(&server, Some(clients.client("device")), "http/1.1");
    let mut client = Client::over(pki::connect(address, config, "a").await.unwrap());
    client.send(REQUEST).await;
    assert_eq!(client.reply_without_body().await.status(), 101);
    client.send("before").await;
    assert_eq!(client.some(9).await, b"hi!before");
    gateway.serve(vec![bind(2)]).await;
    client.send("after").await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_response() {
    let backend = super::backend::Backend::echo().await;
    let gateway = Gateway::to(backend.address).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.ask(REQUEST).await.text(), "hello");
    assert_eq!(client.get("a", "/").await.text(), "hello");
}
