//! `cargo xtask compose-test`: the deployment of `docker-compose.yml`, for real.

mod stand_in;

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use self::stand_in::StandIns;
use crate::watchdog::Watchdog;
use crate::{program, workspace};

const PROJECT: &str = "portcullis-test";
/// Takes everything down and removes the images; the words from `$1` on are the compose command.
const DOWN: &str = r#"
    "$@" down --volumes --remove-orphans --timeout 5
    docker image rm portcullis/control-plane:local portcullis/data-plane:local portcullis/portcullis:local
    docker image prune --force --filter label=portcullis.stage=builder
"#;

/// Whether a Docker engine answers here.
pub(crate) fn engine_answers() -> bool {
    let info = Command::new("docker")
        .arg("info")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    info.is_ok_and(|status| status.success())
}

/// Builds the images, starts the deployment, walks the demo against it while pieces are killed and restarted, and takes
/// everything down.
///
/// The programs in the images are this machine's debug builds, so that they are built once, with the tests; the base
/// images are local stand-ins where a registry has not brought them (see [`stand_in`]).
///
/// # Errors
/// When no engine answers, something does not start, or the walk fails.
pub(crate) fn run() -> anyhow::Result<()> {
    if !engine_answers() {
        bail!("no Docker engine answers (docker info)");
    }
    let compose = compose_command()?;
    program::run(workspace::cargo().args(["build", "--workspace", "--bins"]))?;
    let _stand_ins = StandIns::make()?;
    let [api, worker_1, worker_2] = free_ports()?;
    let with_ports = |command: &mut Command| {
        command
            .current_dir(workspace::root())
            .env("PORTCULLIS_API_PORT", &api)
            .env("PORTCULLIS_WORKER_1_PORT", &worker_1)
            .env("PORTCULLIS_WORKER_2_PORT", &worker_2);
    };
    let call = |arguments: &[&str]| {
        let mut command = words(&compose);
        with_ports(command.args(arguments));
        command
    };
    program::read(&mut call(&["build"]))?;
    let _down = Watchdog::start("", DOWN, &compose)?;
    program::run(&mut call(&["up", "--detach"]))?;
    let mut walk = Command::new(workspace::target()?.join("debug/compose"));
    walk.args([
        "--api-port",
        &api,
        "--worker-ports",
        &worker_1,
        &worker_2,
        "--",
    ])
    .args(&compose);
    with_ports(&mut walk);
    let walked = program::run(&mut walk);
    if walked.is_err() {
        program::run(&mut call(&["ps"]))?;
        program::run(&mut call(&["logs", "--no-color", "--tail=80"]))?;
    }
    walked
}

/// Compose v2 where the engine's client has it, else docker-compose.
fn compose_command() -> anyhow::Result<Vec<String>> {
    let plugin = Command::new("docker").args(["compose", "version"]).output();
    let command = if plugin.is_ok_and(|output| output.status.success()) {
        vec!["docker", "compose"]
    } else {
        program::find("docker-compose")
            .context("neither docker compose nor docker-compose is installed")?;
        vec!["docker-compose"]
    };
    let file = workspace::root().join("docker-compose.yml");
    let file = file.to_string_lossy();
    let words = command
        .into_iter()
        .chain(["--project-name", PROJECT, "--file", &file]);
    Ok(words.map(str::to_owned).collect())
}

fn words(compose: &[String]) -> Command {
    let mut words = compose.iter();
    let mut command = Command::new(words.next().map_or("docker-compose", String::as_str));
    command.args(words);
    command
}

/// Three ports that were free together a moment ago.
fn free_ports() -> anyhow::Result<[String; 3]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = [listen()?, listen()?, listen()?];
    let ports = held
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port().to_string()));
    let ports = ports.collect::<anyhow::Result<Vec<_>>>()?;
    ports.try_into().ok().context("three ports")
}
