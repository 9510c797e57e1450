//! `control-plane`: the server and its key material.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use control_plane::{
    app,
    clock::Clock,
    init::{Init, initialise},
    memory,
    settings::{ServeArgs, Settings},
    telemetry,
};
use tokio::signal::unix::{SignalKind, signal};

/// The control plane of Portcullis: an application gateway that speaks the Azure Application Gateway REST API.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and the configuration stream (the default).
    Serve(Box<ServeArgs>),
    /// Check the chain of the audit in the database, with the options of `serve`.
    VerifyAudit(Box<ServeArgs>),
    /// Make the key material of a deployment, once: CA and certificates of the configuration stream, master key, keys
    /// of the workers. What exists is kept; certificates are renewed when they end within 30 days.
    Init(InitArgs),
}

#[derive(Debug, Args)]
struct InitArgs {
    /// Directory for everything: control-plane/ and workers/NAME/ in it can each be given to its process.
    #[arg(long, env = "PORTCULLIS_INIT_DIR", value_name = "DIR")]
    dir: PathBuf,
    /// DNS name or IP address under which workers reach the configuration stream (repeat); localhost and the
    /// loopback addresses are always included.
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Id of a worker that gets a certificate (repeat).
    #[arg(long = "worker", value_name = "NAME")]
    workers: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    // Before there are threads.
    memory::forbid_dumps().context("cannot forbid core dumps")?;
    run()
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    let command_line = CommandLine::parse();
    match command_line.command {
        None => serve(command_line.serve).await,
        Some(Command::Serve(args)) => serve(*args).await,
        Some(Command::VerifyAudit(args)) => verify_audit(*args).await,
        Some(Command::Init(args)) => init(args),
    }
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let settings = Settings::check(args)?;
    telemetry::init(&settings.log)?;
    tracing::info!(?settings, "settings");
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut running = app::start(settings).await?;
    let failure = tokio::select! {
        ended = running.wait() => Some(ended),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    let stopped = running.shutdown().await;
    match failure {
        Some(ended) => Err(ended.into()),
        None => Ok(stopped?),
    }
}

async fn verify_audit(args: ServeArgs) -> anyhow::Result<()> {
    let settings = Settings::check(args)?;
    telemetry::init(&settings.log)?;
    let events = app::verify_audit(&settings).await??;
    tracing::info!(events, "the audit is whole");
    Ok(())
}

fn init(args: InitArgs) -> anyhow::Result<()> {
    let init = Init {
        directory: args.dir,
        names: args.names,
        workers: args.workers,
    };
    initialise(Clock::system().now(), &init)?;
    Ok(())
}
