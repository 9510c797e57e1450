//! Many live connections, each of which notices its own end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use e2e::client::{Client, Http1, Http2, Sessions, WebSocket};
use e2e::tls_client::Tls;
use e2e::wait;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Their CA is removed.
    Withdrawn,
    /// A rule denies them.
    Denied,
    /// They stay.
    Kept,
}

/// All connections.
pub(super) struct Crowd {
    runtime: Runtime,
    /// Each ends with whether its connection was alive when it was told to go on.
    tasks: JoinSet<bool>,
    ended: Arc<Mutex<Vec<(Group, Instant)>>>,
    over: watch::Sender<bool>,
}

/// Handshakes, and in the end requests, at a time.
const AT_A_TIME: usize = 64;
/// One of so many is HTTP/2, and another one WebSocket, but at most [`FEW`] of a group.
const EVERY: usize = 10;
const FEW: usize = 50;

impl Crowd {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        Self {
            runtime: runtime.expect("runtime"),
            tasks: JoinSet::new(),
            ended: Arc::default(),
            over: watch::Sender::new(false),
        }
    }

    /// Opens `count` connections of `group`. The first of each version of TLS is a full handshake; the others resume, most
    /// of them over TLS 1.2, which costs no key exchange.
    pub(super) fn gather(&mut self, group: Group, count: usize, client: impl Fn(Tls) -> Client) {
        let clients = Tls::ALL.map(|tls| client(tls).with_sessions(&Arc::new(Sessions::default())));
        for client in &clients {
            let first = self.runtime.block_on(async {
                let mut connection = client.connect().await?;
                connection.get("/").await
            });
            assert_eq!(first.expect("the first of a group").status, 200);
        }
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        let (opened, mut openings) = tokio::sync::mpsc::channel(count);
        for number in 0..count {
            let tls13 = number % EVERY == 2;
            let client = clients[usize::from(tls13)].clone();
            let (places, opened) = (Arc::clone(&places), opened.clone());
            let (ended, mut over) = (Arc::clone(&self.ended), self.over.subscribe());
            let living = async move {
                let place = places.acquire().await.expect("not closed");
                let mut connection = Connection::open(&client, number).await;
                drop(place);
                opened.send(()).await.expect("somebody counts");
                drop(opened);
                tokio::select! {
                    biased;
                    () = connection.ended() => {
                        let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                        ended.push((group, Instant::now()));
                        false
                    }
                    _ = over.changed() => {
                        // That it has not ended is known of all; that it works is asked of some.
                        if number % EVERY < 3 {
                            let _place = places.acquire().await.expect("not closed");
                            connection.go_on().await;
                        }
                        true
                    }
                }
            };
            self.tasks.spawn_on(living, self.runtime.handle());
        }
        drop(opened);
        let all = self.runtime.block_on(async {
            let mut all = 0;
            while openings.recv().await.is_some() {
                all += 1;
            }
            all
        });
        assert_eq!(all, count, "connections could not be opened");
    }

    /// Waits until `expected` connections of `group` have ended; when the last of them did.
    #[track_caller]
    pub(super) fn wait_until_cut(&self, group: Group, expected: usize, limit: Duration) -> Instant {
        let ends = wait::until("connections to be cut", limit, || {
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let of_group = ended.iter().filter(|(whose, _)| *whose == group);
            let ends: Vec<Instant> = of_group.map(|(_, end)| *end).collect();
            if ends.len() == expected {
                Ok(ends)
            } else {
                Err(format!("{} of {expected}", ends.len()))
            }
        });
        ends.into_iter().max().expect("at least one")
    }

    /// Lets those that are left go on; how many were left.
    pub(super) fn go_on(self) -> usize {
        self.over.send_replace(true);
        let alive = self.runtime.block_on(self.tasks.join_all());
        alive.into_iter().filter(|alive| *alive).count()
    }
}

enum Connection {
    Http1(Http1),
    Http2(Http2),
    WebSocket(WebSocket),
}

impl Connection {
    async fn open(client: &Client, number: usize) -> Self {
        let few = number < FEW * EVERY;
        match number % EVERY {
            0 if few => Self::Http2(client.connect_http2().await.expect("HTTP/2")),
            1 if few => Self::WebSocket(client.connect_websocket("/").await.expect("WebSocket")),
            _ => Self::Http1(client.connect().await.expect("HTTP/1.1")),
        }
    }

    async fn ended(&mut self) {
        match self {
            Self::Http1(connection) => drop(connection.closed().await),
            Self::Http2(connection) => drop(connection.closed().await),
            Self::WebSocket(connection) => drop(connection.closed().await),
        }
    }

    async fn go_on(&mut self) {
        match self {
            Self::Http1(connection) => {
                assert_eq!(connection.get("/").await.expect("HTTP/1.1").status, 200);
            }
            Self::Http2(connection) => {
                assert_eq!(connection.get("/").await.expect("HTTP/2").status, 200);
            }
            Self::WebSocket(connection) => connection.echo().await.expect("WebSocket"),
        }
    }
}
