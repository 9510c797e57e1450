//! `portcullis`: everything on one machine, to try it and to develop with it.
//!
//! Every error of this program ends as text in front of the person who started it, so `anyhow` carries all of them.

mod backend;
mod clock;
mod dev;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;

/// Runs Portcullis on one machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start control plane, one worker, an echo backend and a demo gateway, and say how to try them
    Dev(dev::Arguments),
    /// Start only the echo backend
    Backend {
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1:8447", value_name = "IP:PORT")]
        listen: SocketAddr,
        /// Name that the answers carry [default: the address]
        #[arg(long)]
        name: Option<String>,
    },
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the last word to who started it")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let shutdown = on_signal()?;
    match arguments.command {
        Command::Dev(arguments) => Box::pin(dev::run(arguments, shutdown)).await,
        Command::Backend { listen, name } => {
            Backend::bind(listen, name).await?.serve(shutdown).await;
            Ok(())
        }
    }
}

/// A token that SIGINT or SIGTERM cancels.
fn on_signal() -> anyhow::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let token = CancellationToken::new();
    let shutdown = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        shutdown.cancel();
    });
    Ok(token)
}
