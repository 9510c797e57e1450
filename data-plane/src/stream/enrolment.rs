//! Joins with a token, and renews before the certificate ends.

use std::sync::Arc;
use std::time::Duration;

use proto::config::v1 as wire;
use proto::config::v1::enrolment_client::EnrolmentClient;
use tokio::time;
use tonic::Status;
use tracing::{error, info, warn};

use super::{OPEN_TIMEOUT, StatusChain, backoff::Backoff, channel, tls};
use crate::clock::Clock;
use crate::identity::token::JoinToken;
use crate::identity::{BadCertificate, Identity, Keeper, NoKey, Request};
use crate::telemetry::Chain;

/// How this worker comes by its identity.
#[derive(Debug)]
pub(crate) struct Enrolment {
    pub(crate) url: http::Uri,
    pub(crate) worker_id: String,
    pub(crate) keeper: Keeper,
    pub(crate) clock: Clock,
    /// Not used yet, or refused.
    pub(crate) token: Option<JoinToken>,
    /// The request that goes with the token, again and again until an answer comes: with another key it would count as
    /// used.
    pub(crate) request: Option<Request>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnrolmentError {
    #[error("the control plane cannot be reached")]
    Connect(#[source] tonic::transport::Error),
    #[error("the control plane did not answer within {} s", OPEN_TIMEOUT.as_secs())]
    Slow,
    #[error("the control plane gave no certificate: {}", StatusChain(.0))]
    Refused(Box<Status>),
    #[error(transparent)]
    Bad(#[from] BadCertificate),
    #[error(transparent)]
    Key(#[from] NoKey),
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("there is no identity and no join token: this worker needs a new one")]
    NoToken,
}

/// The pause before a renewal that failed is tried again grows to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// A clock may jump; so often it is looked at.
const TICK: Duration = Duration::from_secs(1);

impl Enrolment {
    /// The identity to connect with: joins first where there is none, or where the settings have a new token.
    pub(super) async fn identity(&mut self) -> Result<Arc<Identity>, EnrolmentError> {
        let current = self.keeper.current();
        let is_new = |token: &JoinToken| {
            let joined_with = current.as_ref().map(|identity| identity.joined_with);
            joined_with != Some(token.sha256())
        };
        let Some(token) = self.token.clone().filter(is_new) else {
            return current.ok_or(EnrolmentError::NoToken);
        };
        match (self.join(&token).await, current) {
            (Ok(()), _) => self.keeper.current().ok_or(EnrolmentError::NoToken),
            (Err(EnrolmentError::Refused(status)), Some(current)) if is_final(&status) => {
                let cause = EnrolmentError::Refused(status);
                error!(cause = %Chain(&cause), "the join token is not taken; going on with the identity of before");
                self.token = None;
                Ok(current)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn join(&mut self, token: &JoinToken) -> Result<(), EnrolmentError> {
        if self.request.is_none() {
            self.request = Some(Request::new()?);
        }
        let message = wire::JoinRequest {
            identity: token.identity.to_vec(),
            secret: token.secret.to_vec(),
            worker_id: self.worker_id.clone(),
            certificate_request: self.request.as_ref().map(Request::der).unwrap_or_default(),
        };
        let tls = tls::of_pin(token.pin, &self.clock)?;
        let issued = ask(&self.url, tls, async |mut client| {
            client.join(message).await
        })
        .await?;
        let request = self.request.take().ok_or(EnrolmentError::NoToken)?;
        let identity = Identity::issued(issued, request, token.sha256(), self.clock.now())?;
        info!(until = until(&identity), "joined the control plane");
        keep(&self.keeper, identity);
        Ok(())
    }

    /// What renews the identity.
    pub(super) fn renewal(&self) -> Renewal {
        Renewal {
            url: self.url.clone(),
            keeper: self.keeper.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Forgets the identity and the token: the control plane revoked them.
    pub(super) fn forget(&mut self) {
        self.token = None;
        if let Err(error) = self.keeper.forget() {
            error!(error = %Chain(&error), "the revoked identity cannot be removed from the disk");
        }
    }
}

/// Renews the identity in time.
pub(super) struct Renewal {
    url: http::Uri,
    keeper: Keeper,
    clock: Clock,
}

impl Renewal {
    /// Never ends.
    pub(super) async fn run(self) {
        let mut changes = self.keeper.changes();
        loop {
            let current = changes.borrow_and_update().clone();
            match current {
                None => {}
                Some(current) => {
                    tokio::select! {
                        () = self.renew(&current) => {}
                        _replaced = changes.changed() => {}
                    }
                    continue;
                }
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Waits until it is time and renews; returns when that has worked.
    async fn renew(&self, current: &Identity) {
        let random = fastrand::f64();
        loop {
            let left = current.renew_in(self.clock.now(), random);
            if left.is_zero() {
                break;
            }
            time::sleep(left.min(TICK)).await;
        }
        let mut backoff = Backoff::up_to(LONGEST_PAUSE);
        loop {
            match self.ask(current).await {
                Ok(renewed) => {
                    info!(until = until(&renewed), "certificate renewed");
                    return keep(&self.keeper, renewed);
                }
                Err(error) => {
                    let pause = backoff.next_delay(fastrand::f64());
                    self.tell(&error, current, pause);
                    time::sleep(pause).await;
                }
            }
        }
    }

    fn tell(&self, error: &EnrolmentError, current: &Identity, pause: Duration) {
        let (cause, retry_ms) = (Chain(error), pause.as_millis());
        if current.not_after() <= self.clock.now() {
            error!(
                %cause,
                retry_ms, "this worker's certificate has ended and is not renewed: it needs a new join token"
            );
        } else {
            let until = until(current);
            warn!(%cause, retry_ms, until, "the certificate is not renewed yet");
        }
    }

    async fn ask(&self, current: &Identity) -> Result<Identity, EnrolmentError> {
        let request = Request::new()?;
        let message = wire::RenewRequest {
            certificate_request: request.der(),
        };
        let tls = tls::of_identity(current, &self.clock)?;
        let issued = ask(&self.url, tls, async |mut client| {
            client.renew(message).await
        })
        .await?;
        let now = self.clock.now();
        Ok(Identity::issued(issued, request, current.joined_with, now)?)
    }
}

/// One call, from dialling to the answer.
async fn ask(
    url: &http::Uri,
    tls: Arc<rustls::ClientConfig>,
    call: impl AsyncFnOnce(
        EnrolmentClient<tonic::transport::Channel>,
    ) -> Result<tonic::Response<wire::Certificate>, Status>,
) -> Result<wire::Certificate, EnrolmentError> {
    let asking = async {
        let channel = channel::connect(url, Some(tls)).await;
        let channel = channel.map_err(EnrolmentError::Connect)?;
        let answer = call(EnrolmentClient::new(channel)).await;
        answer.map_err(|status| EnrolmentError::Refused(Box::new(status)))
    };
    let answer = time::timeout(OPEN_TIMEOUT, asking).await;
    let answer = answer.map_err(|_elapsed| EnrolmentError::Slow)??;
    Ok(answer.into_inner())
}

fn keep(keeper: &Keeper, identity: Identity) {
    if let Err(error) = keeper.replace(identity) {
        error!(
            error = %Chain(&error),
            "the identity cannot be written: after a restart this worker would need a new join token"
        );
    }
}

/// Whether asking again is of no use.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        tonic::Code::PermissionDenied | tonic::Code::InvalidArgument
    )
}

/// For the log.
fn until(identity: &Identity) -> String {
    let until = ::time::OffsetDateTime::from(identity.not_after());
    until.to_string()
}
