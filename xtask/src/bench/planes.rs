//! Our own two planes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::program;

use super::binaries::Binaries;
use super::ports;
use super::server::{Core, Server};

/// Subscription and group of the gateways that `load configure` makes.
const GATEWAYS: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/bench/providers/Microsoft.Network/applicationGateways";
/// How long a plane may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// A control plane that is ready.
pub(crate) struct ControlPlane {
    /// The REST API.
    pub(crate) url: String,
    /// PEM of the CA of the API's certificate.
    pub(crate) ca_file: PathBuf,
    stream_port: u16,
    arguments: Vec<String>,
    folder: PathBuf,
    _server: Server,
}

impl ControlPlane {
    /// Starts it with files in `folder`; without `database` on SQLite.
    pub(crate) fn start(
        binaries: &Binaries,
        folder: &Path,
        core: Core,
        database: Option<&str>,
    ) -> anyhow::Result<Self> {
        let binary = binaries.path("control-plane");
        let pki = folder.join("pki");
        program::read(Command::new(&binary).arg("init").arg("--dir").arg(&pki))?;
        let state = folder.join("control-plane");
        let [api, stream, admin] = [ports::free()?, ports::free()?, ports::free()?];
        let address = |port: u16| format!("127.0.0.1:{port}");
        let database = database.map_or_else(
            || format!("sqlite://{}", state.join("portcullis.db").display()),
            str::to_owned,
        );
        let arguments = options(&[
            ("--listen", address(api)),
            ("--state-dir", text(&state)),
            ("--database-url", database),
            (
                "--master-key-file",
                text(&pki.join("control-plane/master.key")),
            ),
            ("--stream-listen", address(stream)),
            (
                "--worker-ca-cert-file",
                text(&pki.join("control-plane/worker-ca.pem")),
            ),
            (
                "--worker-ca-key-file",
                text(&pki.join("control-plane/worker-ca.key")),
            ),
            ("--admin-listen", address(admin)),
        ]);
        let mut server = Server::start("control-plane", core, &binary, &arguments, folder)?;
        server.wait_until(READY, || is_ready(admin))?;
        Ok(Self {
            url: format!("https://{}", address(api)),
            ca_file: state.join("ca.pem"),
            stream_port: stream,
            arguments,
            folder: folder.to_path_buf(),
            _server: server,
        })
    }

    /// Starts the worker `name` for the gateway of the same name, with one thread.
    ///
    /// It keeps connections as long as the peers are told to: the limit of requests on one connection would otherwise
    /// put handshakes into the figures of kept-alive requests.
    pub(crate) fn start_worker(
        &self,
        binaries: &Binaries,
        name: &str,
        core: Core,
        access_log: &str,
    ) -> anyhow::Result<Server> {
        let admin = ports::free()?;
        let token = self.join_token(binaries, name)?;
        let arguments = options(&[
            ("--worker-id", name.to_owned()),
            (
                "--control-plane-url",
                format!("https://localhost:{}", self.stream_port),
            ),
            ("--join-token-file", text(&token)),
            ("--gateway", format!("{GATEWAYS}/{name}")),
            ("--admin-listen", format!("127.0.0.1:{admin}")),
            ("--public-address", "127.0.0.1".to_owned()),
            ("--threads", "1".to_owned()),
            ("--revocation-allow-network", "127.0.0.0/8".to_owned()),
            ("--access-log", access_log.to_owned()),
            ("--max-requests-per-connection", "1000000000".to_owned()),
            ("--upstream-max-idle", "256".to_owned()),
        ]);
        let binary = binaries.path("data-plane");
        let mut server = Server::start(name, core, &binary, arguments, &self.folder)?;
        server.wait_until(READY, || is_ready(admin))?;
        Ok(server)
    }

    /// Makes a join token for a worker; it keeps no certificate from start to start.
    fn join_token(&self, binaries: &Binaries, worker: &str) -> anyhow::Result<PathBuf> {
        let file = self.folder.join(format!("{worker}.token"));
        let mut add = Command::new(binaries.path("control-plane"));
        add.args(["worker", "add", "--rejoin", "--name", worker, "--scope"]);
        add.arg(format!("{GATEWAYS}/{worker}"));
        add.arg("--token-file").arg(&file).args(&self.arguments);
        program::read(&mut add)?;
        Ok(file)
    }

    /// The options of `load` that name this control plane.
    pub(crate) fn aim(&self) -> [String; 4] {
        let [url, ca_file] = ["--api-url", "--api-ca-file"].map(str::to_owned);
        [url, self.url.clone(), ca_file, text(&self.ca_file)]
    }
}

fn is_ready(admin: u16) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{admin}/readyz");
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--max-time",
        "5",
        &url,
    ]);
    program::read(&mut curl).map(drop)
}

fn options(pairs: &[(&str, String)]) -> Vec<String> {
    pairs
        .iter()
        .flat_map(|(option, value)| [(*option).to_owned(), value.clone()])
        .collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
