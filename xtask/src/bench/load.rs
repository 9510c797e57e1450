//! Running the load generator.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdout, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::server::{Core, command};
use super::usage;

/// The program `load` and the certificates it uses.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The program.
    pub(crate) program: PathBuf,
    /// The folder that `load certificates` has written.
    pub(crate) certificates: PathBuf,
}

/// One run: what the load says, and what it cost.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The JSON object of the load.
    pub(crate) result: Value,
    /// Processor time of the server.
    pub(crate) server: Duration,
    /// Processor time of the load and of its backend.
    pub(crate) load: Duration,
    /// Processor time of everything else on the machine.
    pub(crate) others: Duration,
}

/// Processor time used so far.
struct Used {
    server: Duration,
    load: Duration,
    all: Duration,
}

impl Load {
    /// Makes certificates in a new folder.
    pub(crate) fn new(program: PathBuf, certificates: PathBuf) -> anyhow::Result<Self> {
        let load = Self {
            program,
            certificates,
        };
        let directory = load.certificates.to_string_lossy().into_owned();
        load.read(Core::Any, &["certificates", "--directory", &directory])?;
        Ok(load)
    }

    /// A certificate file.
    pub(crate) fn certificate(&self, name: &str) -> String {
        self.certificates.join(name).to_string_lossy().into_owned()
    }

    /// The options that aim a command at a listener on `port`, as the trusted client.
    pub(crate) fn aim(&self, port: u16) -> Vec<String> {
        [
            ("--address", format!("127.0.0.1:{port}")),
            ("--ca-file", self.certificate("server-root.pem")),
            ("--cert-file", self.certificate("client.crt")),
            ("--key-file", self.certificate("client.key")),
        ]
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect()
    }

    /// Checks that the listener on `port` lets in whom it should, and tells how it refuses others.
    pub(crate) fn check(&self, port: u16) -> anyhow::Result<Value> {
        let mut arguments = vec!["check".to_owned()];
        arguments.extend(self.aim(port));
        for (option, file) in [
            ("--outsider-cert-file", "other.crt"),
            ("--outsider-key-file", "other.key"),
        ] {
            arguments.extend([option.to_owned(), self.certificate(file)]);
        }
        self.read(Core::Load, &arguments)
    }

    /// Runs a command to its end and returns what it says.
    pub(crate) fn read<A: AsRef<std::ffi::OsStr>>(
        &self,
        core: Core,
        arguments: &[A],
    ) -> anyhow::Result<Value> {
        let output = command(core, &self.program).args(arguments).output()?;
        let words = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{words}{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
        serde_json::from_str(&words).with_context(|| format!("load said {words:?}"))
    }

    /// Runs a command that waits at the gate, and measures the processes `server` and `backend`, and the machine, between
    /// the start and the result.
    ///
    /// # Errors
    /// When the load fails, for which one wrong answer is enough.
    pub(crate) fn measure(
        &self,
        server: u32,
        backend: u32,
        arguments: &[String],
    ) -> anyhow::Result<Run> {
        let mut held = self.open(arguments)?;
        let load = held.pid();
        let used = || {
            anyhow::Ok(Used {
                server: usage::cpu(server)?,
                // The threads of the latency load end before it tells its result.
                load: usage::coarse_cpu(load)? + usage::coarse_cpu(backend)?,
                all: usage::busy()?,
            })
        };
        let before = used()?;
        let result = held.start()?;
        let after = used()?;
        held.release(&result)?;
        let server = after.server.saturating_sub(before.server);
        let load = after.load.saturating_sub(before.load);
        let all = after.all.saturating_sub(before.all);
        Ok(Run {
            result,
            server,
            load,
            others: all.saturating_sub(server + load),
        })
    }

    /// Starts a command and waits until it has opened its connections.
    pub(crate) fn open(&self, arguments: &[String]) -> anyhow::Result<Held> {
        let mut child = command(Core::Load, &self.program)
            .arg("--gate")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("load has no output")?;
        let mut held = Held {
            child,
            output: BufReader::new(output),
        };
        let ready = held.line()?;
        ensure!(ready.get("event").is_some(), "load said {ready}");
        Ok(held)
    }
}

/// A load that holds its connections. Killed when dropped.
pub(crate) struct Held {
    child: std::process::Child,
    output: BufReader<ChildStdout>,
}

impl Held {
    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it run, and returns its result while it still holds its connections.
    pub(crate) fn start(&mut self) -> anyhow::Result<Value> {
        let input = self.child.stdin.as_mut().context("load has no input")?;
        input.write_all(b"go\n")?;
        self.line()
    }

    /// Lets it close its connections, and waits for its end.
    ///
    /// # Errors
    /// When it has failed.
    pub(crate) fn release(mut self, result: &Value) -> anyhow::Result<()> {
        self.child.stdin = None;
        let status = self.child.wait()?;
        ensure!(status.success(), "the load failed: {result}");
        Ok(())
    }

    fn line(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the load has ended before its time");
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
