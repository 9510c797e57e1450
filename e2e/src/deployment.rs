//! A whole deployment on loopback: control plane, workers and a backend, each a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::arm::Arm;
use crate::port;
use crate::process::{Process, binary};
use crate::wait;

/// Where the control plane keeps its state.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of the deployment.
    Sqlite,
    /// This database.
    Postgres(String),
}

/// What a deployment consists of.
#[derive(Clone, Debug)]
pub struct Setup {
    database: Database,
    workers: usize,
    worker_flags: Vec<String>,
    control_plane_flags: Vec<String>,
}

/// A running deployment. Everything ends when it is dropped.
pub struct Deployment {
    /// The REST API.
    pub arm: Arm,
    /// The control plane; absent after [`Deployment::kill_control_plane`].
    pub control_plane: Option<Process>,
    /// The workers, `worker-1` first.
    pub workers: Vec<Worker>,
    /// Port of the echo backend.
    pub backend_port: u16,
    /// Port of the configuration stream.
    pub stream_port: u16,
    control: Vec<String>,
    _backend: Process,
    directory: TempDir,
}

/// One worker.
pub struct Worker {
    /// The process; absent after a kill.
    pub process: Option<Process>,
    /// `host:port` of its admin endpoint.
    pub admin: String,
    /// Where its listeners are: each worker has an address of loopback for itself.
    pub address: String,
    name: String,
    arguments: Vec<String>,
}

impl Setup {
    /// With `workers` workers.
    pub fn new(database: Database, workers: usize) -> Self {
        Self {
            database,
            workers,
            worker_flags: Vec::new(),
            control_plane_flags: Vec::new(),
        }
    }

    /// With this setting for the control plane.
    #[must_use]
    pub fn control_plane_flag(mut self, flag: &str, value: &str) -> Self {
        self.control_plane_flags
            .extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// With this setting for all workers.
    #[must_use]
    pub fn worker_flag(mut self, flag: &str, value: &str) -> Self {
        self.worker_flags
            .extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// With workers that may ask OCSP responders on loopback.
    #[must_use]
    pub fn with_loopback_responders(self) -> Self {
        self.worker_flag("--revocation-allow-network", "127.0.0.0/8")
    }

    /// Starts control plane, workers and a backend, and waits until all are ready.
    ///
    /// # Panics
    ///
    /// When something does not start.
    pub fn start(&self) -> Deployment {
        Deployment::of(self)
    }
}

impl Deployment {
    /// Starts control plane, `workers` workers and a backend, and waits until all are ready.
    ///
    /// # Panics
    ///
    /// When something does not start.
    pub fn start(database: &Database, workers: usize) -> Self {
        Setup::new(database.clone(), workers).start()
    }

    fn of(setup: &Setup) -> Self {
        let directory = TempDir::new().expect("temporary directory");
        let names: Vec<String> = (1..=setup.workers)
            .map(|number| format!("worker-{number}"))
            .collect();
        init(directory.path(), &names);
        let pki = directory.path().join("pki");
        let [api, stream, admin, backend_port] =
            [port::free(), port::free(), port::free(), port::free()];
        let mut control =
            control_plane_arguments(directory.path(), &setup.database, [api, stream, admin]);
        control.extend_from_slice(&setup.control_plane_flags);
        let workers = (1..)
            .zip(names)
            .map(|(number, name)| {
                let token = join_token(directory.path(), &control, &name, &["/"], &[]);
                let mut worker = Worker::new(directory.path(), &pki, name, number, stream);
                worker
                    .arguments
                    .extend(["--join-token-file".to_owned(), text(&token)]);
                worker.arguments.extend_from_slice(&setup.worker_flags);
                worker
            })
            .collect();
        let backend = [
            "backend".to_owned(),
            "--listen".to_owned(),
            format!("127.0.0.1:{backend_port}"),
        ];
        let mut deployment = Self {
            arm: Arm::new(
                format!("https://127.0.0.1:{api}"),
                directory.path().join("control-plane/ca.pem"),
            ),
            control_plane: None,
            workers,
            backend_port,
            stream_port: stream,
            control,
            _backend: Process::start("backend", "portcullis", &backend, directory.path()),
            directory,
        };
        deployment.start_control_plane();
        for index in 0..deployment.workers.len() {
            deployment.start_worker(index);
        }
        for worker in &deployment.workers {
            worker.wait_until_ready();
        }
        deployment
    }

    /// A folder for files of the test.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the control plane and waits until its API answers.
    pub fn start_control_plane(&mut self) {
        self.control_plane = Some(self.spawn_control_plane());
        let arm = self.arm.clone();
        wait::until("REST API", Duration::from_secs(30), || {
            arm.try_request("GET", &crate::arm::group_id("none"), &[], None)
        });
    }

    /// Starts a control plane with the same settings, without waiting.
    pub fn spawn_control_plane(&self) -> Process {
        let name = "control-plane";
        Process::start(name, name, &self.control, self.directory.path())
    }

    /// Ends the control plane as a crash would.
    pub fn kill_control_plane(&mut self) {
        self.control_plane = None;
    }

    /// Makes the identity of a worker with these scopes, and a join token; `flags` of `control-plane worker add`.
    ///
    /// # Panics
    ///
    /// When that is refused.
    pub fn join_token(&self, worker: &str, scopes: &[&str], flags: &[&str]) -> PathBuf {
        join_token(self.directory.path(), &self.control, worker, scopes, flags)
    }

    /// Adds a worker that serves everything it is let, and joins with a token at this control plane's stream or at
    /// another one; starts it without waiting. Returns its index.
    pub fn add_worker(&mut self, name: &str, token: &Path, stream_port: u16) -> usize {
        let directory = self.directory.path();
        init(directory, &[name.to_owned()]);
        let number = u8::try_from(self.workers.len() + 1).expect("few workers");
        let pki = directory.join("pki");
        let mut worker = Worker::new(directory, &pki, name.to_owned(), number, stream_port);
        let token = ["--join-token-file".to_owned(), text(token)];
        worker.arguments.extend(token);
        self.workers.push(worker);
        let index = self.workers.len() - 1;
        self.start_worker(index);
        index
    }

    /// Starts a worker, without waiting.
    pub fn start_worker(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        worker.process = Some(Process::start(
            &worker.name,
            "data-plane",
            &worker.arguments,
            self.directory.path(),
        ));
    }

    /// Ends a worker as a crash would.
    pub fn kill_worker(&mut self, index: usize) {
        self.workers[index].process = None;
    }

    /// The process of the control plane.
    ///
    /// # Panics
    ///
    /// When it was killed.
    pub fn control_plane(&mut self) -> &mut Process {
        self.control_plane
            .as_mut()
            .expect("control plane is running")
    }
}

impl Worker {
    fn new(directory: &Path, pki: &Path, name: String, number: u8, stream_port: u16) -> Self {
        let admin = format!("127.0.0.1:{}", port::free());
        let address = format!("127.0.0.{number}");
        let own = pki.join("workers").join(&name);
        let access_log = directory.join(format!("{name}-access.log"));
        let flags = [
            ("--worker-id", name.clone()),
            (
                "--control-plane-url",
                format!("https://localhost:{stream_port}"),
            ),
            ("--scope", "/".to_owned()),
            ("--state-dir", text(&directory.join(&name))),
            ("--state-key-file", text(&own.join("state.key"))),
            ("--admin-listen", admin.clone()),
            ("--public-address", address.clone()),
            ("--threads", "2".to_owned()),
            ("--log-format", "json".to_owned()),
            ("--access-log", text(&access_log)),
        ];
        Self {
            process: None,
            admin,
            address,
            name,
            arguments: arguments(&flags),
        }
    }

    /// The process.
    ///
    /// # Panics
    ///
    /// When it was killed.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("worker is running")
    }

    /// Waits until the worker says that it is ready.
    ///
    /// # Panics
    ///
    /// When it does not within thirty seconds.
    pub fn wait_until_ready(&self) {
        wait::until(
            &format!("readiness of {}", self.name),
            Duration::from_secs(30),
            || self.admin("/readyz"),
        );
    }

    /// The sum of a metric over all its label sets that contain `labels`.
    ///
    /// # Panics
    ///
    /// When the worker does not tell its metrics.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        let page = self.admin("/metrics").expect("metrics");
        page.lines()
            .filter_map(|line| sample(line, name, labels))
            .sum()
    }

