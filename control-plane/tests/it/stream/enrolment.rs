//! Joining, renewing, and what an identity may: real TLS, a clock that the test moves.

use std::{sync::Arc, time::Duration};

use control_plane::{
    clock::Clock,
    enrolment::JoinToken,
    operation::{Operation, OperationState},
    settings::StreamSecurity,
    store::{NewJoinToken, PutGateway, PutWorker, TokenMade},
    tls::WorkerAuthority,
    worker_identity::{Scopes, WorkerName},
};
use proto::config::v1::{
    Certificate as Issued, Hello, JoinRequest, RenewRequest, Subscription,
    enrolment_client::EnrolmentClient,
};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use time::OffsetDateTime;
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};
use uuid::Uuid;

use super::{rig::Rig, worker::Worker};
use crate::{
    database::{Database, on_both_databases, on_postgres},
    fixture::{GROUP, gateway_id, put, write},
};

on_both_databases!(
    a_worker_joins_and_gets_its_configuration,
    every_bad_token_gets_the_same_answer,
    a_worker_renews_with_its_certificate_only,
    a_certificate_is_needed_for_the_stream,
    a_worker_uses_only_the_name_of_its_identity,
    a_subscription_outside_of_the_scopes_is_refused_whole,
    a_revoked_worker_is_cut_off_at_once_and_nobody_waits_for_it,
    a_worker_that_may_see_less_is_cut_off,
    an_expired_certificate_is_refused_and_ends_its_session,
    a_certificate_of_another_authority_is_refused,
    strangers_may_not_try_without_end,
    both_authorities_of_a_rotation_are_good,
);

/// A control plane with a worker CA of its own.
struct Site {
    rig: Rig,
    authority: WorkerAuthority,
    folder: Arc<TempDir>,
}

/// A worker that has joined.
struct Joined {
    key: String,
    issued: Issued,
}

fn load(folder: &TempDir) -> WorkerAuthority {
    let (certificate, key) = (
        folder.path().join("worker-ca.pem"),
        folder.path().join("worker-ca.key"),
    );
    WorkerAuthority::load_or_create(OffsetDateTime::now_utc(), &certificate, &key).unwrap()
}

impl Site {
    async fn start(database: &Database) -> Self {
        Self::start_in(database, Arc::new(TempDir::new().unwrap())).await
    }

    async fn start_in(database: &Database, folder: Arc<TempDir>) -> Self {
        let authority = load(&folder);
        let security = StreamSecurity::WorkerCa {
            names: vec!["localhost".to_owned()],
            certificate_lifetime: Duration::from_hours(24),
        };
        let clock = Clock::fixed(OffsetDateTime::now_utc());
        let rig = Rig::start_as(database, security, &authority, clock).await;
        Self {
            rig,
            authority,
            folder,
        }
    }

    /// Makes an identity with these scopes.
    async fn identity(&self, name: &str, scopes: &[&str]) {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let put = PutWorker {
            name: WorkerName::parse(name).unwrap(),
            scopes: Scopes::parse(&scopes).unwrap(),
            now: self.rig.clock.now(),
        };
        self.rig.store.put_worker(&write(), put).await.unwrap();
    }

    /// Makes a join token: its identity and its secret.
    async fn token(&self, name: &str) -> (Uuid, [u8; 32]) {
        let secret: [u8; 32] = rand_secret();
        let now = self.rig.clock.now();
        let new = NewJoinToken {
            worker: WorkerName::parse(name).unwrap(),
            sha256: JoinToken::from_secret(secret.into()).sha256(),
            expires_at: now + Duration::from_hours(1),
            now,
        };
        let made = self.rig.store.create_join_token(&write(), new).await;
        match made.unwrap() {
            TokenMade::For(id) => (id, secret),
            TokenMade::Revoked => panic!("revoked"),
        }
    }

    async fn put(&self, gateway: &str) -> Operation {
        let now = self.rig.clock.now();
        let put = PutGateway {
            now,
            deadline: now + Duration::from_secs(30),
            ..put(gateway, "a")
        };
        self.rig.put(put).await
    }

