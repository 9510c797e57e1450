//! `portcullis dev`: the whole product in one process on loopback, with a demo gateway made through the REST API.

mod arm;
mod document;
mod file;
mod manifest;
mod pki;
mod planes;
mod port;
mod welcome;

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{IsTerminal as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use self::arm::Arm;
use self::document::{Demo, GROUP_ID, gateway_id};
use self::manifest::Manifest;
use self::pki::Pki;
use self::planes::Planes;
use self::port::Ports;
use self::welcome::Welcome;
use crate::backend::Backend;
use crate::clock;

/// Tokens of the demo are good for a day: who reads the manifest has one for hours.
const TOKEN_RENEWAL: Duration = Duration::from_hours(6);
/// How long the demo gateway may take to be in force after a start.
const READY_DEADLINE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Options of `portcullis dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where state and certificates are kept; what is there is used again
    #[arg(long, default_value = ".portcullis", value_name = "DIR")]
    dir: PathBuf,
    /// What is logged, for example `info,data_plane=debug`
    #[arg(long, default_value = "info", value_name = "FILTER")]
    log_filter: String,
    #[command(flatten)]
    ports: Ports,
}

/// The options, ready for use.
pub(crate) struct Settings {
    /// Absolute.
    directory: PathBuf,
    ports: Ports,
    /// Locked as long as this process uses the directory.
    _lock: File,
}

/// Where the parts of a running demo are.
pub(crate) struct Place {
    api_url: String,
    api_ca_file: PathBuf,
    control_plane_admin_url: String,
    worker_admin_url: String,
    gateway_id: String,
    gateway_url: String,
}

/// Starts everything, says where it is, and runs until `shutdown`.
///
/// # Errors
/// When something does not start, or ends by itself.
pub(crate) async fn run(arguments: Arguments, shutdown: CancellationToken) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&arguments.log_filter).context("--log-filter")?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let settings = prepare(arguments)?;
    let pki = pki::load_or_make(clock::now(), &settings.directory.join("pki"))?;
    let backend = Backend::bind(loopback(settings.ports.backend), None).await?;
    let mut planes = Planes::start(clock::now(), &settings.directory, &settings.ports).await?;
    let place = place(&settings, &planes)?;
    let backend = tokio::spawn(backend.serve(shutdown.clone()));
    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        ended = planes.wait() => Err(ended),
        failure = demonstrate(&settings, &place, &pki) => failure.map(|never| match never {}),
    };
    shutdown.cancel();
    backend.await.context("the echo backend")?;
    let stopped = planes.shutdown().await;
    outcome.and(stopped)
}

fn prepare(arguments: Arguments) -> anyhow::Result<Settings> {
    let directory = std::path::absolute(&arguments.dir)?;
    arguments.ports.check()?;
    fs::create_dir_all(directory.join("pki"))
        .and_then(|()| fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)))
        .with_context(|| format!("cannot use {}", directory.display()))?;
    let lock = lock(&directory)?;
    // One that was killed could not remove it.
    for file in [
        Manifest::file(&directory),
        Manifest::header_file(&directory),
    ] {
        let _absent = fs::remove_file(file);
    }
    Ok(Settings {
        directory,
        ports: arguments.ports,
        _lock: lock,
    })
}

fn lock(directory: &Path) -> anyhow::Result<File> {
    let lock = File::create(directory.join("lock")).context("cannot create the lock file")?;
    lock.try_lock().with_context(|| {
        let directory = directory.display();
        format!("{directory} is in use by another process: stop that, or choose another --dir")
    })?;
    Ok(lock)
}

fn place(settings: &Settings, planes: &Planes) -> anyhow::Result<Place> {
    let control_plane = &planes.control_plane;
    let api_ca_file = control_plane.ca_file.as_ref();
    Ok(Place {
        api_url: control_plane.api_url.clone(),
        api_ca_file: api_ca_file.context("the API has no CA of its own")?.clone(),
        control_plane_admin_url: format!("http://{}", control_plane.admin_address),
        worker_admin_url: format!("http://{}", planes.worker_admin_address),
        gateway_id: gateway_id(),
        gateway_url: format!("https://localhost:{}", settings.ports.gateway),
    })
}

/// Makes the demo gateway where it does not exist, says where everything is, and waits for ever.
async fn demonstrate(settings: &Settings, place: &Place, pki: &Pki) -> anyhow::Result<Infallible> {
    let mut arm = Arm::new(&place.api_url, &place.api_ca_file)?;
    let owner = settings.directory.join("control-plane/bootstrap.json");
    let authorization = arm.sign_in(&owner).await?;
    match arm.find(&place.gateway_id).await? {
        None => create_gateway(&arm, settings, pki).await?,
        Some(gateway) => check_ports(&gateway, &settings.ports)?,
    }
    wait_until_running(&arm, &place.gateway_id).await?;
    let manifest = Manifest::write(&settings.directory, place, &authorization, pki)?;
    let welcome = Welcome {
        settings,
        place,
        pki,
    };
    std::io::stdout().write_all(welcome.to_string().as_bytes())?;
    loop {
        sleep(TOKEN_RENEWAL).await;
        let authorization = arm.sign_in(&owner).await?;
        manifest.replace(place, &authorization, pki)?;
    }
}

async fn create_gateway(arm: &Arm, settings: &Settings, pki: &Pki) -> anyhow::Result<()> {
    arm.put(GROUP_ID, &json!({ "location": "local" })).await?;
    let read = |file: &Path| {
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
    };
    let demo = Demo {
        gateway_port: settings.ports.gateway,
        backend_port: settings.ports.backend,
        server_pem: &(read(&pki.server.cert_file)? + &read(&pki.server.key_file)?),
        client_ca_pem: &read(&pki.client_ca_file)?,
    };
    arm.put(&gateway_id(), &demo.document()).await
}

/// The gateway of an earlier start has the ports of that start.
fn check_ports(gateway: &Value, ports: &Ports) -> anyhow::Result<()> {
    let kept = [
        (
            "--gateway-port",
            "/properties/frontendPorts/0/properties/port",
            ports.gateway,
        ),
        (
            "--backend-port",
            "/properties/backendHttpSettingsCollection/0/properties/port",
            ports.backend,
        ),
    ];
    for (option, pointer, wanted) in kept {
        if let Some(port) = gateway.pointer(pointer).and_then(Value::as_u64)
            && port != u64::from(wanted)
        {
            bail!(
                "the demo gateway was made with {option} {port}: say so again, or choose another --dir"
            );
        }
    }
    Ok(())
}

/// Waits until a worker has the current configuration in force.
async fn wait_until_running(arm: &Arm, id: &str) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let gateway = arm.find(id).await?.context("the demo gateway is gone")?;
        let state = gateway
            .pointer("/properties/operationalState")
            .and_then(Value::as_str);
        match state {
            Some("Running") => return Ok(()),
            _ if start.elapsed() > READY_DEADLINE => {
                bail!("the demo gateway is not in force after {READY_DEADLINE:?}: {gateway:#}")
            }
            _ => sleep(POLL_INTERVAL).await,
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
