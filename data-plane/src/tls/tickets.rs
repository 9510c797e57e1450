//! Session tickets: sealed to all that the session's authentication rested on.
//!
//! rustls resumes whatever the ticketer opens and enforces no policy of its own, so a ticket opens only on the listener,
//! under the server name, the server certificate, the policy and the trust epoch that it was issued for, and only for as
//! long as the *original* authentication allows: a session that is resumed gets a ticket with the time of the first
//! handshake. Whether the client may in is decided anew from the certificates in the ticket, and by what is known about
//! their revocation, so that a ticket saves signatures and nothing else. Whatever does not open means a full handshake,
//! never an alert (RFC 8446 section 4.2.11); the alert, if any, is that of the full handshake.
//!
//! rustls calls the ticketer inside the accept future's poll, where [`CURRENT`] tells which handshake it works for.

pub(crate) mod claims;
pub mod keys;
pub(crate) mod state;

use std::sync::Arc;
use std::time::Duration;

use client_auth::{Decision, Mode};
use rustls::server::ProducesTickets;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, UnixTime};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::snapshot::ClientAuth;
use crate::tls::handshake::{CURRENT, Handshake};
use claims::Claims;
use keys::{KEY_ID_LEN, KeyRing};
use state::State;

/// Whose sessions they are.
#[derive(Clone, Debug)]
pub struct TicketScope {
    /// ARM resource id of the gateway, in any casing.
    pub gateway_id: Arc<str>,
    /// ARM name of the listener.
    pub listener: Arc<str>,
    /// The keys of the gateway.
    pub keys: Arc<KeyRing>,
}

/// What came of a ticket that a client presented; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumption {
    /// The session was resumed.
    Resumed,
    /// The ticket opened, but rustls did not take it: for another cipher suite, for example.
    NotTaken,
    /// The ticket did not open.
    Declined(Decline),
}

/// Why a ticket does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decline {
    /// It is no ticket of ours.
    Malformed,
    /// Sealed with a key that is gone, or was never here.
    UnknownKey,
    /// Of another listener, server name, certificate, policy, trust epoch or version; or forged.
    OtherContext,
    /// The original authentication is too long ago.
    Expired,
    /// A certificate of the path has expired.
    CertificateExpired,
    /// The client would be refused now.
    Refused,
    /// A certificate of the path is revoked, or cannot be vouched for.
    Revoked,
}

impl Resumption {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Resumed,
        Self::NotTaken,
        Self::Declined(Decline::Malformed),
        Self::Declined(Decline::UnknownKey),
        Self::Declined(Decline::OtherContext),
        Self::Declined(Decline::Expired),
        Self::Declined(Decline::CertificateExpired),
        Self::Declined(Decline::Refused),
        Self::Declined(Decline::Revoked),
    ];

    /// The metric label.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Resumed => "resumed",
            Self::NotTaken => "not_taken",
            Self::Declined(Decline::Malformed) => "malformed",
            Self::Declined(Decline::UnknownKey) => "unknown_key",
            Self::Declined(Decline::OtherContext) => "other_context",
            Self::Declined(Decline::Expired) => "expired",
            Self::Declined(Decline::CertificateExpired) => "certificate_expired",
            Self::Declined(Decline::Refused) => "refused",
            Self::Declined(Decline::Revoked) => "revoked",
        }
    }
}

/// A ticket that opened: what it claims, and what was decided about its client now.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) claims: Claims,
    pub(crate) decision: Option<Decision>,
}

/// Seals and opens the tickets of one virtual host under one policy.
#[derive(Debug)]
pub(crate) struct Ticketer {
    keys: Arc<KeyRing>,
    clock: Clock,
    lifetime: Duration,
    client_auth: Option<Arc<ClientAuth>>,
    /// What tickets are bound to, but for the server name and the version, which handshakes differ in.
    binding: Vec<u8>,
}