    fn tls(&self) -> ClientTlsConfig {
        let pem = std::fs::read(self.folder.path().join("worker-ca.pem")).unwrap();
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(pem))
            .domain_name("localhost")
    }

    async fn channel(&self, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
        let channel = Channel::from_shared(format!("https://{}", self.rig.address)).unwrap();
        channel.tls_config(tls)?.connect().await
    }

    async fn ask_to_join(&self, request: JoinRequest) -> Result<Issued, Status> {
        let channel = self.channel(self.tls()).await.unwrap();
        let answer = EnrolmentClient::new(channel).join(request).await?;
        Ok(answer.into_inner())
    }

    /// Makes an identity and joins as it.
    async fn join(&self, name: &str, scopes: &[&str]) -> Joined {
        self.identity(name, scopes).await;
        let (identity, secret) = self.token(name).await;
        let (key, request) = key_and_request();
        let request = join_request(identity, secret, name, request);
        let issued = self.ask_to_join(request).await.unwrap();
        Joined { key, issued }
    }

    async fn renew(&self, joined: &Joined) -> Result<Joined, Status> {
        let channel = self.channel(joined.tls(self)).await.unwrap();
        let (key, certificate_request) = key_and_request();
        let request = RenewRequest {
            certificate_request,
        };
        let answer = EnrolmentClient::new(channel).renew(request).await?;
        Ok(Joined {
            key,
            issued: answer.into_inner(),
        })
    }

    /// A session with this certificate; `None`: the connection fails.
    async fn session(&self, joined: &Joined, hello: Hello) -> Option<Worker> {
        let channel = self.channel(joined.tls(self)).await.ok()?;
        Worker::connect_by(channel, hello).await.ok()
    }

    /// How the session that begins with `hello` ends.
    async fn end_of(&self, joined: &Joined, hello: Hello) -> (Code, String) {
        let mut worker = self.session(joined, hello).await.unwrap();
        let status = worker.hear_end().await;
        (status.code(), word(&status))
    }
}

impl Joined {
    fn tls(&self, site: &Site) -> ClientTlsConfig {
        let certificate = pem(&self.issued.certificate);
        site.tls()
            .identity(Identity::from_pem(certificate, &self.key))
    }
}

fn rand_secret() -> [u8; 32] {
    let halves = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
    halves.concat().try_into().unwrap()
}

fn key_and_request() -> (String, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default()
        .serialize_request(&key)
        .unwrap();
    (key.serialize_pem(), request.der().to_vec())
}

fn join_request(
    identity: Uuid,
    secret: [u8; 32],
    worker: &str,
    certificate_request: Vec<u8>,
) -> JoinRequest {
    JoinRequest {
        identity: identity.into_bytes().to_vec(),
        secret: secret.to_vec(),
        worker_id: worker.to_owned(),
        certificate_request,
    }
}

fn pem(der: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let content = BASE64_STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n")
}

fn word(status: &Status) -> String {
    let word = status.metadata().get("portcullis-refusal");
    let word = word.map(|word| word.to_str().unwrap().to_owned());
    word.unwrap_or_default()
}

fn hello(name: &str, scope: &str) -> Hello {
    Hello {
        subscription: Some(Subscription {
            gateway_ids: Vec::new(),
            scopes: vec![scope.to_owned()],
        }),
        ..Worker::hello(name)
    }
}

async fn a_worker_joins_and_gets_its_configuration(database: Database) {
    let site = Site::start(&database).await;
    let joined = site.join("w1", &["/"]).await;
    assert_eq!(
        joined.issued.authorities,
        [site.authority.trusted()[0].to_vec()]
    );
    let mut worker = site.session(&joined, Worker::hello("w1")).await.unwrap();
    worker.hear_synced().await;
    let begun = site.put("gw").await;
    let apply = worker.hear_apply().await;
    worker.ack(&apply).await;
    assert_eq!(
        site.rig.ended(&begun).await.state,
        OperationState::Succeeded
    );
    site.rig.stop().await;
}

async fn every_bad_token_gets_the_same_answer(database: Database) {
    let site = Site::start(&database).await;
    site.identity("w1", &["/"]).await;
    let (_, request) = key_and_request();
    let (used, secret) = site.token("w1").await;
    let good = join_request(used, secret, "w1", request.clone());
    site.ask_to_join(good).await.unwrap();
    site.identity("w2", &["/"]).await;
    let (fresh, fresh_secret) = site.token("w2").await;
    let mut answers = Vec::new();
    for (identity, secret, worker) in [
        (used, secret, "w1"),
        (fresh, secret, "w2"),
        (fresh, fresh_secret, "w1"),
        (Uuid::new_v4(), secret, "w1"),
    ] {
        let (_, request) = key_and_request();
        let refused = site
            .ask_to_join(join_request(identity, secret, worker, request))
            .await;
        answers.push(refused.unwrap_err());
    }
    site.rig.clock.advance(time::Duration::HOUR);
    let (_, request) = key_and_request();
    let late = join_request(fresh, fresh_secret, "w2", request);
    answers.push(site.ask_to_join(late).await.unwrap_err());
    for answer in &answers {
        assert_eq!(answer.code(), Code::PermissionDenied);
        assert_eq!(answer.message(), answers[0].message());
        assert_eq!(word(answer), "");
    }
    site.rig.stop().await;
}