    /// Asks the admin endpoint.
    ///
    /// # Errors
    ///
    /// What curl says, or the answer when its status is not 200.
    pub fn admin(&self, path: &str) -> Result<String, String> {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail-with-body",
                "--max-time",
                "5",
            ])
            .arg(format!("http://{}{path}", self.admin))
            .output()
            .map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(body)
        } else {
            Err(body + &String::from_utf8_lossy(&output.stderr))
        }
    }
}

/// The value on a line of the metrics page, if it is a sample of `name` with `labels`.
fn sample(line: &str, name: &str, labels: &str) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    let (line_labels, value) = rest.rsplit_once(' ')?;
    let whole_name = line_labels.is_empty() || line_labels.starts_with('{');
    (whole_name && line_labels.contains(labels)).then(|| value.parse().ok())?
}

fn init(directory: &Path, workers: &[String]) {
    let mut command = Command::new(binary("control-plane"));
    command.arg("init").arg("--dir").arg(directory.join("pki"));
    for worker in workers {
        command.args(["--worker", worker]);
    }
    let output = command.output().expect("run control-plane init");
    assert!(output.status.success(), "{output:?}");
}

/// Makes a worker identity and its join token beside the API, with the settings of the control plane; returns the token's
/// file.
fn join_token(
    directory: &Path,
    control_plane: &[String],
    worker: &str,
    scopes: &[&str],
    flags: &[&str],
) -> PathBuf {
    let file = directory.join(format!("{worker}.token"));
    let mut command = Command::new(binary("control-plane"));
    command.args(["worker", "add", "--name", worker]);
    for scope in scopes {
        command.args(["--scope", scope]);
    }
    command.arg("--token-file").arg(&file);
    let output = command.args(flags).args(control_plane).output();
    let output = output.expect("run control-plane worker add");
    assert!(output.status.success(), "{output:?}");
    file
}

fn control_plane_arguments(directory: &Path, database: &Database, ports: [u16; 3]) -> Vec<String> {
    let pki = directory.join("pki/control-plane");
    let state = directory.join("control-plane");
    let [api, stream, admin] = ports.map(|port| format!("127.0.0.1:{port}"));
    let url = match database {
        Database::Sqlite => format!("sqlite://{}", text(&state.join("portcullis.db"))),
        Database::Postgres(url) => url.clone(),
    };
    arguments(&[
        ("--listen", api),
        ("--state-dir", text(&state)),
        ("--database-url", url),
        ("--master-key-file", text(&pki.join("master.key"))),
        ("--stream-listen", stream),
        ("--worker-ca-cert-file", text(&pki.join("worker-ca.pem"))),
        ("--worker-ca-key-file", text(&pki.join("worker-ca.key"))),
        ("--admin-listen", admin),
        ("--log-format", "json".to_owned()),
    ])
}

fn arguments(flags: &[(&str, String)]) -> Vec<String> {
    flags
        .iter()
        .flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()])
        .collect()
}

fn text(path: &Path) -> String {
    path.to_str().expect("path is UTF-8").to_owned()
}
