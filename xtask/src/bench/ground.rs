//! What contestants stand on: the programs, the certificates, the backend, the control plane.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::binaries::Binaries;
use super::load::Load;
use super::planes::ControlPlane;
use super::ports;
use super::responder::Responder;
use super::server::{Core, Server};

/// A static backend.
pub(crate) struct Backend {
    /// Its port on loopback.
    pub(crate) port: u16,
    /// The process.
    pub(crate) server: Server,
}

/// What contestants stand on. Everything ends when it is dropped.
pub(crate) struct Ground {
    /// The control plane, where it runs.
    pub(crate) control_plane: Option<ControlPlane>,
    /// The backend.
    pub(crate) backend: Backend,
    /// The load generator.
    pub(crate) load: Load,
    /// Where the client's certificate is good, while it runs.
    pub(crate) responder: Option<Responder>,
    /// Our programs.
    pub(crate) binaries: Binaries,
    folder: TempDir,
}

impl Ground {
    /// Makes certificates and starts the backend.
    pub(crate) fn prepare(binaries: &Binaries) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("portcullis-bench-")
            .tempdir()?;
        let load = Load::new(binaries.path("load"), folder.path().join("certificates"))?;
        load.read(Core::Any, &["crl", "--directory", &load.certificate("")])?;
        Ok(Self {
            control_plane: None,
            backend: Backend::start(&load, folder.path())?,
            responder: Some(Responder::start(&load, folder.path())?),
            load,
            binaries: binaries.clone(),
            folder,
        })
    }

    /// Folder for configurations and logs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the control plane; without `database` on SQLite.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start_control_plane(
        &mut self,
        core: Core,
        database: Option<&str>,
    ) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let control_plane = ControlPlane::start(&self.binaries, folder, core, database)?;
        self.control_plane = Some(control_plane);
        Ok(())
    }
}

impl Backend {
    /// Starts one and waits until it answers.
    pub(crate) fn start(load: &Load, folder: &Path) -> anyhow::Result<Self> {
        let port = ports::free()?;
        let address = format!("127.0.0.1:{port}");
        let mut server = Server::start(
            &format!("backend-{port}"),
            Core::Load,
            &load.program,
            ["backend", "--listen", &address],
            folder,
        )?;
        server.wait_until(Duration::from_secs(5), || {
            Ok(std::net::TcpStream::connect(&address)?)
        })?;
        Ok(Self { port, server })
    }
}
