//! Local stand-ins for the base images, for machines with a Docker engine and no registry.
//!
//! They carry the tags that `deploy/Dockerfile` and `docker-compose.yml` name and are made of this machine's own Debian
//! packages. The one for the builder has, instead of a compiler, a `cargo` that hands out the programs that were built
//! outside, so that each line of the Dockerfile is carried out and nothing is compiled twice. Images that exist under
//! these tags are left alone; stand-ins are removed afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::{program, workspace};

const RUNTIME: &str = "debian:bookworm-slim";
const BUILDER: &str = "rust:1.95-bookworm";
const DATABASE: &str = "postgres:15-bookworm";
/// Debian with Postgres and certificates: what the stand-ins of builder and database are made from.
const FULL: &str = "portcullis/stand-in:full";

/// The programs of the images.
const PROGRAMS: [&str; 3] = ["control-plane", "data-plane", "portcullis"];

/// The stand-ins that were made; dropping this removes their tags.
pub(crate) struct StandIns(Vec<&'static str>);

impl StandIns {
    /// Makes those whose tag does not exist.
    pub(crate) fn make() -> anyhow::Result<Self> {
        let mut made = Self(Vec::new());
        let folder = workspace::target()?.join("stand-ins");
        fs::create_dir_all(&folder)?;
        if !exists(RUNTIME) {
            bootstrap(&folder, &[], RUNTIME)?;
            made.0.push(RUNTIME);
        }
        if exists(BUILDER) && exists(DATABASE) {
            return Ok(made);
        }
        bootstrap(&folder, &["ca-certificates", "postgresql"], FULL)?;
        made.0.push(FULL);
        if !exists(DATABASE) {
            build(
                &folder.join("database"),
                DATABASE,
                DATABASE_FILE,
                &[("entrypoint", DATABASE_ENTRYPOINT)],
                &[],
            )?;
            made.0.push(DATABASE);
        }
        if !exists(BUILDER) {
            let debug = workspace::target()?.join("debug");
            let programs = PROGRAMS.map(|name| debug.join(name));
            build(
                &folder.join("builder"),
                BUILDER,
                BUILDER_FILE,
                &[("cargo", BUILDER_CARGO)],
                &programs,
            )?;
            made.0.push(BUILDER);
        }
        Ok(made)
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        // Later ones are made from earlier ones.
        for tag in self.0.iter().rev() {
            let _ = quiet("docker").args(["image", "rm", tag]).status();
        }
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

/// Makes an image of this machine's Debian release with the packages.
fn bootstrap(folder: &Path, packages: &[&str], tag: &str) -> anyhow::Result<()> {
    program::find_or_install("debootstrap", "debootstrap")?;
    eprintln!("making a stand-in for {tag}");
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
    eprintln!("making a stand-in for {tag}");
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
