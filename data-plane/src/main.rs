//! The data plane's program: settings, logging, signals. Everything else is in the library.

use std::process::ExitCode;

use anyhow::Context;
use data_plane::settings::{Settings, SettingsError};
use data_plane::{app, memory, telemetry};
use tokio::signal::unix::{SignalKind, signal};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    if let Err(error) = memory::forbid_dumps() {
        return complain(&anyhow::Error::new(error).context("cannot forbid core dumps"));
    }
    let settings = match Settings::parse_from(std::env::args_os()) {
        Ok(settings) => settings,
        Err(SettingsError::Usage(error)) => error.exit(),
        Err(error @ SettingsError::Problems(_)) => return complain(&error.into()),
    };
    telemetry::init(&settings.log);
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    tracing::info!(?settings, version = env!("CARGO_PKG_VERSION"), "starting");
    let running = app::start(settings).await?;
    let stop = running.stopper();
    let wait = running.wait();
    tokio::pin!(wait);
    tokio::select! {
        outcome = &mut wait => return Ok(outcome?),
        _ = terminate.recv() => tracing::info!("SIGTERM received"),
        _ = interrupt.recv() => tracing::info!("SIGINT received"),
    }
    stop.cancel();
    Ok(wait.await?)
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a program that cannot go on, maybe before logging is set up"
)]
fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("data-plane: {error:#}");
    ExitCode::FAILURE
}