async fn a_worker_renews_with_its_certificate_only(database: Database) {
    let site = Site::start(&database).await;
    let first = site.join("w1", &["/"]).await;
    let second = site.renew(&first).await.unwrap();
    for good in [&first, &second] {
        let mut worker = site.session(good, Worker::hello("w1")).await.unwrap();
        worker.hear_synced().await;
    }
    site.renew(&second).await.unwrap();
    let refused = site.renew(&first).await.err().unwrap();
    assert_eq!(
        (refused.code(), word(&refused).as_str()),
        (Code::Unauthenticated, "superseded")
    );
    let (_, certificate_request) = key_and_request();
    let channel = site.channel(site.tls()).await.unwrap();
    let request = RenewRequest {
        certificate_request,
    };
    let refused = EnrolmentClient::new(channel).renew(request).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    site.rig.stop().await;
}

async fn a_certificate_is_needed_for_the_stream(database: Database) {
    let site = Site::start(&database).await;
    site.identity("w1", &["/"]).await;
    let channel = site.channel(site.tls()).await.unwrap();
    let mut worker = Worker::connect_by(channel, Worker::hello("w1"))
        .await
        .unwrap();
    assert_eq!(worker.hear_end().await.code(), Code::Unauthenticated);
    site.rig.stop().await;
}

async fn a_worker_uses_only_the_name_of_its_identity(database: Database) {
    let site = Site::start(&database).await;
    let (first, second) = (site.join("w1", &["/"]).await, site.join("w2", &["/"]).await);
    let mut worker = site.session(&first, Worker::hello("w1")).await.unwrap();
    worker.hear_synced().await;
    let end = site.end_of(&second, Worker::hello("w1")).await;
    assert_eq!(end, (Code::PermissionDenied, "other-worker".to_owned()));
    // It has not taken over the lease either.
    let begun = site.put("gw").await;
    let apply = worker.hear_apply().await;
    worker.ack(&apply).await;
    assert_eq!(
        site.rig.ended(&begun).await.state,
        OperationState::Succeeded
    );
    site.rig.stop().await;
}

async fn a_subscription_outside_of_the_scopes_is_refused_whole(database: Database) {
    let site = Site::start(&database).await;
    let joined = site.join("w1", &[GROUP]).await;
    let mut worker = site.session(&joined, hello("w1", GROUP)).await.unwrap();
    worker.hear_synced().await;
    let end = site.end_of(&joined, hello("w1", "/")).await;
    assert_eq!(end, (Code::PermissionDenied, "out-of-scope".to_owned()));
    let both = Hello {
        subscription: Some(Subscription {
            gateway_ids: vec![gateway_id("gw").to_string().replace("Group/", "Other/")],
            scopes: vec![GROUP.to_owned()],
        }),
        ..Worker::hello("w1")
    };
    let end = site.end_of(&joined, both).await;
    assert_eq!(end, (Code::PermissionDenied, "out-of-scope".to_owned()));
    site.rig.stop().await;
}