/// No session lives longer, whatever a policy says.
pub(crate) const MAX_LIFETIME: Duration = Duration::from_mins(5);

impl Ticketer {
    /// A ticketer for what `scope`, the certificate shown to clients, and the profile stand for. `None`: the profile does
    /// not let sessions be resumed.
    pub(crate) fn new(
        scope: &TicketScope,
        server_certificate: &[u8],
        client_auth: Option<Arc<ClientAuth>>,
        clock: &Clock,
    ) -> Option<Self> {
        let lifetime = match &client_auth {
            None => MAX_LIFETIME,
            Some(client_auth) => client_auth.resumption_lifetime?.min(MAX_LIFETIME),
        };
        let mut binding = Vec::new();
        let field = |out: &mut Vec<u8>, bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        field(&mut binding, DOMAIN);
        field(
            &mut binding,
            scope.gateway_id.to_ascii_lowercase().as_bytes(),
        );
        field(&mut binding, scope.listener.as_bytes());
        field(&mut binding, server_certificate);
        if let Some(client_auth) = &client_auth {
            field(&mut binding, client_auth.ssl_profile.as_bytes());
            field(&mut binding, client_auth.authenticator.policy_hash());
            field(&mut binding, &client_auth.trust_epoch.to_be_bytes());
        }
        Some(Self {
            keys: Arc::clone(&scope.keys),
            clock: clock.clone(),
            lifetime,
            client_auth,
            binding: digest(&binding),
        })
    }

    /// What a ticket is authenticated with besides its content.
    fn aad(&self, header: &[u8], handshake: &Handshake) -> Vec<u8> {
        // The binding has a fixed length, and so has the header; the name takes the rest.
        [&self.binding, header, handshake.server_name().as_bytes()].concat()
    }

    fn seal(&self, handshake: &Handshake, plain: &[u8]) -> Option<Vec<u8>> {
        let now = self.clock.current_time()?;
        let state = State::read(plain)?;
        if !state.may_be_resumed() {
            return None;
        }
        let claims = handshake.claims(&state, now)?;
        if !self.lets_in(handshake, &claims) {
            return None;
        }
        let left = self.left(&claims, now)?;
        let (id, key) = self.keys.sealing(now)?;
        let mut header = Vec::with_capacity(HEADER_LEN);
        header.push(FORMAT);
        header.extend_from_slice(&state.version.to_be_bytes());
        header.extend_from_slice(&id);
        let aad = self.aad(&header, handshake);
        let mut sealed = Vec::with_capacity(plain.len() + 256);
        claims.write(&mut sealed);
        sealed.extend_from_slice(plain);
        let nonce = key.seal(&aad, &mut sealed)?;
        let ticket = [&header[..], &nonce, &sealed].concat();
        if ticket.len() > MAX_TICKET_LEN {
            return None;
        }
        handshake.ticket_lives(left);
        Some(ticket)
    }

    fn open(
        &self,
        handshake: &Handshake,
        ticket: &[u8],
    ) -> Result<(Opened, Zeroizing<Vec<u8>>), Decline> {
        let now = self.clock.current_time().ok_or(Decline::Expired)?;
        let (header, rest) = ticket
            .split_at_checked(HEADER_LEN)
            .ok_or(Decline::Malformed)?;
        let [FORMAT, major, minor, id @ ..] = header else {
            return Err(Decline::Malformed);
        };
        let version = u16::from_be_bytes([*major, *minor]);
        let id = <[u8; KEY_ID_LEN]>::try_from(id).map_err(|_| Decline::Malformed)?;
        let key = self.keys.opening(&id, now).ok_or(Decline::UnknownKey)?;
        let aad = self.aad(header, handshake);
        let plain = key.open(&aad, rest).ok_or(Decline::OtherContext)?;
        let (mut claims, state) = Claims::read(&plain).ok_or(Decline::Malformed)?;
        let read = State::read(state).ok_or(Decline::Malformed)?;
        // What rustls will restore is what the claims are about.
        if read.version != version || read.leaf_hash() != claims.leaf {
            return Err(Decline::OtherContext);
        }
        claims.version = version;
        if claims.path_not_after.is_some_and(|until| now > until) {
            return Err(Decline::CertificateExpired);
        }
        self.left(&claims, now).ok_or(Decline::Expired)?;
        let decision = self.decide(handshake, &read.chain, now)?;
        let state = Zeroizing::new(state.to_vec());
        Ok((Opened { claims, decision }, state))
    }

