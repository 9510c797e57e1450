//! What is measured.

use std::fmt;

use clap::ValueEnum as _;

/// One thing that the benchmark measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Full mutual TLS 1.3 handshake, one GET, close.
    #[value(name = "handshake")]
    Handshake,
    /// The same with TLS 1.2.
    #[value(name = "handshake-tls12")]
    HandshakeTls12,
    /// Resumed TLS 1.3 handshake with client authentication, one GET, close.
    #[value(name = "resumed")]
    Resumed,
    /// The same with TLS 1.2.
    #[value(name = "resumed-tls12")]
    ResumedTls12,
    /// GET of 100 bytes on kept-alive HTTP/1.1 connections.
    #[value(name = "keepalive-100")]
    KeepAlive100,
    /// The same with 10 KiB.
    #[value(name = "keepalive-10k")]
    KeepAlive10k,
    /// The same with 1 MiB.
    #[value(name = "keepalive-1m")]
    KeepAlive1m,
    /// GET of 100 bytes over HTTP/2.
    #[value(name = "h2-100")]
    Http2,
    /// GET of 100 bytes at a constant rate.
    #[value(name = "latency")]
    Latency,
    /// Memory of connections that do nothing.
    #[value(name = "idle")]
    Idle,
    /// Time that a change of the configuration takes.
    #[value(name = "changes")]
    Changes,
}

/// A number that a run yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Processor time of the server for one operation, in microseconds.
    ServerCpu,
    /// Operations a second.
    Rate,
    /// Share of the load's processor that was busy, in percent: close to 100 the load was the limit.
    LoadBusy,
    /// Use of the processors by anything else, in percent of one processor: close to 0 on a quiet machine.
    OthersBusy,
    /// Median latency in milliseconds.
    P50,
    /// 99th percentile of latency in milliseconds.
    P99,
    /// 99.9th percentile of latency in milliseconds.
    P999,
    /// Memory of one connection in KiB.
    Memory,
}

impl Scenario {
    /// All, in the order in which they run.
    pub(crate) const ALL: [Self; 11] = [
        Self::Handshake,
        Self::HandshakeTls12,
        Self::Resumed,
        Self::ResumedTls12,
        Self::KeepAlive100,
        Self::KeepAlive10k,
        Self::KeepAlive1m,
        Self::Http2,
        Self::Latency,
        Self::Idle,
        Self::Changes,
    ];

    /// Connections of the idle scenario.
    pub(crate) const IDLE_CONNECTIONS: u32 = 3000;

    /// Whether the peers take part.
    pub(crate) fn has_contestants(self) -> bool {
        self != Self::Changes
    }

    /// What is done and measured, for people.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Handshake => "full mutual TLS 1.3 handshake, one GET, close; 16 at a time",
            Self::HandshakeTls12 => "full mutual TLS 1.2 handshake, one GET, close; 16 at a time",
            Self::Resumed => "resumed mutual TLS 1.3 handshake, one GET, close; 16 at a time",
            Self::ResumedTls12 => "resumed mutual TLS 1.2 handshake, one GET, close; 16 at a time",
            Self::KeepAlive100 => "HTTP/1.1 GET of 100 bytes on 32 kept-alive connections",
            Self::KeepAlive10k => "HTTP/1.1 GET of 10 KiB on 32 kept-alive connections",
            Self::KeepAlive1m => "HTTP/1.1 GET of 1 MiB on 8 kept-alive connections",
            Self::Http2 => "HTTP/2 GET of 100 bytes, 16 streams on each of 4 connections",
            Self::Latency => "HTTP/1.1 GET of 100 bytes at a constant rate on 32 connections",
            Self::Idle => "memory of an idle mutual TLS connection after one GET; 3000 open",
            Self::Changes => "200 changes of client CA and backend, one after the other",
        }
    }

    /// The command of `load` with its own options; none for what is not a timed load.
    pub(crate) fn load(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Handshake => Some(&["handshakes"]),
            Self::HandshakeTls12 => Some(&["handshakes", "--tls12"]),
            Self::Resumed => Some(&["resumed"]),
            Self::ResumedTls12 => Some(&["resumed", "--tls12"]),
            Self::KeepAlive100 => Some(&["keepalive", "--path=/100"]),
            Self::KeepAlive10k => Some(&["keepalive", "--path=/10k"]),
            Self::KeepAlive1m => Some(&["keepalive", "--path=/1m", "--connections=8"]),
            Self::Http2 => Some(&["h2", "--path=/100"]),
            Self::Latency => Some(&["latency", "--path=/100"]),
            Self::Idle | Self::Changes => None,
        }
    }

    /// The figures of its table; the first one is compared.
    pub(crate) fn figures(self) -> &'static [Figure] {
        match self {
            Self::Latency => &[
                Figure::P99,
                Figure::P50,
                Figure::P999,
                Figure::ServerCpu,
                Figure::Rate,
                Figure::LoadBusy,
                Figure::OthersBusy,
            ],
            Self::Idle | Self::Changes => &[Figure::Memory],
            _ => &[
                Figure::ServerCpu,
                Figure::Rate,
                Figure::LoadBusy,
                Figure::OthersBusy,
            ],
        }
    }
}

impl Figure {
    /// Its column title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ServerCpu => "server us/op",
            Self::Rate => "op/s",
            Self::LoadBusy => "load busy %",
            Self::OthersBusy => "others busy %",
            Self::P50 => "p50 ms",
            Self::P99 => "p99 ms",
            Self::P999 => "p99.9 ms",
            Self::Memory => "KiB/connection",
        }
    }

    /// Digits after the point.
    pub(crate) fn digits(self) -> usize {
        match self {
            Self::Rate | Self::LoadBusy | Self::OthersBusy => 0,
            Self::ServerCpu | Self::Memory => 1,
            Self::P50 | Self::P99 | Self::P999 => 3,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().ok_or(fmt::Error)?;
        formatter.pad(value.get_name())
    }
}
