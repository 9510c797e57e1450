//! `cargo xtask test`.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use anyhow::{Context, bail};

use crate::postgres::Postgres;
use crate::{program, workspace};

/// How many tests passed, failed and were skipped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// Whether cargo itself ended well; it does not when a test does not compile or a test process dies.
    complete: bool,
}

impl Tally {
    /// Whether tests ran, all to the end, and none failed.
    pub(crate) fn is_success(&self) -> bool {
        self.failed == 0 && self.complete && self.passed > 0
    }

    /// The task's outcome.
    ///
    /// # Errors
    /// When a test failed, or none ran.
    pub(crate) fn into_result(self) -> anyhow::Result<()> {
        if self.failed > 0 || !self.complete {
            bail!("tests failed");
        }
        if self.passed == 0 {
            bail!("no test ran");
        }
        Ok(())
    }

    /// Counts a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; ...`.
    fn count(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in summary.split([';', '.']) {
            let Some((number, word)) = part.trim().split_once(' ') else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// The line that closes a run: `12 passed, 0 failed`.
impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(formatter, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Runs all tests of the workspace with what they need: a Postgres server, openssl, curl and the built binaries.
///
/// # Errors
/// When something that the tests need is missing and cannot be installed, or does not build. Failed tests are no error
/// here: see [`Tally::into_result`].
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<Tally> {
    program::find_or_install("openssl", "openssl")?;
    program::find_or_install("curl", "curl")?;
    let postgres = Postgres::start()?;
    program::run(workspace::cargo().args(["build", "--workspace", "--bins"]))?;
    let mut cargo = workspace::cargo()
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(arguments)
        .env("PORTCULLIS_TEST_POSTGRES_URL", postgres.url())
        .env(
            "PORTCULLIS_TEST_BINARIES",
            workspace::target()?.join("debug"),
        )
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo test")?;
    let mut tally = Tally::default();
    for line in BufReader::new(cargo.stdout.take().context("no output")?).lines() {
        let line = line?;
        println!("{line}");
        tally.count(&line);
    }
    tally.complete = cargo.wait()?.success();
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn summaries_of_all_test_programs_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.23s",
        ] {
            tally.count(line);
        }
        assert_eq!(tally.to_string(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_run_without_tests_is_no_success() {
        assert!(
            Tally {
                complete: true,
                ..Tally::default()
            }
            .into_result()
            .is_err()
        );
    }
}