async fn a_revoked_worker_is_cut_off_at_once_and_nobody_waits_for_it(database: Database) {
    let site = Site::start(&database).await;
    let joined = site.join("w1", &["/"]).await;
    let mut worker = site.session(&joined, Worker::hello("w1")).await.unwrap();
    worker.hear_synced().await;
    let begun = site.put("gw").await;
    worker.hear_apply().await;
    let name = WorkerName::parse("w1").unwrap();
    let now = site.rig.clock.now();
    let before = tokio::time::Instant::now();
    site.rig
        .store
        .revoke_worker(&write(), &name, now)
        .await
        .unwrap();
    let status = worker.hear_end().await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
    assert_eq!(
        (status.code(), word(&status).as_str()),
        (Code::PermissionDenied, "revoked")
    );
    // Nobody serves it, and nobody is waited for.
    assert_eq!(
        site.rig.ended(&begun).await.state,
        OperationState::Succeeded
    );
    let end = site.end_of(&joined, Worker::hello("w1")).await;
    assert_eq!(end, (Code::PermissionDenied, "revoked".to_owned()));
    let refused = site.renew(&joined).await.err().unwrap();
    assert_eq!(word(&refused), "revoked");
    site.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_revoked_by_one_replica_is_cut_off_by_another_on_postgres() {
    on_postgres(a_worker_revoked_by_one_replica_is_cut_off_by_another).await;
}

async fn a_worker_revoked_by_one_replica_is_cut_off_by_another(database: Database) {
    let site = Site::start(&database).await;
    let other = Site::start_in(&database, Arc::clone(&site.folder)).await;
    let joined = site.join("w1", &["/"]).await;
    let mut worker = other.session(&joined, Worker::hello("w1")).await.unwrap();
    worker.hear_synced().await;
    let name = WorkerName::parse("w1").unwrap();
    let now = site.rig.clock.now();
    let before = tokio::time::Instant::now();
    site.rig
        .store
        .revoke_worker(&write(), &name, now)
        .await
        .unwrap();
    assert_eq!(word(&worker.hear_end().await), "revoked");
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
    site.rig.stop().await;
    other.rig.stop().await;
}

async fn a_worker_that_may_see_less_is_cut_off(database: Database) {
    let site = Site::start(&database).await;
    let joined = site.join("w1", &["/"]).await;
    let mut worker = site.session(&joined, Worker::hello("w1")).await.unwrap();
    worker.hear_synced().await;
    site.identity("w1", &[GROUP]).await;
    assert_eq!(word(&worker.hear_end().await), "out-of-scope");
    let mut worker = site.session(&joined, hello("w1", GROUP)).await.unwrap();
    worker.hear_synced().await;
    // It joins anew elsewhere.
    site.join("w1", &[GROUP]).await;
    assert_eq!(word(&worker.hear_end().await), "superseded");
    site.rig.stop().await;
}

async fn an_expired_certificate_is_refused_and_ends_its_session(database: Database) {
    let site = Site::start(&database).await;
    let joined = site.join("w1", &["/"]).await;
    let mut worker = site.session(&joined, Worker::hello("w1")).await.unwrap();
    worker.hear_synced().await;
    site.rig.clock.advance(time::Duration::DAY);
    let status = worker.hear_end().await;
    assert_eq!(
        (status.code(), word(&status).as_str()),
        (Code::Unauthenticated, "expired")
    );
    let mut refused = site.session(&joined, Worker::hello("w1")).await;
    let first = match &mut refused {
        Some(worker) => worker.first().await,
        None => None,
    };
    assert_eq!(first, None);
    site.rig.stop().await;
}

async fn a_certificate_of_another_authority_is_refused(database: Database) {
    let (site, other) = (Site::start(&database).await, Site::start(&database).await);
    let mut foreign = other.join("w1", &["/"]).await;
    foreign.issued.authorities.clear();
    let mut refused = site.session(&foreign, Worker::hello("w1")).await;
    let first = match &mut refused {
        Some(worker) => worker.first().await,
        None => None,
    };
    assert_eq!(first, None);
    site.rig.stop().await;
    other.rig.stop().await;
}

async fn strangers_may_not_try_without_end(database: Database) {
    let site = Site::start(&database).await;
    let channel = site.channel(site.tls()).await.unwrap();
    let mut client = EnrolmentClient::new(channel);
    let mut codes = Vec::new();
    for _ in 0..30 {
        let request = join_request(Uuid::new_v4(), [1; 32], "w1", key_and_request().1);
        codes.push(client.join(request).await.unwrap_err().code());
    }
    assert_eq!(codes[0], Code::PermissionDenied);
    assert_eq!(codes[29], Code::ResourceExhausted);
    site.rig.stop().await;
}

/// The new CA issues; a worker with a certificate of the old one is let in, and gets one of the new.
async fn both_authorities_of_a_rotation_are_good(database: Database) {
    let folder = Arc::new(TempDir::new().unwrap());
    let site = Site::start_in(&database, Arc::clone(&folder)).await;
    let joined = site.join("w1", &["/"]).await;
    site.rig.stop().await;
    let next = TempDir::new().unwrap();
    load(&next);
    let read = |folder: &TempDir| std::fs::read_to_string(folder.path().join("worker-ca.pem"));
    let both = read(&folder).unwrap() + &read(&next).unwrap();
    std::fs::write(folder.path().join("worker-ca.pem"), both).unwrap();
    let site = Site::start_in(&database, Arc::clone(&folder)).await;
    let prepared = site.renew(&joined).await.unwrap();
    assert_eq!(
        prepared.issued.authorities.len(),
        2,
        "the worker trusts the next one, too"
    );
    site.rig.stop().await;
    let (from, to) = (
        next.path().join("worker-ca.key"),
        folder.path().join("worker-ca.key"),
    );
    std::fs::copy(from, to).unwrap();
    let site = Site::start_in(&database, folder).await;
    let mut worker = site.session(&prepared, Worker::hello("w1")).await.unwrap();
    worker.hear_synced().await;
    let renewed = site.renew(&prepared).await.unwrap();
    assert_ne!(
        renewed.issued.authorities[0],
        prepared.issued.authorities[0]
    );
    site.rig.stop().await;
}
