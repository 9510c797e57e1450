//! The machine: what it needs, and what the results say about it.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, thread};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::program;

/// Makes sure that the tools are there and that server and load can have a core each.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn prepare() -> anyhow::Result<()> {
    if thread::available_parallelism()?.get() < 2 {
        bail!("the benchmark needs two processors: one for the server, one for the load");
    }
    program::find_or_install("taskset", "util-linux")?;
    program::find_or_install("curl", "curl")?;
    Ok(())
}

/// A peer's program, installed where it is missing.
pub(crate) fn peer(name: &str) -> anyhow::Result<PathBuf> {
    match name {
        "nginx" => program::find_or_install("nginx", "nginx-light"),
        other => program::find_or_install(other, other),
    }
}

/// What the results should say about the machine; no name of it.
pub(crate) fn describe() -> anyhow::Result<Value> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, model)| model.trim());
    let kernel = program::read(Command::new("uname").args(["-s", "-r"]))?;
    Ok(json!({
        "processors": thread::available_parallelism()?.get(),
        "model": model,
        "kernel": kernel.trim(),
    }))
}

/// The first line of what a program says about its version.
pub(crate) fn version(name: &str) -> anyhow::Result<String> {
    let file = program::find(name).context("not installed")?;
    let output = Command::new(file).arg("-v").output()?;
    // nginx says it on standard error.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
