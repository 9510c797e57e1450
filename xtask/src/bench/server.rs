//! Servers that the benchmark starts: pinned, with all the file descriptors they may have, and gone at the end.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long a server may take to end after it was asked to.
const END: Duration = Duration::from_secs(5);

/// The processor that a process is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Core {
    /// Any.
    Any,
    /// The server's own.
    Server,
    /// The one of the load, the backend and everything else.
    Load,
}

/// A running server; asked to end, and killed if it does not, when dropped.
pub(crate) struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `program`; what it prints goes to `{folder}/{name}.log`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &str,
        core: Core,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let child = command(core, program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks `probe` until it succeeds.
    ///
    /// # Errors
    /// When the server ends before, or after `limit`: with the last answer and the end of the log.
    pub(crate) fn wait_until<T>(
        &mut self,
        limit: Duration,
        mut probe: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let start = Instant::now();
        loop {
            let error = match probe() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if let Some(status) = self.child.try_wait()? {
                bail!("{} has ended ({status}):\n{}", self.name, self.tail());
            }
            if start.elapsed() > limit {
                return Err(error.context(format!(
                    "{} is not ready within {limit:?}:\n{}",
                    self.name,
                    self.tail()
                )));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end, kills it if it does not, and waits for it.
    pub(crate) fn end(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        let pid = self.child.id().to_string();
        // Not SIGKILL at first: the workers of nginx would outlive their master.
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let start = Instant::now();
        while start.elapsed() < END {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let skipped = lines.len().saturating_sub(20);
        lines
            .into_iter()
            .skip(skipped)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A command bound to a core, with as many open files as the user may have, that ends with this process.
pub(crate) fn command(core: Core, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "sh", "-c"]);
    command.args([r#"ulimit -n "$(ulimit -Hn)" && exec "$@""#, "sh"]);
    match core {
        Core::Any => &mut command,
        Core::Server => command.args(["taskset", "--cpu-list", "0"]),
        Core::Load => command.args(["taskset", "--cpu-list", "1"]),
    };
    command.arg(program);
    command
}
