//! What a ticket is bound to, and for how long.

use std::rc::Rc;
use std::sync::{LazyLock, Mutex};
use std::time::SystemTime;

use client_auth::{
    Authenticator, Limits, Policy, RevocationMethod, RevocationPolicy, RevocationScope,
    TrustBundle, TrustedCa,
};
use proptest::prelude::*;

use super::keys::TicketKeys;
use super::*;
use crate::connection::ConnectionId;
use crate::snapshot::{IdentityHeaders, RefusalForm};
use crate::testing::Ca;

/// Everything that makes a session what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Context {
    gateway: u8,
    listener: u8,
    certificate: u8,
    server_name: u8,
    profile: Option<Profile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Profile {
    name: u8,
    mode: Mode,
    trusted: Vec<(usize, RevocationMethod)>,
    verify_issuer: bool,
    max_intermediates: u8,
    epoch: u64,
}

static BUNDLES: LazyLock<Vec<TrustBundle>> = LazyLock::new(|| {
    let bundle = |name: &str| {
        let certificate = Ca::new(name).certificate;
        TrustBundle::from_der(name, &[certificate]).expect("a root")
    };
    vec![bundle("one"), bundle("two")]
});

impl Profile {
    fn client_auth(&self) -> ClientAuth {
        let trusted = self.trusted.iter().map(|&(bundle, method)| TrustedCa {
            bundle: BUNDLES[bundle].clone(),
            revocation: RevocationPolicy {
                method,
                scope: RevocationScope::Chain,
                ..RevocationPolicy::NONE
            },
        });
        let policy = Policy {
            mode: self.mode,
            trusted: trusted.collect(),
            limits: Limits {
                max_intermediates: self.max_intermediates,
                ..Limits::default()
            },
            ..Policy::strict("profile", Vec::new(), self.verify_issuer)
        };
        ClientAuth {
            ssl_profile: format!("profile{}", self.name).into(),
            authenticator: Arc::new(Authenticator::new(policy)),
            refusal_form: RefusalForm::TlsAlert,
            resumption_lifetime: Some(Duration::from_mins(1)),
            send_ca_names: true,
            identity_headers: IdentityHeaders::default(),
            trust_epoch: self.epoch,
            crls: Arc::default(),
        }
    }
}

impl Context {
    /// The keys are the same everywhere: workers share them.
    fn ticketer(&self, keys: &TicketKeys, clock: &Clock) -> Ticketer {
        let scope = TicketScope {
            gateway_id: format!("/gateway{}", self.gateway).into(),
            listener: format!("listener{}", self.listener).into(),
            keys: keys.of("/shared"),
        };
        let client_auth = self.profile.as_ref().map(Profile::client_auth);
        let client_auth = client_auth.map(Arc::new);
        Ticketer::new(&scope, &[self.certificate], client_auth, clock).expect("resumes")
    }

    fn handshake(&self) -> Rc<Handshake> {
        let handshake = Handshake::new(ConnectionId::random());
        handshake.asks_for(Some(&format!("name{}.example", self.server_name)));
        Rc::new(handshake)
    }
}

/// A state as rustls writes it, of TLS 1.3 and without a client certificate.
fn state(version: u16, extended_master_secret: bool) -> Vec<u8> {
    let mut state = vec![1, 1, b'a'];
    state.extend_from_slice(&version.to_be_bytes());
    state.extend_from_slice(&[0x13, 0x01, 3, 1, 2, 3, u8::from(extended_master_secret), 0]);
    state.extend_from_slice(&[0; 15]);
    state
}

fn seal(ticketer: &Ticketer, handshake: &Rc<Handshake>, state: &[u8]) -> Option<Vec<u8>> {
    CURRENT.sync_scope(Rc::clone(handshake), || ticketer.encrypt(state))
}

fn open(ticketer: &Ticketer, handshake: &Rc<Handshake>, ticket: &[u8]) -> Option<Vec<u8>> {
    CURRENT.sync_scope(Rc::clone(handshake), || ticketer.decrypt(ticket))
}

