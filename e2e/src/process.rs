//! Child processes that never outlive the test that started them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait;

/// A running program of the workspace; killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` with `arguments`; its output is appended to `{directory}/{name}.log`.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn start(name: &str, program: &str, arguments: &[String], directory: &Path) -> Self {
        Self::start_program(name, &binary(program), arguments, directory)
    }

    /// Like [`Self::start`], with any program.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn start_program(
        name: &str,
        program: &Path,
        arguments: &[String],
        directory: &Path,
    ) -> Self {
        let log = directory.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("log file");
        let child = Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("log file"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "start {}: {error}; build the binaries first (cargo xtask test does)",
                    program.display()
                )
            });
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// What the program has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until a line of the log holds all of `parts`, and returns it.
    ///
    /// # Panics
    ///
    /// When no line does within ten seconds, with the end of the log.
    #[track_caller]
    pub fn wait_for_log(&self, parts: &[&str]) -> String {
        let what = format!("line with {parts:?} in the log of {}", self.name);
        wait::until(&what, Duration::from_secs(10), || {
            let log = self.log();
            let found = log
                .lines()
                .rev()
                .find(|line| parts.iter().all(|part| line.contains(part)));
            found.map(str::to_owned).ok_or_else(|| tail(&log))
        })
    }

    /// Ends the program at once, as a crash would.
    pub fn kill(&mut self) {
        let _already_gone = self.child.kill();
        let _status = self.child.wait();
    }

    /// Asks the program to end (SIGTERM) and waits for it.
    ///
    /// # Panics
    ///
    /// When it does not end within twenty seconds.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM")
    }

    /// Asks the program to end as Ctrl-C does (SIGINT) and waits for it.
    ///
    /// # Panics
    ///
    /// When it does not end within twenty seconds.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.signal("-INT")
    }

    /// The status, if the program has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// How much of the program is in memory, in bytes (`VmRSS` of proc(5)).
    ///
    /// # Panics
    ///
    /// When the program has ended.
    pub fn resident_bytes(&self) -> u64 {
        let file = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(file).expect("status of the process");
        let mut lines = status.lines();
        let kib = lines.find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix(" kB"));
        let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
        kib.expect("VmRSS, which processes that live have") * 1024
    }

    /// Sends a signal, such as `-STOP`.
    ///
    /// # Panics
    ///
    /// When there is no shell.
    pub fn send_signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        // The shell's own: a slim Debian has no program of this name.
        Command::new("sh")
            .args(["-c", "kill \"$1\" \"$2\"", "sh", signal, &pid])
            .status()
            .expect("run sh");
    }

    fn signal(&mut self, signal: &str) -> ExitStatus {
        self.send_signal(signal);
        let what = format!("end of {} after {signal}", self.name);
        let log = self.log.clone();
        let child = &mut self.child;
        wait::until(&what, Duration::from_secs(20), || {
            child
                .try_wait()
                .ok()
                .flatten()
                .ok_or_else(|| tail(&std::fs::read_to_string(&log).unwrap_or_default()))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!(
                "--- end of the log of {} ---\n{}",
                self.name,
                tail(&self.log())
            );
        }
    }
}

/// The path of a binary of this workspace: next to the test executable's folder.
pub fn binary(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("path of the test");
    let folder = test.ancestors().nth(2).expect("target folder");
    folder.join(program)
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
