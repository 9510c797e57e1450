//! Local stand-ins for the base images, for machines with a Docker engine and no registry.
//!
//! They carry the tags that `deploy/Dockerfile` and `docker-compose.yml` name and are made of this machine's own Debian
//! packages. The one for the builder has, instead of a compiler, a `cargo` that hands out the programs that were built
//! outside, so that each line of the Dockerfile is carried out and nothing is compiled twice. Images that exist under
//! these tags are left alone, and the tags are removed afterwards; what they were made from stays, for the next time,
//! as `portcullis/stand-in`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::watchdog::Watchdog;
use crate::{program, workspace};

const RUNTIME: &str = "debian:bookworm-slim";
const BUILDER: &str = "rust:1.95-bookworm";
const DATABASE: &str = "postgres:15-bookworm";
/// This machine's Debian and nothing more.
const SLIM: &str = "portcullis/stand-in:slim";
/// The same with Postgres and certificates: what the stand-ins of builder and database are made from.
const FULL: &str = "portcullis/stand-in:full";

/// The programs of the images.
const PROGRAMS: [&str; 3] = ["control-plane", "data-plane", "portcullis"];

/// The stand-ins that were made; dropping this removes their tags.
pub(crate) struct StandIns {
    _watchdog: Watchdog,
}

impl StandIns {
    /// Makes those whose tag does not exist.
    pub(crate) fn make() -> anyhow::Result<Self> {
        // Later ones first: each is made from one before it.
        let missing: Vec<&str> = [BUILDER, DATABASE, RUNTIME]
            .into_iter()
            .filter(|tag| !exists(tag))
            .collect();
        let watchdog = Watchdog::start("", r#"[ $# = 0 ] || docker image rm "$@""#, &missing)?;
        let target = workspace::target()?;
        let folder = target.join("stand-ins");
        fs::create_dir_all(&folder)?;
        if missing.contains(&RUNTIME) {
            bootstrap(&folder, &[], SLIM)?;
            program::read(Command::new("docker").args(["tag", SLIM, RUNTIME]))?;
        }
        if missing.contains(&DATABASE) || missing.contains(&BUILDER) {
            bootstrap(&folder, &["ca-certificates", "postgresql"], FULL)?;
        }
        if missing.contains(&DATABASE) {
            let scripts = [("entrypoint", DATABASE_ENTRYPOINT)];
            build(
                &folder.join("database"),
                DATABASE,
                DATABASE_FILE,
                &scripts,
                &[],
            )?;
        }
        if missing.contains(&BUILDER) {
            let programs = PROGRAMS.map(|name| target.join("debug").join(name));
            build(
                &folder.join("builder"),
                BUILDER,
                BUILDER_FILE,
                &[("cargo", BUILDER_CARGO)],
                &programs,
            )?;
        }
        Ok(Self {
            _watchdog: watchdog,
        })
    }
}

const BUILDER_FILE: &str = "\
FROM portcullis/stand-in:full
COPY control-plane data-plane portcullis /prebuilt/
COPY cargo /usr/local/bin/cargo
";

const BUILDER_CARGO: &str = "\
#!/bin/sh
mkdir -p target/release && cp /prebuilt/* target/release/
";

const DATABASE_FILE: &str = r#"FROM portcullis/stand-in:full
COPY entrypoint /usr/local/bin/entrypoint
RUN ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/
ENTRYPOINT ["entrypoint"]
"#;

/// What `docker-compose.yml` uses of the official image's start: user, password file, database.
const DATABASE_ENTRYPOINT: &str = r#"#!/bin/sh
set -eu
data=/var/lib/postgresql/data
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
mkdir -p "$data" /run/postgresql
chown postgres:postgres "$data" /run/postgresql
chmod 700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
    as_postgres initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    echo "create database $POSTGRES_DB" | as_postgres postgres --single -D "$data" postgres
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -D "$data" -c "listen_addresses=*"
"#;

fn exists(tag: &str) -> bool {
    quiet("docker")
        .args(["image", "inspect", tag])
        .status()
        .is_ok_and(|status| status.success())
}

/// Makes an image of this machine's Debian release with the packages, unless an earlier run left it.
fn bootstrap(folder: &Path, packages: &[&str], tag: &str) -> anyhow::Result<()> {
    if exists(tag) {
        return Ok(());
    }
    program::find_or_install("debootstrap", "debootstrap")?;
    eprintln!("making {tag}");
    let root = tempfile::Builder::new()
        .prefix("root-")
        .tempdir_in(folder)?;
    let cache = folder.join("packages");
    fs::create_dir_all(&cache)?;
    let archive = Archive::of_this_machine()?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .arg("--variant=minbase")
        .arg(format!("--cache-dir={}", cache.display()));
    if !packages.is_empty() {
        debootstrap.arg(format!("--include={}", packages.join(",")));
    }
    program::read(
        debootstrap
            .arg(archive.release)
            .arg(root.path())
            .arg(archive.url),
    )?;
    let tar = root.path().with_extension("tar");
    let exclude = [
        "--exclude=./var/cache/apt/archives/*.deb",
        "--exclude=./var/lib/postgresql/*",
    ];
    program::read(
        Command::new("tar")
            .args(exclude)
            .arg("-C")
            .arg(root.path())
            .arg("-cf")
            .arg(&tar)
            .arg("."),
    )?;
    program::read(Command::new("docker").arg("import").arg(&tar).arg(tag))?;
    fs::remove_file(tar)?;
    Ok(())
}

/// Builds an image from a Dockerfile, scripts and programs.
fn build(
    folder: &Path,
    tag: &str,
    dockerfile: &str,
    scripts: &[(&str, &str)],
    programs: &[PathBuf],
) -> anyhow::Result<()> {
    eprintln!("making {tag}");
    fs::create_dir_all(folder)?;
    fs::write(folder.join("Dockerfile"), dockerfile)?;
    for (name, text) in scripts {
        let file = folder.join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    for file in programs {
        let name = file.file_name().context("a program has a name")?;
        program::read(
            Command::new("strip")
                .arg("-o")
                .arg(folder.join(name))
                .arg(file),
        )?;
    }
    program::read(
        Command::new("docker")
            .args(["build", "--tag", tag])
            .arg(folder)
            .env("DOCKER_BUILDKIT", "0"),
    )?;
    Ok(())
}

/// Where this machine's own packages come from.
struct Archive {
    url: String,
    release: String,
}

impl Archive {
    fn of_this_machine() -> anyhow::Result<Self> {
        let format = [
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)",
            "Created-By: Packages",
        ];
        let list = program::read(Command::new("apt-get").args(format))
            .context("apt says nothing about its archives")?;
        let archive =
            list.lines().find_map(
                |line| match line.split(' ').collect::<Vec<_>>().as_slice() {
                    // Updates and security have a suffix.
                    [url, release, "main", "Debian" | "Ubuntu"] if !release.contains('-') => {
                        Some(Self {
                            url: (*url).to_owned(),
                            release: (*release).to_owned(),
                        })
                    }
                    _ => None,
                },
            );
        archive.context("apt has no Debian or Ubuntu archive (run apt-get update)")
    }
}

fn quiet(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