fn profiles() -> impl Strategy<Value = Profile> {
    let methods = prop_oneof![Just(RevocationMethod::None), Just(RevocationMethod::Ocsp)];
    let mode = prop_oneof![Just(Mode::Passthrough), Just(Mode::ReportOnly)];
    let trusted = prop::collection::vec((0..2_usize, methods), 0..3);
    (0..2_u8, mode, trusted, any::<bool>(), 3..5_u8, 0..2_u64).prop_map(
        |(name, mode, trusted, verify_issuer, max_intermediates, epoch)| Profile {
            name,
            mode,
            trusted,
            verify_issuer,
            max_intermediates,
            epoch,
        },
    )
}

fn contexts() -> impl Strategy<Value = Context> {
    (
        0..2_u8,
        0..2_u8,
        0..2_u8,
        0..2_u8,
        prop::option::of(profiles()),
    )
        .prop_map(
            |(gateway, listener, certificate, server_name, profile)| Context {
                gateway,
                listener,
                certificate,
                server_name,
                profile,
            },
        )
}

/// One of two contexts, half of the time the same and otherwise one that differs in few places.
fn pairs() -> impl Strategy<Value = (Context, Context)> {
    (
        contexts(),
        contexts(),
        prop::collection::vec(any::<bool>(), 5),
    )
        .prop_map(|(one, other, keep)| {
            let mut second = one.clone();
            if keep[0] {
                second.gateway = other.gateway;
            }
            if keep[1] {
                second.listener = other.listener;
            }
            if keep[2] {
                second.certificate = other.certificate;
            }
            if keep[3] {
                second.server_name = other.server_name;
            }
            if keep[4] {
                second.profile = other.profile;
            }
            (one, second)
        })
}

/// Whether two profiles mean the same: the order of bundles, for one, makes no difference.
fn equal(one: &Context, other: &Context) -> bool {
    let meaning = |context: &Context| {
        let profile = context.profile.as_ref().map(|profile| {
            let client_auth = profile.client_auth();
            (
                profile.name,
                profile.epoch,
                *client_auth.authenticator.policy_hash(),
            )
        });
        let Context {
            gateway,
            listener,
            certificate,
            server_name,
            ..
        } = context;
        (*gateway, *listener, *certificate, *server_name, profile)
    };
    meaning(one) == meaning(other)
}

proptest! {
    // T-01, T-02
    #[test]
    fn a_ticket_opens_in_its_own_context_and_in_no_other((one, other) in pairs()) {
        let (keys, clock) = (TicketKeys::default(), Clock::system());
        let plain = state(0x0304, false);
        let ticket = seal(&one.ticketer(&keys, &clock), &one.handshake(), &plain).expect("sealed");
        let handshake = other.handshake();
        let opened = open(&other.ticketer(&keys, &clock), &handshake, &ticket);
        if equal(&one, &other) {
            prop_assert_eq!(opened, Some(plain));
        } else {
            prop_assert_eq!(opened, None);
            prop_assert_eq!(handshake.declined(), Some(Decline::OtherContext));
        }
    }

    // T-05
    #[test]
    fn nothing_that_a_client_makes_up_opens(junk in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let (keys, clock) = (TicketKeys::default(), Clock::system());
        let context = open_context();
        let ticketer = context.ticketer(&keys, &clock);
        let mut ticket = seal(&ticketer, &context.handshake(), &state(0x0304, false)).expect("sealed");
        prop_assert_eq!(open(&ticketer, &context.handshake(), &junk), None);
        let place = at.index(ticket.len());
        ticket[place] ^= 1;
        prop_assert_eq!(open(&ticketer, &context.handshake(), &ticket), None);
        prop_assert_eq!(open(&ticketer, &context.handshake(), &ticket[..place]), None);
    }
}

fn open_context() -> Context {
    Context {
        gateway: 0,
        listener: 0,
        certificate: 0,
        server_name: 0,
        profile: None,
    }
}

/// A clock that stands still until it is moved.
fn hands() -> (Clock, impl Fn(u64)) {
    let now = Arc::new(Mutex::new(SystemTime::now()));
    let moved = Arc::clone(&now);
    let clock = Clock::from_fn(move || *moved.lock().expect("clock"));
    let forward = move |seconds| {
        *now.lock().expect("clock") += Duration::from_secs(seconds);
    };
    (clock, forward)
}

