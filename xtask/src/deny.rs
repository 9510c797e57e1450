//! The dependency policy of `deny.toml`.

use anyhow::Context as _;

use crate::{program, workspace};

/// Checks bans, licences and sources; and the advisories, when their database can be fetched.
///
/// # Errors
/// When the policy is broken, or cargo-deny is missing and cannot be installed.
pub(crate) fn run() -> anyhow::Result<()> {
    if program::find("cargo-deny").is_none() {
        let install = ["install", "--locked", "cargo-deny"];
        program::run(workspace::cargo().args(install)).context("cannot install cargo-deny")?;
    }
    let check = ["deny", "--log-level", "error", "check"];
    program::run(
        workspace::cargo()
            .args(check)
            .args(["bans", "licenses", "sources"]),
    )?;
    let fetched = workspace::cargo()
        .args(["deny", "--log-level", "off", "fetch", "db"])
        .output()?;
    if !fetched.status.success() {
        eprintln!(
            "WARNING: NO ADVISORIES WERE CHECKED: the advisory database cannot be fetched from here"
        );
        return Ok(());
    }
    program::run(workspace::cargo().args(check).arg("advisories"))
}
