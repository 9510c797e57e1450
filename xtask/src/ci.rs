//! `cargo xtask ci`.

use std::time::Instant;

use anyhow::Context as _;

use crate::{compose, deny, program, test, workspace};

/// Runs every check in order, each named and timed, and ends with the number of tests.
///
/// # Errors
/// The first check that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    let start = Instant::now();
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
    step("lints", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
    })?;
    step("documentation", documentation)?;
    step("dependencies", deny::run)?;
    let tally = step("tests", || test::run(&[]))?;
    if !tally.is_success() {
        println!("==> compose: not started, since tests failed");
    } else if compose::engine_answers() {
        step("compose", compose::run)?;
    } else {
        println!("==> compose: skipped, no Docker engine answers");
    }
    println!("ci took {} s", start.elapsed().as_secs());
    println!("{tally}");
    tally.into_result()
}

fn step<T>(name: &str, check: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("==> {name}");
    let start = Instant::now();
    let outcome = check().with_context(|| format!("ci step: {name}"))?;
    println!("==> {name}: {} s", start.elapsed().as_secs());
    Ok(outcome)
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    program::run(workspace::cargo().args(arguments))
}

fn documentation() -> anyhow::Result<()> {
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    program::run(
        workspace::cargo()
            .args(arguments)
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )
}
