//! `cargo xtask bench`: the data plane beside nginx and haproxy, on the same certificates, backend and core.
//!
//! What counts is the processor time that the server spends on one operation: on a noisy machine it is steadier than
//! throughput. docs/benchmarks.md describes the method.

mod binaries;
mod changes;
mod contestant;
mod goal;
mod ground;
mod load;
mod machine;
mod peer;
mod planes;
mod ports;
mod report;
mod responder;
mod scenario;
mod server;
mod session;
mod usage;

use std::fs;

use anyhow::{Context, bail, ensure};
use serde_json::json;

use crate::workspace;
use binaries::Binaries;
use scenario::Scenario;
use session::Session;

/// What `cargo xtask bench` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Runs of one second, to see whether everything works
    #[arg(long)]
    quick: bool,
    /// Counted runs of each contestant in each scenario
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only this scenario; may be repeated
    #[arg(long)]
    only: Vec<Scenario>,
    /// Leave this contestant out; may be repeated
    #[arg(long)]
    without: Vec<String>,
    /// Requests a second of the latency scenario, instead of half of what nginx manages
    #[arg(long)]
    rate: Option<u64>,
    /// Use the binaries as they are, without building them
    #[arg(long)]
    no_build: bool,
}

impl Options {
    fn seconds(&self) -> f64 {
        if self.quick { 1.0 } else { 3.0 }
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let wanted = |scenario: &Scenario| self.only.is_empty() || self.only.contains(scenario);
        Scenario::ALL.into_iter().filter(wanted).collect()
    }
}

/// Runs the benchmark, prints the tables and writes `bench/results.json` into the build folder.
///
/// # Errors
/// When the machine cannot run it, when a contestant lets the wrong client in, when any request fails, and when
/// Portcullis itself did not take part. A missed goal is printed, and is no error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.runs > 0, "--runs is zero");
    machine::prepare()?;
    let target = workspace::target()?;
    let binaries = Binaries::build(&target, options.no_build)?;
    let scenarios = options.scenarios();
    let mut report = report::Report::new(options)?;
    if scenarios.iter().any(|scenario| scenario.has_contestants()) {
        let mut session = Session::start(&binaries, options)?;
        for absent in session.absent() {
            report.absent(absent);
        }
        for &scenario in &scenarios {
            if scenario.has_contestants() {
                println!("\n{scenario}: {}", scenario.description());
                let results = session.run(scenario)?;
                print!("{results}");
                report.add(results);
            }
        }
    }
    if scenarios.contains(&Scenario::Changes) {
        println!("\nchanges: {}", Scenario::Changes.description());
        for database in changes::run(&binaries)? {
            println!("{database}");
            report.add_changes(database);
        }
    }
    println!("\n{report}");
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join("results.json");
    fs::write(&file, format!("{:#}\n", json!(report.json())))
        .with_context(|| format!("{}", file.display()))?;
    println!("written to {}", file.display());
    if report.lacks_portcullis() {
        bail!("Portcullis did not take part");
    }
    Ok(())
}