// T-04
#[test]
fn renewal_does_not_prolong_a_session() {
    let (clock, forward) = hands();
    let keys = TicketKeys::default();
    let context = open_context();
    let ticketer = context.ticketer(&keys, &clock);
    let plain = state(0x0304, false);
    let mut ticket = seal(&ticketer, &context.handshake(), &plain).expect("sealed");
    for minute in 1..5 {
        forward(60);
        let handshake = context.handshake();
        assert!(
            open(&ticketer, &handshake, &ticket).is_some(),
            "minute {minute}"
        );
        ticket = seal(&ticketer, &handshake, &plain).expect("renewed");
        let told = CURRENT.sync_scope(handshake, || ticketer.lifetime());
        assert_eq!(told, 300 - 60 * minute);
    }
    forward(59);
    assert!(open(&ticketer, &context.handshake(), &ticket).is_some());
    forward(1);
    let handshake = context.handshake();
    assert_eq!(open(&ticketer, &handshake, &ticket), None);
    assert_eq!(handshake.declined(), Some(Decline::Expired));
}

#[test]
fn the_policy_bounds_the_life_of_its_sessions() {
    let (clock, forward) = hands();
    let keys = TicketKeys::default();
    let context = Context {
        profile: Some(Profile {
            name: 0,
            mode: Mode::Passthrough,
            trusted: Vec::new(),
            verify_issuer: false,
            max_intermediates: 4,
            epoch: 1,
        }),
        ..open_context()
    };
    let ticketer = context.ticketer(&keys, &clock);
    let ticket = seal(&ticketer, &context.handshake(), &state(0x0304, false)).expect("sealed");
    forward(59);
    assert!(open(&ticketer, &context.handshake(), &ticket).is_some());
    forward(1);
    assert!(open(&ticketer, &context.handshake(), &ticket).is_none());
}

#[test]
fn a_clock_that_was_set_back_makes_no_session_longer() {
    let (clock, forward) = hands();
    let keys = TicketKeys::default();
    let context = open_context();
    forward(100);
    let ticket = seal(
        &context.ticketer(&keys, &clock),
        &context.handshake(),
        &state(0x0304, false),
    )
    .expect("sealed");
    let past = Clock::from_fn(move || clock.now() - Duration::from_mins(1));
    assert!(
        open(
            &context.ticketer(&keys, &past),
            &context.handshake(),
            &ticket
        )
        .is_none()
    );
}

// T-04
#[test]
fn without_the_extended_master_secret_there_is_no_ticket() {
    let (keys, clock) = (TicketKeys::default(), Clock::system());
    let context = open_context();
    let ticketer = context.ticketer(&keys, &clock);
    let seals = |state: &[u8]| seal(&ticketer, &context.handshake(), state).is_some();
    assert!(seals(&state(0x0303, true)));
    assert!(!seals(&state(0x0303, false)));
    assert!(!seals(&state(0x0305, true)), "no version that is known");
    assert!(!seals(b""));
}

#[test]
fn outside_a_handshake_nothing_is_sealed_or_opened() {
    let (keys, clock) = (TicketKeys::default(), Clock::system());
    let context = open_context();
    let ticketer = context.ticketer(&keys, &clock);
    let plain = state(0x0304, false);
    let ticket = seal(&ticketer, &context.handshake(), &plain).expect("sealed");
    assert_eq!(ticketer.encrypt(&plain), None);
    assert_eq!(ticketer.decrypt(&ticket), None);
}

#[test]
fn the_labels_of_results_are_distinct() {
    let mut labels = Resumption::ALL.map(Resumption::label);
    labels.sort_unstable();
    assert!(labels.windows(2).all(|two| two[0] != two[1]));
}

#[test]
fn claims_are_read_as_they_were_written() {
    let claims = Claims {
        version: 0,
        authenticated_at: UnixTime::since_unix_epoch(Duration::from_secs(7)),
        path_not_after: Some(UnixTime::since_unix_epoch(Duration::from_secs(8))),
        leaf: Some([9; 32]),
    };
    let mut written = Vec::new();
    claims.write(&mut written);
    let len = written.len();
    written.extend_from_slice(b"rest");
    assert_eq!(Claims::read(&written), Some((claims, &b"rest"[..])));
    for short in 0..len {
        assert_eq!(Claims::read(&written[..short]), None, "{short}");
    }
}
