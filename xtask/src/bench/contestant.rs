//! The servers that are compared.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::ground::Ground;
use super::scenario::Scenario;
use super::server::{Core, Server};
use super::{machine, peer, ports};

/// How long a contestant may take until it serves.
const READY: Duration = Duration::from_secs(30);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours, access log off as in the peers.
    Portcullis,
    /// Ours with an access log, to see what that costs.
    PortcullisLogging,
    /// Ours with OCSP; the answers are cached.
    PortcullisOcsp,
    /// Ours with a CRL of 500,000 entries.
    PortcullisCrl,
    /// Ours with 50 identity rules.
    PortcullisRules,
    /// nginx of the distribution.
    Nginx,
    /// nginx with session tickets.
    NginxTickets,
    /// haproxy of the distribution.
    Haproxy,
}

/// Where a contestant listens and whom it asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its port on loopback.
    pub(crate) port: u16,
    /// The backend's.
    pub(crate) backend_port: u16,
}

/// A running contestant.
pub(crate) struct Contestant {
    /// Which one.
    pub(crate) kind: Kind,
    /// Its port on loopback.
    pub(crate) port: u16,
    /// How it refuses those that it must refuse.
    pub(crate) refusals: Value,
    server: Server,
}

impl Kind {
    /// All, ours first.
    pub(crate) const ALL: [Self; 8] = [
        Self::Portcullis,
        Self::Nginx,
        Self::Haproxy,
        Self::PortcullisLogging,
        Self::PortcullisOcsp,
        Self::PortcullisCrl,
        Self::PortcullisRules,
        Self::NginxTickets,
    ];

    /// Ours, in all forms.
    pub(crate) const OURS: [Self; 5] = [
        Self::Portcullis,
        Self::PortcullisLogging,
        Self::PortcullisOcsp,
        Self::PortcullisCrl,
        Self::PortcullisRules,
    ];

    /// Its name in tables and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portcullis => "portcullis",
            Self::PortcullisLogging => "portcullis-logging",
            Self::PortcullisOcsp => "portcullis-ocsp",
            Self::PortcullisCrl => "portcullis-crl",
            Self::PortcullisRules => "portcullis-rules",
            Self::Nginx => "nginx",
            Self::NginxTickets => "nginx-tickets",
            Self::Haproxy => "haproxy",
        }
    }

    /// Whether it takes part in the scenario.
    pub(crate) fn takes_part(self, scenario: Scenario) -> bool {
        let resumes = matches!(scenario, Scenario::Resumed | Scenario::ResumedTls12);
        match self {
            Self::Portcullis => true,
            Self::Nginx | Self::Haproxy => !resumes,
            Self::NginxTickets => resumes,
            Self::PortcullisLogging => scenario == Scenario::KeepAlive100,
            Self::PortcullisOcsp | Self::PortcullisCrl | Self::PortcullisRules => {
                scenario == Scenario::Handshake
            }
        }
    }

    /// What its client-auth policy checks beside the path, in the words of `load policy`.
    fn extra(self) -> Option<&'static str> {
        match self {
            Self::PortcullisOcsp => Some("ocsp"),
            Self::PortcullisCrl => Some("crl"),
            Self::PortcullisRules => Some("rules"),
            Self::Portcullis
            | Self::PortcullisLogging
            | Self::Nginx
            | Self::NginxTickets
            | Self::Haproxy => None,
        }
    }

    fn start(self, ground: &Ground, place: Place) -> anyhow::Result<Server> {
        let peer = |name: &str, arguments: Vec<String>| {
            let program: PathBuf = machine::peer(name)?;
            Server::start(name, Core::Server, &program, arguments, ground.folder())
        };
        match self {
            Self::Nginx | Self::NginxTickets => {
                let tickets = self == Self::NginxTickets;
                let arguments = peer::nginx(ground.folder(), place, &ground.load, tickets)?;
                peer("nginx", arguments)
            }
            Self::Haproxy => peer(
                "haproxy",
                peer::haproxy(ground.folder(), place, &ground.load)?,
            ),
            Self::Portcullis
            | Self::PortcullisOcsp
            | Self::PortcullisCrl
            | Self::PortcullisRules => self.start_worker(ground, "off"),
            Self::PortcullisLogging => {
                let file = ground.folder().join("access.log");
                self.start_worker(ground, &file.to_string_lossy())
            }
        }
    }

    fn start_worker(self, ground: &Ground, access_log: &str) -> anyhow::Result<Server> {
        let control_plane = ground
            .control_plane
            .as_ref()
            .context("there is no control plane")?;
        control_plane.start_worker(&ground.binaries, self.name(), Core::Server, access_log)
    }

    fn configure(self, ground: &Ground, place: Place) -> anyhow::Result<()> {
        if !Self::OURS.contains(&self) {
            return Ok(());
        }
        let control_plane = ground
            .control_plane
            .as_ref()
            .context("there is no control plane")?;
        let mut gateway = control_plane.aim().to_vec();
        for (option, value) in [
            ("--name", self.name().to_owned()),
            ("--port", place.port.to_string()),
            ("--certificates", ground.load.certificate("")),
        ] {
            gateway.extend([option.to_owned(), value]);
        }
        let run = |command: &str, own: &[String]| {
            let mut arguments = vec![command.to_owned()];
            arguments.extend(gateway.iter().chain(own).cloned());
            ground.load.read(Core::Load, &arguments)
        };
        let backend = place.backend_port.to_string();
        run("configure", &["--backend-port".to_owned(), backend])?;
        let Some(extra) = self.extra() else {
            return Ok(());
        };
        let mut own = vec!["--extra".to_owned(), extra.to_owned()];
        if let Some(responder) = &ground.responder {
            own.extend(["--responder-url".to_owned(), responder.url.clone()]);
        }
        run("policy", &own).map(drop)
    }
}

impl Contestant {
    /// Starts it, and waits until it serves the trusted client and refuses the others.
    ///
    /// # Errors
    /// When it cannot, or lets in whom it should not.
    pub(crate) fn start(kind: Kind, ground: &Ground) -> anyhow::Result<Self> {
        let place = Place {
            port: ports::free()?,
            backend_port: ground.backend.port,
        };
        let mut server = kind.start(ground, place)?;
        kind.configure(ground, place)?;
        let refusals = server.wait_until(READY, || ground.load.check(place.port))?;
        Ok(Self {
            kind,
            port: place.port,
            refusals,
            server,
        })
    }

    /// Starts it anew, so that its memory is as at the beginning.
    ///
    /// # Errors
    /// Those of [`Contestant::start`].
    pub(crate) fn restart(&mut self, ground: &Ground) -> anyhow::Result<()> {
        let place = Place {
            port: self.port,
            backend_port: ground.backend.port,
        };
        self.server.end();
        self.server = self.kind.start(ground, place)?;
        self.server
            .wait_until(READY, || ground.load.check(place.port))?;
        Ok(())
    }

    /// Process id of the server.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}
