//! The gRPC service by which workers get and renew their certificates.

use std::fmt;

use proto::config::v1::{Certificate, JoinRequest, RenewRequest, enrolment_server};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    Enrolling,
    incoming::Peer,
    metrics::{Enrolment as Outcome, Metrics},
    speaker::{self, NO_CERTIFICATE},
};
use crate::{
    clock::Clock,
    enrolment::{Attempts, CertificateRequest, JoinToken},
    store::{Join, Store, StoreError},
    telemetry::Chain,
    worker_identity::{ShownCertificate, WorkerIdentity},
};

/// What a worker with a bad token is told, whatever is bad about it.
const NOT_TAKEN: &str = "the join token is not taken; the control plane's log says why";

pub(super) struct Enrolment {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    enrolling: Enrolling,
    attempts: Attempts,
}

impl Enrolment {
    pub(super) fn new(store: Store, clock: Clock, metrics: Metrics, enrolling: Enrolling) -> Self {
        Self {
            store,
            clock,
            metrics,
            enrolling,
            attempts: Attempts::default(),
        }
    }

    async fn join(&self, peer: &Peer, request: JoinRequest) -> Result<Certificate, Refused> {
        let now = self.clock.now();
        if !self.attempts.admit(now, peer.address.ip()) {
            return Err(Refused::throttled());
        }
        let identity = Uuid::from_slice(&request.identity).map_err(Refused::malformed)?;
        let secret = Zeroizing::new(request.secret);
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map_err(Refused::malformed)?;
        let token = JoinToken::from_secret(Zeroizing::new(secret));
        let certificate_request =
            CertificateRequest::parse(&request.certificate_request).map_err(Refused::malformed)?;
        let grant = self.enrolling.authority.grant(now, self.enrolling.lifetime);
        let join = Join {
            identity,
            sha256: token.sha256(),
            worker: request.worker_id,
            key_sha256: certificate_request.key_sha256(),
            granted: grant.certificate(),
            now,
        };
        let joined = self.store.join(&join).await?;
        let joined = joined.map_err(|refused| Refused {
            outcome: Outcome::Refused,
            cause: refused.to_string(),
            status: Status::permission_denied(NOT_TAKEN),
        })?;
        let signed = self.sign(now, &grant, &joined, &certificate_request)?;
        tracing::info!(
            worker_id = %joined.name, identity = %joined.id, peer = %peer.address, serial = join.granted.serial,
            not_after = %join.granted.not_after, "a worker joined"
        );
        Ok(signed)
    }

    async fn renew(&self, peer: &Peer, request: RenewRequest) -> Result<Certificate, Refused> {
        let now = self.clock.now();
        let shown = peer.certificate.as_deref();
        let shown = shown
            .and_then(ShownCertificate::parse)
            .ok_or_else(|| Refused {
                outcome: Outcome::Refused,
                cause: NO_CERTIFICATE.to_owned(),
                status: Status::unauthenticated(NO_CERTIFICATE),
            })?;
        let certificate_request =
            CertificateRequest::parse(&request.certificate_request).map_err(Refused::malformed)?;
        let grant = self.enrolling.authority.grant(now, self.enrolling.lifetime);
        let granted = grant.certificate();
        let renewed = self.store.renew_certificate(&shown, &granted, now).await?;
        let renewed = renewed.map_err(|refused| Refused {
            outcome: Outcome::Refused,
            cause: refused.to_string(),
            status: speaker::status(&refused),
        })?;
        let signed = self.sign(now, &grant, &renewed, &certificate_request)?;
        tracing::info!(
            worker_id = %renewed.name, identity = %renewed.id, serial = granted.serial,
            not_after = %granted.not_after, "a worker's certificate was renewed"
        );
        Ok(signed)
    }

    fn sign(
        &self,
        now: OffsetDateTime,
        grant: &crate::tls::Grant,
        identity: &WorkerIdentity,
        request: &CertificateRequest,
    ) -> Result<Certificate, Refused> {
        let authority = &self.enrolling.authority;
        let signed = authority.sign(now, grant, identity.id, &identity.name, request);
        let signed = signed.map_err(|error| Refused {
            outcome: Outcome::Failed,
            cause: format!("the worker CA cannot sign: {error}"),
            status: Status::internal("the worker CA cannot sign"),
        })?;
        let bytes = |certificate: &CertificateDer<'_>| certificate.to_vec();
        Ok(Certificate {
            certificate: bytes(&signed),
            authorities: authority.trusted().iter().map(bytes).collect(),
        })
    }

    fn answer(
        &self,
        peer: &Peer,
        worker: Option<&str>,
        outcome: Result<Certificate, Refused>,
        done: Outcome,
    ) -> Result<Response<Certificate>, Status> {
        match outcome {
            Ok(certificate) => {
                self.metrics.record_enrolment(done);
                Ok(Response::new(certificate))
            }
            Err(refused) => {
                self.metrics.record_enrolment(refused.outcome);
                let cause = &refused.cause;
                tracing::warn!(peer = %peer.address, worker, cause, "a worker got no certificate");
                Err(refused.status)
            }
        }
    }
}

#[tonic::async_trait]
impl enrolment_server::Enrolment for Enrolment {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<Certificate>, Status> {
        let peer = peer(&request)?;
        let request = request.into_inner();
        // Whatever strangers send, so much of it is told.
        let worker: String = request.worker_id.chars().take(64).collect();
        let outcome = Self::join(self, &peer, request).await;
        self.answer(&peer, Some(&worker), outcome, Outcome::Joined)
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<Certificate>, Status> {
        let peer = peer(&request)?;
        let outcome = Self::renew(self, &peer, request.into_inner()).await;
        self.answer(&peer, None, outcome, Outcome::Renewed)
    }
}

fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    let peer = request.extensions().get::<Peer>();
    peer.cloned()
        .ok_or_else(|| Status::internal("the connection is not known"))
}

/// Why there is no certificate: for the log, and for the worker.
struct Refused {
    outcome: Outcome,
    cause: String,
    status: Status,
}

impl Refused {
    fn malformed(error: impl fmt::Display) -> Self {
        let cause = error.to_string();
        Self {
            outcome: Outcome::Refused,
            status: Status::invalid_argument(cause.clone()),
            cause,
        }
    }

    fn throttled() -> Self {
        let cause = "too many attempts to join from this address";
        Self {
            outcome: Outcome::Throttled,
            cause: cause.to_owned(),
            status: Status::resource_exhausted(cause),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self {
            outcome: Outcome::Failed,
            cause: Chain(&error).to_string(),
            status: Status::unavailable("the control plane's store is away"),
        }
    }
}
