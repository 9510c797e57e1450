//! The corpus of certificate chains over real handshakes: the worker lets in whom the rules let in, and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use client_auth::corpus::{Case, cases};
use data_plane::clock::Clock;
use data_plane::limits::Limits;
use data_plane::snapshot::{VirtualHost, VirtualHostTls};
use data_plane::tls::server_config;
use rustls::SupportedProtocolVersion;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::backend::Backend;
use super::client::Client;
use super::gateway::{Gateway, host, https, settings, upstream};
use super::own_address;
use super::pki::{self, Ca, VERSIONS};

/// One worker with a listener for each case, and the clock that the cases move.
struct Worker {
    server: Ca,
    backend: Backend,
    gateway: Gateway,
    seconds: Arc<AtomicU64>,
}

impl Worker {
    async fn start(cases: &[Case]) -> Self {
        let (server, backend) = (Ca::new("server"), Backend::echo().await);
        let seconds = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(told.load(Relaxed))
        });
        let listeners = cases
            .iter()
            .enumerate()
            .map(|(number, case)| listener(number, case, &server, &backend, &clock));
        let bind = https(own_address(), listeners.collect());
        let mut settings = settings(Limits::default());
        settings.clock = clock;
        Self {
            gateway: Gateway::start_with(settings, bind).await,
            server,
            backend,
            seconds,
        }
    }

    /// The status that the client of a case gets, or the error that it sees.
    async fn ask(
        &self,
        number: usize,
        case: &Case,
        version: &'static SupportedProtocolVersion,
    ) -> Result<u16, String> {
        self.seconds.store(case.now.as_secs(), Relaxed);
        let name = host_name(number);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(case.key.clone()));
        let chain = Some((case.chain.clone(), &key));
        let config = pki::client_with_chain(&[version], &self.server, chain, "http/1.1");
        let stream = pki::connect(self.gateway.address, config, &name).await;
        let mut client = Client::over(stream.map_err(|error| error.to_string())?);
        // In TLS 1.3 the client hears of a refusal after its own handshake is over.
        client
            .try_send(format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"))
            .await?;
        Ok(client.try_reply().await?.status())
    }
}

fn host_name(number: usize) -> String {
    format!("case-{number}.example")
}

fn listener(
    number: usize,
    case: &Case,
    server: &Ca,
    backend: &Backend,
    clock: &Clock,
) -> VirtualHost {
    let name = host_name(number);
    let client_auth = Arc::new(pki::client_auth(case.policy.clone()));
    let offer = pki::offer(server.server(&name), Some(Arc::clone(&client_auth)));
    let mut host = host(&name, &[&name], Some(upstream(&[backend.address])));
    host.tls = Some(VirtualHostTls {
        config: Arc::new(server_config::build(offer, clock).unwrap()),
        policy_hash: *client_auth.authenticator.policy_hash(),
        client_auth: Some(client_auth),
    });
    host
}

/// What is wrong with what a client got. A refusal is an alert: nothing less, nothing else.
fn complaint(case: &Case, got: &Result<u16, String>) -> Option<String> {
    let is_right = match (&case.answer, got) {
        (Ok(()), Ok(status)) => *status == 200,
        (Err(_), Err(error)) => error.contains("alert"),
        (Ok(()), Err(_)) | (Err(_), Ok(_)) => false,
    };
    (!is_right).then(|| {
        let (name, rule) = (&case.name, case.rule);
        format!("{name}: {got:?} instead of {:?} ({rule})", case.answer)
    })
}

// T-20, T-22, T-25, T-26, T-28, T-29, T-30
#[tokio::test(flavor = "multi_thread")]
async fn every_chain_of_the_corpus_gets_its_verdict_over_both_versions_of_tls() {
    let mut cases = cases();
    // Requests are admitted by the time of the core, which is late by a sweep: it must not find a later moment there.
    cases.sort_by_key(|case| case.now.as_secs());
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let worker = Worker::start(&cases).await;
    let mut complaints = Vec::new();
    let mut wrong_accepts = Vec::new();
    let mut served = 0;
    for (number, case) in cases.iter().enumerate() {
        for version in VERSIONS {
            let got = worker.ask(number, case, version).await;
            served += usize::from(got.is_ok());
            if !case.is_good && got.is_ok() {
                wrong_accepts.push((&case.name, version.version));
            }
            complaints.extend(complaint(case, &got));
        }
    }
    assert_eq!(wrong_accepts, []);
    assert!(
        complaints.is_empty(),
        "{} of {}:\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
    // T-18: the backend has seen those requests that were answered, and no other.
    assert_eq!(worker.backend.seen().len(), served);
}
