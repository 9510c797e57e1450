//! `cargo xtask fuzz`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::{program, workspace};

/// What `cargo xtask fuzz` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Only this target; may be repeated
    #[arg(long)]
    only: Vec<String>,
}

/// Builds the targets of `fuzz/` and runs one after the other.
///
/// The instrumentation is that of the pinned toolchain, without a sanitizer: those need a nightly one, and the code is free
/// of `unsafe`.
///
/// # Errors
/// When an input makes a target panic (cargo-fuzz names the file that holds it), when nothing fits `--only`, or when the
/// tool cannot be had.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    program::find_or_install("g++", "g++")?;
    let tool = find_or_build()?;
    let targets = targets(&tool)?;
    let wanted: Vec<_> = targets
        .iter()
        .filter(|target| options.only.is_empty() || options.only.contains(target))
        .collect();
    if wanted.is_empty() {
        bail!("no such target; there are {}", targets.join(", "));
    }
    for target in &wanted {
        println!("==> {target}");
        let time = format!("-max_total_time={}", options.seconds);
        let limits = ["-rss_limit_mb=4096", "-timeout=10", "-max_len=65536"];
        program::run(
            fuzz(&tool, "run")
                .args(["--sanitizer", "none"])
                .arg(target)
                .args(["--", &time])
                .args(limits),
        )
        .with_context(|| format!("fuzz target {target}"))?;
    }
    println!(
        "{} targets, {} s each: nothing found",
        wanted.len(),
        options.seconds
    );
    Ok(())
}

fn targets(tool: &PathBuf) -> anyhow::Result<Vec<String>> {
    let list = program::read(&mut fuzz(tool, "list"))?;
    Ok(list.lines().map(str::to_owned).collect())
}

fn fuzz(tool: &PathBuf, command: &str) -> Command {
    let mut fuzz = Command::new(tool);
    fuzz.arg("fuzz").arg(command).current_dir(workspace::root());
    fuzz
}

/// Builds it into the build folder where it is not installed.
fn find_or_build() -> anyhow::Result<PathBuf> {
    if let Some(file) = program::find("cargo-fuzz") {
        return Ok(file);
    }
    let folder = workspace::target()?.join("tools");
    let file = folder.join("bin/cargo-fuzz");
    if !program::is_executable(&file) {
        let mut install = workspace::cargo();
        install.args(["install", "--locked", "cargo-fuzz", "--root"]);
        program::run(install.arg(&folder))?;
    }
    Ok(file)
}