    /// Decides about the client of a ticket. Present exactly where a certificate is asked for.
    fn decide(
        &self,
        handshake: &Handshake,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Option<Decision>, Decline> {
        let Some(client_auth) = &self.client_auth else {
            return Ok(None);
        };
        let authenticator = &client_auth.authenticator;
        let decision = match chain.split_first() {
            Some((leaf, rest)) => authenticator.decide(leaf, rest, now),
            None => authenticator.decide_absent(),
        };
        let enforced = match client_auth.mode() {
            Mode::Strict => true,
            Mode::Passthrough => !chain.is_empty(),
            Mode::ReportOnly => false,
        };
        if enforced && decision.verdict.is_err() {
            return Err(Decline::Refused);
        }
        if enforced && handshake.knows_against(&decision.revocation, &client_auth.crls, now) {
            return Err(Decline::Revoked);
        }
        Ok(Some(decision))
    }

    /// Whether the client may in, as far as the handshake tells: who may not has no use for a ticket.
    fn lets_in(&self, handshake: &Handshake, claims: &Claims) -> bool {
        match self.client_auth.as_ref().map(|it| it.mode()) {
            None | Some(Mode::ReportOnly) => true,
            Some(Mode::Passthrough) => !handshake.is_refused(),
            Some(Mode::Strict) => claims.leaf.is_some() && !handshake.is_refused(),
        }
    }

    /// How long the session may be resumed; `None`: no longer.
    fn left(&self, claims: &Claims, now: UnixTime) -> Option<Duration> {
        let (now, since) = (now.as_secs(), claims.authenticated_at.as_secs());
        if since > now.saturating_add(MAX_CLOCK_SKEW.as_secs()) {
            return None;
        }
        let age = Duration::from_secs(now.saturating_sub(since));
        let left = self
            .lifetime
            .checked_sub(age)
            .filter(|left| !left.is_zero())?;
        let path = claims
            .path_not_after
            .map_or(u64::MAX, |until| until.as_secs());
        let path = Duration::from_secs(path.saturating_sub(now));
        Some(left.min(path)).filter(|left| !left.is_zero())
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    /// What is left of the session that a ticket was just issued for, else all of it.
    fn lifetime(&self) -> u32 {
        let left = CURRENT.try_with(|handshake| handshake.ticket_lifetime());
        let left = left.ok().flatten().unwrap_or(self.lifetime);
        u32::try_from(left.as_secs()).unwrap_or(0)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        // Outside the scope nobody knows whose session it is.
        CURRENT
            .try_with(|handshake| self.seal(handshake, plain))
            .ok()
            .flatten()
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let open = |handshake: &std::rc::Rc<Handshake>| match self.open(handshake, ticket) {
            Ok((opened, mut state)) => {
                handshake.ticket_opened(opened);
                Some(std::mem::take(&mut *state))
            }
            Err(decline) => {
                handshake.ticket_declined(decline);
                None
            }
        };
        CURRENT.try_with(open).ok().flatten()
    }
}

fn digest(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

const DOMAIN: &[u8] = b"portcullis session ticket 1";
const FORMAT: u8 = 1;
/// Format, version of TLS, id of the key.
const HEADER_LEN: usize = 1 + 2 + KEY_ID_LEN;
/// A ticket comes back in a `ClientHello`; few clients and middle boxes like a larger one.
const MAX_TICKET_LEN: usize = 16 * 1024;
/// Between the clocks of workers.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
