//! `control-plane`: the server and its key material.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use control_plane::{
    app,
    clock::Clock,
    enrolment::{AddWorker, Added},
    init::{Init, initialise},
    memory,
    settings::{ServeArgs, Settings, parse_duration},
    telemetry,
    worker_identity::{Scopes, WorkerName},
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
    /// Make the key material of a deployment, once: master key, worker CA, keys of the workers' disks. What exists is kept.
    Init(InitArgs),
    /// Worker identities, without the API.
    #[command(subcommand)]
    Worker(WorkerCommand),
}

#[derive(Debug, Subcommand)]
enum WorkerCommand {
    /// Make the identity of a worker, or give it these scopes, and a join token where it has not joined yet. Takes the
    /// settings of the control plane for its database and its worker CA; the control plane may run meanwhile.
    Add(Box<AddArgs>),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Id of the worker.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What the worker may see: `/`, or the id of a subscription, a resource group or a gateway (repeat).
    #[arg(long = "scope", value_name = "ID", required = true)]
    scopes: Vec<String>,
    /// File for the join token (mode 0600).
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// How long the token is good; at most 24h.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    valid_for: String,
    /// Make a token also for a worker that has joined before and has lost its certificate.
    #[arg(long)]
    rejoin: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Args)]
struct InitArgs {
    /// Directory for everything: control-plane/ and workers/NAME/ in it can each be given to its process.
    #[arg(long, env = "PORTCULLIS_INIT_DIR", value_name = "DIR")]
    dir: PathBuf,
    /// Id of a worker that gets a key for its disk (repeat).
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
        Some(Command::Worker(WorkerCommand::Add(args))) => add_worker(*args).await,
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

async fn add_worker(args: AddArgs) -> anyhow::Result<()> {
    let settings = Settings::check(args.serve)?;
    telemetry::init(&settings.log)?;
    let valid_for = parse_duration(&args.valid_for)
        .filter(|valid_for| *valid_for <= LONGEST_TOKEN)
        .context("--valid-for: not a duration such as 30m or 1h, up to 24h")?;
    let add = AddWorker {
        name: WorkerName::parse(&args.name)?,
        scopes: Scopes::parse(&args.scopes)?,
        token_file: args.token_file,
        valid_for,
        rejoin: args.rejoin,
    };
    let name = add.name.clone();
    match app::add_worker(&settings, add).await? {
        Added::Token => tracing::info!(worker_id = %name, "join token made"),
        Added::JoinedBefore => tracing::info!(
            worker_id = %name,
            "the worker has joined before and needs no token (--rejoin makes one)"
        ),
    }
    Ok(())
}

/// A token that lies around is a way in.
const LONGEST_TOKEN: Duration = Duration::from_hours(24);

fn init(args: InitArgs) -> anyhow::Result<()> {
    let init = Init {
        directory: args.dir,
        workers: args.workers,
    };
    initialise(Clock::system().now(), &init)?;
    Ok(())
}
