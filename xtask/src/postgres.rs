//! A throw-away Postgres server for tests.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, bail};

use crate::apt;
use crate::program;
use crate::watchdog::Watchdog;

const START_DEADLINE: Duration = Duration::from_secs(30);
/// Starts the server with the words from `$2` on; what it writes goes to a file in the folder `$1`.
const START: &str = r#"folder=$1; shift; "$@" >"$folder/log" 2>&1 & server=$!"#;
/// Stops it and removes the folder.
const CLEAN_UP: &str = r#"kill -QUIT "$server"; wait "$server"; rm -rf "$folder""#;

/// A running server on a free loopback port with an empty cluster. Stopped and removed when dropped, and also when this
/// process is interrupted or killed.
pub(crate) struct Postgres {
    url: String,
    _watchdog: Watchdog,
}

impl Postgres {
    /// Starts a server, after installing one where none is found.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let programs = find_programs()?;
        let folder = tempfile::Builder::new()
            .prefix("portcullis-postgres-")
            .tempdir()?;
        let cluster = folder.path().join("cluster");
        let user = User::choose()?;
        user.own(folder.path())?;
        let mut initdb = user.command(&programs.join("initdb"));
        program::read(initdb.arg("--pgdata").arg(&cluster).args(INITDB))?;
        let port = free_port()?;
        let server = server(
            user.command(&programs.join("postgres")),
            folder.path(),
            &cluster,
            port,
        );
        let words = [folder.path().as_os_str(), server.get_program()]
            .into_iter()
            .chain(server.get_args());
        let watchdog = Watchdog::start(START, CLEAN_UP, words)?;
        // From here on the watchdog removes it.
        let folder = folder.keep();
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        wait_until(|| is_ready(&programs, port))
            .with_context(|| format!("Postgres does not start:\n{}", log()))?;
        Ok(Self {
            url: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            _watchdog: watchdog,
        })
    }

    /// The URL of its database `postgres`, as superuser, without a password.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

const INITDB: [&str; 6] = [
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
];

/// The folder with initdb, postgres and `pg_isready` of the newest version found.
fn find_programs() -> anyhow::Result<PathBuf> {
    if let Some(folder) = installed_programs() {
        return Ok(folder);
    }
    apt::install(&["postgresql"])?;
    installed_programs().context("package postgresql is installed and has not brought initdb")
}

fn installed_programs() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let mut folders: Vec<PathBuf> = debian.filter(|folder| is_complete(folder)).collect();
    folders.sort_by_key(|folder| version(folder));
    folders.pop().or_else(|| {
        let initdb = program::find("initdb")?.canonicalize().ok()?;
        initdb
            .parent()
            .filter(|folder| is_complete(folder))
            .map(Path::to_path_buf)
    })
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_isready"]
        .iter()
        .all(|name| program::is_executable(&folder.join(name)))
}

/// The number in `/usr/lib/postgresql/15/bin`.
fn version(folder: &Path) -> u32 {
    let number = folder
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// Who runs the server: Postgres refuses to run as root.
enum User {
    Myself,
    Other(&'static str),
}

impl User {
    fn choose() -> anyhow::Result<Self> {
        if !apt::is_root()? {
            return Ok(Self::Myself);
        }
        let exists =
            |user: &&'static str| program::read(Command::new("id").args(["-u", user])).is_ok();
        ["postgres", "nobody"]
            .into_iter()
            .find(exists)
            .map(Self::Other)
            .context("neither user postgres nor nobody exists")
    }

    fn own(&self, folder: &Path) -> anyhow::Result<()> {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        match self {
            Self::Myself => Ok(()),
            Self::Other(user) => program::run(Command::new("chown").arg(user).arg(folder)),
        }
    }

    fn command(&self, file: &Path) -> Command {
        match self {
            Self::Myself => Command::new(file),
            Self::Other(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args([&format!("--reuid={user}"), "--clear-groups", "--"])
                    .arg(file);
                command
            }
        }
    }
}

fn server(mut server: Command, folder: &Path, cluster: &Path, port: u16) -> Command {
    server.arg("-D").arg(cluster).arg("-k").arg(folder).args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    for setting in [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=300",
    ] {
        server.args(["-c", setting]);
    }
    server
}

fn is_ready(programs: &Path, port: u16) -> bool {
    let mut command = Command::new(programs.join("pg_isready"));
    program::read(command.args([
        "-q",
        "-U",
        "postgres",
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]))
    .is_ok()
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn wait_until(condition: impl Fn() -> bool) -> anyhow::Result<()> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > START_DEADLINE {
            bail!("not ready within {START_DEADLINE:?}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
