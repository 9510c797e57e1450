//! Developer tasks, started as `cargo xtask TASK`. CI runs the same ones.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool: its output is its interface"
)]

mod apt;
mod bench;
mod ci;
mod compose;
mod deny;
mod fuzz;
mod postgres;
mod program;
mod test;
mod watchdog;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer tasks of Portcullis.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all tests, those of the store on SQLite and on a throw-away Postgres server
    Test {
        /// Passed on to `cargo test --workspace`, for example `-- store::` for the tests whose path has that in it
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Everything that must hold before a change lands: format, lints, docs, dependency policy, tests
    Ci,
    /// Measure the data plane beside nginx and haproxy, and the time that a change takes
    Bench(bench::Options),
    /// Run every fuzz target for a while; stops at the first input that breaks one
    Fuzz(fuzz::Options),
    /// Start docker-compose.yml for real, walk the demo against it while pieces are killed, and take it down
    ComposeTest,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Test { arguments } => {
            let tally = test::run(&arguments)?;
            println!("{tally}");
            tally.into_result()
        }
        Task::Ci => ci::run(),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::ComposeTest => compose::run(),
    }
}
