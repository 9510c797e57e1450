//! The two planes in this process: settings as their own programs would read them, and their ends.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use control_plane::enrolment::AddWorker;
use control_plane::init::{Init, Initialised, initialise};
use control_plane::settings::{MasterKeyArgs, ServeArgs, Settings as ControlPlaneSettings};
use control_plane::worker_identity::{Scopes, WorkerName};
use data_plane::app::RunError;
use data_plane::settings::Settings as WorkerSettings;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::port::Ports;

const WORKER: &str = "dev-worker";

/// Control plane and worker, running.
pub(crate) struct Planes {
    /// The control plane.
    pub(crate) control_plane: control_plane::app::Running,
    /// Address of the worker's admin port.
    pub(crate) worker_admin_address: SocketAddr,
    stop_worker: CancellationToken,
    worker: JoinHandle<Result<(), RunError>>,
}

impl Planes {
    /// Starts the control plane and then the worker, with their state below `directory`.
    pub(crate) async fn start(
        now: OffsetDateTime,
        directory: &Path,
        ports: &Ports,
    ) -> anyhow::Result<Self> {
        let keys = initialise(
            now,
            &Init {
                directory: directory.join("stream"),
                workers: vec![WORKER.to_owned()],
            },
        )?;
        let control_plane = control_plane_settings(directory, ports, &keys)?;
        let control_plane = control_plane::app::start(control_plane)
            .await
            .context("the control plane does not start")?;
        let token_file = directory.join("join-token");
        let add = add_worker(&token_file, !directory.join("worker/identity").exists())?;
        control_plane.add_worker(add).await?;
        let key = keys.workers.first().context("no files of the worker")?;
        let worker = worker_settings(directory, ports, &token_file, &key.state_key_file)?;
        let worker = data_plane::app::start(worker)
            .await
            .context("the worker does not start")?;
        Ok(Self {
            control_plane,
            worker_admin_address: worker.admin_address(),
            stop_worker: worker.stopper(),
            worker: tokio::spawn(worker.wait()),
        })
    }

    /// Waits until a part ends that should not.
    pub(crate) async fn wait(&mut self) -> anyhow::Error {
        tokio::select! {
            ended = self.control_plane.wait() => anyhow::Error::new(ended).context("the control plane ended"),
            ended = &mut self.worker => match ended {
                Ok(Ok(())) => anyhow!("the worker ended"),
                Ok(Err(error)) => anyhow::Error::new(error).context("the worker ended"),
                Err(error) => anyhow::Error::new(error).context("the worker ended"),
            },
        }
    }

    /// Stops the worker, then the control plane, each within its drain deadline.
    pub(crate) async fn shutdown(self) -> anyhow::Result<()> {
        self.stop_worker.cancel();
        // An error of the worker was told by `wait` already when it had ended by then.
        let worker = if self.worker.is_finished() {
            Ok(())
        } else {
            self.worker.await?
        };
        self.control_plane.shutdown().await?;
        Ok(worker?)
    }
}

/// The demo's worker; `rejoin`: it has no identity on its disk.
fn add_worker(token_file: &Path, rejoin: bool) -> anyhow::Result<AddWorker> {
    Ok(AddWorker {
        name: WorkerName::parse(WORKER)?,
        scopes: Scopes::parse(&["/".to_owned()])?,
        token_file: token_file.to_owned(),
        valid_for: TOKEN_VALID_FOR,
        rejoin,
    })
}

fn control_plane_settings(
    directory: &Path,
    ports: &Ports,
    keys: &Initialised,
) -> anyhow::Result<ControlPlaneSettings> {
    let arguments = ServeArgs {
        listen: loopback(ports.api),
        stream_listen: loopback(ports.stream),
        admin_listen: loopback(ports.control_plane_admin),
        state_dir: directory.join("control-plane"),
        master_key: MasterKeyArgs {
            file: Some(keys.master_key_file.clone()),
            ..MasterKeyArgs::default()
        },
        token_lifetime: "24h".to_owned(),
        worker_ca_cert_file: Some(keys.worker_ca_cert_file.clone()),
        worker_ca_key_file: Some(keys.worker_ca_key_file.clone()),
        drain_deadline: DRAIN_DEADLINE.to_owned(),
        ..ServeArgs::default()
    };
    Ok(ControlPlaneSettings::check(arguments)?)
}

fn worker_settings(
    directory: &Path,
    ports: &Ports,
    token_file: &Path,
    state_key_file: &Path,
) -> anyhow::Result<WorkerSettings> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let arguments = [
        ("--worker-id", WORKER.to_owned()),
        (
            "--control-plane-url",
            format!("https://localhost:{}", ports.stream),
        ),
        ("--join-token-file", path(token_file)),
        ("--scope", "/".to_owned()),
        ("--state-dir", path(&directory.join("worker"))),
        ("--state-key-file", path(state_key_file)),
        ("--admin-listen", loopback(ports.worker_admin)),
        ("--public-address", "127.0.0.1".to_owned()),
        ("--access-log", path(&directory.join("access.log"))),
        ("--drain-deadline", DRAIN_DEADLINE.to_owned()),
    ];
    let words = arguments
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value]);
    Ok(WorkerSettings::parse_from(
        std::iter::once("worker".to_owned()).chain(words),
    )?)
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// The worker starts next.
const TOKEN_VALID_FOR: Duration = Duration::from_mins(5);
/// Who pressed Ctrl-C waits no longer than this for open requests.
const DRAIN_DEADLINE: &str = "2s";
