//! What the figures are held against. A goal that is missed is printed; it fails nothing.

use super::contestant::Kind;
use super::scenario::Scenario;

/// At most so many times the peer's figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// Whose figure.
    pub(crate) kind: Kind,
    /// Where.
    pub(crate) scenario: Scenario,
    /// Against whom.
    pub(crate) peer: Kind,
    /// The ratio that is to be reached.
    pub(crate) ratio: f64,
}

/// All goals against peers.
pub(crate) const GOALS: [Goal; 11] = [
    goal(Scenario::Handshake, Kind::Nginx, 0.25),
    // Rates of at least 0.95 of those without the check.
    checking(Kind::PortcullisOcsp),
    checking(Kind::PortcullisCrl),
    checking(Kind::PortcullisRules),
    // Rates of at least 1.2 of nginx's.
    goal(Scenario::Resumed, Kind::NginxTickets, 1.0 / 1.2),
    goal(Scenario::ResumedTls12, Kind::NginxTickets, 1.0 / 1.2),
    goal(Scenario::KeepAlive100, Kind::Nginx, 0.9),
    goal(Scenario::KeepAlive10k, Kind::Nginx, 0.9),
    goal(Scenario::Http2, Kind::Haproxy, 1.0),
    goal(Scenario::Latency, Kind::Nginx, 1.0),
    goal(Scenario::Idle, Kind::Nginx, 1.0),
];

/// 99 of 100 changes are in force within so many milliseconds.
pub(crate) const CHANGE_P99_MS: f64 = 100.0;

const fn goal(scenario: Scenario, peer: Kind, ratio: f64) -> Goal {
    Goal {
        kind: Kind::Portcullis,
        scenario,
        peer,
        ratio,
    }
}

const fn checking(kind: Kind) -> Goal {
    Goal {
        kind,
        scenario: Scenario::Handshake,
        peer: Kind::Portcullis,
        ratio: 1.0 / 0.95,
    }
}
