//! Cleaning up after this process, however it ends.

use std::ffi::OsStr;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context;

/// A shell in a session of its own that does something now, and something else as soon as this value is dropped or this
/// process ends for whatever reason: an interrupt, a panic, a kill.
pub(crate) struct Watchdog {
    shell: Child,
    leash: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts the shell. In both scripts, `$1`, `$2`, ... are the arguments; children of the first one go on in the
    /// second one.
    pub(crate) fn start<A: AsRef<OsStr>>(
        now: &str,
        at_end: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> anyhow::Result<Self> {
        let script = format!("trap '' INT TERM HUP\n{now}\ncat\n{at_end}");
        let mut shell = Command::new("setsid")
            .args(["sh", "-c", &script, "watchdog"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start setsid sh")?;
        let leash = shell.stdin.take();
        Ok(Self { shell, leash })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.leash = None;
        let _ = self.shell.wait();
    }
}
